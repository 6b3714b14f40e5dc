//! Restore: replaces the content of a database by that of a backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::database::connection::open::{Access, LOCK_TIMEOUT, open_raw_connection, set_wal};
use crate::database::copying::check_copy::check_copy;
use crate::database::copying::consistent_copy::{PinnedSnapshot, Writers};
use crate::database::copying::overwrite::{self, Replacement, require_replaceable};
use crate::database::copying::preserve_original::{PreservedOriginal, Published};
use crate::database::copying::vacuum::vacuum;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar, backup_path};
use crate::database::files::disk_space;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::Observer;
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise;
use crate::database::reports::inspect::inspect_sqlite_database;
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;
use crate::types::sql_value::SqlValue;

/// Options of [`restore_sqlite_database`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// The backup to restore; [`backup_path`] by default.
    pub from: Option<PathBuf>,
    /// Keep a copy of the replaced database as `PATH.pre-restore`.
    pub keep_replaced: bool,
    /// The integrity check of the backup before anything is changed.
    pub verify: IntegrityCheck,
    /// The longest time to wait for a lock.
    pub wait: Duration,
}

setters!(RestoreOptions {
    from: PathBuf => Some,
    keep_replaced: bool,
    verify: IntegrityCheck,
    wait: Duration,
});

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            from: None,
            keep_replaced: true,
            verify: IntegrityCheck::Full,
            wait: LOCK_TIMEOUT,
        }
    }
}

impl RestoreOptions {
    /// The backup to restore for the database at `path`.
    fn backup_of(&self, path: &Path) -> PathBuf {
        self.from.clone().unwrap_or_else(|| backup_path(path))
    }
}

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The backup that was restored.
    pub from: PathBuf,
    /// The size of the restored content, in bytes.
    pub bytes: u64,
    /// The version of the restored content, from [`Recognition::name`].
    pub version: String,
    /// Whether an upgrade can bring the database to a newer version.
    pub is_upgrade_pending: bool,
    /// The copy of the replaced database, if there was one and it was to be kept.
    pub kept: Option<PathBuf>,
}

/// The content of a database in brief, for a user who has to choose between two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The path of the file.
    pub path: PathBuf,
    /// The time of the last write.
    pub modified: Option<SystemTime>,
    /// The size of the file with its log, in bytes.
    pub bytes: u64,
    /// The version, from [`Recognition::name`].
    pub version: String,
    /// The number of rows of all tables.
    pub rows: u64,
    /// Whether the rows of a large table were estimated.
    pub is_estimated: bool,
    /// The newest block to which an exchange is updated.
    pub newest_block: Option<i64>,
}

/// The dry run of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestorePlan {
    /// The backup that would be restored.
    pub from: Summary,
    /// The database that would be replaced, if there is one.
    pub replaced: Option<Summary>,
}

/// Describes a backup and the database that it would replace, without writing anything.
///
/// # Errors
///
/// Fails with the errors of [`restore_sqlite_database`] that can be detected without writing.
pub fn plan_restore(path: &Path, options: &RestoreOptions) -> Result<RestorePlan, Error> {
    let from = options.backup_of(path);
    recognise_source(path, &from)?;
    let replaced = match DatabaseFile::find(path)? {
        Some(file) => {
            require_replaceable(&file)?;
            match Summary::of(path) {
                Err(error) if matches!(error.kind, ErrorKind::EmptyFile) => None,
                summary => Some(summary?),
            }
        }
        None => None,
    };
    Ok(RestorePlan {
        from: Summary::of(&from)?,
        replaced,
    })
}

/// Replaces the content of a database by that of a backup, while others go on using the database.
///
/// First the backup is copied beside the database and the copy is checked. Then one SQLite transaction replaces
/// the content. Programs that have the database open see either the old or the new content. A backup of an
/// older version stays at that version. If there is no database, the copy becomes the database.
///
/// # Errors
///
/// Any failure leaves the database as it was. The function fails with
///
/// - [`ErrorKind::NoBackup`] if there is no backup;
/// - [`ErrorKind::Refused`] if the backup or the database is not degenbot's;
/// - [`ErrorKind::Damaged`] if the backup fails its check;
/// - [`ErrorKind::Locked`] if another process is in a transaction that writes;
/// - [`ErrorKind::NotEnoughSpace`] if the new content, its log and the kept copy do not fit on the disk;
/// - [`ErrorKind::Interrupted`] if the observer asks for it;
/// - another kind if files cannot be read or written.
pub fn restore_sqlite_database(
    path: &Path,
    options: &RestoreOptions,
    observer: &mut dyn Observer,
) -> Result<RestoreReport, Error> {
    let from = options.backup_of(path);
    let recognition = recognise_source(path, &from)?;
    let found = DatabaseFile::find(path)?;
    let place = DatabaseFile::at(path);
    match &found {
        Some(file) => require_replaceable(file)?,
        None => place.refuse_leftover()?,
    }
    let backup = DatabaseFile::existing(&from)?;
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    let mut staged = StagedFile::create(place.real(), PRIVATE)?;
    let snapshot = if backup.has_sidecars() {
        PinnedSnapshot::take(&backup, Writers::Free, &busy_handler)?
    } else {
        PinnedSnapshot::of_unused(&backup)?
    };
    let bytes = snapshot.copy(&mut staged, path, observer)?;
    check_copy(&staged, &from, Some(options.verify), observer).map_err(damaged)?;
    let kept = if let Some(file) = found {
        replace(&file, &staged, options, &busy_handler, observer)?
    } else {
        staged.copy_permissions(&from)?;
        let handle = open_raw_connection(staged.path(), Access::ReadWrite, &busy_handler)?;
        set_wal(&handle, path)?;
        drop(handle);
        staged.publish_new()?;
        None
    };
    log::info!("Restored {} from {}", path.display(), from.display());
    Ok(RestoreReport {
        from,
        bytes,
        version: recognition.name(),
        is_upgrade_pending: recognition.identity.is_upgradable(),
        kept,
    })
}

