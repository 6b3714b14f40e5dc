//! The connection manager of the pool.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use diesel::QueryResult;
use diesel::r2d2::R2D2Connection;
use diesel::sqlite::SqliteConnection;
use r2d2::ManageConnection;
use r2d2::PooledConnection;

use crate::database::connection::open::{Access, is_reset, open_connection, reset_pragmas};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::regular_file::{FileIdentity, file_identity};
use crate::sqlite::pragma_watch::Changes;
use crate::sqlite::prepared::Statements;

/// A connection of the pool. Its drop returns it to the pool.
pub(crate) type PooledSqliteConnection = PooledConnection<ConnectionManager>;

/// The text of a failure, which is all that the pool keeps of one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FailureText(String);

/// Why a connection could not be opened last. The pool opens them on threads of its own, and passes on only the text.
#[derive(Debug, Clone, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<Error>>>);

impl LastFailure {
    pub(super) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, failure: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

/// The file that all connections of a pool have open. Rows of another one must not come among theirs.
#[derive(Debug, Clone)]
pub(super) struct OpenFile(Arc<Mutex<Option<FileIdentity>>>);

impl OpenFile {
    pub(super) fn at(path: &Path) -> Self {
        Self(Arc::new(Mutex::new(file_identity(path))))
    }

    /// Whether it is the one at the path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let open = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match file_identity(path) {
            // A folder may not be searched for a while.
            None => path.try_exists().is_err(),
            found => found == open,
        }
    }

    /// Makes it another one, which all connections will have.
    pub(super) fn exchange(&self, other: &Self) {
        let other = *other.0.lock().unwrap_or_else(PoisonError::into_inner);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = other;
    }
}

/// Opens connections for the pool, and discards broken ones.
#[derive(Debug)]
pub(crate) struct ConnectionManager {
    path: PathBuf,
    file: OpenFile,
    last_failure: LastFailure,
}

impl ConnectionManager {
    pub(super) const fn to(path: PathBuf, file: OpenFile, last_failure: LastFailure) -> Self {
        Self {
            path,
            file,
            last_failure,
        }
    }

    fn open(&self) -> Result<SqliteConnection, Error> {
        self.require_same_file()?;
        DatabaseFile::at(&self.path).refuse_follower()?;
        let mut connection = open_connection(&self.path, Access::Session)?;
        Statements::of(&mut connection)
            .and_then(|statements| statements.watch_pragmas(is_reset))
            .map_err(|error| Error::from_diesel(&self.path, "open the database", error))?;
        // Another one may have come in between.
        self.require_same_file()?;
        Ok(connection)
    }

    fn require_same_file(&self) -> Result<(), Error> {
        if self.file.is_at(&self.path) {
            return Ok(());
        }
        Err(ErrorKind::Moved.at(&self.path))
    }
}

fn set_again(connection: &mut SqliteConnection) -> QueryResult<()> {
    reset_pragmas(connection)?;
    Statements::of(connection)?.forget_pragmas();
    Ok(())
}

impl ManageConnection for ConnectionManager {
    type Connection = SqliteConnection;
    type Error = FailureText;

    fn connect(&self) -> Result<SqliteConnection, FailureText> {
        self.open().map_err(|error| {
            let text = error.to_string();
            self.last_failure.set(error);
            FailureText(text)
        })
    }

    fn is_valid(&self, connection: &mut SqliteConnection) -> Result<(), FailureText> {
        connection
            .ping()
            .map_err(|error| FailureText(error.to_string()))
    }

    fn has_broken(&self, connection: &mut SqliteConnection) -> bool {
        if thread::panicking() || connection.is_broken() {
            return true;
        }
        // Diesel may not know of an open transaction. It would include the writes of the next session and lose them.
        let left = Statements::of(connection).and_then(|statements| {
            statements.leave_transaction()?;
            // What only one session was to have would hide tables of the next one, or run triggers on its writes.
            let is_as_before = !statements.has_attached_or_temporary()?;
            Ok(is_as_before.then(|| statements.changes_of_pragmas()))
        });
        match left {
            Ok(Some(Changes::None)) => false,
            // A snapshot forbids to write.
            Ok(Some(Changes::SetAgain)) => set_again(connection).is_err(),
            // Nobody can name all that pragmas change, and a new connection is opened in less than a millisecond.
            Ok(Some(Changes::Others) | None) | Err(_) => true,
        }
    }
}
