//! The one place that opens a database and sets its connection's pragmas.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks::{without_checkpoint_on_close, without_checkpoint_until_read};
use crate::sqlite::raw_connection::RawConnection;

/// How long a statement waits for another process's lock before it fails with [`ErrorKind::Locked`].
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The pragmas of every connection, in the order in which they are set.
///
/// - `busy_timeout` comes first, because the others may have to wait for a lock.
/// - `synchronous=NORMAL` is safe in WAL mode: a power cut can undo the last commits, not damage the
///   file.
/// - `cache_size` is SQLite's own 2 MB for each connection: 32 times as much changes the figures of
///   `cargo bench --bench pragmas` by less than they vary from run to run.
/// - `mmap_size` would gain about a tenth there. It stays 0, because copying a file over an open
///   database, which users do to restore a backup, ends a process that has the file mapped instead of
///   giving it an error.
const PRAGMAS: [(&str, &str); 6] = [
    ("busy_timeout", "5000"),
    ("synchronous", "NORMAL"),
    ("foreign_keys", "ON"),
    ("cache_size", "-2000"),
    ("mmap_size", "0"),
    ("temp_store", "DEFAULT"),
];

/// What a connection is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading and writing a database that exists.
    ReadWrite,
    /// Filling a new file. Only for files that this process has just made.
    Create,
    /// Replacing whatever content a file has, none included.
    Overwrite,
    /// Looking at a finished file that nobody else has: no lock, no file beside it.
    Immutable,
}

/// Held by [`read_without_trace`](crate::database::connection::read_only::read_without_trace) alone while it has a log's index open read-only, and by
/// all who open a database otherwise until they have the index: SQLite opens the index once for a whole
/// process, and whoever comes second gets it as the first has opened it.
pub(crate) static INDEX: RwLock<()> = RwLock::new(());

/// Opens a database and configures the connection.
pub(crate) fn open_connection(path: &Path, access: Access) -> Result<SqliteConnection, Error> {
    // The lock guards nothing that a panic could leave half done. Setting the pragmas reads the file.
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, access)?;
    without_checkpoint_until_read(|| establish(path, &uri(path, access.parameters()), ""))
}

/// Makes the statements of a connection wait for so long for other processes' locks.
pub(crate) fn set_busy_timeout(
    connection: &mut SqliteConnection,
    path: &Path,
    wait: Duration,
) -> Result<(), Error> {
    let milliseconds = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    connection
        .batch_execute(&format!("PRAGMA busy_timeout = {milliseconds}"))
        .map_err(|error| Error::from_diesel(path, "set the time to wait", error))
}

/// Opens a database to read it for a while, as its other users do. A log that is there already stays as it is,
/// even if a killed program has left it.
pub(crate) fn open_for_reading(path: &Path) -> Result<SqliteConnection, Error> {
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, Access::ReadWrite)?;
    let uri = uri(path, Access::ReadWrite.parameters());
    let open = || establish(path, &uri, "PRAGMA query_only = ON;");
    if DatabaseFile::existing(path)?.sidecar(Sidecar::Wal).exists() {
        without_checkpoint_on_close(open)
    } else {
        without_checkpoint_until_read(open)
    }
}

/// Opens a database for the calls that Diesel does not offer, configured like any other connection but for
/// how it waits.
pub(crate) fn open_raw_connection(
    path: &Path,
    access: Access,
    busy_handler: &BusyHandler,
) -> Result<RawConnection, Error> {
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, access)?;
    let [(_waiting, _), others @ ..] = PRAGMAS;
    without_checkpoint_until_read(|| {
        let handle = RawConnection::open(&uri(path, access.parameters()))?;
        handle.set_busy_handler(busy_handler.clone())?;
        handle.execute(&statements(&others))?;
        Ok(handle)
    })
    .map_err(|error| Error::from_sqlite(path, error))
}

/// A private database in memory, to try migrations on.
pub(crate) fn open_in_memory() -> Result<SqliteConnection, Error> {
    let path = Path::new(":memory:");
    establish(path, ":memory:", "")
}

/// The pragmas every connection is opened with, as (name, value).
#[must_use]
pub fn connection_pragmas() -> &'static [(&'static str, &'static str)] {
    &PRAGMAS
}

/// Puts the database into WAL mode if it is not.
///
/// Done where a database is created or first opened, not for every connection: switching takes the
/// whole file, and connections that race for it fail.
pub(crate) fn ensure_wal(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    let failed = |error| Error::from_diesel(path, "set the journal mode", error);
    if journal_mode(connection).map_err(failed)? == "wal" {
        return Ok(());
    }
    connection
        .batch_execute("PRAGMA main.journal_mode = WAL")
        .map_err(failed)
}

