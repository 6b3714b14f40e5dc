use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::Error;
use super::pool::PooledSqliteConnection;

/// A connection that a thread has to itself. It is a [`SqliteConnection`] for single statements; what
/// belongs together goes through [`Session::read`] or [`Session::write`].
pub struct Session {
    path: PathBuf,
    connection: PooledSqliteConnection,
}

impl Session {
    pub(super) fn new(path: PathBuf, connection: PooledSqliteConnection) -> Self {
        Self { path, connection }
    }

    /// Runs `operate` on one snapshot of the database: it sees nothing that others commit meanwhile.
    ///
    /// # Errors
    ///
    /// Whatever `operate` returns, and where the transaction cannot be begun.
    pub fn read<T, E: From<Error>>(
        &mut self,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let result = self
            .connection
            .transaction(|connection| operate(connection).map_err(Failure::Operation));
        result.map_err(|failure| failure.into_error(&self.path, "read from the database"))
    }

    /// Runs `operate` in a transaction that has the write lock from its beginning, and commits what it
    /// did if it succeeds.
    ///
    /// A transaction that began by reading would fail at its first write, without waiting, if another
    /// process had written meanwhile.
    ///
    /// # Errors
    ///
    /// Whatever `operate` returns, [`Error::Locked`] where another process keeps the write lock, and
    /// where the commit fails. Nothing was written then.
    pub fn write<T, E: From<Error>>(
        &mut self,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let result = self
            .connection
            .immediate_transaction(|connection| operate(connection).map_err(Failure::Operation));
        result.map_err(|failure| failure.into_error(&self.path, "write to the database"))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Deref for Session {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// Tells the transaction's own failure from the one of what runs in it, so that only the latter has a
/// type of the caller's choice.
enum Failure<E> {
    Transaction(diesel::result::Error),
    Operation(E),
}

impl<E> From<diesel::result::Error> for Failure<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Transaction(error)
    }
}

impl<E: From<Error>> Failure<E> {
    fn into_error(self, path: &Path, action: &'static str) -> E {
        match self {
            Self::Transaction(error) => Error::from_diesel(path, action, error).into(),
            Self::Operation(error) => error,
        }
    }
}
