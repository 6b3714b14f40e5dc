//! The pool of connections to a database.

use std::iter;
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use diesel::sqlite::SqliteConnection;
use r2d2::NopErrorHandler;
use r2d2::Pool;

use crate::database::connection::open::{
    Access, LOCK_TIMEOUT, ensure_wal, journal_mode, open_connection,
};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::{named_files, staged_file};
use crate::database::recognition::recognise::recognise;
use crate::database::sessions::connection_manager::{
    ConnectionManager, LastFailure, OpenFile, PooledSqliteConnection,
};
use crate::database::sessions::first_write::FirstWrite;
use crate::database::sessions::session::Session;
use crate::setters::setters;
use crate::settings::environment::Environment;
use crate::settings::resolve::{Overrides, Settings};
use crate::sqlite::build_options;
use crate::sqlite::transaction::{Begin, transaction};
use crate::system::copy_up::copy_up;
use crate::system::threads::require_threads;

/// The threads that r2d2 starts for a pool. It panics if it cannot.
const POOL_THREADS: usize = 3;

/// More than a process usually may have files open.
const MOST_CONNECTIONS: u32 = 10_000;

const SHORTEST_TIMEOUT: Duration = Duration::from_millis(1);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Options for the pool of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// The largest number of connections, from 1 to 10,000. Readers do not wait for each other, so this is the number of
    /// threads that can read at once. Only one writer works at a time in any case.
    pub max_size: u32,
    /// The number of unused connections that stay open.
    pub min_idle: u32,
    /// The time to wait for a connection while all are in use; at most a year counts. It is longer than
    /// [`LOCK_TIMEOUT`], so a thread that waits for a lock fails before the threads that wait for its connection.
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

/// A database with a pool of connections, for many threads. Clones share the pool.
#[derive(Debug, Clone)]
pub struct Database {
    path: PathBuf,
    pool: Pool<ConnectionManager>,
    timeout: Duration,
    first_write: Arc<FirstWrite>,
    last_failure: LastFailure,
    file: OpenFile,
}