/// The same for a handle.
pub(crate) fn set_wal(handle: &RawConnection, path: &Path) -> Result<(), Error> {
    handle
        .execute("PRAGMA journal_mode = WAL")
        .map_err(|error| Error::from_sqlite(path, error))
}

/// Whether a connection's database is in WAL mode.
pub(crate) fn is_wal(handle: &RawConnection, path: &Path) -> Result<bool, Error> {
    let row = handle
        .row("SELECT journal_mode = 'wal' FROM pragma_journal_mode")
        .map_err(|error| Error::from_sqlite(path, error))?;
    Ok(row == Some([1]))
}

/// Whether the file's header says that the database is in WAL mode
/// (<https://sqlite.org/fileformat2.html>, section 1.3.3: 2 as the file format's version).
pub(crate) fn is_wal_on_disk(path: &Path) -> Result<bool, Error> {
    // No statement is run, so there is nothing that a pragma could be about.
    let mut header = [0; 20];
    RawConnection::open(&uri(path, Access::Immutable.parameters()))
        .and_then(|handle| handle.read_file(&mut header, 0))
        .map_err(|error| Error::from_sqlite(path, error))?;
    Ok(header[18] == 2)
}

/// Moves a log into its database, or rolls an interrupted transaction back, so that nothing is left
/// beside the file. For a file that is about to be replaced: it leaves WAL mode.
///
/// # Errors
///
/// [`ErrorKind::Locked`] where somebody has the database open.
pub(crate) fn settle(path: &Path, busy_handler: &BusyHandler) -> Result<(), Error> {
    open_raw_connection(path, Access::ReadWrite, busy_handler)?
        .execute(
            "PRAGMA journal_mode = TRUNCATE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; COMMIT",
        )
        .map_err(|error| Error::from_sqlite(path, error))
}

pub(crate) fn journal_mode(connection: &mut SqliteConnection) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        journal_mode: String,
    }
    diesel::sql_query("PRAGMA main.journal_mode")
        .get_result::<Row>(connection)
        .map(|row| row.journal_mode)
}

impl Access {
    pub(crate) const fn parameters(self) -> &'static str {
        match self {
            Self::ReadWrite | Self::Overwrite => "mode=rw",
            Self::Create => "mode=rwc",
            Self::Immutable => "mode=ro&immutable=1",
        }
    }
}

/// Tells apart what SQLite calls "unable to open database file", and an empty file from a database
/// without tables. Looks at the file's metadata only.
pub(crate) fn check_file(path: &Path, access: Access) -> Result<(), Error> {
    if access == Access::Create {
        return Ok(());
    }
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound.at(path),
        _ => Error::io(path, "look at", error),
    })?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsFolder.at(path));
    }
    if !metadata.is_file() {
        return Err(ErrorKind::NotAFile.at(path));
    }
    if metadata.len() == 0 && access != Access::Overwrite {
        return Err(ErrorKind::EmptyFile.at(path));
    }
    Ok(())
}

/// Keeps a connection from writing, or lets it write again.
pub(crate) fn forbid_writing(connection: &mut SqliteConnection, forbid: bool) -> QueryResult<()> {
    let value = if forbid { "ON" } else { "OFF" };
    connection.batch_execute(&format!("PRAGMA query_only = {value}"))
}

/// Opens a connection and sets `first`, then the pragmas of every connection: setting some of those
/// reads the file, which `first` may be about.
pub(crate) fn establish(path: &Path, uri: &str, first: &str) -> Result<SqliteConnection, Error> {
    let mut connection =
        SqliteConnection::establish(uri).map_err(|error| Error::from_connection(path, error))?;
    connection
        .batch_execute(&format!("{first}{}", statements(&PRAGMAS)))
        .map_err(|error| Error::from_diesel(path, "open the database", error))?;
    Ok(connection)
}

fn statements(pragmas: &[(&str, &str)]) -> String {
    let statements: Vec<_> = pragmas
        .iter()
        .map(|(name, value)| format!("PRAGMA {name} = {value};"))
        .collect();
    statements.concat()
}

/// The URI of a file, every byte that a URI gives a meaning escaped.
pub(crate) fn uri(path: &Path, parameters: &str) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let escaped: Vec<_> = absolute
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|&byte| match byte {
            b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("file://{}?{parameters}", escaped.concat())
}
