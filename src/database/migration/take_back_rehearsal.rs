//! Take-back rehearsal: finds out whether blocks can be taken back, without writing.
//!
//! They are taken back in a database in memory that has the schema of the real one, the journal, the rows that it is
//! about, and the rows that refer to those. A trigger of the user's own runs there if it looks at nothing but the row that
//! fires it. The others would look at rows that are not there, so they are left out, and the plan names them.

use std::path::Path;

use alloy_primitives::hex;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::own_triggers::require_none_that_interferes;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::migration::bytecode::Program;
use crate::database::migration::firing;
use crate::database::migration::objects::{Object, readable_objects};
use crate::database::migration::rehearsal::schema_in_memory;
use crate::database::migration::unfinal_blocks::{UnfinalBlocks, take_back};
use crate::database::migration::working::Present;
use crate::database::structure::catalogue::{Catalogue, ForeignKey};
use crate::database::structure::sql_name;
use crate::models::journal::tables::{TABLES_BESIDE, journal_key, journaled_tables};
use crate::sqlite::connection_hooks::without_triggers;
use crate::sqlite::prepared::{Statement, Statements};
use crate::types::stored::Stored;

/// Fails with the error with which these blocks could not be taken back. What triggers raise that are
/// [left out](untried_triggers) shows only when they are.
pub(super) fn require_possible(
    connection: &mut SqliteConnection,
    path: &Path,
    catalogue: &Catalogue,
    blocks: &[UnfinalBlocks],
) -> Result<(), Error> {
    if blocks.is_empty() {
        return Ok(());
    }
    // Where triggers are switched off, this finds none.
    require_none_that_interferes(connection, path)?;
    let mut copy = schema_in_memory(connection, path)?;
    without_triggers(&mut copy, |copy| copy_rows(connection, copy, catalogue))
        .and_then(|()| {
            for trigger in looking_further(connection, path)? {
                let drop = format!("DROP TRIGGER IF EXISTS main.{}", sql::name(&trigger.name));
                sql::execute(&mut copy, &drop)?;
            }
            take_back(&mut copy, path, blocks)
        })
        .map_err(|error: Error| {
            let error = error.at(path, "rehearse the migration");
            error.with_effect(Effect::Nothing)
        })
}

/// The triggers of the user's own that can run while these blocks are taken back, and that are not tried.
pub(super) fn untried_triggers(
    connection: &mut SqliteConnection,
    path: &Path,
    blocks: &[UnfinalBlocks],
) -> Result<Vec<String>, Error> {
    if blocks.is_empty() {
        return Ok(Vec::new());
    }
    let written = "SELECT DISTINCT table_name FROM main.chain_journal";
    let mut written = sql::lines(connection, written)?;
    written.extend(TABLES_BESIDE.map(str::to_owned));
    let mut triggers = looking_further(connection, path)?;
    triggers.retain(|trigger| sql_name::is_among(&trigger.owner, &written));
    Ok(triggers.into_iter().map(|trigger| trigger.name).collect())
}

/// The triggers that look at more than the row that fires them.
fn looking_further(connection: &mut SqliteConnection, path: &Path) -> Result<Vec<Object>, Error> {
    let present = Present::new(readable_objects(connection)?);
    if present.triggers.is_empty() {
        return Ok(Vec::new());
    }
    let mut copy = present.copy(path)?;
    let mut compiler = copy.compiler(path);
    let mut found = Vec::new();
    for trigger in present.triggers {
        let columns = compiler.columns(&trigger.owner, false)?.unwrap_or_default();
        let programs = firing::programs(&mut compiler, &trigger, &columns)?;
        if programs
            .iter()
            .flatten()
            .any(Program::has_trigger_on_tables)
        {
            found.push(trigger);
        }
    }
    Ok(found)
}

