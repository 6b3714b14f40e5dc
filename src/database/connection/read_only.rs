//! Read-only access to a database without a trace.

use std::cell::Cell;
use std::path::Path;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use diesel::RunQueryDsl;
use diesel::sqlite::SqliteConnection;
use libsqlite3_sys as ffi;

use crate::database::connection::open::{
    Access, INDEX, LOCK_TIMEOUT, check_file, establish, establish_raw, is_wal_on_disk,
    leaving_no_index,
};
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar, WAL_HEADER_BYTES};
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::rollback_journal::begins_with_journal_magic;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks::without_checkpoint_on_close;
use crate::sqlite::file_uri::uri;
use crate::sqlite::lock_wait::{self, LockWait};
use crate::sqlite::raw_connection::{RawConnection, SqliteError};
use crate::sqlite::transaction::{Begin, transaction};

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
/// A reader's lock on the file ([`SharedLock`]) comes before a mode that opens the log: no program deletes the log or its
/// index while another one has that lock. Otherwise SQLite could find no log any more, and create one.
///
/// The last two modes take no locks of their own, and in every mode files can appear and disappear during the read. So a
/// result counts only if the files are unchanged afterwards, and if their times were old enough before to show a write
/// ([`FileStamp::shows_writes`]). Otherwise the read is repeated.
///
/// Times can prove nothing for a while: somebody has set that of a log, or the file system stores whole seconds. And other
/// programs may open, write and close the database all the time. Then the reader's lock takes the place of the times. A
/// program that writes has a log and an index, which stay. So none has written if either is missing before and after the
/// read. If one has come, the next attempt reads beside it. Where a killed program has left an index as well, a normal
/// reader makes that anew.
///
/// In one case a trace remains. If the last other program closes the database while this one has the lock, that program
/// leaves its `-wal` or `-shm` behind.
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

/// Calls `look` in a read transaction, for as long as it takes. Otherwise like [`read_without_trace`]: what `look` returns
/// counts only if the files prove that it has seen one state, and `look` may be called again.
///
/// Other connections of this process can be opened meanwhile, and can write. So the index of a log is not opened
/// read-only if it can be avoided. A log without an index gets one, which is removed again: the VFS without locks would
/// drop those of this process when it closes the file.
///
/// Each call has a connection of its own. `litestream restore -f` changes pages without the counter that tells SQLite to
/// forget what it has read before.
pub(crate) fn read_one_state<T>(
    path: &Path,
    mut look: impl FnMut(&mut SqliteConnection) -> T,
) -> Result<T, Error> {
    let waiting = Cell::new(Duration::ZERO);
    let mut attempt = |parameters: &str, pragmas: &str| {
        let asked = Instant::now();
        let index = INDEX.read().unwrap_or_else(PoisonError::into_inner);
        waiting.set(waiting.get() + asked.elapsed());
        let uri = uri(path, parameters);
        let mut connection = without_checkpoint_on_close(|| establish(path, &uri, pragmas))?;
        transaction(
            &mut connection,
            Begin::Deferred,
            |connection| {
                // The first statement opens the index. The lock ends before `look`, which may open databases.
                diesel::sql_query("SELECT 1 FROM sqlite_schema").execute(connection)?;
                drop(index);
                Ok(look(connection))
            },
            |error| Error::from_diesel(path, "read from the database", error),
        )
    };
    let attempt = |mode: ReadMode| {
        let mut in_mode = |mode: ReadMode| attempt(mode.parameters(), mode.pragmas());
        match mode {
            ReadMode::Ordinary | ReadMode::Immutable => in_mode(mode),
            ReadMode::SharedWal => in_mode(ReadMode::Ordinary),
            ReadMode::PrivateWal => {
                match in_mode(ReadMode::Ordinary) {
                    // Nobody may make an index here.
                    Err(error) if error.is_about_opening() => in_mode(mode),
                    result => result,
                }
            }
        }
    };
    leaving_no_index(path, || repeat_until_proven(path, &waiting, attempt))
        .map_err(|error| error.with_effect(Effect::Nothing))
}

