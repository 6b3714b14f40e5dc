//! Rehearsal: finds out whether an in-place migration would be refused, without writing.
//!
//! The migration runs on a database in memory that has the schema of the real one, with the user's own objects, and its
//! stamps, but no other rows. The checks of rows run on the real one. A rebuild has its own rehearsal, of its last step.

use std::path::Path;

use diesel::result::DatabaseErrorKind;
use diesel::result::Error::DatabaseError;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::migrate::{ForeignKeyScope, Task, about_stamps, migrate};
use crate::database::migration::objects::readable_objects;
use crate::database::migration::schema_copy::SchemaCopy;
use crate::database::migration::sql_tokens::calls_table_function;
use crate::database::migration::{alembic_leftovers, initialization_maps, stamp_additions};
use crate::database::recognition::identity::Recognition;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::{sql_name, stamp_tables};
use crate::sqlite::connection_hooks::without_triggers;

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
    stamp_additions::require_no_references(connection, path, &recognition.catalogue, target)?;
    let mut rehearsed = schema_in_memory(connection, path)?;
    let task = Task::new(path, from, target);
    let scope = ForeignKeyScope::Everything;
    let migrated = EffectTracker::track(path, |effect| {
        migrate(&mut rehearsed, &task, scope, effect, &mut |_, _| Ok(()))
    });
    let Err(error) = migrated else {
        return Ok(());
    };
    let error = Error {
        effect: Some(Effect::Nothing),
        ..error
    };
    if let Some(object) = object_of_dropped_table(&error, from, target) {
        let objects = vec![object];
        return Err(error.with_kind(ErrorKind::ObjectsLost { objects }));
    }
    match reason_of_missing_table(connection, path, &error)? {
        Some(source) => Err(error.with_kind(ErrorKind::DefinedElsewhere { source })),
        None => Err(error),
    }
}

/// The view or trigger that an error is about, if it needs a table of this program that the migration drops. SQLite says so
/// when a later step renames a table.
fn object_of_dropped_table(
    error: &Error,
    from: SchemaVersion,
    target: SchemaVersion,
) -> Option<String> {
    let message = error.kind.rejection()?.to_string();
    let (object, table) = message
        .strip_prefix("error in ")?
        .split_once(": no such table: main.")?;
    let has = |version: SchemaVersion| sql_name::is_among(table, version.catalogue().tables.keys());
    (has(from) && !has(target)).then(|| format!("{object} (no such table: main.{table})"))
}

/// Why the copy lacks the table that an error is about: its module or its tokenizer is unknown, or it is a function.
fn reason_of_missing_table(
    connection: &mut SqliteConnection,
    path: &Path,
    error: &Error,
) -> Result<Option<diesel::result::Error>, Error> {
    let message = error.kind.rejection().map(ToString::to_string);
    let message = message.unwrap_or_default();
    let Some((_, name)) = message.rsplit_once("no such table: main.") else {
        return Ok(None);
    };
    let objects = readable_objects(connection)?;
    let virtual_table = objects
        .iter()
        .find(|object| sql_name::is_same(&object.name, name) && object.is_virtual_table());
    let Some(table) = virtual_table else {
        let is_function = objects
            .iter()
            .any(|object| calls_table_function(&object.statement, name));
        return Ok(is_function
            .then(|| DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.clone()))));
    };
    let created = SchemaCopy::of([])?
        .compiler(path)
        .attempt(&table.statement)?;
    Ok(created.err().map(|reason| {
        let message = format!("table {}: {reason}", table.name);
        DatabaseError(DatabaseErrorKind::Unknown, Box::new(message))
    }))
}

/// Creates a database in memory with the schema and the stamps of this one.
pub(crate) fn schema_in_memory(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<SqliteConnection, Error> {
    let mut copy = SchemaCopy::of(&readable_objects(connection)?)?.into_connection()?;
    without_triggers(&mut copy, |copy| copy_stamps(connection, copy))
        .map_err(|error| about_stamps(path, error))?;
    Ok(copy)
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
