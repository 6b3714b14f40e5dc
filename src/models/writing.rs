//! All of what is written, or nothing.

use diesel::result::Error;
use diesel::sqlite::SqliteConnection;

use super::row::RowError;
use crate::sqlite::Statements;

/// Runs `write` in the caller's transaction, or else in one of its own that has the write lock from its
/// beginning.
///
/// In a transaction of the caller's, what was written before an error is undone with that transaction: it must
/// not be committed.
pub(super) fn writing<T>(
    connection: &mut SqliteConnection,
    write: impl FnOnce(Statements<'_>) -> Result<T, RowError>,
) -> Result<T, RowError> {
    let held = |connection: &mut SqliteConnection| {
        let statements = Statements::of(connection)?;
        let _held = statements.hold();
        write(statements)
    };
    if Statements::of(connection)?.in_transaction() {
        held(connection)
    } else {
        let mut failure = None;
        let result = connection.immediate_transaction(|connection| {
            held(connection).map_err(|error| {
                failure = Some(error);
                Error::RollbackTransaction
            })
        });
        // Where SQLite has rolled back by itself, as on a full disk, rolling back fails and says nothing else.
        result.map_err(|error| failure.unwrap_or(RowError::Sql(error)))
    }
}