/// Runs `attempt` in the mode that the files call for, until its result is that of unchanged files or of a reader with
/// locks.
fn repeat_until_proven<T>(
    path: &Path,
    waiting: &Cell<Duration>,
    mut attempt: impl FnMut(ReadMode) -> Result<T, Error>,
) -> Result<T, Error> {
    check_file(path, Access::ReadWrite)?;
    let mut reading = Reading::new(path, waiting);
    loop {
        let now = SystemTime::now();
        let files = FileState::of(path)?;
        let step = reading.step(&files, now);
        if step != Step::AwaitSwitch {
            reading.interrupted = None;
        }
        match step {
            Step::AwaitSwitch => reading.await_switch()?,
            // What counts is how the files are under the lock.
            Step::Lock => reading.shared_lock = SharedLock::take(path),
            Step::AwaitLock => {
                reading.shared_lock.release();
                reading.pause(Some(reading.looked_for()))?;
            }
            Step::Settle => reading.settle(),
            Step::Read(mode) => {
                if let Some(result) = reading.read(mode, &files, now, &mut attempt)? {
                    return result;
                }
            }
        }
    }
}

/// The pause between two looks at the files.
const PAUSE: Duration = Duration::from_millis(2);

/// The time after which a lock takes the place of the files' times.
const PATIENCE: Duration = Duration::from_millis(250);

/// The attempts to read a database without a trace.
struct Reading<'a> {
    path: &'a Path,
    lock_wait: BusyHandler,
    began: Instant,
    /// The part of the time since then that does not count.
    waiting: &'a Cell<Duration>,
    /// For how long the files' times would not have shown a write.
    settling: Duration,
    /// Since when a switch into or out of WAL mode looks interrupted.
    interrupted: Option<Instant>,
    shared_lock: SharedLock,
    /// Whether no program keeps the index up to date.
    is_index_useless: bool,
    /// Whether `litestream restore -f` writes to the file, which it does all the time.
    is_follower: bool,
}