/// Copies the rows that the undoing of blocks looks at.
fn copy_rows(
    connection: &mut SqliteConnection,
    copy: &mut SqliteConnection,
    catalogue: &Catalogue,
) -> Result<(), Error> {
    for table in TABLES_BESIDE {
        copy_table(connection, copy, catalogue, table, &rows_of(table, ""))?;
    }
    for table in journaled_tables() {
        if let Some(key) = journal_key(table) {
            let journaled = format!(
                "WHERE t.{key} IN (SELECT row_id FROM main.chain_journal WHERE table_name = '{table}')"
            );
            copy_table(
                connection,
                copy,
                catalogue,
                table,
                &rows_of(table, &journaled),
            )?;
        }
    }
    for (name, table) in &catalogue.tables {
        for key in &table.foreign_keys {
            let Some(referring) = referring_rows(catalogue, name, key) else {
                continue;
            };
            // A table of the user's own can have an index that needs what only the user's program defines. Its rows cannot be
            // copied then; the downgrade itself looks at them all the same.
            if let Err(error) = copy_table(connection, copy, catalogue, name, &referring) {
                log::debug!("Rows of {name} are left out of the rehearsal: {error}");
            }
        }
    }
    Ok(())
}

/// The rows `t` of a table that a condition selects.
fn rows_of(table: &str, condition: &str) -> String {
    format!("main.{table} AS t {condition}")
}

/// The rows `t` of a table that refer by a foreign key to a row that blocks have added, or whose values they have changed;
/// `None` if none can. Blocks change no id. The journal comes first, because the table can be large.
fn referring_rows(catalogue: &Catalogue, table: &str, key: &ForeignKey) -> Option<String> {
    let parent = key.table.to_ascii_lowercase();
    let id = journal_key(&parent)?;
    let mut primary: Vec<_> = catalogue.tables.get(&parent)?.columns.iter().collect();
    primary.retain(|(_, column)| column.primary_key > 0);
    primary.sort_by_key(|(_, column)| column.primary_key);
    let mut primary = primary.into_iter().map(|(name, _)| name);
    let mut are_equal = Vec::new();
    for (from, to) in &key.columns {
        // A key without names of columns refers to the primary key.
        let to = if to.is_empty() { primary.next()? } else { to };
        are_equal.push(format!("p.{} = t.{}", sql::name(to), sql::name(from)));
    }
    let is_to_id = key
        .columns
        .iter()
        .all(|(_, to)| to.is_empty() || to.eq_ignore_ascii_case(id));
    let added = if is_to_id {
        " AND old_values IS NULL"
    } else {
        ""
    };
    Some(format!(
        "(SELECT DISTINCT row_id FROM main.chain_journal WHERE table_name = '{parent}'{added}) AS j \
         CROSS JOIN main.{parent} AS p ON p.{id} = j.row_id CROSS JOIN main.{} AS t ON {}",
        sql::name(table),
        are_equal.join(" AND ")
    ))
}

/// Copies rows `t` of a table.
fn copy_table(
    connection: &mut SqliteConnection,
    copy: &mut SqliteConnection,
    catalogue: &Catalogue,
    name: &str,
    rows: &str,
) -> QueryResult<()> {
    let Some(table) = catalogue.tables.get(name) else {
        return Ok(());
    };
    let columns: Vec<_> = table
        .columns
        .iter()
        .filter(|(_, column)| !column.hidden)
        .map(|(name, _)| sql::name(name))
        .collect();
    let name = sql::name(name);
    let selected: Vec<_> = columns.iter().map(|column| format!("t.{column}")).collect();
    let mut rows = Statements::of(connection)?
        .prepare(&format!("SELECT {} FROM {rows}", selected.join(", ")))?;
    let columns = columns.join(", ");
    while rows.step()? {
        let values = values_of(&rows).join(", ");
        // A row can be found by several of its foreign keys.
        sql::execute(
            copy,
            &format!("INSERT OR IGNORE INTO main.{name} ({columns}) VALUES ({values})"),
        )?;
    }
    Ok(())
}

/// The values of a row as SQL literals.
fn values_of(row: &Statement<'_>) -> Vec<String> {
    (0..row.column_count())
        .map(|column| match row.column(column) {
            Stored::Null => "NULL".to_owned(),
            Stored::Integer(number) => number.to_string(),
            Stored::Real(number) if number.is_infinite() => format!("{}9e999", sign(number)),
            Stored::Real(number) => format!("{number:?}"),
            Stored::Text(text) => match str::from_utf8(text) {
                Ok(text) if !text.contains('\0') => sql::literal(text),
                _ => format!("CAST({} AS TEXT)", blob(text)),
            },
            Stored::Blob(bytes) => blob(bytes),
        })
        .collect()
}

const fn sign(number: f64) -> &'static str {
    if number.is_sign_negative() { "-" } else { "" }
}

fn blob(bytes: &[u8]) -> String {
    format!("x'{}'", hex::encode(bytes))
}
