//! Compaction: rewrites a database without its unused space.
//!
//! A compact copy is written row by row and compared with its source. If nobody else has the file open, the copy
//! replaces the file; `file_swap` explains how this is proved. Otherwise its pages replace the content in the same file.
//!
//! SQLite's `VACUUM` would write as much, but it gives some rows other rowids (`vacuum`), and nothing can be compared
//! before it commits.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::open::{
    Access, LOCK_TIMEOUT, is_wal, is_wal_on_disk, open_raw_connection, set_wal,
};
use crate::database::copying::check_copy::{check_rewritten, check_source};
use crate::database::copying::consistent_copy::copy_consistently;
use crate::database::copying::file_swap::Swapped;
use crate::database::copying::overwrite::{Replacement, require_arrived};
use crate::database::copying::publish::{check_target, clear_away_leftovers, publish};
use crate::database::copying::vacuum::vacuum_into;
use crate::database::copying::{file_swap, overwrite};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::attributes::have_same_attributes;
use crate::database::files::database_file::{DatabaseFile, file_bytes};
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::files::{disk_space, staged_file};
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::lock_wait::LockWait;
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
    /// The content was rewritten in the same file.
    InPlace,
    /// The compact copy is another file; the database is as it was.
    Into,
}

/// The place of the change counter in the file's header (<https://sqlite.org/fileformat2.html>, section 1.3.5).
const CHANGE_COUNTER: u64 = 24;

/// How often a compaction in the same file begins anew because another program has written between the copy and the
/// replacement. It waits for the write lock there, for a few microseconds.
const TRIES: u32 = 5;

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
/// The pages of the database are checked first, and every row of the compact copy is compared with its source before
/// anything is replaced. Rows keep their ids and rowids. If others have the database open, the rewrite blocks writers
/// until it ends. It does not block readers, and a compact copy blocks nobody.
///
/// # Errors
///
/// Fails with
///
/// - [`ErrorKind::Refused`] if the database is not degenbot's;
/// - [`ErrorKind::Damaged`] if the database fails its check;
/// - [`ErrorKind::CopyCheckFailed`] if the compact copy differs from the database, or fails its check;
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
    let _waiting = LockWait::begin(options.wait, observer.cancel_token());
    EffectTracker::track(path, |effect| compact(path, options, observer, effect))
}

fn compact(
    path: &Path,
    options: &CompactOptions,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<CompactReport, Error> {
    let recognition = recognise(path)?;
    recognition.require_degenbot(path)?;
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    let file = DatabaseFile::existing(path)?;
    let before = file.bytes();
    staged_file::sweep(file.real());
    if let Some(into) = &options.into {
        copy_into(&file, into, options, &busy_handler, observer, effect)?;
        log::debug!("Compacted {} into {}", path.display(), into.display());
        return Ok(CompactReport {
            before,
            after: file_bytes(into),
            how: Compaction::Into,
        });
    }
    file.require_writable()?;
    check_source(file.real(), Access::ReadWrite, path, observer)?;
    let (how, written) = match swap(&file, &busy_handler, observer, effect)? {
        Some(written) => (Compaction::Swapped, written),
        None => (
            Compaction::InPlace,
            in_place(&file, &busy_handler, observer, effect)?,
        ),
    };
    require_arrived(path, &written)?;
    log::debug!("Compacted {}", path.display());
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
    effect: &mut EffectTracker,
) -> Result<(), Error> {
    let path = file.path();
    check_target(file, into, true)?;
    let target = DatabaseFile::at(into);
    // The exact copy is one state of the database, with which the compact one can be compared.
    let mut exact = StagedFile::create(target.real(), PRIVATE)?;
    let staged = StagedFile::create(target.real(), PRIVATE)?;
    disk_space::require_room(into, exact.path(), file.bytes())?;
    // A user who is asked whether to replace the file has heard of everything else that stands in the way.
    check_target(file, into, options.replace_existing)?;
    let copied = copy_consistently(file, &mut exact, into, busy_handler, observer)?;
    check_source(exact.path(), Access::Immutable, path, observer)?;
    let is_wal = is_wal_on_disk(exact.path())?;
    let source = open_raw_connection(exact.path(), Access::Immutable, busy_handler)?;
    write_compact(&source, path, &staged, is_wal, observer)?;
    check_rewritten(exact.path(), Access::Immutable, &staged, path, observer)?;
    drop(source);
    // Where nothing is gained, the clone takes no space.
    let is_smaller = file_bytes(staged.path()) < file_bytes(exact.path());
    let staged = if copied.cloned && !is_smaller {
        exact
    } else {
        staged
    };
    staged.copy_permissions(file.real())?;
    clear_away_leftovers(&target, busy_handler)?;
    effect.publish(|| publish(staged, options.replace_existing))
}

/// Writes a compact copy of the present content.
fn write_compact(
    source: &RawConnection,
    path: &Path,
    staged: &StagedFile,
    is_wal: bool,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let content = content_bytes(source, path)?;
    disk_space::require_room(path, staged.path(), content)?;
    let mut watch = Watch::new(observer, path, content);
    vacuum_into(source, staged.path(), None, || {
        watch.tell(Stage::Compacting, file_bytes(staged.path()))
    })
    .map_err(|error| Error::from_sqlite(path, error))?;
    watch.finish()?;
    if is_wal {
        let busy_handler = BusyHandler::new(LOCK_TIMEOUT, None);
        let copy = open_raw_connection(staged.path(), Access::ReadWrite, &busy_handler)?;
        set_wal(&copy, path)?;
    }
    Ok(())
}

/// Replaces the database's file by a compact copy if nobody else has the file open. Returns what it has written;
/// `None` if the database is as it was.
fn swap(
    file: &DatabaseFile,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<Option<Recognition>, Error> {
    let (path, real) = (file.path(), file.real());
    let links = fs::metadata(real).map_or(0, |metadata| metadata.nlink());
    // A hard link would go on showing the old file.
    if links != 1 || !file_swap::is_possible(file) {
        return Ok(None);
    }
    let staged = StagedFile::create(real, PRIVATE)?;
    if !have_same_attributes(real, staged.path()) {
        return Ok(None);
    }
    let source = open_raw_connection(real, Access::ReadWrite, busy_handler)?;
    let version = data_version(&source, path)?;
    write_compact(&source, path, &staged, is_wal(&source, path)?, observer)?;
    let checked = check_rewritten(real, Access::ReadWrite, &staged, path, observer);
    if data_version(&source, path)? != version {
        return Ok(None);
    }
    let written = checked?;
    staged.copy_permissions(real)?;
    // A file of another group would lock out those who have access through the group.
    if access_of(staged.path()) != access_of(real) {
        return Ok(None);
    }
    staged.sync()?;
    let unchanged = |source: &RawConnection| Ok(data_version(source, path)? == version);
    let is_swapped = effect.commit_if(|| {
        Ok(file_swap::swap(source, file, &staged, busy_handler, unchanged)? == Swapped::Yes)
    })?;
    Ok(is_swapped.then_some(written))
}

/// The owner, the group and the permissions of a file.
fn access_of(path: &Path) -> Option<(u32, u32, u32)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.uid(), metadata.gid(), metadata.mode()))
}

