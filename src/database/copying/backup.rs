//! Copying a database that others may be writing to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::copying::check_copy::check_copy;
use crate::database::copying::consistent_copy::{PinnedSnapshot, Writers};
use crate::database::copying::publish::{check_target, clear_away_leftovers, publish};
use crate::database::error::database_error::Error;
use crate::database::files::database_file::{DatabaseFile, backup_path};
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::recognise::recognise;
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;

/// How a backup is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackupOptions {
    /// Where it goes; to [`backup_path`] if nothing is said.
    pub output: Option<PathBuf>,
    /// Replace a file that is already there, once the new one is complete.
    pub replace_existing: bool,
    /// How the copy is checked before it takes its place, beyond what it is a database of.
    pub verify: Option<IntegrityCheck>,
    /// How long locks are waited for.
    pub wait: Duration,
}

setters!(BackupOptions {
    output: PathBuf => Some,
    replace_existing: bool,
    verify: IntegrityCheck => Some,
    wait: Duration,
});

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            output: None,
            replace_existing: false,
            verify: None,
            wait: LOCK_TIMEOUT,
        }
    }
}

/// What a backup came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The backup.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether the checkpoint before the copy could move the whole log into the database. The backup
    /// is complete either way.
    pub checkpointed: bool,
}

/// Copies a database, as it is at one moment, while others go on using it.
///
/// `PRAGMA wal_checkpoint(FULL)` comes first; the copy does not depend on its success. What is copied is a
/// snapshot: commits of other processes neither get into it nor make it start over. The copy is one file
/// that needs no log, has the database's permissions, and takes its place by a rename.
///
/// # Errors
///
/// [`BackupExists`](crate::database::ErrorKind::BackupExists) where there is a backup and it may not be replaced;
/// [`Refused`](crate::database::ErrorKind::Refused) for a database that is not degenbot's;
/// [`NotEnoughSpace`](crate::database::ErrorKind::NotEnoughSpace) where the copy has no room;
/// [`CopyCheckFailed`](crate::database::ErrorKind::CopyCheckFailed) where it is not sound;
/// [`Interrupted`](crate::database::ErrorKind::Interrupted) where the observer asks for it; otherwise where the
/// database cannot be read or the copy not be written. The backup that was there stays.
pub fn backup_sqlite_database(
    path: &Path,
    options: &BackupOptions,
    observer: &mut dyn Observer,
) -> Result<BackupReport, Error> {
    let backup_path = options.output.clone().unwrap_or_else(|| backup_path(path));
    recognise(path)?.require_degenbot(path)?;
    let file = DatabaseFile::existing(path)?;
    check_target(&file, &backup_path, options.replace_existing)?;

    // A symbolic link in the backup's place stays one: what it points to is replaced.
    let target = DatabaseFile::at(&backup_path);
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    // A reader that may not write would leave files beside the database that its owner cannot write to.
    let is_unused = file.require_writable().is_err() && !file.has_sidecars();
    let snapshot = if is_unused {
        PinnedSnapshot::of_unused(&file)?
    } else {
        PinnedSnapshot::take(&file, Writers::Free, &busy_handler)?
    };
    let mut staged = StagedFile::create(target.real(), PRIVATE)?;
    let checkpointed = snapshot.checkpointed;
    let bytes = snapshot.copy(&mut staged, &backup_path, observer)?;
    check_copy(&staged, &backup_path, options.verify, observer)?;
    staged.copy_permissions(file.real())?;
    report(observer, path, Stage::Copying, bytes, bytes)?;
    clear_away_leftovers(&target, &busy_handler)?;
    publish(staged, options.replace_existing)?;
    log::info!("Backed up {} to {}", path.display(), backup_path.display());
    Ok(BackupReport {
        path: backup_path,
        bytes,
        checkpointed,
    })
}
