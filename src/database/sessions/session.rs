//! The session: one connection of the pool, for one thread.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;

use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::sessions::connection_manager::PooledSqliteConnection;
use crate::database::sessions::first_write::FirstWrite;
use crate::sqlite::transaction::{self, Begin, transaction};

/// A connection that one thread uses. It dereferences to a [`SqliteConnection`] for single statements. Statements that
/// belong together go through [`Session::read`] or [`Session::write`].
pub struct Session {
    path: PathBuf,
    connection: PooledSqliteConnection,
    first_write: Arc<FirstWrite>,
}

impl Session {
    pub(super) fn new(
        path: PathBuf,
        connection: PooledSqliteConnection,
        first_write: Arc<FirstWrite>,
    ) -> Self {
        Self {
            path,
            connection,
            first_write,
        }
    }

    /// Runs `operate` in a read transaction. It sees one state of the database, without the commits of others
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// The error that `operate` returns, that of the transaction itself, or
    /// [`WriteInRead`](crate::database::ErrorKind::WriteInRead) if `operate` has written: that is rolled back, because
    /// only [`Session::write`] checks what a write needs.
    pub fn read<T, E: From<Error>>(
        &mut self,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let Self {
            path, connection, ..
        } = self;
        let failed = |error| Error::from_diesel(path, "read from the database", error).into();
        let wrote = || ErrorKind::WriteInRead.at(path.as_path()).into();
        transaction::read(connection, operate, failed, wrote)
    }

    /// Runs `operate` in a write transaction, and commits if `operate` succeeds.
    ///
    /// The transaction takes the write lock at its start. A transaction that starts with a read fails at its first
    /// write, without waiting, if another process has written meanwhile.
    ///
    /// `operate` must return the errors of its statements. When the disk is full or fails, SQLite rolls back by itself,
    /// and each later statement commits on its own.
    ///
    /// The first write through a [`Database`](crate::database::Database) looks at the list of free pages. If it has any,
    /// all pages are checked before the transaction begins, because SQLite would write over a page in use that damage
    /// makes look free. That takes about as long as reading the whole file. Databases that this program or the Python
    /// package has created have no free pages (`auto_vacuum=FULL`). Statements that run outside this function check
    /// nothing.
    ///
    /// # Errors
    ///
    /// The error that `operate` returns, [`Locked`](crate::database::ErrorKind::Locked) if another process holds the
    /// write lock for too long, [`Moved`](crate::database::ErrorKind::Moved) if the file is no longer at its path,
    /// [`Damaged`](crate::database::ErrorKind::Damaged) if that check finds damage, or the error of the commit. After an
    /// error, nothing is written.
    pub fn write<T, E: From<Error>>(
        &mut self,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.first_write.prepare(&mut self.connection, &self.path)?;
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
