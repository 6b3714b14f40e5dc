//! The connection manager of the pool.

use std::path::PathBuf;
use std::thread;

use diesel::r2d2::R2D2Connection;
use diesel::sqlite::SqliteConnection;
use r2d2::ManageConnection;
use r2d2::PooledConnection;

use crate::database::connection::open::{Access, open_connection, reset_pragmas};
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::sqlite::prepared::Statements;

/// A connection of the pool. Its drop returns it to the pool.
pub(crate) type PooledSqliteConnection = PooledConnection<ConnectionManager>;

/// Opens connections for the pool, and discards broken ones.
#[derive(Debug)]
pub(crate) struct ConnectionManager {
    path: PathBuf,
}

impl ConnectionManager {
    pub(super) const fn to(path: PathBuf) -> Self {
        Self { path }
    }
}

impl ManageConnection for ConnectionManager {
    type Connection = SqliteConnection;
    type Error = Error;

    fn connect(&self) -> Result<SqliteConnection, Error> {
        DatabaseFile::at(&self.path).refuse_follower()?;
        open_connection(&self.path, Access::Session)
    }

    fn is_valid(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        connection
            .ping()
            .map_err(|error| Error::from_diesel(&self.path, "use a connection", error))
    }

    fn has_broken(&self, connection: &mut SqliteConnection) -> bool {
        if thread::panicking() || connection.is_broken() {
            return true;
        }
        // Diesel may not know of an open transaction. It would include the writes of the next session and lose them.
        let left = Statements::of(connection).and_then(|statements| {
            statements.leave_transaction()?;
            statements.has_attached_or_temporary()
        });
        match left {
            // A session may end with pragmas of its own, and a snapshot forbids to write.
            Ok(false) => reset_pragmas(connection).is_err(),
            // What only one session was to have would hide tables of the next one, or run triggers on its writes.
            Ok(true) | Err(_) => true,
        }
    }
}
