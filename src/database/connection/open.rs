//! Opening of databases. No other file opens SQLite. Every connection gets its pragmas here.

use std::fs;
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::empty_log::leaving_no_log;
use crate::database::connection::hot_journal::require_sound_journal;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks;
use crate::sqlite::connection_hooks::{
    without_checkpoint_on_close, without_checkpoint_until_read, without_trust,
};
use crate::sqlite::file_uri::uri;
use crate::sqlite::lock_wait;
use crate::sqlite::prepared::Statements;
use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// The time that a statement waits for another process's lock before it fails with [`ErrorKind::Locked`].
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The pragmas of every connection, in the order in which they are set.
///
/// - `busy_timeout` comes first, because the others may have to wait for a lock.
/// - `synchronous=NORMAL` is safe in WAL mode. A power cut can undo the last commits, but not damage the file.
/// - `cache_size` is SQLite's default, 2 MB for each connection. A cache 32 times as large changes the figures of
///   `cargo bench --bench pragmas` by less than they vary from run to run.
/// - `mmap_size` would gain about a tenth there. It stays 0 because users copy a backup over an open database. That
///   kills a process that has the file mapped; otherwise the process gets an error.
const PRAGMAS: [(&str, &str); 6] = [
    ("busy_timeout", "5000"),
    ("synchronous", "NORMAL"),
    ("foreign_keys", "ON"),
    ("cache_size", "-2000"),
    ("mmap_size", "0"),
    ("temp_store", "DEFAULT"),
];

/// The pragma of every connection that only operations use, in addition to [`PRAGMAS`] and to what
/// [`without_trust`] sets. A page with a cell that does not fit is an error as soon as it is read.
///
/// The connections of [`Database`](crate::database::Database) lack all of this. The file is the bot's own, and its
/// views and triggers may rely on functions that the bot defines.
const GUARD: &str = "PRAGMA cell_size_check = ON;";

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads and writes an existing database.
    ReadWrite,
    /// The same for the user of the library, who may run statements of his own.
    Session,
    /// Fills a new file, which this process has just created.
    Create,
    /// Replaces the content of a file, which may be empty.
    Overwrite,
    /// Reads a file that no other process changes. Takes no locks and creates no sidecars.
    Immutable,
}

/// A lock on the log's index (`-shm`). SQLite opens the index once for the whole process, in the mode of the first
/// connection. [`read_without_trace`](crate::database::connection::read_only::read_without_trace) opens it read-only,
/// so it holds the lock exclusively. All others share the lock until they have opened the index.
pub(crate) static INDEX: RwLock<()> = RwLock::new(());

/// Opens a database and configures the connection.
pub(crate) fn open_connection(path: &Path, access: Access) -> Result<SqliteConnection, Error> {
    // The lock guards no data, so a poisoned lock is usable. The pragmas are set under it, because setting them opens
    // the index.
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, access)?;
    let uri = uri(path, access.parameters());
    leaving_no_log(path, &uri, || {
        without_checkpoint_until_read(|| match access {
            Access::Session => configure(path, &uri, "", &PRAGMAS),
            _ => establish(path, &uri, ""),
        })
    })
}

/// Calls `look` with a connection for a long read beside the database's other users. An existing log stays unchanged,
/// even if a killed program left it. No file is left that was not there before.
pub(crate) fn read_beside_others<T>(
    path: &Path,
    look: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    leaving_no_index(path, || {
        open_for_reading(path).and_then(|mut connection| look(&mut connection))
    })
}

/// Runs `look`, which opens a connection and closes it. If there is a log without an index, the one that SQLite makes of
/// it is removed again, unless somebody uses it.
pub(super) fn leaving_no_index<T>(path: &Path, look: impl FnOnce() -> T) -> T {
    let file = DatabaseFile::at(path);
    let index = file.sidecar(Sidecar::Shm);
    let makes_index = file.sidecar(Sidecar::Wal).exists() && !index.exists();
    let result = look();
    if makes_index && index.exists() {
        // SQLite deletes the index only together with the log. Like SQLite, this does so while nobody can use either.
        let removed = RawConnection::open(&uri(path, Access::ReadWrite.parameters()))
            .map(|handle| handle.if_unused(|| fs::remove_file(&index)));
        log::debug!("The index of the log is removed: {removed:?}");
    }
    result
}

