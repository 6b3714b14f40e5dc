//! A write transaction, for writes of many rows.

use diesel::sqlite::SqliteConnection;

use crate::models::access::row_error::RowError;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};

/// Runs `write` in the caller's transaction, or in one of its own, which takes the write lock at its start.
///
/// After an error inside the caller's transaction, the caller must roll it back: the writes before the error
/// are still in it.
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
        transaction(connection, Begin::Immediate, held, RowError::from)
    }
}