impl Database {
    /// Opens an existing database with default [`PoolOptions`].
    ///
    /// It logs a warning if the database is at an older version, and one, once, if SQLite is built so that
    /// connections wait for each other; the crate's documentation says what to do.
    ///
    /// # Errors
    ///
    /// See [`Database::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &PoolOptions::default())
    }

    /// Opens an existing database.
    ///
    /// # Errors
    ///
    /// If there is no database, if this program cannot work with it ([`ErrorKind::Refused`]), if Litestream keeps it up to
    /// date ([`ErrorKind::Follower`]), if it cannot be opened, or if the system has no threads for the pool
    /// ([`ErrorKind::NoThread`]). The errors come at once, without waiting for the timeout. A database that is not in WAL
    /// mode is switched to it, which is a write: the free pages are checked before, as [`Session::write`] says
    /// ([`ErrorKind::Damaged`]).
    pub fn open_with(path: impl AsRef<Path>, options: &PoolOptions) -> Result<Self, Error> {
        // The program may change its working folder.
        let path = path::absolute(&path).unwrap_or_else(|_| path.as_ref().to_owned());
        // An overlay would make another file of it when it is first opened to write. Without room for that, it can be read.
        let _ = copy_up(&path);
        let file = OpenFile::at(&path);
        let recognition = recognise(&path)?;
        recognition.require_version(&path)?;
        if let Some(warning) = recognition.version_warning() {
            log::warn!("{warning}");
        }
        warn_once(&WARNED_OF_BUILD, build_options::warning());
        named_files::add(&path);
        staged_file::sweep(DatabaseFile::at(&path).real());
        require_threads(2 * POOL_THREADS)
            .map_err(|source| ErrorKind::NoThread { source }.at(path.clone()))?;
        DatabaseFile::at(&path).refuse_follower()?;
        // A plain connection comes first, because r2d2 would retry until its timeout.
        let mut first = open_connection(&path, Access::ReadWrite)?;
        let first_write = FirstWrite::default();
        let mode = journal_mode(&mut first)
            .map_err(|error| Error::from_diesel(&path, "read the journal mode", error))?;
        if mode != "wal" {
            // The switch is a write. With `auto_vacuum=FULL`, its commit moves pages.
            first_write.prepare(&mut first, &path)?;
            ensure_wal(&mut first, &path)?;
        }
        if !file.is_at(&path) {
            return Err(ErrorKind::Moved.at(&path));
        }
        drop(first);

        // r2d2 panics at a pool of no connections, and at a time that is zero or has no end. It takes the memory for the
        // largest number of connections at once.
        let max_size = options.max_size.clamp(1, MOST_CONNECTIONS);
        let timeout = options
            .connection_timeout
            .clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT);
        let last_failure = LastFailure::default();
        let pool = Pool::builder()
            .max_size(max_size)
            .min_idle(Some(options.min_idle.min(max_size)))
            .connection_timeout(timeout)
            // A connection does not go away while nobody uses it. Whether its file has is looked at before.
            .test_on_check_out(false)
            // The call that waits for the connection reports a failed attempt.
            .error_handler(Box::new(NopErrorHandler))
            .build(ConnectionManager::to(
                path.clone(),
                file.clone(),
                last_failure.clone(),
            ))
            .map_err(|error| {
                last_failure.take().unwrap_or_else(|| {
                    let detail = error.to_string();
                    ErrorKind::CannotOpen { detail }.at(path.clone())
                })
            })?;
        Ok(Self {
            path,
            pool,
            timeout,
            first_write: Arc::new(first_write),
            last_failure,
            file,
        })
    }

    /// The database's absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a connection from the pool. Its drop returns it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Moved`] if another file has been put at the path, or none is there: the connections of the pool have the
    /// file before, and must be dropped with the `Database`. [`ErrorKind::PoolExhausted`] if all connections were in use for
    /// too long, and the reason if a new one cannot be opened, such as [`ErrorKind::OutOfMemory`]. If several threads wait
    /// for new ones, only one of them gets that reason, and the others [`ErrorKind::CannotOpen`] with its text.
    pub fn session(&self) -> Result<Session, Error> {
        self.require_same_file()?;
        let connection = self.pool.get().map_err(|error| {
            let path = self.path.clone();
            // If opening a connection failed, r2d2 appends that error after a colon.
            match error.to_string().split_once(": ") {
                Some((_, cause)) => self.last_failure.take().unwrap_or_else(|| {
                    let detail = cause.to_owned();
                    ErrorKind::CannotOpen { detail }.at(path)
                }),
                None => ErrorKind::PoolExhausted {
                    size: self.pool.max_size(),
                    seconds: self.timeout.as_secs(),
                }
                .at(path),
            }
        })?;
        Ok(self.session_on(connection))
    }

    /// Fails if the path leads to another file than the one that connections of the pool have open.
    pub(super) fn require_same_file(&self) -> Result<(), Error> {
        if self.file.is_at(&self.path) {
            return Ok(());
        }
        if self.pool.state().connections > 0 {
            self.empty_log_of_moved();
            return Err(ErrorKind::Moved.at(&self.path));
        }
        // `compact` exchanges a file that nobody has open.
        let found = OpenFile::at(&self.path);
        recognise(&self.path)?.require_version(&self.path)?;
        self.first_write.forget();
        self.file.exchange(&found);
        Ok(())
    }

    /// Has the connections that are free empty the log, which SQLite would apply to the file that is at the path now. One
    /// that has committed last to the file before knows that the log is of that one.
    fn empty_log_of_moved(&self) {
        let mut free: Vec<_> = iter::from_fn(|| self.pool.try_get()).collect();
        for connection in &mut free {
            // It commits nothing.
            let emptied: Result<(), diesel::result::Error> =
                transaction(connection, Begin::Immediate, |_| Ok(()), |error| error);
            log::debug!("The log of a file that has moved: {emptied:?}");
        }
    }

    fn session_on(&self, connection: PooledSqliteConnection) -> Session {
        Session::new(self.path.clone(), connection, Arc::clone(&self.first_write))
    }

    /// Takes one session, and up to `count` if the pool has connections to spare.
    pub(crate) fn sessions(&self, count: usize) -> Result<Vec<Session>, Error> {
        /// The longest time that opening a connection takes, if nothing is wrong.
        const SOON: Duration = Duration::from_millis(200);
        let mut sessions = vec![self.session()?];
        while sessions.len() < count {
            let state = self.pool.state();
            if state.idle_connections == 0 && state.connections >= self.pool.max_size() {
                break;
            }
            match self.pool.get_timeout(SOON) {
                Ok(connection) => sessions.push(self.session_on(connection)),
                // Another thread has taken the connection.
                Err(_) => break,
            }
        }
        Ok(sessions)
    }

    /// Calls [`Session::read`] on a connection of the pool.
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

    /// Calls [`Session::write`] on a connection of the pool.
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

