//! Reading a database without leaving a trace.

use std::cell::Cell;
use std::path::Path;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{
    Access, INDEX, LOCK_TIMEOUT, check_file, establish, is_wal_on_disk, uri,
};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{
    DatabaseFile, Sidecar, WAL_HEADER_BYTES, begins_with_journal_magic,
};
use crate::database::files::file_stamp::FileStamp;
use crate::sqlite::connection_hooks::without_checkpoint_on_close;

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
/// was found counts only if the files are as they were before, and is looked for again otherwise. Where
/// other programs open, write and close so fast that this finds no moment of rest, the database is read
/// like any reader does, beside the files that they make anyway.
///
/// One trace can be left: where the last other program ends at the very moment at which this one opens
/// the log, a `-wal` or `-shm` stays that it would have removed.
pub(crate) fn read_without_trace<T>(
    path: &Path,
    mut look: impl FnMut(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    const PAUSE: Duration = Duration::from_millis(2);
    /// How long a moment of rest is waited for.
    const PATIENCE: Duration = Duration::from_millis(250);
    /// How long a transaction must look interrupted: a program that takes the database into or out of
    /// WAL mode at this moment leaves the same picture.
    const INTERRUPTED_FOR: Duration = Duration::from_millis(500);
    check_file(path, Access::ReadWrite)?;
    // Another thread of this process can have the index for as long as it waits for a lock, which is not
    // this look's time.
    let waiting = Cell::new(Duration::ZERO);
    let mut attempt = |read_mode: ReadMode| {
        let uri = uri(path, read_mode.parameters());
        let asked = Instant::now();
        let _index = INDEX.write().unwrap_or_else(PoisonError::into_inner);
        waiting.set(waiting.get() + asked.elapsed());
        without_checkpoint_on_close(|| establish(path, &uri, read_mode.pragmas()))
            .and_then(|mut connection| look(&mut connection))
    };
    let began = Instant::now();
    let mut interrupted = None;
    loop {
        let before = FileState::of(path)?;
        let looked_for = || began.elapsed().saturating_sub(waiting.get());
        let read_mode = if looked_for() > PATIENCE {
            ReadMode::Ordinary
        } else {
            before.read_mode()
        };
        if before.is_interrupted() {
            if interrupted.get_or_insert_with(Instant::now).elapsed() > INTERRUPTED_FOR {
                return Err(ErrorKind::HotJournal.at(path));
            }
            thread::sleep(PAUSE);
            continue;
        }
        interrupted = None;
        let mut locked = read_mode.locks();
        let mut result = attempt(read_mode);
        if read_mode == ReadMode::SharedWal && result.as_ref().is_err_and(Error::is_about_opening) {
            // The index is of no use without its writers.
            locked = false;
            result = attempt(ReadMode::PrivateWal);
        }
        if locked && result.is_ok() {
            return result;
        }
        if FileState::of(path).is_ok_and(|after| after == before) {
            return match result {
                // Rolling back is the next writer's business.
                Err(error)
                    if read_mode == ReadMode::Ordinary
                        && matches!(error.kind, ErrorKind::ReadOnly) =>
                {
                    Err(ErrorKind::HotJournal.at(path))
                }
                other => other,
            };
        }
        if looked_for() > LOCK_TIMEOUT {
            return Err(ErrorKind::Locked.at(path));
        }
        thread::sleep(PAUSE);
    }
}

/// A database's file, and what lies beside it.
#[derive(Debug, PartialEq, Eq)]
struct FileState {
    file: Option<FileStamp>,
    wal: Option<FileStamp>,
    shm: bool,
    /// Whether a rollback journal with something to roll back lies there.
    journal: bool,
    wal_on_disk: bool,
}

impl FileState {
    fn of(path: &Path) -> Result<Self, Error> {
        let file = DatabaseFile::at(path);
        Ok(Self {
            wal: FileStamp::of(&file.sidecar(Sidecar::Wal)),
            shm: file.sidecar(Sidecar::Shm).exists(),
            journal: begins_with_journal_magic(&file.sidecar(Sidecar::Journal)),
            wal_on_disk: is_wal_on_disk(path)?,
            file: file.stamp(),
        })
    }

    /// Whether the log holds more than its header.
    fn has_log(&self) -> bool {
        self.wal
            .as_ref()
            .is_some_and(|wal| wal.bytes > WAL_HEADER_BYTES)
    }

    fn read_mode(&self) -> ReadMode {
        match (self.has_log(), self.shm) {
            (true, true) => ReadMode::SharedWal,
            (true, false) => ReadMode::PrivateWal,
            (false, _) if self.wal_on_disk => ReadMode::Immutable,
            (false, _) => ReadMode::Ordinary,
        }
    }

    /// Whether a transaction was interrupted that took the database into or out of WAL mode. In
    /// rollback mode SQLite itself tells an interrupted transaction from one that is under way.
    fn is_interrupted(&self) -> bool {
        self.journal && self.read_mode() != ReadMode::Ordinary
    }
}

/// How a database is read without writing anything; see [`read_without_trace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadMode {
    SharedWal,
    PrivateWal,
    Ordinary,
    Immutable,
}

impl ReadMode {
    const fn parameters(self) -> &'static str {
        match self {
            Self::SharedWal => "mode=ro&readonly_shm=1",
            Self::PrivateWal => "mode=ro&vfs=unix-none",
            Self::Ordinary => "mode=ro",
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
        matches!(self, Self::SharedWal | Self::Ordinary)
    }
}
