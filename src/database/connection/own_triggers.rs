//! Refuses triggers of the user's own that write to the tables that an update writes to, and that the undoing of blocks
//! writes to.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::models::journal::tables::{TABLES_BESIDE, journaled_tables};
use crate::sqlite::authorizer::{AccessKind, accesses};
use crate::sqlite::prepared::Statements;

/// Fails if a trigger of the user's own writes to a table that an update writes to: it could undo what is written, and what
/// it changes is not in the journal. Fails as well if one is on the journal, whose entries other triggers write: SQLite
/// does not say whether one of those was ignored.
pub(crate) fn require_none_that_interferes(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), Error> {
    // The triggers of the journal are temporary ones.
    let own = sql::lines(
        connection,
        "SELECT name FROM main.sqlite_schema WHERE type = 'trigger'",
    )?;
    if own.is_empty() {
        return Ok(());
    }
    let on_journal = sql::lines(
        connection,
        "SELECT name FROM main.sqlite_schema \
         WHERE type = 'trigger' AND lower(tbl_name) = 'chain_journal'",
    )?;
    if let Some(trigger) = on_journal.into_iter().next() {
        return Err(ErrorKind::TriggerOnJournal { trigger }.at(path));
    }
    for statement in firing(connection)? {
        let accesses = match accesses(Statements::of(connection)?, &statement) {
            Ok(accesses) => accesses,
            Err(error) => match Error::from(error) {
                // What does not compile cannot run either.
                error if error.kind.rejection().is_some() => continue,
                error => return Err(error),
            },
        };
        for write in accesses {
            let Some(by) = write.by.filter(|by| own.contains(by)) else {
                continue;
            };
            if write.kind != AccessKind::Write {
                continue;
            }
            let is_of_update = journaled_tables()
                .chain(TABLES_BESIDE)
                .any(|table| table.eq_ignore_ascii_case(&write.table));
            if is_of_update {
                return Err(ErrorKind::TriggerInterferes {
                    trigger: by,
                    table: write.table,
                }
                .at(path));
            }
        }
    }
    Ok(())
}

/// Statements that fire every trigger on the tables that an update writes to. Each column has an UPDATE of its own: a
/// trigger of another column that does not compile would hide the others.
fn firing(connection: &mut SqliteConnection) -> Result<Vec<String>, Error> {
    let mut statements = Vec::new();
    for table in journaled_tables().chain(TABLES_BESIDE) {
        let columns = sql::lines(
            connection,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        )?;
        // An older version lacks some of the tables.
        if columns.is_empty() {
            continue;
        }
        statements.push(format!("INSERT INTO main.{table} DEFAULT VALUES"));
        statements.push(format!("DELETE FROM main.{table}"));
        statements.extend(columns.iter().map(|column| {
            let name = sql::name(column);
            format!("UPDATE main.{table} SET {name} = {name}")
        }));
    }
    Ok(statements)
}
