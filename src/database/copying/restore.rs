//! Making a backup the database again.

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

/// How a database is restored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// What is restored; [`backup_path`] if nothing is said.
    pub from: Option<PathBuf>,
    /// Keep the database that is replaced, as `PATH.pre-restore`.
    pub keep_replaced: bool,
    /// How thoroughly the backup is checked before anything is touched.
    pub verify: IntegrityCheck,
    /// How long locks are waited for.
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
    /// The backup of the database at `path` that is restored.
    fn backup_of(&self, path: &Path) -> PathBuf {
        self.from.clone().unwrap_or_else(|| backup_path(path))
    }
}

/// What a restoration did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// What was restored.
    pub from: PathBuf,
    /// The size of the restored content.
    pub bytes: u64,
    /// Its version, as [`Recognition::name`] tells it.
    pub version: String,
    /// Whether an upgrade can bring it to a newer version.
    pub is_upgrade_pending: bool,
    /// Where the database is that was replaced, if there was one and it was to be kept.
    pub kept: Option<PathBuf>,
}

/// What a database holds, for a person who has to choose between two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// When it was last written to.
    pub modified: Option<SystemTime>,
    /// The size of the file with its log.
    pub bytes: u64,
    /// The version, as [`Recognition::name`] tells it.
    pub version: String,
    /// The rows of all tables.
    pub rows: u64,
    /// Whether those of some table are estimated, since it is large.
    pub is_estimated: bool,
    /// The newest block up to which an exchange was brought.
    pub newest_block: Option<i64>,
}

/// What a restoration would do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestorePlan {
    /// What would be restored.
    pub from: Summary,
    /// What would be replaced.
    pub replaced: Option<Summary>,
}

/// Looks at a backup and at the database that it would replace, without writing anything.
///
/// # Errors
///
/// Those of [`restore_sqlite_database`] that can be told beforehand.
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

/// Makes a backup the database again, while others go on using that.
///
/// The backup is copied beside the database and the copy checked before anything is touched. The content
/// of the database is then replaced through SQLite, in one transaction: programs that have it open see the
/// old or the new content. A backup of an older version stays at that version. Where there is no database,
/// the copy becomes it.
///
/// # Errors
///
/// [`ErrorKind::NoBackup`] where there is none; [`ErrorKind::Refused`] where one of the two is no degenbot database;
/// [`ErrorKind::Damaged`] where the backup is not sound; [`ErrorKind::Locked`] where another process is in the middle
/// of a transaction that writes; [`ErrorKind::NotEnoughSpace`]; [`ErrorKind::Interrupted`] where the observer asks
/// for it; otherwise where files cannot be read or written. The database is as it was then.
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

/// What the backup is, if it may be restored.
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

/// Says of a copy's source what was found in the copy.
fn damaged(error: Error) -> Error {
    let Error { kind, path } = error;
    let kind = match kind {
        ErrorKind::CopyCheckFailed { detail } => ErrorKind::Damaged { detail },
        other => other,
    };
    Error { kind, path }
}

/// Replaces the content of the database; where the old one is kept.
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
    // The log takes the new content before the file does.
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
    // Before the commit, without which it would be the only one.
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

/// Gives a copy pages of the size that the database in use has: that can only be changed where nobody uses it.
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

/// When the database was last written to: commits go to the log first.
fn modified(file: &DatabaseFile) -> Option<SystemTime> {
    let wal = file.sidecar(Sidecar::Wal);
    let times = [file.real(), &wal]
        .into_iter()
        .filter_map(|file| fs::metadata(file).ok()?.modified().ok());
    times.max()
}
