//! Copying a database that others may be writing to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::database::connection::open::{
    Access, LOCK_TIMEOUT, has_sidecars, leftover, open_connection, require_writable, settle,
    sidecar,
};
use crate::database::copying::consistent_copy::{Snapshot, Writers};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::staged_file::{PRIVATE, Staged};
use crate::database::progress::{Observer, Progress, Stage};
use crate::database::recognition::recognise::{recognise, recognise_connection};
use crate::database::verification::integrity_check;
use crate::database::verification::integrity_check::Verification;
use crate::sqlite::busy_handler::Patience;
use crate::sqlite::connection_hooks::stoppable;

/// How a backup is made.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// Where it goes; to [`backup_path`] if nothing is said.
    pub output: Option<PathBuf>,
    /// Replace a file that is already there, once the new one is complete.
    pub replace_existing: bool,
    /// How the copy is checked before it takes its place, beyond what it is a database of.
    pub verify: Option<Verification>,
    /// How long locks are waited for.
    pub wait: Duration,
}

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

/// Where the backup of a database goes: its path with `.bak` appended.
#[must_use]
pub fn backup_path(database: &Path) -> PathBuf {
    sidecar(database, ".bak")
}

/// Copies a database, as it is at one moment, while others go on using it.
///
/// `PRAGMA wal_checkpoint(FULL)` comes first; the copy does not depend on its success. What is copied is a
/// snapshot: commits of other processes neither get into it nor make it start over. The copy is one file
/// that needs no log, has the database's permissions, and takes its place by a rename.
///
/// # Errors
///
/// [`Error::BackupExists`] where there is a backup and it may not be replaced; [`Error::Refused`] for
/// a database that is not degenbot's; [`Error::NotEnoughSpace`] where the copy has no room;
/// [`Error::CopyCheckFailed`] where it is not sound; [`Error::Interrupted`] where the observer asks for it;
/// otherwise where the database cannot be read or the copy not be written. The backup that was there stays.
pub fn backup_sqlite_database(
    path: &Path,
    options: &BackupOptions,
    observer: &mut dyn Observer,
) -> Result<BackupReport, Error> {
    let backup_path = options.output.clone().unwrap_or_else(|| backup_path(path));
    recognise(path)?.require_degenbot(path)?;
    check_target(path, &backup_path, options.replace_existing)?;

    // A symbolic link in the backup's place stays one: what it points to is replaced.
    let target = fs::canonicalize(&backup_path).unwrap_or_else(|_| backup_path.clone());
    let patience = Patience::new(options.wait, observer.stop_flag());
    // A reader that may not write would leave files beside the database that its owner cannot write to.
    let is_unused = require_writable(path).is_err() && !has_sidecars(path);
    let snapshot = if is_unused {
        Snapshot::of_unused(path)?
    } else {
        Snapshot::take(path, Writers::Free, &patience)?
    };
    let mut staged = Staged::create(&target, PRIVATE)?;
    let checkpointed = snapshot.checkpointed;
    let bytes = snapshot.copy(&mut staged, &backup_path, observer)?;
    check_copy(&staged, &backup_path, options.verify, observer)?;
    staged.copy_permissions(path)?;
    let complete = Progress {
        stage: Stage::Copying,
        done: bytes,
        total: bytes,
    };
    if observer.progress(complete).is_break() {
        return Err(ErrorKind::Interrupted.at(path));
    }
    clear_away_leftovers(&target, &patience)?;
    publish(staged, options.replace_existing)?;
    log::info!("Backed up {} to {}", path.display(), backup_path.display());
    Ok(BackupReport {
        path: backup_path,
        bytes,
        checkpointed,
    })
}

/// Gives a complete copy its name.
pub(crate) fn publish(staged: Staged, replace_existing: bool) -> Result<(), Error> {
    if replace_existing {
        return staged.replace();
    }
    staged.publish_new().map_err(|error| match error.kind {
        ErrorKind::AlreadyExists => error.with_kind(ErrorKind::BackupExists),
        _ => error,
    })
}

/// Fails where a copy of the database cannot go to this place.
pub(crate) fn check_target(
    path: &Path,
    backup: &Path,
    replace_existing: bool,
) -> Result<(), Error> {
    if is_sidecar(path, backup) {
        return Err(ErrorKind::BackupOntoItself.at(backup));
    }
    let Ok(metadata) = fs::symlink_metadata(backup) else {
        return Ok(());
    };
    // A link that points to nothing may point to a disk that is not there at the moment.
    if backup.is_dir() || (metadata.is_symlink() && !backup.exists()) {
        return Err(ErrorKind::AlreadyExists.at(backup));
    }
    if is_same_file(path, backup) {
        return Err(ErrorKind::BackupOntoItself.at(backup));
    }
    if !replace_existing {
        return Err(ErrorKind::BackupExists.at(backup));
    }
    Ok(())
}

/// Whether this is where SQLite keeps a file of the database's beside it.
fn is_sidecar(path: &Path, other: &Path) -> bool {
    let Ok(real) = fs::canonicalize(path) else {
        return false;
    };
    let folder = match other.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (Ok(folder), Some(name)) = (fs::canonicalize(folder), other.file_name()) else {
        return false;
    };
    ["-wal", "-shm", "-journal"]
        .iter()
        .any(|suffix| sidecar(&real, suffix) == folder.join(name))
}

pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Makes sure that SQLite will not apply the log of an earlier backup, which somebody has opened, to
/// the new one.
pub(crate) fn clear_away_leftovers(target: &Path, patience: &Patience) -> Result<(), Error> {
    if !has_sidecars(target) {
        return Ok(());
    }
    // What is no database, or not there, cannot take its log back, and SQLite might delete that.
    let settled = recognise(target).and_then(|_| settle(target, patience));
    match leftover(target) {
        Some(_) if matches!(&settled, Err(error) if matches!(error.kind, ErrorKind::Locked)) => {
            settled
        }
        Some(leftover) => Err(ErrorKind::Leftover { leftover }.at(target)),
        None => match settled {
            Err(error) if matches!(error.kind, ErrorKind::Locked) => Err(error),
            _ => Ok(()),
        },
    }
}

/// Checks a finished copy: that it is the database that was copied, and as thoroughly as asked for.
pub(crate) fn check_copy(
    staged: &Staged,
    backup_path: &Path,
    verify: Option<Verification>,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let failed = |detail| ErrorKind::CopyCheckFailed { detail }.at(backup_path);
    let mut connection = stoppable(observer.stop_flag(), || {
        open_connection(staged.path(), Access::Immutable)
    })?;
    recognise_connection(&mut connection)
        .and_then(|recognition| recognition.require_degenbot(backup_path))
        .map_err(|error| failed(error.to_string()))?;
    let Some(verification) = verify else {
        return Ok(());
    };
    let progress = Progress {
        stage: Stage::Verifying,
        done: 0,
        total: 0,
    };
    if observer.progress(progress).is_break() {
        return Err(ErrorKind::Interrupted.at(backup_path));
    }
    match integrity_check::first_problem(&mut connection, backup_path, verification)? {
        Some(problem) => Err(failed(problem)),
        None => Ok(()),
    }
}
