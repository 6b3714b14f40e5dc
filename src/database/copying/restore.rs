//! Restore: replaces the content of a database by that of a backup.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::open::{
    Access, LOCK_TIMEOUT, is_wal_on_disk, open_raw_connection, set_wal,
};
use crate::database::connection::read_only::read_without_trace;
use crate::database::copying::check_copy::{check_copy, check_rewritten};
use crate::database::copying::content_summary::{Summary, modified};
use crate::database::copying::overwrite::{
    self, Replacement, require_arrived, require_replaceable,
};
use crate::database::copying::preserve_original::{PreservedOriginal, Published};
use crate::database::copying::replication_tables::ReplicationTables;
use crate::database::copying::source::{Source, SourceStamp};
use crate::database::copying::text_encoding::TextEncoding;
use crate::database::copying::vacuum::vacuum_into;
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::not_checked::NotChecked;
use crate::database::error::refusal::Refusal;
use crate::database::files::database_file::{DatabaseFile, backup_path};
use crate::database::files::disk_space;
use crate::database::files::named_files;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::expected_database::ExpectedDatabase;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::recognition::recognise::recognise;
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::new_folders::NewFolders;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks::cancellable;
use crate::sqlite::lock_wait::LockWait;

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
    /// Accept a backup of which the integrity check cannot check a part, for example an index whose collation only the
    /// user's own program defines. [`RestoreReport::not_checked`] has these parts.
    pub allow_unchecked: bool,
    /// The longest time to wait for a lock.
    pub wait: Duration,
    /// The plan that a user has agreed to. Another backup, and another database in the place of the one that is replaced,
    /// are refused.
    pub agreed: Option<RestorePlan>,
}

setters!(RestoreOptions {
    from: PathBuf => Some,
    keep_replaced: bool,
    verify: IntegrityCheck,
    allow_unchecked: bool,
    wait: Duration,
    agreed: RestorePlan => Some,
});

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            from: None,
            keep_replaced: true,
            verify: IntegrityCheck::Full,
            allow_unchecked: false,
            wait: LOCK_TIMEOUT,
            agreed: None,
        }
    }
}

impl RestoreOptions {
    /// The backup to restore for the database at `path`. Whatever its name, the operation does not clean it away.
    fn backup_of(&self, path: &Path) -> PathBuf {
        let from = self.from.clone().unwrap_or_else(|| backup_path(path));
        named_files::add(&from);
        from
    }
}

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The backup that was restored.
    pub from: PathBuf,
    /// What that was.
    pub backup: Summary,
    /// The database that was replaced, if there was one, as it was when nobody could write to it any more.
    pub replaced: Option<Summary>,
    /// The size of the restored content, in bytes.
    pub bytes: u64,
    /// The version of the restored content, from [`Recognition::version_name`].
    pub version: String,
    /// Whether an upgrade can bring the database to a newer version.
    pub is_upgrade_pending: bool,
    /// Why this program works with the restored content no more than with the backup: it can only be copied, restored,
    /// compacted or reset.
    pub refusal: Option<Refusal>,
    /// The copy of the replaced database, if there was one and it was to be kept.
    pub kept: Option<PathBuf>,
    /// The parts of the backup that the integrity check could not check.
    pub not_checked: Vec<NotChecked>,
}

/// The dry run of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestorePlan {
    /// The backup that would be restored.
    pub from: Summary,
    /// Why this program does not work with the content of the backup, if it does not.
    pub refusal: Option<Refusal>,
    /// The database that would be replaced, if there is one.
    pub replaced: Option<Summary>,
    expected: ExpectedDatabase,
    backup: SourceStamp,
}

/// Checks a backup, and describes it and the database that it would replace. It writes nothing, except a temporary
/// copy of a backup that a killed program left in the middle of a transaction.
///
/// # Errors
///
/// Fails with the errors of [`restore_sqlite_database`] that can be detected without writing.
pub fn plan_restore(path: &Path, options: &RestoreOptions) -> Result<RestorePlan, Error> {
    check_restore(path, options, Some(options.verify), &mut ())
}

/// The plan of a restore. With `verify`, the backup is checked as the restore will check it.
pub(crate) fn check_restore(
    path: &Path,
    options: &RestoreOptions,
    verify: Option<IntegrityCheck>,
    observer: &mut dyn Observer,
) -> Result<RestorePlan, Error> {
    let _waiting = LockWait::begin(options.wait, observer.cancel_token());
    EffectTracker::track(path, |_| plan(path, options, verify, observer))
}