/// What is to be done about a database next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Wait: a program switches the database into or out of WAL mode, or was killed meanwhile.
    AwaitSwitch,
    /// Take a reader's lock.
    Lock,
    /// Wait for the program that has the file for itself.
    AwaitLock,
    /// Wait until the files' times would show a write. A read now would prove nothing.
    Settle,
    Read(ReadMode),
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, waiting: &'a Cell<Duration>) -> Self {
        Self {
            path,
            lock_wait: lock_wait::present().unwrap_or_else(|| BusyHandler::new(LOCK_TIMEOUT, None)),
            began: Instant::now(),
            waiting,
            settling: Duration::ZERO,
            interrupted: None,
            shared_lock: SharedLock::NotTaken,
            is_index_useless: false,
            is_follower: DatabaseFile::at(path).refuse_follower().is_err(),
        }
    }

    fn step(&self, files: &FileState, now: SystemTime) -> Step {
        if files.is_interrupted() {
            return Step::AwaitSwitch;
        }
        let mode = self.mode(files);
        if mode == ReadMode::Ordinary {
            return Step::Read(mode);
        }
        let is_settled = files.is_settled(now);
        if self.is_late(files) || mode.opens_log() {
            match self.shared_lock {
                SharedLock::NotTaken => return Step::Lock,
                SharedLock::InTheWay => {
                    // A program that has the file for itself for that long, without an index, needs the log.
                    let is_needed = mode == ReadMode::PrivateWal && self.looked_for() > PATIENCE;
                    return if is_needed && is_settled {
                        Step::Read(mode)
                    } else {
                        Step::AwaitLock
                    };
                }
                SharedLock::Taken { .. } | SharedLock::Impossible => {}
            }
        }
        if mode.locks() || is_settled || self.is_kept_off(files) {
            Step::Read(mode)
        } else {
            Step::Settle
        }
    }

    /// The mode in which the files are read now.
    fn mode(&self, files: &FileState) -> ReadMode {
        let is_late = self.is_late(files);
        match self.shared_lock {
            SharedLock::Impossible if is_late => ReadMode::Ordinary,
            // It makes the index anew, and no file.
            _ if is_late && self.is_index_useless && files.has_index() => ReadMode::Ordinary,
            _ => files.read_mode(self.shared_lock.is_taken()),
        }
    }

    /// Whether the files' times have proved nothing for too long, or will.
    fn is_late(&self, files: &FileState) -> bool {
        /// The time after which they have if they would not show a write. Nearly always they would sooner.
        const SETTLING: Duration = Duration::from_millis(40);
        let longest_settling = match self.shared_lock {
            SharedLock::Impossible => files.tick() * 4,
            _ => SETTLING,
        };
        self.is_follower || self.looked_for() > PATIENCE || self.settling >= longest_settling
    }

    /// Whether other programs cannot write without a file that is missing.
    fn is_kept_off(&self, files: &FileState) -> bool {
        self.shared_lock.is_taken() && !files.has_index()
    }

    /// How long the attempts take already.
    fn looked_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.waiting.get())
    }

    /// Reads once. Returns `None` if the result proves nothing.
    fn read<T>(
        &mut self,
        mode: ReadMode,
        files: &FileState,
        now: SystemTime,
        attempt: &mut impl FnMut(ReadMode) -> Result<T, Error>,
    ) -> Result<Option<Result<T, Error>>, Error> {
        if mode == ReadMode::Ordinary {
            // The reader takes its own. To roll a transaction back, it must be the only one of this process.
            self.shared_lock.release();
        }
        let is_last = mode == ReadMode::Ordinary || self.is_late(files);
        let is_kept_off = self.is_kept_off(files);
        // All attempts together wait as long as one statement does.
        let left = self.lock_wait.limit().saturating_sub(self.looked_for());
        let _left = LockWait::like(self.lock_wait.for_at_most(left));
        let mut used = mode;
        let mut result = attempt(used);
        if mode == ReadMode::SharedWal && result.as_ref().is_err_and(Error::is_about_opening) {
            // Without a writer, the index is useless.
            self.is_index_useless = true;
            used = ReadMode::PrivateWal;
            result = attempt(used);
        }
        let locked = used.locks();
        if result.as_ref().map_or_else(Error::is_final, |_| locked) {
            return Ok(Some(result));
        }
        let is_proven = locked || is_kept_off || files.shows_writes_since(now);
        if is_proven && FileState::of(self.path).is_ok_and(|after| after == *files) {
            return Ok(Some(match result {
                // The next writer rolls the transaction back.
                Err(error)
                    if mode == ReadMode::Ordinary
                        && matches!(error.kind, ErrorKind::ReadOnly)
                        && is_rollback_needed(self.path) =>
                {
                    Err(ErrorKind::HotJournal.at(self.path))
                }
                other => other,
            }));
        }
        if used == ReadMode::PrivateWal {
            // The VFS without locks has closed the file, and the system has dropped those of this process.
            self.shared_lock.release();
        }
        self.pause(is_last.then(|| self.looked_for()))?;
        Ok(None)
    }

    /// Waits before the next look. Fails if it was waited for too long, or if somebody stops it.
    fn pause(&self, waited: Option<Duration>) -> Result<(), Error> {
        if self.lock_wait.is_stopped() {
            return Err(ErrorKind::Interrupted.at(self.path));
        }
        if waited.is_some_and(|waited| waited > self.lock_wait.limit()) {
            return Err(ErrorKind::Locked.at(self.path));
        }
        thread::sleep(PAUSE);
        Ok(())
    }

    /// Waits, which does not count.
    fn settle(&mut self) {
        self.settling += PAUSE;
        self.waiting.set(self.waiting.get() + PAUSE);
        thread::sleep(PAUSE);
    }

    fn await_switch(&mut self) -> Result<(), Error> {
        /// The time that a transaction must look interrupted. A program that switches the database into or out of WAL
        /// mode looks the same for a moment.
        const INTERRUPTED_FOR: Duration = Duration::from_millis(500);
        let since = self.interrupted.get_or_insert_with(Instant::now);
        if since.elapsed() > INTERRUPTED_FOR {
            return Err(ErrorKind::HotJournal.at(self.path));
        }
        thread::sleep(PAUSE);
        Ok(())
    }
}

/// Whether the database in rollback mode cannot be read before a transaction is rolled back, which a reader may not do. What
/// is called read-only otherwise is a file that the operation means to write later.
fn is_rollback_needed(path: &Path) -> bool {
    // The statement needs no pragmas.
    let read = RawConnection::open(&uri(path, ReadMode::Ordinary.parameters()))
        .and_then(|reader| reader.row::<0>("SELECT 1 FROM sqlite_schema"));
    matches!(read, Err(error) if error.code == ffi::SQLITE_READONLY)
}

/// A reader's lock on a database file, beside a connection that takes none.
///
/// Every program that has a database in WAL mode open has such a lock. Only one that has the file for itself, when it
/// closes the database as the last, deletes the log and its index.
#[derive(Debug)]
enum SharedLock {
    NotTaken,
    /// A program that has the file for itself is in the way.
    InTheWay,
    /// It lasts as long as the connection.
    Taken {
        _holder: RawConnection,
    },
    /// The file system has no locks.
    Impossible,
}