/// SQLite's data version, a number that changes with every commit of another connection.
fn data_version(source: &RawConnection, path: &Path) -> Result<Option<[i64; 1]>, Error> {
    source
        .row("PRAGMA data_version")
        .map_err(|error| Error::from_sqlite(path, error))
}

/// A number that changes with every commit of another connection. In rollback mode it is the change counter of the
/// file's header, because this connection cannot read in any other way while a replacement holds its lock.
fn commits(source: &RawConnection, path: &Path, is_wal: bool) -> Result<Option<[i64; 1]>, Error> {
    if is_wal {
        return data_version(source, path);
    }
    let mut counter = [0; 4];
    source
        .read_file(&mut counter, CHANGE_COUNTER)
        .map_err(|error| Error::from_sqlite(path, error))?;
    Ok(Some([i64::from(u32::from_be_bytes(counter))]))
}

/// Replaces the content by that of a compact copy. Others go on using the same file.
fn in_place(
    file: &DatabaseFile,
    busy_handler: &BusyHandler,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<Recognition, Error> {
    let (path, real) = (file.path(), file.real());
    let located = |error| Error::from_sqlite(path, error);
    let source = open_raw_connection(real, Access::ReadWrite, busy_handler)?;
    let writer = open_raw_connection(real, Access::ReadWrite, busy_handler)?;
    for _ in 0..TRIES {
        // Nobody writes while the copy is made and compared.
        writer.execute("BEGIN IMMEDIATE").map_err(located)?;
        let is_wal = is_wal(&source, path)?;
        let version = commits(&source, path, is_wal)?;
        // There must be room for the copy and for the log.
        let content = content_bytes(&source, path)?;
        disk_space::require_room(path, real, content.saturating_mul(2))?;
        let staged = StagedFile::create(real, PRIVATE)?;
        write_compact(&source, path, &staged, is_wal, observer)?;
        let written = check_rewritten(real, Access::ReadWrite, &staged, path, observer)?;
        // SQLite's backup interface takes the lock for itself, so it is free for a moment.
        writer.execute("ROLLBACK").map_err(located)?;
        let copy = open_raw_connection(staged.path(), Access::Immutable, busy_handler)?;
        let mut replacement = Replacement::begin(&copy, &writer, path)?;
        if commits(&source, path, is_wal)? != version {
            continue;
        }
        replacement.prepare(observer)?;
        report(observer, path, Stage::WritingBack, content, content)?;
        effect.commit(|| replacement.commit())?;
        overwrite::settle_log(&writer, path);
        return Ok(written);
    }
    Err(ErrorKind::Locked.at(path))
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
