//! Consistent copy: copies one state of a database while others write to it.
//!
//! SQLite's backup interface inside a read transaction always works, but it is slow: it goes page by page and
//! looks into the log for each.
//!
//! If the whole log has been moved into the file, there is a faster way. A read transaction that begins at that
//! moment needs nothing from the log. Its lock (`WAL_READ_LOCK(0)` in SQLite's source) keeps every checkpoint
//! off the file until it ends. Others go on committing to the log, and the file itself is the snapshot. It is
//! copied in blocks, through the descriptor that SQLite has open.
//!
//! Beside Litestream, nothing is moved into the file, and the copy goes page by page: Litestream reads the log.
//!
//! In rollback mode any reader keeps writers off the file.
//!
//! A file that this process must not write to, or must leave as it is, is read without a trace: in rollback mode under
//! the same lock, with a log in use under the log's own locks. Only a database in WAL mode that nobody has open offers
//! no lock. Its copy counts if the files are unchanged afterwards.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::counted::counted;
use crate::database::connection::open::{Access, LOCK_TIMEOUT, is_wal, open_raw_connection};
use crate::database::connection::read_only::read_raw_without_trace;
use crate::database::copying::replication_tables::ReplicationTables;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::cut_file;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::disk_space;
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::staged_file::StagedFile;
use crate::database::progress::{Observer, Stage, report};
use crate::sqlite::backup::{Backup, BackupStep};
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// The longest time that the checkpoint before a copy waits for readers. It blocks writers meanwhile.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(25);

/// The longest wait for the write lock, which is needed to find a moment at which the log is empty.
const LOCK_WAIT: Duration = Duration::from_millis(200);

/// The number of attempts to find that moment. A reader of an older state prevents it.
const TRIES: u32 = 8;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// Pages that the backup interface copies between two reports to the observer. That takes a few milliseconds.
const PAGES_PER_STEP: i32 = 2_048;

/// The size of a block when the file is copied in blocks. Larger blocks are sometimes faster and sometimes
/// several times slower (`cargo bench --bench maintenance`).
const BLOCK: usize = 128 << 10;

/// Bytes that are copied in blocks between two reports to the observer and two looks at the log.
const LOOK_EVERY: u64 = 4 << 20;

/// One state of a database, pinned until this is dropped.
#[derive(Debug)]
pub(crate) struct PinnedSnapshot {
    file: DatabaseFile,
    reader: RawConnection,
    pages: u64,
    page_size: u64,
    /// The stamp of the file, if the file itself is the snapshot.
    still: Option<FileStamp>,
    /// The problem of a file that lacks its last bytes.
    cut: Option<String>,
    log_bytes: u64,
    /// Whether a lock keeps others from writing to the file.
    is_locked: bool,
    /// Whether the log may be moved into the file. Litestream does that itself.
    may_checkpoint: bool,
    /// Whether the whole log was moved into the file, or there was none.
    pub(crate) checkpointed: bool,
}

/// A finished copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Its size, in bytes.
    pub(crate) bytes: u64,
    /// Whether its source had nothing in the log when the copy began.
    pub(crate) checkpointed: bool,
    /// Whether it shares its space on the disk with its source.
    pub(crate) cloned: bool,
}

