//! Giving unused space back.
//!
//! SQLite's `VACUUM` writes a compact copy, writes that over the database through the log, and moves the log
//! into the file: three times the content. Where nobody else has the file open, the copy can take the file's
//! place instead. See `exclusive` for how that is known.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::database::connection::open::{
    Access, LOCK_TIMEOUT, is_wal, open_raw_connection, require_writable, set_wal, sidecar, uri,
};
use crate::database::connection::sql;
use crate::database::copying::file_swap::Swapped;
use crate::database::copying::{backup, file_swap, overwrite};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::staged_file::{PRIVATE, Staged};
use crate::database::files::{disk_space, staged_file};
use crate::database::progress::{Observer, Progress, Stage};
use crate::database::recognition::recognise::recognise;
use crate::sqlite::busy_handler::Patience;
use crate::sqlite::raw_connection::{Handle, SqliteError};

/// Every page is read once, so reading them in place saves copying them into a cache (`cargo bench --bench
/// maintenance`: 7 % of a `VACUUM`). SQLite limits the size itself.
const MAPPED: &str = "PRAGMA mmap_size = 1099511627776";

/// How a database is compacted.
#[derive(Debug, Clone)]
pub struct CompactOptions {
    /// Write the compact copy here and leave the database as it is.
    pub into: Option<PathBuf>,
    /// Replace a file that is already there.
    pub replace_existing: bool,
    /// How long locks are waited for.
    pub wait: Duration,
}

impl Default for CompactOptions {
    fn default() -> Self {
        Self {
            into: None,
            replace_existing: false,
            wait: LOCK_TIMEOUT,
        }
    }
}

/// How it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compaction {
    /// A compact copy has taken the place of the file, which nobody else had open.
    Swapped,
    /// The content was rewritten in the file that is there.
    InPlace,
    /// The copy is a file of its own.
    Into,
}

/// What a compaction came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactReport {
    /// The size of the database before, in bytes.
    pub before: u64,
    /// The size of the compact one.
    pub after: u64,
    /// How it was done.
    pub how: Compaction,
}

/// Rewrites a database without its unused space and empties its log, or writes a compact copy.
///
/// Where others have the database open, writers wait for as long as it takes to rewrite it; readers do not,
/// and nobody waits for a copy. The ids of rows are kept.
///
/// # Errors
///
/// [`Error::Refused`] for a database that is not degenbot's, [`Error::Locked`] where another process
/// keeps it locked, [`Error::NotEnoughSpace`] and [`Error::DiskFull`] where the second copy does not fit
/// beside the database, [`Error::Interrupted`] where the observer asks for it while it still can be ended;
/// [`Error::BackupExists`] where there is a file that may not be replaced.
pub fn compact_sqlite_database(
    path: &Path,
    options: &CompactOptions,
    observer: &mut dyn Observer,
) -> Result<CompactReport, Error> {
    recognise(path)?.require_degenbot(path)?;
    let patience = Patience::new(options.wait, observer.stop_flag());
    let real = fs::canonicalize(path).map_err(|error| Error::io(path, "find", error))?;
    let before = size(&real);
    if let Some(into) = &options.into {
        copy_into(path, into, options, &patience, observer)?;
        log::info!("Compacted {} into {}", path.display(), into.display());
        return Ok(CompactReport {
            before,
            after: size(into),
            how: Compaction::Into,
        });
    }
    require_writable(path)?;
    staged_file::sweep(&real);
    let how = if swap(path, &real, &patience, observer)? {
        Compaction::Swapped
    } else {
        in_place(path, &real, &patience, observer)?;
        Compaction::InPlace
    };
    log::info!("Compacted {}", path.display());
    Ok(CompactReport {
        before,
        after: size(&real),
        how,
    })
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn copy_into(
    path: &Path,
    into: &Path,
    options: &CompactOptions,
    patience: &Patience,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    backup::check_target(path, into, options.replace_existing)?;
    let target = fs::canonicalize(into).unwrap_or_else(|_| into.to_owned());
    let staged = Staged::create(&target, PRIVATE)?;
    let source = open_raw_connection(path, Access::ReadWrite, patience)?;
    write_compact(&source, path, &staged, observer)?;
    staged.copy_permissions(path)?;
    backup::clear_away_leftovers(&target, patience)?;
    backup::publish(staged, options.replace_existing)
}

/// Writes a compact copy of the present content, in the journal mode of its source.
fn write_compact(
    source: &Handle,
    path: &Path,
    staged: &Staged,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let located = |error| Error::from_handle(path, error);
    let content = content_bytes(source, path)?;
    disk_space::require_room(path, staged.path(), content)?;
    let is_wal = is_wal(source, path)?;
    let mut watch = Watch::new(observer, path, content);
    let target = sql::literal(&uri(staged.path(), "mode=rw"));
    // The copy is synced once, when it is complete, and thrown away if it never is.
    source
        .execute_watched(
            &format!(
                "{MAPPED}; PRAGMA synchronous = OFF; VACUUM INTO {target}; \
                 PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0"
            ),
            || watch.tell(Stage::Compacting, size(staged.path())),
        )
        .map_err(located)?;
    watch.finish()?;
    let patience = Patience::new(LOCK_TIMEOUT, None);
    if is_wal {
        let copy = open_raw_connection(staged.path(), Access::ReadWrite, &patience)?;
        set_wal(&copy, path)?;
    }
    backup::check_copy(staged, path, None, observer)
}

/// Puts a compact copy in the place of the database's file, if nobody else has that open. Whether it was
/// done; the database is as it was otherwise.
fn swap(
    path: &Path,
    real: &Path,
    patience: &Patience,
    observer: &mut dyn Observer,
) -> Result<bool, Error> {
    let links = fs::metadata(real).map_or(0, |metadata| metadata.nlink());
    // What has another name would go on under that one as it was.
    if links != 1 || has_attributes(real) || !file_swap::is_possible(real) {
        return Ok(false);
    }
    let source = open_raw_connection(real, Access::ReadWrite, patience)?;
    let staged = Staged::create(real, PRIVATE)?;
    let version = data_version(&source, path)?;
    write_compact(&source, path, &staged, observer)?;
    staged.copy_permissions(real)?;
    // Who gets in through the group would be locked out of a file of another one.
    if access_of(staged.path()) != access_of(real) {
        return Ok(false);
    }
    staged.sync()?;
    let unchanged = |source: &Handle| Ok(data_version(source, path)? == version);
    Ok(file_swap::swap(source, real, &staged, unchanged)? == Swapped::Yes)
}

/// Who may do what with a file.
fn access_of(path: &Path) -> Option<(u32, u32, u32)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.uid(), metadata.gid(), metadata.mode()))
}

