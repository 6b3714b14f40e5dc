//! Backup: copies a database while others write to it.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::copying::check_copy::check_copy;
use crate::database::copying::consistent_copy::{Copied, copy_consistently};
use crate::database::copying::publish::{check_target, clear_away_leftovers, publish};
use crate::database::copying::rotation::{NotRemoved, Rotation};
use crate::database::error::database_error::Error;
use crate::database::error::not_checked::NotChecked;
use crate::database::files::database_file::{DatabaseFile, backup_path};
use crate::database::files::disk_space;
use crate::database::files::staged_file::{self, PRIVATE, StagedFile};
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::recognise::recognise;
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::lock_wait::LockWait;

/// Options of [`backup_sqlite_database`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackupOptions {
    /// The path of the backup; [`backup_path`] by default.
    pub output: Option<PathBuf>,
    /// Give the backup the time as the end of its name, such as `degenbot.db.bak.20260131T235959Z`, and keep as many of
    /// that name, this one included. When it is complete and has its name, the oldest by their names are removed.
    ///
    /// Only a regular file that is recognised as a degenbot database counts and is removed, and only one that was there when
    /// the backup began. One with a log or another file of SQLite beside it stays.
    pub keep: Option<NonZeroU32>,
    /// Replace an existing file once the new one is complete.
    pub replace_existing: bool,
    /// The integrity check of the copy before it gets its name. Without one, the copy is only checked to be a
    /// degenbot database.
    pub verify: Option<IntegrityCheck>,
    /// Accept a copy of which the integrity check cannot check a part, for example an index whose collation only the
    /// user's own program defines. [`BackupReport::not_checked`] has these parts.
    pub allow_unchecked: bool,
    /// The longest time to wait for a lock.
    pub wait: Duration,
}

setters!(BackupOptions {
    output: PathBuf => Some,
    keep: NonZeroU32 => Some,
    replace_existing: bool,
    verify: IntegrityCheck => Some,
    allow_unchecked: bool,
    wait: Duration,
});

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            output: None,
            keep: None,
            replace_existing: false,
            verify: None,
            allow_unchecked: false,
            wait: LOCK_TIMEOUT,
        }
    }
}

/// The result of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The path of the backup.
    pub path: PathBuf,
    /// The size of the backup, in bytes.
    pub bytes: u64,
    /// Whether the checkpoint before the copy moved the whole log into the database. The backup is complete
    /// either way.
    pub checkpointed: bool,
    /// Whether the backup is a clone: it shares its space on the disk with the database, until either is written to. A
    /// fault of the disk hits both.
    pub cloned: bool,
    /// The parts of the copy that the integrity check could not check.
    pub not_checked: Vec<NotChecked>,
    /// The earlier backups that were removed, the oldest first.
    pub removed: Vec<PathBuf>,
    /// The earlier backups that stay, although they are too many or cannot be recognised.
    pub not_removed: Vec<NotRemoved>,
}

/// Copies one state of a database while others go on using it.
///
/// Checkpoints come first, the last one `PRAGMA wal_checkpoint(FULL)`; the copy does not depend on their success. There
/// are none beside Litestream, which would lose what it has not yet read from the log.
/// The copy is a snapshot: commits of other processes neither get into it nor make it start over. It is one file
/// that needs no log and has the database's permissions. A rename gives it its name. On a file system on which files can
/// share their space (btrfs, XFS, bcachefs), it is a clone, which takes no time and no space.
///
/// # Errors
///
/// [`Error::effect`] says whether a backup was made or replaced. The function fails with
///
/// - [`BackupExists`](crate::database::ErrorKind::BackupExists) if there is a backup that may not be replaced;
/// - [`Refused`](crate::database::ErrorKind::Refused) if the database is not degenbot's;
/// - [`NotEnoughSpace`](crate::database::ErrorKind::NotEnoughSpace) if the copy does not fit on the disk;
/// - [`CopyCheckFailed`](crate::database::ErrorKind::CopyCheckFailed) if the copy fails its check;
/// - [`NotChecked`](crate::database::ErrorKind::NotChecked) if a part of the copy cannot be checked, unless
///   [`BackupOptions::allow_unchecked`] is set;
/// - [`Interrupted`](crate::database::ErrorKind::Interrupted) if the observer asks for it;
/// - another kind if the database cannot be read or the copy cannot be written.
pub fn backup_sqlite_database(
    path: &Path,
    options: &BackupOptions,
    observer: &mut dyn Observer,
) -> Result<BackupReport, Error> {
    let _waiting = LockWait::begin(options.wait, observer.cancel_token());
    EffectTracker::track(path, |effect| back_up(path, options, observer, effect))
}

fn back_up(
    path: &Path,
    options: &BackupOptions,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<BackupReport, Error> {
    let base = options.output.clone().unwrap_or_else(|| backup_path(path));
    let rotation = (options.keep)
        .map(|keep| Rotation::begin(&DatabaseFile::at(path), &base, keep))
        .transpose()?;
    let backup_path = match &rotation {
        Some(rotation) => rotation.free_name()?,
        None => base.clone(),
    };
    recognise(path)?.require_degenbot(path)?;
    let file = DatabaseFile::existing(path)?;
    check_target(&file, &backup_path, true)?;

    // If the backup's path is a symbolic link, the link stays and the file that it points to is replaced.
    let target = DatabaseFile::at(&backup_path);
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    staged_file::sweep(file.real());
    // What a killed program has left of a backup with another time is found by the name without a time.
    let staged = match rotation {
        Some(_) => StagedFile::create(&base, PRIVATE),
        None => StagedFile::create(target.real(), PRIVATE),
    };
    let mut staged = staged?;
    let room = disk_space::require_room(&backup_path, staged.path(), file.bytes());
    if room.is_err() && !staged.can_clone(file.real())? {
        room?;
    }
    // A user who is asked whether to replace the file has heard of everything else that stands in the way.
    // Another program may have taken the name meanwhile. The next one is tried then.
    let is_replaced = options.replace_existing || rotation.is_some();
    check_target(&file, &backup_path, is_replaced)?;
    let Copied {
        bytes,
        checkpointed,
        cloned,
    } = copy_consistently(&file, &mut staged, &backup_path, &busy_handler, observer)?;
    let (_, not_checked) = check_copy(
        &staged,
        &backup_path,
        options.verify,
        options.allow_unchecked,
        observer,
    )?;
    staged.copy_permissions(file.real())?;
    report(observer, path, Stage::Copying, bytes, bytes)?;
    clear_away_leftovers(&target, &busy_handler)?;
    let backup_path = effect.publish(|| match &rotation {
        Some(rotation) => rotation.publish(&staged),
        None => publish(staged, options.replace_existing).map(|()| backup_path),
    })?;
    log::debug!("Backed up {} to {}", path.display(), backup_path.display());
    let (removed, not_removed) = rotation.map(Rotation::remove_oldest).unwrap_or_default();
    Ok(BackupReport {
        path: backup_path,
        bytes,
        checkpointed,
        cloned,
        not_checked,
        removed,
        not_removed,
    })
}