impl SharedLock {
    fn take(path: &Path) -> Self {
        // No statement runs on this connection, so it needs no pragmas.
        let taken = RawConnection::open(&uri(path, ReadMode::Ordinary.parameters()))
            .and_then(|holder| Ok((holder.keep_shared_lock()?, holder)));
        match taken {
            Ok((true, holder)) => Self::Taken { _holder: holder },
            Ok((false, _)) => Self::InTheWay,
            Err(SqliteError { message, .. }) => {
                log::debug!("{} cannot be locked: {message}", path.display());
                Self::Impossible
            }
        }
    }

    const fn is_taken(&self) -> bool {
        matches!(self, Self::Taken { .. })
    }

    /// The next step that needs the lock takes it anew.
    fn release(&mut self) {
        if matches!(self, Self::Taken { .. } | Self::InTheWay) {
            *self = Self::NotTaken;
        }
    }
}

/// The state of a database file and its sidecars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            file: FileStamp::of_change(file.real()),
        })
    }

    /// Whether a write after `now` would change this state.
    fn is_settled(&self, now: SystemTime) -> bool {
        self.stamps().all(|stamp| stamp.is_settled(now))
    }

    /// Whether a write at any time since `then` would have changed this state.
    fn shows_writes_since(&self, then: SystemTime) -> bool {
        let now = SystemTime::now();
        self.stamps().all(|stamp| stamp.shows_writes(then, now))
    }

    fn stamps(&self) -> impl Iterator<Item = &FileStamp> {
        [&self.file, &self.wal].into_iter().flatten()
    }

    /// The longest tick of the clock from which the times were taken.
    fn tick(&self) -> Duration {
        self.stamps().map(FileStamp::tick).max().unwrap_or_default()
    }

    /// Whether there is a log with its index, which others can use without making a file.
    fn has_index(&self) -> bool {
        self.wal.is_some() && self.shm
    }

    /// Whether the log holds more than its header.
    fn has_log(&self) -> bool {
        self.wal
            .as_ref()
            .is_some_and(|wal| wal.bytes > WAL_HEADER_BYTES)
    }

    /// The mode that the files call for. Under a reader's lock, even an empty log is read through its index: others can
    /// fill and empty it without a trace.
    fn read_mode(&self, is_locked: bool) -> ReadMode {
        match (self.has_log(), self.shm) {
            (true, true) => ReadMode::SharedWal,
            (false, true) if is_locked && self.has_index() => ReadMode::SharedWal,
            (true, false) => ReadMode::PrivateWal,
            (false, _) if self.wal_on_disk => ReadMode::Immutable,
            (false, _) => ReadMode::Ordinary,
        }
    }

    /// Whether a switch into or out of WAL mode was interrupted. In rollback mode, SQLite itself distinguishes an
    /// interrupted transaction from a running one.
    fn is_interrupted(&self) -> bool {
        self.journal && self.read_mode(false) != ReadMode::Ordinary
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

    /// Whether SQLite would create the log if it were missing.
    const fn opens_log(self) -> bool {
        matches!(self, Self::SharedWal | Self::PrivateWal)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::database::connection::open::open_raw_connection;

    fn create(path: &Path) -> RawConnection {
        let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
        let created = open_raw_connection(path, Access::Create, &busy_handler).unwrap();
        created
            .execute(
                "PRAGMA journal_mode = WAL; CREATE TABLE first (a); CREATE TABLE last (a); \
                 INSERT INTO first VALUES (1); INSERT INTO last VALUES (1)",
            )
            .unwrap();
        created
    }

    /// SQLite would create a log that is missing when a mode opens it.
    #[test]
    fn the_log_stays_where_it_was_seen_until_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut writer = Some(create(&path));
        let mut modes = Vec::new();
        let read = repeat_until_proven(&path, &Cell::new(Duration::ZERO), |mode| {
            writer = None;
            modes.push(mode);
            Ok(Sidecar::Wal.of(&path).exists())
        });
        assert!(read.unwrap());
        assert_eq!(modes, [ReadMode::SharedWal]);
    }

    /// Files as a writer leaves them: a log with its index, the log alone, an empty log with its index, the file alone, the
    /// file in rollback mode, and in the middle of a switch to WAL mode.
    fn states(path: &Path) -> [FileState; 6] {
        let writer = create(path);
        let log_and_index = FileState::of(path).unwrap();
        drop(writer);
        let alone = FileState::of(path).unwrap();
        let empty = path.with_extension("empty");
        fs::write(&empty, "").unwrap();
        let mut states = [alone; 6];
        states[0] = log_and_index;
        states[1].wal = log_and_index.wal;
        states[2].wal = FileStamp::of(&empty);
        states[2].shm = true;
        states[4].wal_on_disk = false;
        states[5].journal = true;
        states
    }

    /// What is done about each state in the moment of the last write, and a minute later if that is something else.
    fn steps(reading: &Reading<'_>, states: &[FileState]) -> Vec<String> {
        let metadata = fs::metadata(reading.path).unwrap();
        let written = Duration::new(
            metadata.ctime().try_into().unwrap(),
            metadata.ctime_nsec().try_into().unwrap(),
        );
        let now = SystemTime::UNIX_EPOCH + written;
        let name = |step| match step {
            Step::Read(mode) => format!("{mode:?}"),
            step => format!("{step:?}"),
        };
        let step = |files| {
            let [soon, later] = [Duration::ZERO, Duration::from_secs(60)]
                .map(|passed| name(reading.step(files, now + passed)));
            if soon == later {
                soon
            } else {
                format!("{soon}, then {later}")
            }
        };
        states.iter().map(step).collect()
    }

    #[test]
    fn steps_follow_from_the_files_and_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let states = states(&path);
        // Early, all of the time was waited for something else.
        let (soon, late) = (Cell::new(Duration::MAX), Cell::new(Duration::ZERO));
        let check = |shared_lock, waiting, expected: &str| {
            let reading = Reading {
                began: Instant::now().checked_sub(2 * PATIENCE).unwrap(),
                shared_lock,
                ..Reading::new(&path, waiting)
            };
            assert_eq!(steps(&reading, &states).join("; "), expected);
        };
        check(
            SharedLock::NotTaken,
            &soon,
            "Lock; Lock; Settle, then Immutable; Settle, then Immutable; Ordinary; AwaitSwitch",
        );
        check(
            SharedLock::NotTaken,
            &late,
            "Lock; Lock; Lock; Lock; Ordinary; AwaitSwitch",
        );
        check(
            SharedLock::InTheWay,
            &soon,
            "AwaitLock; AwaitLock; Settle, then Immutable; Settle, then Immutable; Ordinary; AwaitSwitch",
        );
        check(
            SharedLock::InTheWay,
            &late,
            "AwaitLock; AwaitLock, then PrivateWal; AwaitLock; AwaitLock; Ordinary; AwaitSwitch",
        );
        let taken = SharedLock::take(&path);
        assert!(taken.is_taken());
        check(
            taken,
            &soon,
            "SharedWal; PrivateWal; SharedWal; Immutable; Ordinary; AwaitSwitch",
        );
        check(
            SharedLock::Impossible,
            &soon,
            "SharedWal; Settle, then PrivateWal; Settle, then Immutable; Settle, then Immutable; Ordinary; \
             AwaitSwitch",
        );
        check(
            SharedLock::Impossible,
            &late,
            "Ordinary; Ordinary; Ordinary; Ordinary; Ordinary; AwaitSwitch",
        );
    }

    fn number(reader: &RawConnection, query: &str) -> i64 {
        reader.row::<1>(query).unwrap().unwrap()[0]
    }

    /// A writer comes while the file is read under a reader's lock, and goes before the read is over. A read that began
    /// before it and ended after it counts for nothing.
    #[test]
    fn a_read_under_the_lock_is_repeated_after_a_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
        drop(create(&path));
        // A file with this time may have been written in this moment, for as long as the test runs.
        let log = Sidecar::Wal.of(&path);
        fs::write(&log, "").unwrap();
        let soon = SystemTime::now() + Duration::from_secs(50);
        File::open(&log).unwrap().set_modified(soon).unwrap();
        let mut reads = 0;
        let numbers = read_raw_without_trace(&path, &busy_handler, |reader, _| {
            let first = number(&reader, "SELECT a FROM first");
            reads += 1;
            if reads == 1 {
                let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
                let write = "BEGIN; UPDATE first SET a = 2; UPDATE last SET a = 2; COMMIT";
                let writer = open_raw_connection(&path, Access::ReadWrite, &busy_handler).unwrap();
                writer.execute(write).unwrap();
                writer.execute(checkpoint).unwrap();
            }
            Ok((first, number(&reader, "SELECT a FROM last")))
        });
        assert_eq!(numbers.unwrap(), (2, 2));
        assert_eq!(reads, 2);
    }
}
