//! Compaction: rewrites a database without its unused space.
//!
//! SQLite's `VACUUM` writes the content three times: to a temporary file, to the log, and to the database. If
//! nobody else has the file open, a compact copy replaces the file instead. `file_swap` explains how this is
//! proved.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::database::connection::open::{
    Access, LOCK_TIMEOUT, is_wal, open_raw_connection, set_wal, uri,
};
use crate::database::connection::sql;
use crate::database::copying::check_copy::check_copy;
use crate::database::copying::file_swap::Swapped;
use crate::database::copying::publish::{check_target, clear_away_leftovers, publish};
use crate::database::copying::vacuum::{MAPPED, vacuum};
use crate::database::copying::{file_swap, overwrite};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, file_bytes};
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::files::{disk_space, staged_file};
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::recognise::recognise;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::raw_connection::RawConnection;

/// Options of [`compact_sqlite_database`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompactOptions {
    /// Write a compact copy to this path and leave the database as it is.
    pub into: Option<PathBuf>,
    /// Replace an existing file at that path.
    pub replace_existing: bool,
    /// The longest time to wait for a lock.
    pub wait: Duration,
}

setters!(CompactOptions {
    into: PathBuf => Some,
    replace_existing: bool,
    wait: Duration,
});

impl Default for CompactOptions {
    fn default() -> Self {
        Self {
            into: None,
            replace_existing: false,
            wait: LOCK_TIMEOUT,
        }
    }
}

/// How a database was compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compaction {
    /// A compact copy has replaced the file, which nobody else had open.
    Swapped,
    /// `VACUUM` has rewritten the content in the same file.
    InPlace,
    /// The compact copy is another file; the database is as it was.
    Into,
}

/// The result of a compaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactReport {
    /// The size of the database before the compaction, in bytes.
    pub before: u64,
    /// The size of the compact database, in bytes.
    pub after: u64,
    /// How the database was compacted.
    pub how: Compaction,
}

/// Rewrites a database without its unused space and empties its log, or writes a compact copy.
///
/// If others have the database open, the rewrite blocks writers until it ends. It does not block readers, and a
/// compact copy blocks nobody. Rows keep their ids.
///
/// # Errors
///
/// Fails with
///
/// - [`ErrorKind::Refused`] if the database is not degenbot's;
/// - [`ErrorKind::Locked`] if another process keeps the database locked;
/// - [`ErrorKind::NotEnoughSpace`] or [`ErrorKind::DiskFull`] if the second copy does not fit beside the
///   database;
/// - [`ErrorKind::Interrupted`] if the observer asks for it while the compaction can still be stopped;
/// - [`ErrorKind::BackupExists`] if [`CompactOptions::into`] is a file that may not be replaced.
pub fn compact_sqlite_database(
    path: &Path,
    options: &CompactOptions,
    observer: &mut dyn Observer,
) -> Result<CompactReport, Error> {
    recognise(path)?.require_degenbot(path)?;
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    let file = DatabaseFile::existing(path)?;
    let before = file.bytes();
    staged_file::sweep(file.real());
    if let Some(into) = &options.into {
        copy_into(&file, into, options, &busy_handler, observer)?;
        log::info!("Compacted {} into {}", path.display(), into.display());
        return Ok(CompactReport {
            before,
            after: file_bytes(into),
            how: Compaction::Into,
        });
    }
    file.require_writable()?;
    let how = if swap(&file, &busy_handler, observer)? {
        Compaction::Swapped
    } else {
        in_place(&file, &busy_handler, observer)?;
        Compaction::InPlace
    };
    log::info!("Compacted {}", path.display());
    Ok(CompactReport {
        before,
        after: file.bytes(),
        how,
    })
}

fn copy_into(
    file: &DatabaseFile,
    into: &Path,
    options: &CompactOptions,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    check_target(file, into, options.replace_existing)?;
    let target = DatabaseFile::at(into);
    let staged = StagedFile::create(target.real(), PRIVATE)?;
    let source = open_raw_connection(file.path(), Access::ReadWrite, busy_handler)?;
    write_compact(&source, file.path(), &staged, observer)?;
    staged.copy_permissions(file.real())?;
    clear_away_leftovers(&target, busy_handler)?;
    publish(staged, options.replace_existing)
}