fn plan(
    path: &Path,
    options: &RestoreOptions,
    verify: Option<IntegrityCheck>,
    observer: &mut dyn Observer,
) -> Result<RestorePlan, Error> {
    let from = options.backup_of(path);
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    let (place, found) = find_place(path, &from)?;
    let (expected, backup) = (ExpectedDatabase::at(path)?, SourceStamp::of(&from));
    let (source, recognition) = open_source(&from, &place, &busy_handler, observer)?;
    let needed = bytes_needed(source.bytes(), found.as_ref(), options);
    disk_space::require_room(path, place.real(), needed)?;
    if let Some(file) = found.as_ref().filter(|file| file.bytes_with_log() > 0) {
        let encoding = encoding_of(source.readable()).map_err(|error| error.about_backup(&from))?;
        require_same_encoding(path, &from, encoding, encoding_of(file.path())?)?;
    }
    if let Some(verify) = verify {
        report(observer, &from, Stage::Verifying, 0, 0)?;
        let problem = cancellable(observer.cancel_token(), || {
            source.first_problem(verify, options.allow_unchecked)
        });
        if let Some(detail) = problem.map_err(|error| error.about_backup(&from))? {
            return Err(ErrorKind::Damaged { detail }.at(&from).about_backup(&from));
        }
    }
    let replaced = match &found {
        Some(_) => Summary::of_content(path)?,
        None => None,
    };
    let mut summary =
        Summary::of(source.readable()).map_err(|error| error.about_backup(source.readable()))?;
    summary.path.clone_from(&from);
    Ok(RestorePlan {
        from: summary,
        refusal: refusal_of(&recognition),
        replaced,
        expected,
        backup,
    })
}

/// Replaces the content of a database by that of a backup, while others go on using the database.
///
/// First the backup is copied beside the database and the copy is checked. The backup itself, its log and its journal
/// stay as they are. Then one SQLite transaction replaces the content. Programs that have the database open see either the
/// old or the new content. If Litestream replicates the database, its tables stay as well, without rows. A backup of an older
/// version stays at that version. If there is no database, the copy becomes the database, and missing folders are created.
///
/// # Errors
///
/// [`Error::effect`] says whether the database was changed. The function fails with
///
/// - [`ErrorKind::NoBackup`] if there is no backup;
/// - [`ErrorKind::BadBackup`] if the backup is not degenbot's, cannot be read or fails its check;
/// - [`ErrorKind::OtherEncoding`] if the backup stores its texts in another encoding than the database;
/// - [`ErrorKind::Refused`] if the database is not degenbot's;
/// - [`ErrorKind::NotChecked`] if a part of the backup cannot be checked, unless [`RestoreOptions::allow_unchecked`] is
///   set;
/// - [`ErrorKind::ChangedMeanwhile`] if the backup or the database is not that of [`RestoreOptions::agreed`];
/// - [`ErrorKind::Locked`] if another process is in a transaction that writes;
/// - [`ErrorKind::NotEnoughSpace`] if the new content, its log and the kept copy do not fit on the disk;
/// - [`ErrorKind::Interrupted`] if the observer asks for it;
/// - another kind if files cannot be read or written.
pub fn restore_sqlite_database(
    path: &Path,
    options: &RestoreOptions,
    observer: &mut dyn Observer,
) -> Result<RestoreReport, Error> {
    let _waiting = LockWait::begin(options.wait, observer.cancel_token());
    EffectTracker::track(path, |effect| restore(path, options, observer, effect))
}

