//! The read-only database: one that a bot reads and cannot write, such as one that another database is copied to.

use std::path::{self, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::read_only::read_one_state;
use crate::database::error::database_error::Error;
use crate::database::files::regular_file::{FileIdentity, file_identity};
use crate::database::recognition::recognise::recognise_state;
use crate::database::sessions::database::Database;
use crate::models::access::row_error::RowError;
use crate::models::pools::chain_pools::ChainPools;
use crate::types::integer::ChainId;

/// A database that is only read. Clones and threads can share it.
///
/// It can be one that others write to, a backup, one on a disk that nobody may write to, or one that `litestream restore -f`
/// keeps up to date. Nothing is written to it, and no file beside it appears: it stays in its journal mode.
///
/// Each [`read`](Self::read) opens a connection of its own, and follows the path: another file there is read by the next
/// one. So statements that belong together go into one. For many short reads of a database that may be written to,
/// [`Database`] is faster.
#[derive(Debug, Clone)]
pub struct ReadOnlyDatabase {
    path: PathBuf,
    recognised: Arc<Mutex<Option<Schema>>>,
}

/// What changes with the schema of a database.
type Schema = (Option<FileIdentity>, i64);

impl Database {
    /// Opens an existing database that is only read.
    ///
    /// ```
    /// # use degenbot::database;
    /// use degenbot::database::{Database, Error};
    /// use degenbot::schema::exchanges;
    /// use diesel::prelude::*;
    ///
    /// # fn main() -> Result<(), Error> {
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let path = folder.path().join("degenbot.db");
    /// # database::create_new_sqlite_database(&path)?;
    /// let database = Database::open_read_only(&path)?;
    /// let names: Vec<String> = database.read(|connection| -> Result<_, Error> {
    ///     Ok(exchanges::table
    ///         .filter(exchanges::active.eq(true))
    ///         .select(exchanges::name)
    ///         .load(connection)?)
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`ReadOnlyDatabase::read`].
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<ReadOnlyDatabase, Error> {
        // The program may change its working folder.
        let path = path::absolute(&path).unwrap_or_else(|_| path.as_ref().to_owned());
        let database = ReadOnlyDatabase {
            path,
            recognised: Arc::default(),
        };
        database.read(|_| Ok::<_, Error>(()))?;
        Ok(database)
    }
}

impl ReadOnlyDatabase {
    /// The database's absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `operate` in a read transaction. It sees one state of the database, without the commits of others meanwhile.
    ///
    /// `operate` may be called more than once. No lock keeps off a program that begins to write to a database that nobody
    /// had open, so what was read is thrown away if that has happened, and is read again. Only the last result counts.
    /// What `operate` gives to others must wait until this returns.
    ///
    /// Litestream waits with what is new for as long as a read of a database that follows another takes.
    ///
    /// # Errors
    ///
    /// The error that `operate` returns last. If there is no database, if this program cannot work with it
    /// ([`Refused`](crate::database::ErrorKind::Refused)), if it cannot be read, if an interrupted transaction has to be
    /// rolled back first ([`HotJournal`](crate::database::ErrorKind::HotJournal)), or if others have kept it locked for too
    /// long ([`Locked`](crate::database::ErrorKind::Locked)).
    pub fn read<T, E: From<Error>>(
        &self,
        mut operate: impl FnMut(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let (schema, done) = read_one_state(&self.path, |connection| {
            let schema = self.schema_of_known_version(connection)?;
            Ok::<_, E>((schema, operate(connection)?))
        })??;
        *self.recognised() = Some(schema);
        Ok(done)
    }

    /// Reads all pools of a chain with the rows that they refer to.
    ///
    /// # Errors
    ///
    /// Those of [`ChainPools::load`] and of [`ReadOnlyDatabase::read`].
    pub fn chain_pools(&self, chain: ChainId) -> Result<ChainPools, Error> {
        let loaded: Result<_, RowError> =
            self.read(|connection| Ok::<_, Error>(ChainPools::load(connection, chain)))?;
        Ok(loaded?)
    }

    /// Fails if this program cannot work with the database. The original can be upgraded at any time, and a file replaced.
    fn schema_of_known_version(&self, connection: &mut SqliteConnection) -> Result<Schema, Error> {
        let failed = |error| Error::from_diesel(&self.path, "read the schema", error);
        let schema = (
            file_identity(&self.path),
            schema_version(connection).map_err(failed)?,
        );
        if *self.recognised() == Some(schema) {
            return Ok(schema);
        }
        let recognition = recognise_state(connection)
            .map_err(|error| error.at(&self.path, "recognise the database"))?;
        recognition.require_version(&self.path)?;
        if let Some(warning) = recognition.version_warning() {
            log::warn!("{warning}");
        }
        Ok(schema)
    }

    fn recognised(&self) -> MutexGuard<'_, Option<Schema>> {
        // A panic under the lock leaves a complete value or none, so a poisoned lock is usable.
        self.recognised
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that changes with every change of the schema.
fn schema_version(connection: &mut SqliteConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        schema_version: i64,
    }
    diesel::sql_query("PRAGMA schema_version")
        .get_result::<Row>(connection)
        .map(|row| row.schema_version)
}