/// Writes a compact copy of the present content with the journal mode of its source.
fn write_compact(
    source: &RawConnection,
    path: &Path,
    staged: &StagedFile,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let located = |error| Error::from_sqlite(path, error);
    let content = content_bytes(source, path)?;
    disk_space::require_room(path, staged.path(), content)?;
    let is_wal = is_wal(source, path)?;
    let mut watch = Watch::new(observer, path, content);
    let target = sql::literal(&uri(staged.path(), "mode=rw"));
    // The copy is synced once, when it is complete. An incomplete copy is deleted.
    source
        .execute_watched(
            &format!(
                "{MAPPED}; PRAGMA synchronous = OFF; VACUUM INTO {target}; \
                 PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0"
            ),
            || watch.tell(Stage::Compacting, file_bytes(staged.path())),
        )
        .map_err(located)?;
    watch.finish()?;
    let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
    if is_wal {
        let copy = open_raw_connection(staged.path(), Access::ReadWrite, &busy_handler)?;
        set_wal(&copy, path)?;
    }
    check_copy(staged, path, None, observer)
}

/// Replaces the database's file by a compact copy if nobody else has the file open. Returns whether it did;
/// otherwise the database is as it was.
fn swap(
    file: &DatabaseFile,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<bool, Error> {
    let (path, real) = (file.path(), file.real());
    let links = fs::metadata(real).map_or(0, |metadata| metadata.nlink());
    // A hard link would go on showing the old file.
    if links != 1 || has_attributes(real) || !file_swap::is_possible(file) {
        return Ok(false);
    }
    let source = open_raw_connection(real, Access::ReadWrite, busy_handler)?;
    let staged = StagedFile::create(real, PRIVATE)?;
    let version = data_version(&source, path)?;
    write_compact(&source, path, &staged, observer)?;
    staged.copy_permissions(real)?;
    // A file of another group would lock out those who have access through the group.
    if access_of(staged.path()) != access_of(real) {
        return Ok(false);
    }
    staged.sync()?;
    let unchanged = |source: &RawConnection| Ok(data_version(source, path)? == version);
    Ok(file_swap::swap(source, file, &staged, unchanged)? == Swapped::Yes)
}

/// The owner, the group and the permissions of a file.
fn access_of(path: &Path) -> Option<(u32, u32, u32)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.uid(), metadata.gid(), metadata.mode()))
}

/// Whether a file has access control lists or other extended attributes, which a new file would lack.
fn has_attributes(path: &Path) -> bool {
    let mut names = [0_u8; 4_096];
    match rustix::fs::listxattr(path, &mut names) {
        Ok(length) => names.get(..length).is_none_or(|names| {
            names
                .split(|byte| *byte == 0)
                .any(|name| name.starts_with(b"system.") || name.starts_with(b"user."))
        }),
        Err(rustix::io::Errno::NOTSUP) => false,
        // There are too many to read, or they cannot be read.
        Err(_) => true,
    }
}

/// SQLite's data version, a number that changes with every commit of another connection.
fn data_version(source: &RawConnection, path: &Path) -> Result<Option<[i64; 1]>, Error> {
    source
        .row("PRAGMA data_version")
        .map_err(|error| Error::from_sqlite(path, error))
}

fn in_place(
    file: &DatabaseFile,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let path = file.path();
    let located = |error| Error::from_sqlite(path, error);
    let live = open_raw_connection(path, Access::ReadWrite, busy_handler)?;
    let content = content_bytes(&live, path)?;
    // `VACUUM` needs room for SQLite's temporary file and for the log.
    disk_space::require_room(path, file.real(), content.saturating_mul(2))?;
    let log_before = file.log_bytes();
    let mut watch = Watch::new(observer, path, content);
    vacuum(&live, file.real(), || {
        match file.log_bytes().saturating_sub(log_before) {
            0 => watch.tell(Stage::Compacting, 0),
            written => watch.tell(Stage::WritingBack, written),
        }
    })
    .map_err(located)?;
    overwrite::settle_log(&live, path, busy_handler);
    Ok(())
}

/// The size of all used pages, in bytes.
fn content_bytes(handle: &RawConnection, path: &Path) -> Result<u64, Error> {
    let row = handle
        .row(
            "SELECT (page_count - freelist_count) * page_size \
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        )
        .map_err(|error| Error::from_sqlite(path, error))?;
    let [bytes] = row.unwrap_or_default();
    Ok(u64::try_from(bytes).unwrap_or_default())
}

/// Reports the progress of a running statement to an observer.
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

    /// Reports progress. Returns whether the statement may go on.
    fn tell(&mut self, stage: Stage<'_>, done: u64) -> bool {
        let done = done.min(self.total);
        let told = report(self.observer, self.path, stage, done, self.total);
        self.is_stopped |= told.is_err();
        !self.is_stopped
    }

    /// Reports the end. Fails if the observer has asked to stop, even if the statement had already completed.
    fn finish(mut self) -> Result<(), Error> {
        if self.tell(Stage::Compacting, self.total) {
            return Ok(());
        }
        Err(ErrorKind::Interrupted.at(self.path))
    }
}
