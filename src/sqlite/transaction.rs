//! Deferred and immediate transactions on a Diesel connection.

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;

/// The behavior of a transaction at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The first statement takes the lock that it needs.
    Deferred,
    /// The transaction takes the write lock at once.
    Immediate,
}

/// Runs `operate` in a transaction. Returns an error of `operate` unchanged. `failed` converts an error of the
/// transaction itself.
///
/// SQLite rolls back by itself when a statement is interrupted or the disk is full. Diesel's own rollback then fails;
/// that error is dropped, because it would hide the cause.
pub(crate) fn transaction<T, E>(
    connection: &mut SqliteConnection,
    begin: Begin,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    failed: impl FnOnce(Error) -> E,
) -> Result<T, E> {
    let mut failure = None;
    let operate = |connection: &mut SqliteConnection| {
        operate(connection).map_err(|error| {
            failure = Some(error);
            Error::RollbackTransaction
        })
    };
    let result = match begin {
        Begin::Deferred => connection.transaction(operate),
        Begin::Immediate => connection.immediate_transaction(operate),
    };
    result.map_err(|error| failure.unwrap_or_else(|| failed(error)))
}