/// Opens a database for a long read beside its other users.
pub(crate) fn open_for_reading(path: &Path) -> Result<SqliteConnection, Error> {
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, Access::ReadWrite)?;
    let uri = uri(path, Access::ReadWrite.parameters());
    let open = || establish(path, &uri, "PRAGMA query_only = ON;");
    if DatabaseFile::existing(path)?.sidecar(Sidecar::Wal).exists() {
        without_checkpoint_on_close(open)
    } else {
        leaving_no_log(path, &uri, || without_checkpoint_until_read(open))
    }
}

/// Opens a database for the calls that Diesel lacks. The pragmas are those of every connection; the busy handler takes
/// the place of `busy_timeout`.
pub(crate) fn open_raw_connection(
    path: &Path,
    access: Access,
    busy_handler: &BusyHandler,
) -> Result<RawConnection, Error> {
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, access)?;
    let uri = uri(path, access.parameters());
    leaving_no_log(path, &uri, || {
        without_checkpoint_until_read(|| establish_raw(&uri, "", busy_handler))
            .map_err(|error| Error::from_sqlite(path, error))
    })
}

/// Like [`establish`], for the calls that Diesel lacks. The busy handler takes the place of `busy_timeout`.
pub(crate) fn establish_raw(
    uri: &str,
    first: &str,
    busy_handler: &BusyHandler,
) -> Result<RawConnection, SqliteError> {
    let [(_waiting, _), others @ ..] = PRAGMAS;
    let handle = without_trust(|| RawConnection::open(uri))?;
    handle.set_busy_handler(busy_handler.clone())?;
    handle.execute(&format!("{first}{GUARD}{}", statements(&others)))?;
    Ok(handle)
}

/// Opens a private database in memory.
pub(crate) fn open_in_memory() -> Result<SqliteConnection, Error> {
    let path = Path::new(":memory:");
    establish(path, ":memory:", "")
}

/// The pragmas of every connection, as (name, value).
#[must_use]
pub fn connection_pragmas() -> &'static [(&'static str, &'static str)] {
    &PRAGMAS
}

/// Switches the database to WAL mode if it is in another mode.
///
/// Callers do this when they create a database or first open it, not for every connection. The switch needs an
/// exclusive lock on the file, and connections that race for that lock fail.
pub(crate) fn ensure_wal(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    let failed = |error| Error::from_diesel(path, "set the journal mode", error);
    if journal_mode(connection).map_err(failed)? == "wal" {
        return Ok(());
    }
    connection
        .batch_execute("PRAGMA main.journal_mode = WAL")
        .map_err(failed)
}

/// Switches the database of a raw connection to WAL mode.
///
/// SQLite does not call the busy handler while another program holds the write lock of a database in rollback mode,
/// because this connection reads meanwhile.
pub(crate) fn set_wal(handle: &RawConnection, path: &Path) -> Result<(), Error> {
    handle
        .execute_patiently("PRAGMA journal_mode = WAL")
        .map_err(|error| Error::from_sqlite(path, error))
}

/// Leaves the log as it is at commits, whatever its size, so that another program can read it there.
pub(crate) fn leave_log(handle: &RawConnection, path: &Path) -> Result<(), Error> {
    handle
        .execute("PRAGMA wal_autocheckpoint = 0")
        .map_err(|error| Error::from_sqlite(path, error))
}

/// Whether the database of a raw connection is in WAL mode.
pub(crate) fn is_wal(handle: &RawConnection, path: &Path) -> Result<bool, Error> {
    let row = handle
        .row("SELECT journal_mode = 'wal' FROM pragma_journal_mode")
        .map_err(|error| Error::from_sqlite(path, error))?;
    Ok(row == Some([1]))
}

