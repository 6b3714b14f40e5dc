//! The one place that opens a database and sets its connection's pragmas.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use super::Error;
use crate::sqlite::{Handle, keeping_the_log};

/// How long a statement waits for another process's lock before it fails with [`Error::Locked`].
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

/// The size of a log's header; what follows are the pages that it holds.
const WAL_HEADER_BYTES: u64 = 32;

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

/// Held by [`look_at`] alone while it has a log's index open read-only, and by all who open a database
/// otherwise until they have the index: SQLite opens the index once for a whole process, and whoever
/// comes second gets it as the first has opened it.
static INDEX: RwLock<()> = RwLock::new(());

/// Opens a database and configures the connection.
pub(crate) fn open(path: &Path, access: Access) -> Result<SqliteConnection, Error> {
    // The lock guards nothing that a panic could leave half done. Setting the pragmas reads the file.
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, access)?;
    establish(path, &uri(path, access.parameters()), "")
}

/// Opens a database for the calls that Diesel does not offer, configured like any other connection.
pub(crate) fn open_handle(path: &Path, access: Access) -> Result<Handle, Error> {
    let _index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
    check_file(path, access)?;
    let handle = Handle::open(&uri(path, access.parameters()))
        .map_err(|error| Error::from_handle(path, error))?;
    handle
        .execute(&pragma_batch())
        .map_err(|error| Error::from_handle(path, error))?;
    Ok(handle)
}

/// A private database in memory, to try migrations on.
#[cfg(test)]
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
        .batch_execute("PRAGMA journal_mode = WAL")
        .map_err(failed)
}

/// Whether the file's header says that the database is in WAL mode
/// (<https://sqlite.org/fileformat2.html>, section 1.3.3: 2 as the file format's version).
pub(crate) fn is_wal_on_disk(path: &Path) -> Result<bool, Error> {
    // No statement is run, so there is nothing that a pragma could be about.
    let header = Handle::open(&uri(path, Access::Immutable.parameters()))
        .and_then(|handle| handle.file_header::<20>())
        .map_err(|error| Error::from_handle(path, error))?;
    Ok(header[18] == 2)
}

/// Moves a log into its database, or rolls an interrupted transaction back, so that nothing is left
/// beside the file. For a file that is about to be replaced: it leaves WAL mode.
///
/// # Errors
///
/// [`Error::Locked`] where somebody has the database open.
pub(crate) fn settle(path: &Path) -> Result<(), Error> {
    open_handle(path, Access::ReadWrite)?
        .execute(
            "PRAGMA journal_mode = TRUNCATE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; COMMIT",
        )
        .map_err(|error| Error::from_handle(path, error))
}

/// Whether anything lies beside a file that SQLite would look at.
pub(crate) fn has_sidecars(path: &Path) -> bool {
    ["-wal", "-journal", "-shm"]
        .iter()
        .any(|suffix| fs::symlink_metadata(sidecar(path, suffix)).is_ok())
}

/// The log or journal beside a file that SQLite would apply to it.
pub(crate) fn leftover(path: &Path) -> Option<PathBuf> {
    let wal = sidecar(path, "-wal");
    let journal = sidecar(path, "-journal");
    if fs::metadata(&wal).is_ok_and(|metadata| metadata.len() > WAL_HEADER_BYTES) {
        Some(wal)
    } else if begins_with_journal_magic(&journal) {
        Some(journal)
    } else {
        None
    }
}

pub(crate) fn journal_mode(connection: &mut SqliteConnection) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        journal_mode: String,
    }
    diesel::sql_query("PRAGMA journal_mode")
        .get_result::<Row>(connection)
        .map(|row| row.journal_mode)
}