/// Whether this process has been warned of the way SQLite is built.
static WARNED_OF_BUILD: Once = Once::new();

/// Logs a warning, if there is one. Only the first call with the same `once` does.
fn warn_once(once: &Once, warning: Option<String>) {
    once.call_once(|| {
        if let Some(warning) = warning {
            log::warn!("{warning}");
        }
    });
}

/// Takes a session on the database that the user's settings name.
///
/// The first call resolves the settings ([`Settings::resolve`] without overrides, so `DEGENBOT_CONFIG` and
/// `DEGENBOT_DB_PATH` count) and creates one pool for the process. If it fails, the next call tries again. Each call
/// takes a connection of its own from the pool. If another file has been put at the path, a new pool takes the place of
/// that one.
///
/// # Errors
///
/// Those of [`Settings::resolve`], [`Database::open`] and [`Database::session`].
pub fn db_session() -> Result<Session, Error> {
    static DATABASE: Mutex<Option<Database>> = Mutex::new(None);
    let shared = || {
        // A panic under the lock leaves a complete value or none, so a poisoned lock is usable.
        DATABASE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
    let open = || {
        let mut shared = shared();
        if let Some(database) = &*shared {
            return Ok(database.clone());
        }
        let settings = Settings::resolve(&Overrides::default(), &Environment::from_process())?;
        let database = Database::open(&settings.database.path)?;
        Ok::<_, Error>(shared.insert(database).clone())
    };
    match open()?.session() {
        // Nobody else can drop the pool.
        Err(error) if matches!(error.kind, ErrorKind::Moved) => {
            *shared() = None;
            open()?.session()
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::copying::create::create_new_sqlite_database;

    /// The warnings of this process.
    struct Warnings(Mutex<Vec<String>>);

    static WARNINGS: Warnings = Warnings(Mutex::new(Vec::new()));

    impl log::Log for Warnings {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            metadata.level() == log::Level::Warn
        }

        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                self.0.lock().unwrap().push(record.args().to_string());
            }
        }

        fn flush(&self) {}
    }

    fn logged(part: &str) -> usize {
        let warnings = WARNINGS.0.lock().unwrap();
        warnings
            .iter()
            .filter(|warning| warning.contains(part))
            .count()
    }

    #[test]
    fn open_warns_of_the_way_sqlite_is_built_once_and_only_if_it_is() {
        log::set_logger(&WARNINGS).unwrap();
        log::set_max_level(log::LevelFilter::Warn);
        let once = Once::new();
        warn_once(&once, Some("built with locks".to_owned()));
        warn_once(&once, Some("built with locks".to_owned()));
        assert_eq!(logged("built with locks"), 1);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        create_new_sqlite_database(&path).unwrap();
        for _ in 0..2 {
            Database::open(&path).unwrap();
        }
        assert!(WARNED_OF_BUILD.is_completed());
        let expected = usize::from(build_options::warning().is_some());
        assert_eq!(logged("SQLite is built"), expected);
    }
}