/// Whether the file's header says that the database is in WAL mode
/// (<https://sqlite.org/fileformat2.html>, section 1.3.3: 2 as the version for reading).
pub(crate) fn is_wal_on_disk(path: &Path) -> Result<bool, Error> {
    let [_, for_reading] = format_versions(path)?;
    Ok(for_reading == 2)
}

/// Fails if SQLite may not write to a file of this format: its version for writing is none that SQLite knows.
pub(crate) fn require_writable_format(path: &Path) -> Result<(), Error> {
    let [for_writing, _] = format_versions(path)?;
    if for_writing > 2 {
        return Err(ErrorKind::ReadOnly.at(path));
    }
    Ok(())
}

/// The number of pages that the file's header has, without what the log adds.
pub(crate) fn pages_on_disk(path: &Path) -> Result<u32, Error> {
    let [.., a, b, c, d] = header(path)?;
    Ok(u32::from_be_bytes([a, b, c, d]))
}

/// The versions of the file format for writing and for reading, from the file's header.
fn format_versions(path: &Path) -> Result<[u8; 2], Error> {
    let header = header(path)?;
    Ok([header[18], header[19]])
}

/// The first bytes of the file, up to the number of its pages.
fn header(path: &Path) -> Result<[u8; 32], Error> {
    // No statement runs on this connection, so it needs no pragmas.
    let mut header = [0; 32];
    RawConnection::open(&uri(path, Access::Immutable.parameters()))
        .and_then(|handle| handle.read_file(&mut header, 0))
        .map_err(|error| Error::from_sqlite(path, error))?;
    Ok(header)
}

/// Removes the sidecars of a database that is about to be replaced: moves the log into the file, or rolls back an
/// interrupted transaction. The database leaves WAL mode.
///
/// # Errors
///
/// [`ErrorKind::Locked`] if another connection has the database open.
pub(crate) fn settle(path: &Path, busy_handler: &BusyHandler) -> Result<(), Error> {
    // SQLite opens a file that may not be written for reading, and makes a log beside it that nobody may remove.
    DatabaseFile::at(path).require_writable()?;
    let uri = uri(path, Access::ReadWrite.parameters());
    leaving_no_log(path, &uri, || {
        open_raw_connection(path, Access::ReadWrite, busy_handler)?
            .execute_patiently(
                "PRAGMA journal_mode = TRUNCATE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; COMMIT",
            )
            .map_err(|error| Error::from_sqlite(path, error))
    })
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
            Self::ReadWrite | Self::Session | Self::Overwrite => "mode=rw",
            Self::Create => "mode=rwc",
            Self::Immutable => "mode=ro&immutable=1",
        }
    }
}

/// Checks that the path leads to a regular file that is not empty, that its sidecars are regular files, and that a
/// rollback journal is sound. Apart from a journal, it reads only the metadata. SQLite reports the other cases as "unable to open database file", waits at a pipe, and takes an
/// empty file for a database without tables.
pub(crate) fn check_file(path: &Path, access: Access) -> Result<(), Error> {
    DatabaseFile::at(path).require_regular_sidecars()?;
    if access == Access::Create {
        return Ok(());
    }
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound.at(path),
        _ => Error::io(path, "inspect", error),
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
    if access == Access::Immutable {
        return Ok(());
    }
    require_sound_journal(path, &uri(path, "mode=ro"))
}

/// Forbids or allows writes on a connection.
pub(crate) fn forbid_writing(connection: &mut SqliteConnection, forbid: bool) -> QueryResult<()> {
    let value = if forbid { "ON" } else { "OFF" };
    connection.batch_execute(&format!("PRAGMA query_only = {value}"))
}

/// Sets the pragmas of a session again, outside a transaction: those of which [`is_reset`] says so.
pub(crate) fn reset_pragmas(connection: &mut SqliteConnection) -> QueryResult<()> {
    forbid_writing(connection, false)?;
    connection.batch_execute(&statements(&PRAGMAS))?;
    Statements::of(connection)?.set_checkpoints();
    Ok(())
}

