//! A database that many threads work with.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use diesel::sqlite::SqliteConnection;
use r2d2::NopErrorHandler;
use r2d2::Pool;

use crate::database::connection::open::{Access, LOCK_TIMEOUT, ensure_wal, open_connection};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::recognition::recognise::recognise;
use crate::database::sessions::connection_manager::ConnectionManager;
use crate::database::sessions::session::Session;
use crate::setters::setters;
use crate::settings::environment::Environment;
use crate::settings::resolve::{Overrides, Settings};

/// How a database's connections are pooled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// How many connections there are at most. Readers do not wait for each other, so this is the
    /// number of threads that read at once; of the writers one works at a time in any case.
    pub max_size: u32,
    /// How many connections are kept open while nobody uses them.
    pub min_idle: u32,
    /// How long to wait for a connection while all are in use. Longer than
    /// [`LOCK_TIMEOUT`], so that threads that wait for a lock inside the database fail before the
    /// threads that wait for their connections.
    pub connection_timeout: Duration,
}

setters!(PoolOptions {
    max_size: u32,
    min_idle: u32,
    connection_timeout: Duration,
});

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max_size: 16,
            min_idle: 1,
            connection_timeout: LOCK_TIMEOUT + Duration::from_secs(10),
        }
    }
}

/// A database and its connections, to be shared between threads; cloning it shares the connections.
#[derive(Debug, Clone)]
pub struct Database {
    path: PathBuf,
    pool: Pool<ConnectionManager>,
    timeout: Duration,
}

impl Database {
    /// Opens a database that exists, with default [`PoolOptions`].
    ///
    /// A database of an older version is opened with a logged warning.
    ///
    /// # Errors
    ///
    /// See [`Database::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &PoolOptions::default())
    }

    /// Opens a database that exists.
    ///
    /// # Errors
    ///
    /// At once where there is no database, where it is not one that this program works with ([`ErrorKind::Refused`]),
    /// or where it cannot be opened.
    pub fn open_with(path: impl AsRef<Path>, options: &PoolOptions) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let recognition = recognise(&path)?;
        recognition.require_version(&path)?;
        if let Some(warning) = recognition.version_warning() {
            log::warn!("{warning}");
        }
        // One plain connection first: r2d2 would try again and again until its timeout.
        let mut first = open_connection(&path, Access::ReadWrite)?;
        ensure_wal(&mut first, &path)?;
        drop(first);

        let pool = Pool::builder()
            .max_size(options.max_size)
            .min_idle(Some(options.min_idle.min(options.max_size)))
            .connection_timeout(options.connection_timeout)
            // A failed attempt is reported by the call that waits for it.
            .error_handler(Box::new(NopErrorHandler))
            .build(ConnectionManager::to(path.clone()))
            .map_err(|error| {
                ErrorKind::CannotOpen {
                    detail: error.to_string(),
                }
                .at(path.clone())
            })?;
        Ok(Self {
            path,
            pool,
            timeout: options.connection_timeout,
        })
    }

    /// The database's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection for the calling thread, which goes back to the pool when it is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PoolExhausted`] where all were in use for too long, [`ErrorKind::CannotOpen`] where no more can
    /// be opened.
    pub fn session(&self) -> Result<Session, Error> {
        let connection = self.pool.get().map_err(|error| {
            let path = self.path.clone();
            // r2d2 adds the last failure to open a connection, if that is why there was none.
            match error.to_string().split_once(": ") {
                Some((_, cause)) => ErrorKind::CannotOpen {
                    detail: cause.to_owned(),
                }
                .at(path),
                None => ErrorKind::PoolExhausted {
                    size: self.pool.max_size(),
                    seconds: self.timeout.as_secs(),
                }
                .at(path),
            }
        })?;
        Ok(Session::new(self.path.clone(), connection))
    }

    /// A session, and others as far as the pool has connections to spare, up to this number.
    pub(crate) fn sessions(&self, count: usize) -> Result<Vec<Session>, Error> {
        /// What opening a connection takes at most, unless something is wrong.
        const SOON: Duration = Duration::from_millis(200);
        let mut sessions = vec![self.session()?];
        while sessions.len() < count {
            let state = self.pool.state();
            if state.idle_connections == 0 && state.connections >= self.pool.max_size() {
                break;
            }
            match self.pool.get_timeout(SOON) {
                Ok(connection) => sessions.push(Session::new(self.path.clone(), connection)),
                // Somebody else was faster.
                Err(_) => break,
            }
        }
        Ok(sessions)
    }

    /// [`Session::read`] on a connection of the pool.
    ///
    /// # Errors
    ///
    /// Those of [`Database::session`] and [`Session::read`].
    pub fn read<T, E: From<Error>>(
        &self,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.session()?.read(operate)
    }

    /// [`Session::write`] on a connection of the pool.
    ///
    /// # Errors
    ///
    /// Those of [`Database::session`] and [`Session::write`].
    pub fn write<T, E: From<Error>>(
        &self,
        operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.session()?.write(operate)
    }
}

/// A session on the database that the user's settings name.
///
/// The process has one pool for it, made on the first call from the settings
/// ([`Settings::resolve`] without overrides, so `DEGENBOT_CONFIG` and `DEGENBOT_DB_PATH` count). Each
/// call gives the calling thread a connection of its own for as long as it keeps the session. Where
/// the first call fails, the next one tries again.
///
/// # Errors
///
/// Those of [`Settings::resolve`], [`Database::open`] and [`Database::session`].
pub fn db_session() -> Result<Session, Error> {
    static DATABASE: Mutex<Option<Database>> = Mutex::new(None);
    let database = {
        // Whatever panicked while it held the lock left either a whole database or none.
        let mut shared = DATABASE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(database) = &*shared {
            database.clone()
        } else {
            let settings = Settings::resolve(&Overrides::default(), &Environment::from_process())?;
            let database = Database::open(&settings.database.path)?;
            shared.insert(database).clone()
        }
    };
    database.session()
}