/// Recognises the backup. Fails if it may not be restored.
fn recognise_source(path: &Path, from: &Path) -> Result<Recognition, Error> {
    if DatabaseFile::at(path).is_same_as(from) {
        return Err(ErrorKind::RestoreFromItself.at(path));
    }
    let recognition = recognise(from).map_err(|error| match error.kind {
        ErrorKind::NotFound => error.with_kind(ErrorKind::NoBackup),
        _ => error,
    })?;
    recognition.require_degenbot(from)?;
    Ok(recognition)
}

/// Turns a failed check of the copy into an error about the backup.
fn damaged(error: Error) -> Error {
    let Error { kind, .. } = error;
    let kind = match kind {
        ErrorKind::CopyCheckFailed { detail } => ErrorKind::Damaged { detail },
        other => other,
    };
    Error { kind, ..error }
}

/// Replaces the content of the database. Returns the path of the copy that was kept.
fn replace(
    file: &DatabaseFile,
    staged: &StagedFile,
    options: &RestoreOptions,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<Option<PathBuf>, Error> {
    let path = file.path();
    let located = |error| Error::from_sqlite(path, error);
    file.require_writable()?;
    let live = open_raw_connection(path, Access::Overwrite, busy_handler)?;
    let [page_size] = live
        .row("PRAGMA page_size")
        .map_err(located)?
        .unwrap_or_default();
    set_page_size(staged, page_size, busy_handler)?;
    let source = open_raw_connection(staged.path(), Access::Immutable, busy_handler)?;
    let new_bytes = DatabaseFile::at(staged.path()).bytes_with_log();
    let old_bytes = if options.keep_replaced {
        file.bytes_with_log()
    } else {
        0
    };
    // The new content is written to the log before it is written to the file.
    let needed = new_bytes.saturating_mul(2).saturating_add(old_bytes);
    disk_space::require_room(path, file.real(), needed)?;

    let mut replacement = Replacement::begin(&source, &live, path)?;
    let keep = options.keep_replaced && file.bytes_with_log() > 0;
    let original = if keep {
        Some(PreservedOriginal::copy(
            file,
            ".pre-restore",
            busy_handler,
            observer,
        )?)
    } else {
        None
    };
    replacement.prepare(observer)?;
    // The copy gets its name before the commit: from then on it is the only copy of the old content.
    let kept = original.map(PreservedOriginal::publish).transpose()?;
    if let Err(error) = replacement.commit() {
        if let Some(kept) = &kept {
            kept.discard();
        }
        return Err(error);
    }
    drop(source);
    overwrite::settle_log(&live, path, busy_handler);
    Ok(kept.map(Published::into_path))
}

/// Gives the copy the page size of the database. The page size of a database that is in use cannot be changed.
fn set_page_size(
    staged: &StagedFile,
    page_size: i64,
    busy_handler: &BusyHandler,
) -> Result<(), Error> {
    let located = |error| Error::from_sqlite(staged.path(), error);
    let copy = open_raw_connection(staged.path(), Access::Immutable, busy_handler)?;
    let own = copy.row("PRAGMA page_size").map_err(located)?;
    drop(copy);
    if own == Some([page_size]) {
        return Ok(());
    }
    let copy = open_raw_connection(staged.path(), Access::ReadWrite, busy_handler)?;
    copy.execute(&format!(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA page_size = {page_size}"
    ))
    .and_then(|()| vacuum(&copy, staged.path(), || !busy_handler.is_stopped()))
    .map_err(located)
}

impl Summary {
    fn of(path: &Path) -> Result<Self, Error> {
        let info = inspect_sqlite_database(path, false)?;
        let file = DatabaseFile::at(path);
        Ok(Self {
            path: path.to_owned(),
            modified: modified(&file),
            bytes: file.bytes_with_log(),
            version: info.recognition.name(),
            rows: info
                .tables
                .iter()
                .filter_map(|table| table.rows)
                .filter_map(|rows| u64::try_from(rows).ok())
                .sum(),
            is_estimated: info.tables.iter().any(|table| table.is_estimated),
            newest_block: info
                .exchanges
                .iter()
                .filter_map(|exchange| match exchange.last_update_block {
                    Some(SqlValue::Integer(block)) => Some(block),
                    _ => None,
                })
                .max(),
        })
    }
}

/// The time of the last write to the database or its log. Commits go to the log first.
fn modified(file: &DatabaseFile) -> Option<SystemTime> {
    let wal = file.sidecar(Sidecar::Wal);
    let times = [file.real(), &wal]
        .into_iter()
        .filter_map(|file| fs::metadata(file).ok()?.modified().ok());
    times.max()
}