/// Whether a file has access control lists or other attributes that a new one would not have.
fn has_attributes(path: &Path) -> bool {
    let mut names = [0_u8; 4_096];
    match rustix::fs::listxattr(path, &mut names) {
        Ok(length) => names[..length]
            .split(|byte| *byte == 0)
            .any(|name| name.starts_with(b"system.") || name.starts_with(b"user.")),
        Err(rustix::io::Errno::NOTSUP) => false,
        // More than can be looked at, or nobody knows.
        Err(_) => true,
    }
}

/// A number that changes with every commit of others.
fn data_version(source: &Handle, path: &Path) -> Result<Option<[i64; 1]>, Error> {
    source
        .row("PRAGMA data_version")
        .map_err(|error| Error::from_handle(path, error))
}

fn in_place(
    path: &Path,
    real: &Path,
    patience: &Patience,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let located = |error| Error::from_handle(path, error);
    let live = open_raw_connection(path, Access::ReadWrite, patience)?;
    let content = content_bytes(&live, path)?;
    // SQLite's temporary file, and the log.
    disk_space::require_room(path, real, content.saturating_mul(2))?;
    let wal = sidecar(real, "-wal");
    let log_before = size(&wal);
    let mut watch = Watch::new(observer, path, content);
    vacuum(&live, real, || {
        match size(&wal).saturating_sub(log_before) {
            0 => watch.tell(Stage::Compacting, 0),
            written => watch.tell(Stage::WritingBack, written),
        }
    })
    .map_err(located)?;
    overwrite::settle_log(&live, path, patience);
    Ok(())
}

/// Runs `VACUUM`, with SQLite's temporary file in the folder of the database's file: where the system has such
/// files can be a small disk. The setting is the whole process's, so it is taken back.
pub(crate) fn vacuum(
    handle: &Handle,
    file: &Path,
    look: impl FnMut() -> bool,
) -> Result<(), SqliteError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let folder = sql::literal(&folder.to_string_lossy());
    let vacuumed = handle.execute_watched(
        &format!("{MAPPED}; PRAGMA temp_store_directory = {folder}; VACUUM"),
        look,
    );
    let reset = handle.execute("PRAGMA temp_store_directory = ''");
    vacuumed.and(reset)
}

/// The bytes of the pages that are in use.
fn content_bytes(handle: &Handle, path: &Path) -> Result<u64, Error> {
    let row = handle
        .row(
            "SELECT (page_count - freelist_count) * page_size \
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        )
        .map_err(|error| Error::from_handle(path, error))?;
    let [bytes] = row.unwrap_or_default();
    Ok(u64::try_from(bytes).unwrap_or_default())
}

/// Tells an observer about a statement that runs.
struct Watch<'operation> {
    observer: &'operation mut dyn Observer,
    path: &'operation Path,
    total: u64,
    is_stopped: bool,
}

impl<'operation> Watch<'operation> {
    fn new(observer: &'operation mut dyn Observer, path: &'operation Path, total: u64) -> Self {
        Self {
            observer,
            path,
            total,
            is_stopped: false,
        }
    }

    /// Whether to go on.
    fn tell(&mut self, stage: Stage<'_>, done: u64) -> bool {
        let progress = Progress {
            stage,
            done: done.min(self.total),
            total: self.total,
        };
        self.is_stopped |= self.observer.progress(progress).is_break();
        !self.is_stopped
    }

    /// Fails if the end was asked for when the statement was through already.
    fn finish(mut self) -> Result<(), Error> {
        if self.tell(Stage::Compacting, self.total) {
            return Ok(());
        }
        Err(ErrorKind::Interrupted.at(self.path))
    }
}
