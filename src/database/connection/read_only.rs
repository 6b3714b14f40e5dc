//! Read-only access to a database without a trace.

use std::cell::Cell;
use std::path::Path;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{
    Access, INDEX, LOCK_TIMEOUT, check_file, establish, establish_raw, is_wal_on_disk, uri,
};
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar, WAL_HEADER_BYTES};
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::rollback_journal::begins_with_journal_magic;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks::without_checkpoint_on_close;
use crate::sqlite::lock_wait::{self, LockWait};
use crate::sqlite::raw_connection::RawConnection;

/// Calls `look` with a connection that writes nothing: it does not change the file, creates no `-wal` or `-shm`, and
/// takes no lock but a reader's.
///
/// A normal reader of a WAL database creates both files. This one chooses a mode by the file's header and its sidecars:
///
/// - Rollback mode: a normal reader, which creates nothing.
/// - A `-wal` with content and a `-shm`: a reader that opens the `-shm` read-only. While other processes have the
///   database open, this is a normal reader. After a crash, SQLite reads the `-wal` into memory.
/// - A `-wal` with content and no `-shm`: no process has the database open, and SQLite indexes the `-wal` in memory
///   (`locking_mode=EXCLUSIVE`, through the VFS without locks).
/// - No `-wal` with content: the file alone counts (`immutable`).
///
/// The last two modes take no locks, and in every mode files can appear and disappear during the read. So a result
/// counts only if the files are unchanged afterwards, and if their times were old enough before to show a write
/// ([`FileStamp::is_settled`]). Otherwise the read is repeated. If other programs open, write and close the database
/// all the time, a normal reader reads it in the end, beside the sidecars that these programs create anyway.
///
/// In one case a trace remains. If the last other program closes the database while this one opens the log, that
/// program leaves its `-wal` or `-shm` behind.
pub(crate) fn read_without_trace<T>(
    path: &Path,
    look: impl FnMut(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    read(path, look).map_err(|error| error.with_effect(Effect::Nothing))
}

fn read<T>(
    path: &Path,
    mut look: impl FnMut(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    // Another thread of this process can hold the index while it waits for a lock. That time does not count.
    let waiting = Cell::new(Duration::ZERO);
    let attempt = |read_mode: ReadMode| {
        let uri = uri(path, read_mode.parameters());
        let asked = Instant::now();
        let _index = INDEX.write().unwrap_or_else(PoisonError::into_inner);
        waiting.set(waiting.get() + asked.elapsed());
        without_checkpoint_on_close(|| establish(path, &uri, read_mode.pragmas()))
            .and_then(|mut connection| look(&mut connection))
    };
    repeat_until_proven(path, &waiting, attempt)
}

/// The same with a connection for the calls that Diesel lacks, for as long as a copy takes. A read transaction is open on
/// it. `look` gets whether the connection takes locks. If not, `look` may give up with any error once the file has
/// changed.
///
/// While the index of a log is open read-only, other connections of this process can only read that database. Others
/// than the one that is copied are not affected.
pub(crate) fn read_raw_without_trace<T>(
    path: &Path,
    busy_handler: &BusyHandler,
    mut look: impl FnMut(RawConnection, bool) -> Result<T, Error>,
) -> Result<T, Error> {
    let waiting = Cell::new(Duration::ZERO);
    let attempt = |read_mode: ReadMode| {
        let uri = uri(path, read_mode.parameters());
        let asked = Instant::now();
        // The lock ends before `look`, which opens databases.
        let index = INDEX.write().unwrap_or_else(PoisonError::into_inner);
        waiting.set(waiting.get() + asked.elapsed());
        let reader = without_checkpoint_on_close(|| {
            let reader = establish_raw(&uri, read_mode.pragmas(), busy_handler)?;
            reader.execute("BEGIN")?;
            reader.row::<0>("SELECT 1 FROM sqlite_schema")?;
            Ok(reader)
        })
        .map_err(|error| Error::from_sqlite(path, error))?;
        drop(index);
        look(reader, read_mode.locks())
    };
    repeat_until_proven(path, &waiting, attempt)
}

/// Runs `attempt` in the mode that the files call for, until its result is that of unchanged files or of a reader with
/// locks.
fn repeat_until_proven<T>(
    path: &Path,
    waiting: &Cell<Duration>,
    mut attempt: impl FnMut(ReadMode) -> Result<T, Error>,
) -> Result<T, Error> {
    const PAUSE: Duration = Duration::from_millis(2);
    /// The time after which a normal reader is used.
    const PATIENCE: Duration = Duration::from_millis(250);
    /// The time that a transaction must look interrupted. A program that switches the database into or out of WAL mode
    /// looks the same for a moment.
    const INTERRUPTED_FOR: Duration = Duration::from_millis(500);
    check_file(path, Access::ReadWrite)?;
    let lock_wait = lock_wait::present().unwrap_or_else(|| BusyHandler::new(LOCK_TIMEOUT, None));
    let began = Instant::now();
    let mut interrupted = None;
    let mut settling = Duration::ZERO;
    loop {
        let now = SystemTime::now();
        let before = FileState::of(path)?;
        let is_settled = before.is_settled(now);
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
        if !locked && !is_settled && settling < before.tick() * 4 {
            // A read now would prove nothing. This time does not count either.
            settling += PAUSE;
            waiting.set(waiting.get() + PAUSE);
            thread::sleep(PAUSE);
            continue;
        }
        // All attempts together wait as long as one statement does.
        let left = lock_wait.limit().saturating_sub(looked_for());
        let _left = LockWait::like(lock_wait.for_at_most(left));
        let mut result = attempt(read_mode);
        if read_mode == ReadMode::SharedWal && result.as_ref().is_err_and(Error::is_about_opening) {
            // Without a writer, the index is useless.
            locked = false;
            result = attempt(ReadMode::PrivateWal);
        }
        if result.as_ref().map_or_else(Error::is_final, |_| locked) {
            return result;
        }
        let is_proven = locked || is_settled;
        if is_proven && FileState::of(path).is_ok_and(|after| after == before) {
            return match result {
                // The next writer rolls the transaction back.
                Err(error)
                    if read_mode == ReadMode::Ordinary
                        && matches!(error.kind, ErrorKind::ReadOnly) =>
                {
                    Err(ErrorKind::HotJournal.at(path))
                }
                other => other,
            };
        }
        if lock_wait.is_stopped() {
            return Err(ErrorKind::Interrupted.at(path));
        }
        if read_mode == ReadMode::Ordinary && looked_for() > lock_wait.limit() {
            return Err(ErrorKind::Locked.at(path));
        }
        thread::sleep(PAUSE);
    }
}

/// The state of a database file and its sidecars.
#[derive(Debug, PartialEq, Eq)]
struct FileState {
    file: Option<FileStamp>,
    wal: Option<FileStamp>,
    shm: bool,
    /// Whether there is a rollback journal of an unfinished transaction.
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

    /// Whether a write after `now` would change this state.
    fn is_settled(&self, now: SystemTime) -> bool {
        [&self.file, &self.wal]
            .into_iter()
            .flatten()
            .all(|stamp| stamp.is_settled(now))
    }

    /// The longest tick of the clock from which the times were taken.
    fn tick(&self) -> Duration {
        let stamps = [&self.file, &self.wal].into_iter().flatten();
        stamps.map(FileStamp::tick).max().unwrap_or_default()
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

    /// Whether a switch into or out of WAL mode was interrupted. In rollback mode, SQLite itself distinguishes an
    /// interrupted transaction from a running one.
    fn is_interrupted(&self) -> bool {
        self.journal && self.read_mode() != ReadMode::Ordinary
    }
}

/// The modes of [`read_without_trace`].
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