/// Calls `look` with a connection that writes nothing: not to the file, not a `-wal` or `-shm` beside
/// it, not a lock byte more than reading needs.
///
/// A reader of a WAL database normally creates both files. This one picks its way by what the file's
/// header says and by what lies beside it:
///
/// - rollback mode: read as usual, since such a reader creates nothing;
/// - a `-wal` with content and its `-shm`: read with the `-shm` opened read-only; beside live
///   processes that is a normal reader, after a crash SQLite reads the `-wal` into memory;
/// - a `-wal` with content alone: nobody has the database open, and the `-wal` is indexed in memory
///   (`locking_mode=EXCLUSIVE`, through the VFS that takes no locks);
/// - no `-wal` with content: nothing but the file counts (`immutable`).
///
/// The last two take no locks, and in all of them the files can come and go in the meantime. So what
/// was found counts only if the files are as they were before, and is looked for again otherwise. One
/// trace can be left: where the last other program ends at the very moment at which this one opens the
/// log, an empty `-wal` stays, or the log of the program that would have removed it.
pub(crate) fn look_at<T>(
    path: &Path,
    mut look: impl FnMut(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    const PAUSE: Duration = Duration::from_millis(2);
    /// How long a transaction must look interrupted: a program that takes the database into or out of
    /// WAL mode at this moment leaves the same picture.
    const INTERRUPTED_FOR: Duration = Duration::from_millis(500);
    check_file(path, Access::ReadWrite)?;
    let mut attempt = |way: Way| {
        let uri = uri(path, way.parameters());
        let _index = INDEX.write().unwrap_or_else(PoisonError::into_inner);
        keeping_the_log(|| establish(path, &uri, way.pragmas()))
            .and_then(|mut connection| look(&mut connection))
    };
    let began = Instant::now();
    let mut interrupted = None;
    loop {
        let before = Surroundings::of(path)?;
        let way = before.way();
        if before.is_interrupted() {
            if interrupted.get_or_insert_with(Instant::now).elapsed() > INTERRUPTED_FOR {
                return Err(Error::HotJournal {
                    path: path.to_owned(),
                });
            }
            thread::sleep(PAUSE);
            continue;
        }
        interrupted = None;
        let mut locked = way.locks();
        let mut result = attempt(way);
        if way == Way::SharedWal && result.as_ref().is_err_and(Error::is_about_opening) {
            // The index is of no use without its writers.
            locked = false;
            result = attempt(Way::PrivateWal);
        }
        if locked && result.is_ok() {
            return result;
        }
        if Surroundings::of(path).is_ok_and(|after| after == before) {
            return match result {
                // Rolling back is the next writer's business.
                Err(Error::ReadOnly { path }) if way == Way::Rollback => {
                    Err(Error::HotJournal { path })
                }
                other => other,
            };
        }
        if began.elapsed() > LOCK_TIMEOUT {
            return Err(Error::Locked {
                path: path.to_owned(),
            });
        }
        thread::sleep(PAUSE);
    }
}

/// The name of a file that SQLite keeps beside a database: `-wal`, `-shm` or `-journal` appended.
pub(crate) fn sidecar(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// A database's file, and what lies beside it.
#[derive(Debug, PartialEq, Eq)]
struct Surroundings {
    file: Option<Stamp>,
    wal: Option<Stamp>,
    shm: bool,
    /// Whether a rollback journal with something to roll back lies there.
    journal: bool,
    wal_on_disk: bool,
}

/// When a file was last written, as far as one can tell from outside.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    inode: u64,
    modified: Option<SystemTime>,
}

impl Surroundings {
    fn of(path: &Path) -> Result<Self, Error> {
        // SQLite names the files beside a symbolic link's target, not beside the link.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let stamp = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some(Stamp {
                bytes: metadata.len(),
                inode: metadata.ino(),
                modified: metadata.modified().ok(),
            })
        };
        Ok(Self {
            wal: stamp(&sidecar(&real, "-wal")),
            shm: sidecar(&real, "-shm").exists(),
            journal: begins_with_journal_magic(&sidecar(&real, "-journal")),
            wal_on_disk: is_wal_on_disk(path)?,
            file: stamp(&real),
        })
    }

    /// Whether the log holds more than its header.
    fn has_log(&self) -> bool {
        self.wal
            .as_ref()
            .is_some_and(|wal| wal.bytes > WAL_HEADER_BYTES)
    }

    fn way(&self) -> Way {
        match (self.has_log(), self.shm) {
            (true, true) => Way::SharedWal,
            (true, false) => Way::PrivateWal,
            (false, _) if self.wal_on_disk => Way::Immutable,
            (false, _) => Way::Rollback,
        }
    }

    /// Whether a transaction was interrupted that took the database into or out of WAL mode. In
    /// rollback mode SQLite itself tells an interrupted transaction from one that is under way.
    fn is_interrupted(&self) -> bool {
        self.journal && self.way() != Way::Rollback
    }
}

/// Whether the file is a rollback journal that has not been finished with. SQLite takes no locks on
/// journals, so this one may be opened.
fn begins_with_journal_magic(path: &Path) -> bool {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut bytes = [0; MAGIC.len()];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.is_ok() && bytes == MAGIC
}

/// How a database is read without writing anything; see [`look_at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    SharedWal,
    PrivateWal,
    Rollback,
    Immutable,
}

impl Way {
    const fn parameters(self) -> &'static str {
        match self {
            Self::SharedWal => "mode=ro&readonly_shm=1",
            Self::PrivateWal => "mode=ro&vfs=unix-none",
            Self::Rollback => "mode=ro",
            Self::Immutable => Access::Immutable.parameters(),
        }
    }

    const fn pragmas(self) -> &'static str {
        match self {
            Self::PrivateWal => "PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON;",
            _ => "PRAGMA query_only = ON;",
        }
    }

    const fn locks(self) -> bool {
        matches!(self, Self::SharedWal | Self::Rollback)
    }
}

impl Access {
    const fn parameters(self) -> &'static str {
        match self {
            Self::ReadWrite | Self::Overwrite => "mode=rw",
            Self::Create => "mode=rwc",
            Self::Immutable => "mode=ro&immutable=1",
        }
    }
}

/// Tells apart what SQLite calls "unable to open database file", and an empty file from a database
/// without tables. Looks at the file's metadata only.
fn check_file(path: &Path, access: Access) -> Result<(), Error> {
    if access == Access::Create {
        return Ok(());
    }
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound {
            path: path.to_owned(),
        },
        _ => Error::io(path, "look at", error),
    })?;
    if metadata.is_dir() {
        return Err(Error::IsFolder {
            path: path.to_owned(),
        });
    }
    if !metadata.is_file() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
        });
    }
    if metadata.len() == 0 && access != Access::Overwrite {
        return Err(Error::EmptyFile {
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// Opens a connection and sets `first`, then the pragmas of every connection: setting some of those
/// reads the file, which `first` may be about.
fn establish(path: &Path, uri: &str, first: &str) -> Result<SqliteConnection, Error> {
    let mut connection =
        SqliteConnection::establish(uri).map_err(|error| Error::from_connection(path, error))?;
    connection
        .batch_execute(&format!("{first}{}", pragma_batch()))
        .map_err(|error| Error::from_diesel(path, "open the database", error))?;
    Ok(connection)
}

fn pragma_batch() -> String {
    let statements = PRAGMAS.map(|(name, value)| format!("PRAGMA {name} = {value};"));
    statements.concat()
}

/// The URI of a file, every byte that a URI gives a meaning escaped.
fn uri(path: &Path, parameters: &str) -> String {
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