/// Whether [`reset_pragmas`] sets a pragma, whose name is in lower case.
pub(crate) fn is_reset(pragma: &str) -> bool {
    ["query_only", "wal_autocheckpoint"].contains(&pragma)
        || PRAGMAS.iter().any(|(name, _)| *name == pragma)
}

/// Makes transactions write nothing to the file before their commit.
pub(crate) fn keep_in_memory(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute("PRAGMA cache_spill = OFF")
}

/// The cache of a connection that goes all over a large file, in KiB.
const LARGE_CACHE: u32 = 16_384;

/// Prepares a connection for reads all over the file: with the cache of every connection, 2 MB, each look reads another page.
pub(crate) fn prepare_for_wide_reads(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute(&format!("PRAGMA cache_size = -{LARGE_CACHE}"))
}

/// Prepares a connection for the writes of many rows all over the file, in transactions of thousands of pages.
///
/// With the cache of every connection, 2 MB, a transaction reads and writes the same pages again and again. With the
/// usual 1,000 pages between checkpoints, each commit copies its pages into the file, and most are changed again by the
/// next one. `benches/pool_update` measures both. A larger cache gains nothing: updates go through their tables in order.
#[cfg(feature = "sync")]
pub(crate) fn prepare_for_bulk_writes(connection: &mut SqliteConnection) -> QueryResult<()> {
    prepare_for_wide_reads(connection)?;
    connection_hooks::set_long_log(connection, 16_384)
}

/// Opens a connection that only operations use. It runs `first` and sets all pragmas. `first` decides how the file is
/// read, so it comes before the pragmas that read the file. The wait of the operation takes the place of `busy_timeout`.
pub(crate) fn establish(path: &Path, uri: &str, first: &str) -> Result<SqliteConnection, Error> {
    let [_waiting, others @ ..] = &PRAGMAS;
    let pragmas: &[_] = match lock_wait::present() {
        Some(_) => others,
        None => &PRAGMAS,
    };
    without_trust(|| configure(path, uri, &format!("{first}{GUARD}"), pragmas))
}

/// Opens a connection, runs `first`, and sets pragmas.
fn configure(
    path: &Path,
    uri: &str,
    first: &str,
    pragmas: &[(&str, &str)],
) -> Result<SqliteConnection, Error> {
    let mut connection =
        connection_hooks::establish(uri).map_err(|error| Error::from_connection(path, error))?;
    connection
        .batch_execute(&format!("{first}{}", statements(pragmas)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::connection::sql;

    #[test]
    fn operations_do_not_trust_the_file_and_sessions_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        let mut created = open_connection(&path, Access::Create).unwrap();
        sql::execute(&mut created, "CREATE TABLE pools (id)").unwrap();
        drop(created);
        let properties = |connection: &mut SqliteConnection| {
            let mut number = |query| sql::number(connection, query).unwrap();
            let trusts = number("SELECT trusted_schema AS number FROM pragma_trusted_schema");
            let checks = number("SELECT cell_size_check AS number FROM pragma_cell_size_check");
            let rename = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = name";
            (trusts, checks, connection.batch_execute(rename).is_ok())
        };
        let mut ours = [
            open_connection(&path, Access::ReadWrite).unwrap(),
            open_for_reading(&path).unwrap(),
        ];
        for connection in &mut ours {
            assert_eq!(properties(connection), (0, 1, false));
        }
        let mut session = open_connection(&path, Access::Session).unwrap();
        assert_eq!(properties(&mut session), (1, 0, true));
        let raw = open_raw_connection(
            &path,
            Access::ReadWrite,
            &BusyHandler::new(LOCK_TIMEOUT, None),
        )
        .unwrap();
        let row = raw.row("SELECT trusted_schema, cell_size_check FROM pragma_trusted_schema, pragma_cell_size_check");
        assert_eq!(row, Ok(Some([0, 1])));
    }
}
