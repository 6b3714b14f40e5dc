//! All of what is written, or nothing.

use diesel::sqlite::SqliteConnection;

use crate::models::access::row_error::RowError;
use crate::sqlite::{Begin, Statements, transaction};

/// Runs `write` in the caller's transaction, or else in one of its own that has the write lock from its
/// beginning.
///
/// In a transaction of the caller's, what was written before an error is undone with that transaction: it must
/// not be committed.
pub(in crate::models) fn in_write_transaction<T>(
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
        transaction(connection, Begin::Immediate, held, RowError::Sql)
    }
}