fn restore(
    path: &Path,
    options: &RestoreOptions,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<RestoreReport, Error> {
    let from = options.backup_of(path);
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    let (place, found) = find_place(path, &from)?;
    let folders = NewFolders::create(place.folder())
        .map_err(|error| Error::io(place.folder(), "create", error))?;
    let (source, _) = open_source(&from, &place, &busy_handler, observer)?;
    let needed = bytes_needed(source.bytes(), found.as_ref(), options);
    disk_space::require_room(path, place.real(), needed)?;
    let (modified, size) = (
        modified(&DatabaseFile::at(source.readable())),
        source.bytes(),
    );
    let staged = source
        .into_copy(&place, &busy_handler, observer)
        .map_err(|error| error.about_backup(&from))?;
    // This is the content that is restored, even if another program writes to the backup meanwhile.
    let (recognition, not_checked) = check_copy(
        &staged,
        &from,
        Some(options.verify),
        options.allow_unchecked,
        observer,
    )
    .map_err(|error| error.about_backup(&from))?;
    let agreed = options.agreed.as_ref();
    if let Some(agreed) = agreed {
        agreed.backup.require(&from)?;
    }
    let backup = Summary {
        path: from.clone(),
        modified,
        bytes: size,
        ..Summary::of(staged.path()).map_err(|error| error.about_backup(&from))?
    };
    let bytes = DatabaseFile::at(staged.path()).bytes();
    let (replaced, kept) = if let Some(file) = found {
        replace(
            &file,
            staged,
            &from,
            options,
            &busy_handler,
            observer,
            effect,
        )?
    } else {
        if let Some(agreed) = agreed {
            agreed.expected.require(path)?;
        }
        put_in_place(&staged, &from, path, &busy_handler)?;
        effect.publish(|| staged.publish_new())?;
        folders.keep();
        require_arrived(path, &recognition)?;
        (None, None)
    };
    log::debug!("Restored {} from {}", path.display(), from.display());
    Ok(RestoreReport {
        from,
        backup,
        replaced,
        bytes,
        version: recognition.version_name(),
        is_upgrade_pending: recognition.identity.is_upgradable(),
        refusal: refusal_of(&recognition),
        kept,
        not_checked,
    })
}

fn encoding_of(path: &Path) -> Result<Option<TextEncoding>, Error> {
    read_without_trace(path, TextEncoding::of_connection)
        .map_err(|error| error.at(path, "read the encoding"))
}

/// Fails if programs that have the database open could not read the content of the backup.
fn require_same_encoding(
    path: &Path,
    from: &Path,
    backup: Option<TextEncoding>,
    database: Option<TextEncoding>,
) -> Result<(), Error> {
    match (backup, database) {
        (Some(backup), Some(database)) if backup != database => Err(ErrorKind::OtherEncoding {
            from: from.to_owned(),
            backup: backup.to_string(),
            database: database.to_string(),
        }
        .at(path)),
        _ => Ok(()),
    }
}

/// Finds the place of the restored content, and the database there. Fails if nothing may be put there.
fn find_place(path: &Path, from: &Path) -> Result<(DatabaseFile, Option<DatabaseFile>), Error> {
    let place = DatabaseFile::at(path);
    if place.is_same_as(from) {
        return Err(ErrorKind::RestoreFromItself.at(path));
    }
    let found = DatabaseFile::find(path)?;
    if let Some(file) = &found {
        require_replaceable(file)?;
    } else {
        place.refuse_leftover()?;
        place.require_possible_folder()?;
    }
    Ok((place, found))
}

/// Recognises the backup. Fails if it may not be restored.
fn open_source(
    from: &Path,
    place: &DatabaseFile,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<(Source, Recognition), Error> {
    Source::open(from, place, busy_handler, observer)
        .and_then(|(source, recognition)| {
            recognition.require_degenbot(from)?;
            Ok((source, recognition))
        })
        .map_err(|error| error.about_backup(from))
}

/// Why this program does not work with a database that can only be copied.
fn refusal_of(recognition: &Recognition) -> Option<Refusal> {
    match &recognition.identity {
        Identity::Unrecognised(refusal) => Some(refusal.clone()),
        _ => None,
    }
}

/// What a log and its index need beside the pages, in bytes.
const LEAST_LOG: u64 = 128 << 10;

/// The disk space that a restore needs at most: for the copy of the backup, and if it replaces a database, for the log with
/// the new content, for what the file grows by, and for the kept copy.
fn bytes_needed(new: u64, found: Option<&DatabaseFile>, options: &RestoreOptions) -> u64 {
    let Some(file) = found else {
        return new;
    };
    new.saturating_add(bytes_to_replace(new, file, options))
}

/// The disk space that is needed once the copy of the backup is there.
fn bytes_to_replace(new: u64, file: &DatabaseFile, options: &RestoreOptions) -> u64 {
    let old = if options.keep_replaced {
        file.bytes_with_log()
    } else {
        0
    };
    // The log has a header for each page, and an index.
    let log = new.saturating_add(new / 64).saturating_add(LEAST_LOG);
    let growth = new.saturating_sub(file.bytes());
    log.saturating_add(growth).saturating_add(old)
}

/// Prepares the copy that becomes a new database. The database can be written even if the backup cannot.
fn put_in_place(
    staged: &StagedFile,
    from: &Path,
    path: &Path,
    busy_handler: &BusyHandler,
) -> Result<(), Error> {
    let handle = open_raw_connection(staged.path(), Access::ReadWrite, busy_handler)?;
    set_wal(&handle, path)?;
    drop(handle);
    staged.copy_permissions(from)?;
    let failed = |error| Error::io(path, "set the permissions of", error);
    let mut permissions = fs::metadata(staged.path()).map_err(failed)?.permissions();
    let mode = permissions.mode();
    if mode & PRIVATE == PRIVATE {
        return Ok(());
    }
    permissions.set_mode(mode | PRIVATE);
    fs::set_permissions(staged.path(), permissions).map_err(failed)
}

/// What is known of a database before it is switched to WAL mode, which writes to the file, also to one without content.
struct BeforeSwitch {
    is_empty: bool,
    /// The time of the last write, if the switch changes it.
    modified: Option<SystemTime>,
}

impl BeforeSwitch {
    fn of(file: &DatabaseFile) -> Result<Self, Error> {
        let is_empty = file.bytes_with_log() == 0;
        let is_switched = !is_empty && !is_wal_on_disk(file.path())?;
        Ok(Self {
            is_empty,
            modified: is_switched.then(|| modified(file)).flatten(),
        })
    }

    /// The summary of the database, as it was but for the switch. There is none of an empty file, unless another program
    /// has filled it meanwhile.
    fn summary(&self, path: &Path) -> Result<Option<Summary>, Error> {
        let mut found = Summary::of_content(path)?.filter(|found| !self.is_empty || found.rows > 0);
        if let (Some(found), Some(modified)) = (&mut found, self.modified) {
            found.modified = Some(modified);
        }
        Ok(found)
    }
}

/// Replaces the content of the database. Returns what it was, and the path of the copy that was kept.
fn replace(
    file: &DatabaseFile,
    staged: StagedFile,
    from: &Path,
    options: &RestoreOptions,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<(Option<Summary>, Option<PathBuf>), Error> {
    let path = file.path();
    let located = |error| Error::from_sqlite(path, error);
    let before = BeforeSwitch::of(file)?;
    let live = open_raw_connection(path, Access::Overwrite, busy_handler)?;
    let [page_size] = live
        .row("PRAGMA page_size")
        .map_err(located)?
        .unwrap_or_default();
    let staged = with_page_size(staged, page_size, file, busy_handler, observer)?;
    let replication = ReplicationTables::of(file, busy_handler)?;
    replication.carry_over(staged.path(), path, busy_handler)?;
    let written = recognise(staged.path())?;
    let source = open_raw_connection(staged.path(), Access::Immutable, busy_handler)?;
    require_same_encoding(
        path,
        from,
        TextEncoding::of(&source, from)?,
        TextEncoding::of(&live, path)?,
    )?;
    let new_bytes = DatabaseFile::at(staged.path()).bytes_with_log();
    let needed = bytes_to_replace(new_bytes, file, options);
    disk_space::require_room(path, file.real(), needed)?;

    let mut replacement = Replacement::begin_in_wal_mode(&source, &live, path)?;
    if let Some(agreed) = &options.agreed {
        agreed.expected.require(path)?;
    }
    replication.require(file, busy_handler)?;
    let replaced = before.summary(path)?;
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
    if let Err(error) = effect.commit(|| replacement.commit()) {
        // Where nobody knows whether the content was replaced, the copy stays.
        if let Some(kept) = &kept
            && effect.effect() == Effect::Nothing
        {
            kept.discard();
        }
        return Err(error);
    }
    drop(source);
    overwrite::settle_log(&live, path);
    require_arrived(path, &written)?;
    Ok((replaced, kept.map(Published::into_path)))
}

/// Gives the copy the page size of the database, whose page size cannot be changed while it is in use. The rows keep
/// their rowids.
fn with_page_size(
    staged: StagedFile,
    page_size: i64,
    file: &DatabaseFile,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<StagedFile, Error> {
    let located = |error| Error::from_sqlite(staged.path(), error);
    // SQLite keeps the page size if it may only read.
    let source = open_raw_connection(staged.path(), Access::ReadWrite, busy_handler)?;
    if source.row("PRAGMA page_size").map_err(located)? == Some([page_size]) {
        return Ok(staged);
    }
    let path = file.path();
    let rewritten = StagedFile::create(file.real(), PRIVATE)?;
    let bytes = DatabaseFile::at(staged.path()).bytes();
    disk_space::require_room(path, rewritten.path(), bytes)?;
    vacuum_into(&source, rewritten.path(), Some(page_size), || {
        !busy_handler.is_stopped()
    })
    .map_err(located)?;
    drop(source);
    check_rewritten(staged.path(), Access::Immutable, &rewritten, path, observer)?;
    Ok(rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log is as large as the new content. The file grows only by what it is smaller.
    #[test]
    fn room_to_replace_a_database_is_that_of_the_log_the_growth_and_the_kept_copy() {
        const MEBIBYTE: u64 = 1 << 20;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        fs::write(&path, vec![0; 3 << 20]).unwrap();
        let file = DatabaseFile::at(&path);
        for (new, keeps, expected) in [(3, false, 3), (3, true, 6), (1, true, 4), (5, false, 7)] {
            let options = RestoreOptions::default().keep_replaced(keeps);
            let needed = bytes_to_replace(new * MEBIBYTE, &file, &options);
            assert_eq!(needed / MEBIBYTE, expected, "{new} {keeps}");
        }
    }
}
