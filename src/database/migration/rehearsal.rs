//! Rehearsal: finds out whether an in-place migration would be refused, without writing.
//!
//! The migration runs on a database in memory that has the schema of the real one, with the user's own objects, and its
//! stamps, but no other rows. The checks of rows run on the real one. A rebuild has its own rehearsal, of its last step.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::open::open_in_memory;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::migration::migrate::{ForeignKeyScope, Task, about_stamps, migrate};
use crate::database::migration::{alembic_leftovers, initialization_maps};
use crate::database::recognition::identity::Recognition;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables;
use crate::sqlite::connection_hooks::without_triggers;
use crate::sqlite::prepared::Statements;

/// Fails with the error with which the migration of this database would be refused.
pub(crate) fn require_possible(
    connection: &mut SqliteConnection,
    path: &Path,
    recognition: &Recognition,
    target: SchemaVersion,
) -> Result<(), Error> {
    let from = recognition.require_version_of_structure(path)?;
    alembic_leftovers::check(connection, path, &recognition.catalogue)?;
    initialization_maps::require_sound_positions(connection, path, &recognition.catalogue)?;
    let mut rehearsed = schema_in_memory(connection, path)?;
    let task = Task::new(path, from, target);
    let scope = ForeignKeyScope::Everything;
    EffectTracker::track(path, |effect| {
        migrate(&mut rehearsed, &task, scope, effect, &mut |_, _| Ok(()))
    })
    .map_err(|error| Error {
        effect: Some(Effect::Nothing),
        ..error
    })?;
    Ok(())
}

/// Creates a database in memory with the schema and the stamps of this one.
pub(crate) fn schema_in_memory(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<SqliteConnection, Error> {
    let mut copy = open_in_memory()?;
    copy.batch_execute("PRAGMA foreign_keys = OFF")?;
    // Tables come before the indexes and triggers that need them.
    let statements = sql::lines(
        connection,
        "SELECT sql AS line FROM main.sqlite_schema WHERE sql NOTNULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY type <> 'table', rowid",
    )?;
    let mut stand_ins = StandIns::default();
    for statement in statements {
        while let Err(error) = copy.batch_execute(&statement) {
            if !stand_ins.define(&mut copy, &error.to_string())? {
                // SQLite could not use the object here either: it needs the module of an application.
                log::debug!("An object of the user is left out of the rehearsal: {error}");
                break;
            }
        }
    }
    stand_ins.remove(&mut copy)?;
    without_triggers(&mut copy, |copy| copy_stamps(connection, copy))
        .map_err(|error| about_stamps(path, error))?;
    Ok(copy)
}

/// Collations and functions of an application that objects of the user's need to be created. SQLite reads such objects
/// from a file without them, and fails only when it has to use one.
#[derive(Debug, Default)]
struct StandIns {
    collations: Vec<String>,
    functions: Vec<String>,
}

impl StandIns {
    /// Defines what SQLite misses. Returns `false` if that is something else, or defined already.
    fn define(&mut self, connection: &mut SqliteConnection, message: &str) -> QueryResult<bool> {
        let statements = Statements::of(connection)?;
        let (known, name) = if let Some(name) = message.strip_prefix("no such collation sequence: ")
        {
            statements.define_collation(name)?;
            (&mut self.collations, name)
        } else if let Some(name) = message.strip_prefix("no such function: ") {
            statements.define_function(name)?;
            (&mut self.functions, name)
        } else {
            return Ok(false);
        };
        if known.iter().any(|known| known == name) {
            return Ok(false);
        }
        known.push(name.to_owned());
        Ok(true)
    }

    /// Removes the stand-ins. The objects stay.
    fn remove(self, connection: &mut SqliteConnection) -> QueryResult<()> {
        for name in self.collations {
            Statements::of(connection)?.remove_collation(&name)?;
        }
        for name in self.functions {
            Statements::of(connection)?.remove_function(&name)?;
        }
        Ok(())
    }
}

fn copy_stamps(
    connection: &mut SqliteConnection,
    copy: &mut SqliteConnection,
) -> Result<(), Error> {
    for table in stamp_tables::TABLES {
        let columns = sql::lines(
            connection,
            &format!(
                "SELECT name AS line FROM pragma_table_info({})",
                sql::literal(table)
            ),
        )?;
        if columns.is_empty() {
            continue;
        }
        let values: Vec<_> = columns
            .iter()
            .map(|column| format!("quote({})", sql::name(column)))
            .collect();
        let rows = sql::lines(
            connection,
            &format!(
                "SELECT {} AS line FROM {}",
                values.join(" || ', ' || "),
                sql::name(table)
            ),
        )?;
        for row in rows {
            sql::execute(
                copy,
                &format!("INSERT INTO {} VALUES ({row})", sql::name(table)),
            )?;
        }
    }
    Ok(())
}
