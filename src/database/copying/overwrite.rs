//! Overwriting: replaces the content of a database in the same file.
//!
//! SQLite's backup interface writes the new content in one transaction. Programs that have the database open
//! see either the old or the new content. None goes on writing to a file without a name. In WAL mode the file
//! does not change before the commit, and readers are not blocked.

use std::path::Path;
use std::time::Duration;

use crate::database::connection::kept_log::warn_of_kept_log;
use crate::database::connection::open::{is_wal, leave_log, set_wal};
use crate::database::copying::replication_tables::ReplicationTables;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise;
use crate::sqlite::backup::{Backup, BackupStep};
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::moved_file::EMPTY_LOG;
use crate::sqlite::raw_connection::RawConnection;

/// Pages that are written between two reports to the observer.
const PAGES_PER_STEP: i32 = 2_048;

/// The longest wait for readers of the old content, which keep the log from being emptied.
const LOG_WAIT: Duration = Duration::from_millis(100);

/// A replacement that holds the write lock and has not changed any content yet. Dropping it rolls it back.
#[derive(Debug)]
pub(crate) struct Replacement<'handles> {
    backup: Backup<'handles>,
    /// It is dropped after the backup, which ends its transaction.
    switch: Option<SwitchToWal<'handles>>,
    live: &'handles RawConnection,
    path: &'handles Path,
    page_size: u64,
}

/// A switch to WAL mode. Unless it is kept, its drop takes it back, if no other program has the database open by then.
#[derive(Debug)]
struct SwitchToWal<'handle>(Option<&'handle RawConnection>);

impl<'handle> SwitchToWal<'handle> {
    fn make(live: &'handle RawConnection, path: &Path) -> Result<Self, Error> {
        let was_in_wal_mode = is_wal(live, path)?;
        set_wal(live, path)?;
        Ok(Self((!was_in_wal_mode).then_some(live)))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for SwitchToWal<'_> {
    fn drop(&mut self) {
        if let Some(live) = self.0.filter(|live| !live.has_moved()) {
            let back = live.execute("PRAGMA journal_mode = DELETE");
            log::debug!("The database leaves WAL mode again: {back:?}");
        }
    }
}

impl<'handles> Replacement<'handles> {
    /// Switches `live` to WAL mode, where it stays after the commit, and takes the write lock. Both databases must have the
    /// same page size.
    pub(crate) fn begin_in_wal_mode(
        source: &'handles RawConnection,
        live: &'handles RawConnection,
        path: &'handles Path,
    ) -> Result<Self, Error> {
        let switch = SwitchToWal::make(live, path)?;
        let mut replacement = Self::begin(source, live, path)?;
        replacement.switch = Some(switch);
        Ok(replacement)
    }

    /// Takes the write lock of `live`. Both databases must have the same page size.
    pub(crate) fn begin(
        source: &'handles RawConnection,
        live: &'handles RawConnection,
        path: &'handles Path,
    ) -> Result<Self, Error> {
        let located = |error| Error::from_sqlite(path, error);
        if ReplicationTables::has_any(live, path)? {
            leave_log(live, path)?;
        }
        let [page_size] = source
            .row("PRAGMA page_size")
            .map_err(located)?
            .unwrap_or_default();
        let mut backup = Backup::new(source, live).map_err(located)?;
        backup.step(0).map_err(located)?;
        Ok(Self {
            backup,
            switch: None,
            live,
            path,
            page_size: u64::try_from(page_size).unwrap_or_default(),
        })
    }

    /// Writes all pages but the last ones. Nobody sees them before the commit.
    pub(crate) fn prepare(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        let pages_per_step = u64::try_from(PAGES_PER_STEP).unwrap_or_default();
        while self.backup.remaining() > pages_per_step {
            self.step(PAGES_PER_STEP)?;
            let total = self.backup.page_count();
            let done = total - self.backup.remaining().min(total);
            report(
                observer,
                self.path,
                Stage::Writing,
                done * self.page_size,
                total * self.page_size,
            )?;
        }
        Ok(())
    }

    /// Writes the last pages and commits. Fails if the file is no longer at its path.
    pub(crate) fn commit(mut self) -> Result<(), Error> {
        let Self { live, path, .. } = self;
        if live.has_moved() {
            return Err(ErrorKind::Moved.at(path));
        }
        while self.step(-1)? != BackupStep::Done {}
        let Self { backup, switch, .. } = self;
        drop(backup);
        if let Some(switch) = switch {
            switch.keep();
        }
        if live.has_moved() {
            if let Err(error) = live.execute(EMPTY_LOG) {
                log::debug!("The log of a file that has moved was not emptied: {error}");
            }
            return Err(ErrorKind::MovedAtCommit.at(path));
        }
        Ok(())
    }

    fn step(&mut self, pages: i32) -> Result<BackupStep, Error> {
        self.backup
            .step(pages)
            .map_err(|error| Error::from_sqlite(self.path, error))
    }
}

/// Moves the log into the file and truncates it, because it is as large as the new content. Readers can prevent
/// a part of that; the next checkpoint moves the rest. A log that Litestream reads stays. A cancellation comes too late:
/// the content is replaced.
pub(crate) fn settle_log(live: &RawConnection, path: &Path) {
    if !matches!(ReplicationTables::has_any(live, path), Ok(false)) {
        log::debug!("The log of {} is left to Litestream", path.display());
        return;
    }
    let settled = live
        .set_busy_handler(BusyHandler::new(LOG_WAIT, None))
        .and_then(|()| live.execute(EMPTY_LOG));
    if let Err(error) = settled {
        warn_of_kept_log(path, &Error::from_sqlite(path, error));
    }
}

/// Fails if the database is not what was written to it.
pub(crate) fn require_arrived(path: &Path, written: &Recognition) -> Result<(), Error> {
    let _patient = LockWait::to_the_end();
    let found = recognise(path)?;
    if (&found.catalogue, &found.stamps) == (&written.catalogue, &written.stamps) {
        return Ok(());
    }
    Err(ErrorKind::NotAsWritten {
        written: written.name(),
        found: found.name(),
    }
    .at(path))
}

/// Fails if the content of this file may not be replaced.
pub(crate) fn require_replaceable(file: &DatabaseFile) -> Result<(), Error> {
    require_replaceable_content(file)?;
    file.require_writable()?;
    file.require_writable_folder()
}

fn require_replaceable_content(file: &DatabaseFile) -> Result<(), Error> {
    match recognise(file.path()) {
        // SQLite deletes a log beside an empty file.
        Err(error) if matches!(error.kind, ErrorKind::EmptyFile) => file.refuse_leftover(),
        Err(error) => Err(error),
        // A database without tables has nothing to lose.
        Ok(recognition) if recognition.catalogue.tables.is_empty() => Ok(()),
        Ok(recognition) => recognition.require_degenbot(file.path()),
    }
}
