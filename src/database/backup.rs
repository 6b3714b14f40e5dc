//! Copying a database that others may be writing to.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::connection::{self, Access, sidecar};
use super::observer::{Observer, Progress, Stage};
use super::staging::{PRIVATE, Staged};
use super::{Error, lineage};
use crate::sqlite::{Backup, Handle, Step};

/// How long the checkpoint before a backup waits for readers. It keeps writers waiting meanwhile.
const CHECKPOINT_TIMEOUT_MILLISECONDS: u32 = 1_000;

/// Pages copied between two looks at the observer: a few milliseconds' worth.
const PAGES_PER_STEP: i32 = 2_048;

/// How a backup is made.
#[derive(Debug, Clone, Default)]
pub struct BackupOptions {
    /// Replace a backup that is already there, once the new one is complete.
    pub replace_existing: bool,
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

/// Copies a database to [`backup_path`], as it is at one moment, while others go on using it.
///
/// `PRAGMA wal_checkpoint(FULL)` comes first; the copy does not depend on its success. The pages are
/// then copied inside a read transaction, so that commits of other processes neither get into the copy
/// nor make it start over. The copy is one file that needs no log, has the database's permissions, is
/// checked, and takes its place by a rename.
///
/// # Errors
///
/// [`Error::BackupExists`] where there is a backup and it may not be replaced; [`Error::Refused`] for
/// a database that is not degenbot's; [`Error::Interrupted`] where the observer asks for it; otherwise
/// where the database cannot be read or the copy not be written. The backup that was there stays.
pub fn backup_sqlite_database(
    path: &Path,
    options: &BackupOptions,
    observer: &mut dyn Observer,
) -> Result<BackupReport, Error> {
    let backup_path = backup_path(path);
    lineage::recognise(path)?.require_degenbot(path)?;
    check_target(path, &backup_path, options)?;

    // A symbolic link in the backup's place stays one: what it points to is replaced.
    let target = fs::canonicalize(&backup_path).unwrap_or_else(|_| backup_path.clone());
    let source = connection::open_handle(path, Access::ReadWrite)?;
    let checkpointed = checkpoint(&source, path)?;
    let staged = Staged::create(&target, PRIVATE)?;
    let bytes = copy(&source, path, &staged, &backup_path, observer)?;
    check_copy(&staged, &backup_path)?;
    staged.copy_permissions(path)?;
    let complete = Progress {
        stage: Stage::Copying,
        done: bytes,
        total: bytes,
    };
    if observer.progress(complete).is_break() {
        return Err(Error::Interrupted {
            path: path.to_owned(),
        });
    }
    clear_away_leftovers(&target)?;
    if options.replace_existing {
        staged.replace()?;
    } else {
        staged.publish_new().map_err(|error| match error {
            Error::AlreadyExists { path } => Error::BackupExists { path },
            other => other,
        })?;
    }
    log::info!("Backed up {} to {}", path.display(), backup_path.display());
    Ok(BackupReport {
        path: backup_path,
        bytes,
        checkpointed,
    })
}

fn check_target(path: &Path, backup: &Path, options: &BackupOptions) -> Result<(), Error> {
    let Ok(metadata) = fs::symlink_metadata(backup) else {
        return Ok(());
    };
    // A link that points to nothing may point to a disk that is not there at the moment.
    if backup.is_dir() || (metadata.is_symlink() && !backup.exists()) {
        return Err(Error::AlreadyExists {
            path: backup.to_owned(),
        });
    }
    if is_same_file(path, backup) {
        return Err(Error::BackupOntoItself {
            path: backup.to_owned(),
        });
    }
    if !options.replace_existing {
        return Err(Error::BackupExists {
            path: backup.to_owned(),
        });
    }
    Ok(())
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Moves the log into the database as far as readers allow; whether that was all of it.
fn checkpoint(source: &Handle, path: &Path) -> Result<bool, Error> {
    let located = |error| Error::from_handle(path, error);
    source
        .set_busy_timeout(CHECKPOINT_TIMEOUT_MILLISECONDS)
        .map_err(located)?;
    let complete = match source.row("PRAGMA wal_checkpoint(FULL)") {
        Ok(Some([busy, log, moved])) => busy == 0 && log == moved,
        Ok(None) => false,
        Err(error) => {
            log::debug!("The checkpoint before the backup failed: {error}");
            false
        }
    };
    if !complete {
        log::info!("The log could not be checkpointed completely; the backup does not need it");
    }
    let timeout = u32::try_from(connection::LOCK_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    source.set_busy_timeout(timeout).map_err(located)?;
    Ok(complete)
}

/// Copies every page of a snapshot of the source; the bytes of the copy.
pub(super) fn copy(
    source: &Handle,
    path: &Path,
    staged: &Staged,
    backup_path: &Path,
    observer: &mut dyn Observer,
) -> Result<u64, Error> {
    let reading = |error| Error::from_handle(path, error);
    // An error of a step can be about either side; what is broken is never the new file.
    let writing = |error| match Error::from_handle(backup_path, error) {
        Error::Damaged { detail, .. } => Error::Damaged {
            path: path.to_owned(),
            detail,
        },
        other => other,
    };
    let destination = connection::open_handle(staged.path(), Access::Create)?;
    // The copy is synced once, when it is complete, and thrown away if it never is.
    destination
        .execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        .map_err(writing)?;

    source.execute("BEGIN").map_err(reading)?;
    let [pages, page_size] = source
        .row("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
        .map_err(reading)?
        .unwrap_or_default();
    source
        .row::<0>("SELECT 1 FROM sqlite_schema")
        .map_err(reading)?;
    let page_size = u64::try_from(page_size).unwrap_or_default();
    let mut backup = Backup::new(source, &destination).map_err(writing)?;
    loop {
        let step = backup.step(PAGES_PER_STEP).map_err(writing)?;
        let total = backup.page_count();
        let progress = Progress {
            stage: Stage::Copying,
            done: (total - backup.remaining().min(total)) * page_size,
            total: total * page_size,
        };
        if observer.progress(progress).is_break() {
            return Err(Error::Interrupted {
                path: path.to_owned(),
            });
        }
        if step == Step::Done {
            break;
        }
    }
    let copied = backup.page_count();
    drop(backup);
    source.execute("ROLLBACK").map_err(reading)?;
    if u64::try_from(pages) != Ok(copied) {
        return Err(Error::CopyCheckFailed {
            path: backup_path.to_owned(),
            detail: format!("it has {copied} pages and the database {pages}"),
        });
    }
    Ok(copied * page_size)
}

/// Makes sure that SQLite will not apply the log of an earlier backup, which somebody has opened, to
/// the new one.
fn clear_away_leftovers(target: &Path) -> Result<(), Error> {
    if !connection::has_sidecars(target) {
        return Ok(());
    }
    // What is no database, or not there, cannot take its log back, and SQLite might delete that.
    let settled = lineage::recognise(target).and_then(|_| connection::settle(target));
    match connection::leftover(target) {
        Some(_) if matches!(settled, Err(Error::Locked { .. })) => settled,
        Some(leftover) => Err(Error::Leftover { leftover }),
        None => match settled {
            Err(Error::Locked { path }) => Err(Error::Locked { path }),
            _ => Ok(()),
        },
    }
}

/// Checks the structure of a finished copy.
fn check_copy(staged: &Staged, backup_path: &Path) -> Result<(), Error> {
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        quick_check: String,
    }
    let failed = |detail| Error::CopyCheckFailed {
        path: backup_path.to_owned(),
        detail,
    };
    let mut connection = connection::open(staged.path(), Access::Immutable)?;
    let findings = diesel::sql_query("PRAGMA quick_check(1)").load::<Row>(&mut connection);
    match findings {
        Ok(findings) => match findings.into_iter().next() {
            Some(finding) if finding.quick_check != "ok" => Err(failed(finding.quick_check)),
            _ => Ok(()),
        },
        Err(error) => match Error::from_diesel(backup_path, "check the copy", error) {
            // An index of the user's own can need a collation that only his program has.
            Error::Query { source, .. } => {
                log::warn!("The structure of the backup could not be checked: {source}");
                Ok(())
            }
            Error::Damaged { detail, .. } => Err(failed(detail)),
            other => Err(other),
        },
    }
}