/// Copies one state of a database to a new file. Write errors name `target`.
///
/// SQLite creates sidecars beside a database that it opens normally. A process that may not write to the file or to its
/// folder would fail to, or would create some that the owner cannot write to. So it reads without a trace, as it does
/// if the disk has no room for them.
pub(crate) fn copy_consistently(
    file: &DatabaseFile,
    staged: &mut StagedFile,
    target: &Path,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<Copied, Error> {
    if !file.may_be_shared() {
        return copy_without_trace(file, staged, target, busy_handler, observer);
    }
    match PinnedSnapshot::take(file, Writers::Free, busy_handler) {
        // Only SQLite's own files are written by then. Their disk can be another one than that of the copy.
        Err(error)
            if matches!(
                error.kind,
                ErrorKind::DiskFull | ErrorKind::NoRoomForFile { .. }
            ) =>
        {
            log::debug!("{error}: it is read without a trace");
            copy_without_trace(file, staged, target, busy_handler, observer)
        }
        taken => taken?.into_copied(staged, target, observer),
    }
}

/// Copies one state of a database, and leaves the file and its sidecars as they are. Write errors name `target`.
pub(crate) fn copy_without_trace(
    file: &DatabaseFile,
    staged: &mut StagedFile,
    target: &Path,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<Copied, Error> {
    read_raw_without_trace(file.path(), busy_handler, |reader, is_locked| {
        // An attempt before this one may have written something.
        staged.truncate()?;
        PinnedSnapshot::of_reader(file, reader, is_locked)?.into_copied(staged, target, observer)
    })
}

/// Whether others can write to the database while the snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    /// Others can write.
    Free,
    /// The caller holds the write lock.
    LockedOut,
}

impl PinnedSnapshot {
    /// Pins the present state, after a checkpoint.
    pub(crate) fn take(
        file: &DatabaseFile,
        writers: Writers,
        busy_handler: &BusyHandler,
    ) -> Result<Self, Error> {
        let reader = open_raw_connection(file.path(), Access::ReadWrite, busy_handler)?;
        Self::take_with(file, reader, writers, busy_handler)
    }

    fn take_with(
        file: &DatabaseFile,
        reader: RawConnection,
        writers: Writers,
        busy_handler: &BusyHandler,
    ) -> Result<Self, Error> {
        let mut snapshot = Self {
            file: file.clone(),
            reader,
            pages: 0,
            page_size: 0,
            still: None,
            cut: None,
            log_bytes: 0,
            is_locked: true,
            may_checkpoint: true,
            checkpointed: false,
        };
        snapshot.begin(writers, busy_handler)?;
        Ok(snapshot)
    }

    fn into_copied(
        mut self,
        staged: &mut StagedFile,
        target: &Path,
        observer: &mut dyn Observer,
    ) -> Result<Copied, Error> {
        if let Some(detail) = self.cut.take() {
            return Err(ErrorKind::Damaged { detail }.at(self.file.path()));
        }
        let checkpointed = self.checkpointed;
        let bytes = self.bytes();
        let cloned = self.copy(staged, target, observer)?;
        Ok(Copied {
            bytes,
            checkpointed,
            cloned,
        })
    }

    /// Pins the state that a reader sees, which is in a read transaction. Neither the file nor its folder is written to.
    fn of_reader(
        file: &DatabaseFile,
        reader: RawConnection,
        is_locked: bool,
    ) -> Result<Self, Error> {
        let mut snapshot = Self {
            file: file.clone(),
            reader,
            pages: 0,
            page_size: 0,
            still: None,
            cut: None,
            log_bytes: 0,
            is_locked,
            may_checkpoint: false,
            checkpointed: false,
        };
        // A reader without locks has no log to read, or the log is in memory. With locks, the file is the snapshot only
        // in rollback mode.
        let is_still = !is_wal(&snapshot.reader, file.path())?;
        snapshot.checkpointed = is_still;
        snapshot.measure(is_still)?;
        Ok(snapshot)
    }

    fn begin(&mut self, writers: Writers, busy_handler: &BusyHandler) -> Result<(), Error> {
        let path = self.file.path();
        if ReplicationTables::has_any(&self.reader, path)? && is_wal(&self.reader, path)? {
            self.may_checkpoint = false;
            self.begin_reading()?;
            return self.measure(false);
        }
        // A passive checkpoint moves most of the log and blocks nobody.
        let moved = self
            .reader
            .execute_watched("PRAGMA wal_checkpoint(PASSIVE)", || {
                !busy_handler.is_stopped()
            });
        self.forgive(self.located(moved))?;
        let is_still = match writers {
            Writers::Free => {
                self.wait_like(&busy_handler.for_at_most(CHECKPOINT_WAIT))?;
                let is_empty = self.forgive(self.checkpoint("FULL"))?.flatten();
                self.checkpointed = is_empty.unwrap_or(false);
                self.wait_like(busy_handler)?;
                self.forgive(self.begin_at_rest(busy_handler))?
            }
            Writers::LockedOut => self.forgive(self.begin_if_at_rest())?,
        };
        let is_still = is_still.unwrap_or(false);
        self.checkpointed |= is_still;
        if !is_still {
            log::debug!("The log could not be emptied; the copy goes page by page");
            self.begin_reading()?;
        }
        self.measure(is_still)
    }

    fn measure(&mut self, is_still: bool) -> Result<(), Error> {
        let sizes = self
            .reader
            .row("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size");
        let [pages, page_size] = self.located(sizes)?.unwrap_or_default();
        self.pages = u64::try_from(pages).unwrap_or_default();
        self.page_size = u64::try_from(page_size).unwrap_or_default();
        self.still = is_still.then(|| self.file.stamp()).flatten();
        self.cut = self
            .still
            .and_then(|stamp| cut_file::problem(stamp.bytes, self.pages, self.page_size));
        self.log_bytes = self.file.log_bytes();
        Ok(())
    }

    fn located<T>(&self, result: Result<T, SqliteError>) -> Result<T, Error> {
        result.map_err(|error| Error::from_sqlite(self.file.path(), error))
    }

    fn wait_like(&self, busy_handler: &BusyHandler) -> Result<(), Error> {
        self.located(self.reader.set_busy_handler(busy_handler.clone()))
    }

    /// Logs the failure of an optimisation and goes on without it. An interruption stays an error.
    fn forgive<T>(&self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Err(
                error @ Error {
                    kind: ErrorKind::Interrupted,
                    ..
                },
            ) => Err(error),
            Err(error) => {
                log::debug!("{}: {error}", self.file.path().display());
                Ok(None)
            }
            Ok(value) => Ok(Some(value)),
        }
    }

    /// Moves the log into the file. Returns whether nothing is left in the log; `None` if there is none, because the
    /// database is in rollback mode.
    fn checkpoint(&self, mode: &str) -> Result<Option<bool>, Error> {
        // Another program may have switched the database to WAL mode. Before it reads again, a connection does not know,
        // and its checkpoint finds no log.
        self.located(self.reader.row::<0>("SELECT 1 FROM sqlite_schema"))?;
        let row = self.reader.row(&format!("PRAGMA wal_checkpoint({mode})"));
        let [busy, log, moved] = self.located(row)?.unwrap_or([1, 0, 0]);
        // While another connection moves the log, SQLite gives no numbers either.
        Ok(match busy {
            0 if log < 0 => None,
            0 => Some(log == moved),
            _ => Some(false),
        })
    }

    fn begin_reading(&self) -> Result<(), Error> {
        self.located(self.reader.execute("BEGIN"))?;
        self.located(self.reader.row::<0>("SELECT 1 FROM sqlite_schema"))?;
        Ok(())
    }

    /// Begins to read if the file holds everything. The caller makes sure that nobody can write meanwhile.
    fn begin_if_at_rest(&self) -> Result<bool, Error> {
        let is_at_rest = self.checkpoint("PASSIVE")?.unwrap_or(true);
        if is_at_rest {
            self.begin_reading()?;
        }
        Ok(is_at_rest)
    }

    /// Begins to read at a moment at which the file holds everything, if there is one. Until reading has begun,
    /// this holds the write lock, so that nobody can add to the log.
    fn begin_at_rest(&self, busy_handler: &BusyHandler) -> Result<bool, Error> {
        let busy_handler = busy_handler.for_at_most(LOCK_WAIT);
        let writer = open_raw_connection(self.file.path(), Access::ReadWrite, &busy_handler)?;
        for tried in 0..TRIES {
            if tried > 0 {
                thread::sleep(PAUSE);
            }
            self.located(writer.execute("BEGIN IMMEDIATE"))?;
            let is_at_rest = self.begin_if_at_rest()?;
            self.located(writer.execute("ROLLBACK"))?;
            if is_at_rest {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The size of the snapshot, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.pages * self.page_size
    }

    /// Copies the snapshot to a new file. Write errors name `target`. What the file lacks of its last page becomes zeros.
    /// Returns whether the copy is a clone, which shares its space on the disk with the file.
    pub(crate) fn copy(
        mut self,
        staged: &mut StagedFile,
        target: &Path,
        observer: &mut dyn Observer,
    ) -> Result<bool, Error> {
        if self.clone_file(staged)? {
            let bytes = self.bytes();
            self.tell(bytes, bytes, observer)?;
            return Ok(true);
        }
        disk_space::require_room(target, staged.path(), self.bytes())?;
        if let Some(problem) = &self.cut {
            log::warn!("{}: {problem}", self.file.path().display());
        } else if let Some(stamp) = self.still.take() {
            if self.copy_blocks(staged, stamp, observer)? {
                return Ok(false);
            }
            if !self.is_locked {
                return Err(ErrorKind::Locked.at(self.file.path()));
            }
            log::warn!(
                "{} was written to without a lock; it is copied again, page by page",
                self.file.path().display()
            );
            staged.truncate()?;
        }
        self.copy_pages(staged, target, observer)?;
        Ok(false)
    }

    /// Clones the file, if it is the snapshot and its file system can. Returns whether it did.
    fn clone_file(&self, staged: &mut StagedFile) -> Result<bool, Error> {
        let (None, Some(stamp)) = (&self.cut, self.still) else {
            return Ok(false);
        };
        let is_cloned = staged.clone_content(self.file.real(), self.bytes())
            // A clone of a file that was written to without a lock may be of another state.
            && self.file.stamp() == Some(stamp);
        if !is_cloned {
            staged.truncate()?;
        }
        Ok(is_cloned)
    }

    /// Copies the file in blocks. Returns `false` if the file is shorter than the snapshot, or has changed.
    fn copy_blocks(
        &self,
        staged: &mut StagedFile,
        stamp: FileStamp,
        observer: &mut dyn Observer,
    ) -> Result<bool, Error> {
        let total = self.bytes();
        staged.allocate(total)?;
        let mut block = vec![0; BLOCK];
        let mut done = 0;
        while done < total {
            let length = usize::try_from(total - done).unwrap_or(BLOCK).min(BLOCK);
            let read = self.reader.read_file(&mut block[..length], done);
            if !self.located(read)? {
                return Ok(false);
            }
            staged.write(&block[..length])?;
            done += length as u64;
            if done % LOOK_EVERY == 0 || done == total {
                self.tell(done, total, observer)?;
                self.require_room_for_log()?;
                if self.file.stamp() != Some(stamp) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Copies the pages that the read transaction sees, one by one.
    fn copy_pages(
        &self,
        staged: &StagedFile,
        target: &Path,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        // An error of a step can be about either file, but damage is always in the source.
        let writing = |error| match Error::from_sqlite(target, error) {
            Error {
                kind: ErrorKind::Damaged { detail, .. },
                ..
            } => ErrorKind::Damaged { detail }.at(self.file.path()),
            other => other,
        };
        let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
        let destination = open_raw_connection(staged.path(), Access::Create, &busy_handler)?;
        // The copy is synced once, when it is complete. An incomplete copy is deleted.
        destination
            .execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            .map_err(writing)?;
        let mut backup = Backup::new(&self.reader, &destination).map_err(writing)?;
        loop {
            let step = backup.step(PAGES_PER_STEP).map_err(writing)?;
            let total = backup.page_count();
            let done = total - backup.remaining().min(total);
            self.tell(done * self.page_size, total * self.page_size, observer)?;
            self.require_room_for_log()?;
            if step == BackupStep::Done {
                break;
            }
        }
        let copied = backup.page_count();
        if copied == self.pages {
            return Ok(());
        }
        Err(ErrorKind::CopyCheckFailed {
            detail: format!(
                "it has {} and the database {}",
                counted(copied, "page"),
                self.pages
            ),
        }
        .at(target))
    }

    fn tell(&self, done: u64, total: u64, observer: &mut dyn Observer) -> Result<(), Error> {
        report(observer, self.file.path(), Stage::Copying, done, total)?;
        Ok(())
    }

    /// Fails if the disk has less room than the log has grown since the copy began. Others go on writing to the
    /// log, and the pinned state keeps it from being emptied.
    fn require_room_for_log(&self) -> Result<(), Error> {
        match self.file.log_bytes().checked_sub(self.log_bytes) {
            None | Some(0) => Ok(()),
            Some(grown) => disk_space::require_room(self.file.path(), self.file.real(), grown),
        }
    }
}

impl Drop for PinnedSnapshot {
    /// Allows checkpoints again, and runs one if the log has grown meanwhile.
    fn drop(&mut self) {
        let mut ended = self.located(self.reader.execute("ROLLBACK"));
        if ended.is_ok() && self.may_checkpoint && self.file.log_bytes() > self.log_bytes {
            ended = self.checkpoint("PASSIVE").map(|_| ());
        }
        if let Err(error) = ended {
            log::debug!("{}: {error}", self.file.path().display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::files::staged_file::PRIVATE;

    /// Another program switches the database to WAL mode after the reader has been opened.
    #[test]
    fn log_that_came_after_the_reader_is_part_of_the_copy() {
        for writers in [Writers::Free, Writers::LockedOut] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.db");
            let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
            let open = |access| open_raw_connection(&path, access, &busy_handler).unwrap();
            open(Access::Create)
                .execute("CREATE TABLE numbers (number)")
                .unwrap();
            let reader = open(Access::ReadWrite);
            assert_eq!(
                reader.row("SELECT count(*) FROM numbers").unwrap(),
                Some([0])
            );
            let other = open(Access::ReadWrite);
            let older = open(Access::ReadWrite);
            other
                .execute("PRAGMA journal_mode = WAL; INSERT INTO numbers VALUES (1)")
                .unwrap();
            // What this one reads keeps the last row in the log.
            older.execute("BEGIN").unwrap();
            older.row::<0>("SELECT 1 FROM numbers").unwrap();
            other.execute("INSERT INTO numbers VALUES (2)").unwrap();

            let file = DatabaseFile::at(&path);
            let snapshot =
                PinnedSnapshot::take_with(&file, reader, writers, &busy_handler).unwrap();
            assert!(!snapshot.checkpointed);
            let target = folder.path().join("x.bak");
            let mut staged = StagedFile::create(&target, PRIVATE).unwrap();
            snapshot.into_copied(&mut staged, &target, &mut ()).unwrap();
            let copy = open_raw_connection(staged.path(), Access::Immutable, &busy_handler);
            let rows = copy.unwrap().row("SELECT count(*) FROM numbers").unwrap();
            assert_eq!(rows, Some([2]));
        }
    }

    /// A checkpoint of another connection has only begun. It holds its lock, and waits for the writer.
    #[test]
    fn log_that_another_connection_is_moving_is_part_of_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
        let open = |access| open_raw_connection(&path, access, &busy_handler).unwrap();
        let writer = open(Access::Create);
        writer
            .execute(
                "PRAGMA journal_mode = WAL; CREATE TABLE numbers (number);
                 INSERT INTO numbers VALUES (1)",
            )
            .unwrap();
        let reader = open(Access::ReadWrite);
        let probe = open(Access::ReadWrite);
        let mover = open(Access::ReadWrite);
        // What this one reads keeps the last row in the log, whichever checkpoint comes first.
        let older = open(Access::ReadWrite);
        older.execute("BEGIN").unwrap();
        older.row::<0>("SELECT 1 FROM numbers").unwrap();
        writer
            .execute("INSERT INTO numbers VALUES (2); BEGIN IMMEDIATE")
            .unwrap();
        thread::scope(|scope| {
            let has_not_begun = Some([1, -1, -1]);
            scope.spawn(move || {
                let begin = || mover.row("PRAGMA wal_checkpoint(FULL)").unwrap();
                while begin() == has_not_begun {}
            });
            let is_moving =
                || probe.row("PRAGMA wal_checkpoint(PASSIVE)").unwrap() == has_not_begun;
            while !is_moving() {
                thread::yield_now();
            }

            let file = DatabaseFile::at(&path);
            let snapshot =
                PinnedSnapshot::take_with(&file, reader, Writers::LockedOut, &busy_handler)
                    .unwrap();
            assert!(!snapshot.checkpointed);
            writer.execute("ROLLBACK").unwrap();
            older.execute("ROLLBACK").unwrap();
            let target = folder.path().join("x.bak");
            let mut staged = StagedFile::create(&target, PRIVATE).unwrap();
            snapshot.into_copied(&mut staged, &target, &mut ()).unwrap();
            let copy = open_raw_connection(staged.path(), Access::Immutable, &busy_handler);
            let rows = copy.unwrap().row("SELECT count(*) FROM numbers").unwrap();
            assert_eq!(rows, Some([2]));
        });
    }
}
