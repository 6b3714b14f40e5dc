//! Putting the content of one database in the place of another one's, in the file that is there.
//!
//! It goes through SQLite's backup interface, in one transaction: programs that have the database open see
//! the old or the new content, whole, and none goes on writing into a file without a name. In WAL mode
//! nothing of the file changes before the commit, and readers go on meanwhile.

use std::path::Path;
use std::time::Duration;

use crate::database::connection::open::set_wal;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::recognise::recognise;
use crate::sqlite::backup::{Backup, BackupStep};
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::raw_connection::RawConnection;

/// Pages written between two looks at the observer.
const PAGES_PER_STEP: i32 = 2_048;

/// How long readers of the old content are waited for, so that the log can be emptied.
const LOG_WAIT: Duration = Duration::from_millis(100);

/// A replacement that has the write lock and has not changed any content yet. Dropping it changes none.
#[derive(Debug)]
pub(crate) struct Replacement<'handles> {
    backup: Backup<'handles>,
    path: &'handles Path,
    page_size: u64,
}

impl<'handles> Replacement<'handles> {
    /// Takes the write lock of `live`, which must have pages as large as those of `source`. A database in
    /// rollback mode is put into WAL mode before, and stays in it.
    pub(crate) fn begin(
        source: &'handles RawConnection,
        live: &'handles RawConnection,
        path: &'handles Path,
    ) -> Result<Self, Error> {
        let located = |error| Error::from_sqlite(path, error);
        set_wal(live, path)?;
        let [page_size] = source
            .row("PRAGMA page_size")
            .map_err(located)?
            .unwrap_or_default();
        let mut backup = Backup::new(source, live).map_err(located)?;
        backup.step(0).map_err(located)?;
        Ok(Self {
            backup,
            path,
            page_size: u64::try_from(page_size).unwrap_or_default(),
        })
    }

    /// Writes all but the last pages, which nobody sees yet.
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

    /// Commits.
    pub(crate) fn commit(mut self) -> Result<(), Error> {
        while self.step(-1)? != BackupStep::Done {}
        Ok(())
    }

    /// Prepares and commits.
    pub(crate) fn complete(mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.prepare(observer)?;
        self.commit()
    }

    fn step(&mut self, pages: i32) -> Result<BackupStep, Error> {
        self.backup
            .step(pages)
            .map_err(|error| Error::from_sqlite(self.path, error))
    }
}

/// Moves the log, which is as large as the new content, into the file and empties it, as far as readers let
/// it be. What stays is moved by the next checkpoint.
pub(crate) fn settle_log(live: &RawConnection, path: &Path, busy_handler: &BusyHandler) {
    let settled = live
        .set_busy_handler(busy_handler.for_at_most(LOG_WAIT))
        .and_then(|()| {
            live.execute_watched("PRAGMA wal_checkpoint(TRUNCATE)", || {
                !busy_handler.is_stopped()
            })
        });
    if let Err(error) = settled {
        log::debug!("The log of {} was not emptied: {error}", path.display());
    }
}

/// Fails where the content of this file may not be replaced.
pub(crate) fn require_replaceable(file: &DatabaseFile) -> Result<(), Error> {
    match recognise(file.path()) {
        // SQLite deletes a log beside an empty file.
        Err(error) if matches!(error.kind, ErrorKind::EmptyFile) => file.refuse_leftover(),
        Err(error) => Err(error),
        // A database without tables has nothing to lose.
        Ok(recognition) if recognition.catalogue.tables.is_empty() => Ok(()),
        Ok(recognition) => recognition.require_degenbot(file.path()),
    }
}
