//! Transactions that write.

use diesel::sqlite::SqliteConnection;

use super::Error;

/// An IMMEDIATE transaction, which has the write lock from its beginning. The error is that of `operate`.
pub(super) fn immediately<T>(
    connection: &mut SqliteConnection,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    // SQLite rolls back by itself when a statement is interrupted or the disk is full; that there is
    // nothing left to roll back is not what failed.
    let mut failure = None;
    let result = connection.immediate_transaction(|connection| {
        operate(connection).map_err(|error| {
            failure = Some(error);
            Error::Sql(diesel::result::Error::RollbackTransaction)
        })
    });
    match failure {
        Some(failure) => Err(failure),
        None => result,
    }
}
