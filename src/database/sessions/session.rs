use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::sessions::connection_manager::PooledSqliteConnection;
use crate::sqlite::transaction::{Begin, transaction};

/// A connection that a thread has to itself. It is a [`SqliteConnection`] for single statements; what
/// belongs together goes through [`Session::read`] or [`Session::write`].
pub struct Session {
    path: PathBuf,
    connection: PooledSqliteConnection,
}

impl Session {
    pub(crate) fn new(path: PathBuf, connection: PooledSqliteConnection) -> Self {
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
        let failed = |error| Error::from_diesel(&self.path, "read from the database", error).into();
        transaction(&mut self.connection, Begin::Deferred, operate, failed)
    }

    /// Runs `operate` in a transaction that has the write lock from its beginning, and commits what it
    /// did if it succeeds.
    ///
    /// A transaction that began by reading would fail at its first write, without waiting, if another
    /// process had written meanwhile. SQLite itself rolls back where the disk is full or fails; so what `operate`
    /// does after such an error, instead of returning it, would be committed on its own.
    ///
    /// # Errors
    ///
    /// Whatever `operate` returns, [`Locked`](crate::database::ErrorKind::Locked) where another process keeps the
    /// write lock, and where the commit fails. Nothing was written then.
    pub fn write<T, E: From<Error>>(
        &mut self,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let failed = |error| Error::from_diesel(&self.path, "write to the database", error).into();
        transaction(&mut self.connection, Begin::Immediate, operate, failed)
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
