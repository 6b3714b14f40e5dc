use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// With whatever lock its first statement needs.
    Deferred,
    /// With the write lock.
    Immediate,
}

/// Runs `operate` in a transaction. An error of `operate` is returned as it is; `failed` is for one of the
/// transaction's own.
///
/// SQLite rolls back by itself when a statement is interrupted or the disk is full; that there is nothing left to
/// roll back, which Diesel then says, is not what failed.
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
