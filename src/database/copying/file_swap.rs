//! Replacing the file of a database that nobody else has open.
//!
//! A program that has opened a database in WAL mode and not read from it yet holds no lock, and SQLite does
//! not notice that the file was replaced: it would take the log of the new file for the old one's, and write
//! pages of the old content into it. So it is the operating system that must know that nobody has the file
//! open: Linux gives a write lease (`fcntl(2)`, `F_SETLEASE`) on it to no one else than its only user, of
//! whatever account or container, and holds up everybody who comes to open it while the lease lasts. Whoever
//! was on his way to the old file when the new one took its name shows by that too, and then all is taken
//! back.
//!
//! Where there are no leases, or this process has no right to one, nothing is replaced.

use std::fs::{File, OpenOptions};
use std::thread;
use std::time::{Duration, Instant};

use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::open_by;
use crate::database::files::staged_file::StagedFile;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::raw_connection::RawConnection;
use crate::system::lease::Lease;

/// How long those are waited for who have looked the old file up and have not begun to open it: a few
/// instructions, unless the system gives the processor to somebody else in between.
const STRAGGLERS: Duration = Duration::from_millis(20);

/// How often is looked whether there are any: the sooner they are seen, the less time there is for somebody to
/// open the new file.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// Whether a file was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// It was.
    Yes,
    /// Somebody has it open, or has changed it: it is as it was.
    No,
}

/// Whether it is worth trying.
pub(crate) fn is_possible(file: &DatabaseFile) -> bool {
    Lease::IS_SUPPORTED && open_by::programs_using(file.real()).is_empty()
}

/// Puts a complete and synced file in the place of a database, if nobody else has that open and the
/// connection to it says that it `is_unchanged`.
pub(crate) fn swap(
    source: RawConnection,
    file: &DatabaseFile,
    staged: &StagedFile,
    is_unchanged: impl FnOnce(&RawConnection) -> Result<bool, Error>,
) -> Result<Swapped, Error> {
    let released = release(&source, file, is_unchanged)?;
    drop(source);
    match released {
        Some(stamp) => swap_leased(file, staged, stamp),
        None => Ok(Swapped::No),
    }
}

/// Moves the log into the file, so that there is one file to replace when the connection is closed. The
/// file's state then; none where others use it.
///
/// In this locking mode the first transaction takes a lock on the file that excludes even readers, and it is
/// kept.
fn release(
    source: &RawConnection,
    file: &DatabaseFile,
    is_unchanged: impl FnOnce(&RawConnection) -> Result<bool, Error>,
) -> Result<Option<FileStamp>, Error> {
    let located = |error| Error::from_sqlite(file.real(), error);
    source
        .set_busy_handler(BusyHandler::new(Duration::ZERO, None))
        .map_err(located)?;
    let locked = source.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    if locked.is_err() || !is_unchanged(source)? {
        return Ok(None);
    }
    source.execute("COMMIT").map_err(located)?;
    match source.row::<3>("PRAGMA wal_checkpoint(TRUNCATE)") {
        Ok(Some([0, ..])) => Ok(file.stamp()),
        Ok(_) => Ok(None),
        Err(error) => Err(located(error)),
    }
}

/// Does it under a lease on either file.
fn swap_leased(
    file: &DatabaseFile,
    staged: &StagedFile,
    stamp: FileStamp,
) -> Result<Swapped, Error> {
    let opened = OpenOptions::new().read(true).write(true).open(file.real());
    let old = opened.map_err(|error| Error::io(file.real(), "open", error))?;
    let swapped = {
        let leases = (Lease::take(&old), staged.lease());
        let is_same = file.stamp() == Some(stamp) && !file.has_sidecars();
        match leases {
            (Some(lease), Some(new_lease)) if is_same => exchange(staged, lease, new_lease),
            _ => Ok(Swapped::No),
        }
    };
    if matches!(swapped, Ok(Swapped::Yes)) {
        // Nobody gets to the old file any more.
        drop(old);
    } else {
        keep_open(old);
    }
    swapped
}

/// Exchanges the names, and exchanges them back if somebody shows who is on his way to the old file.
fn exchange(staged: &StagedFile, old: Lease<'_>, new: Lease<'_>) -> Result<Swapped, Error> {
    // Whoever has come since the lease was taken would only have to be found out again.
    if !old.is_undisturbed() || !staged.exchange() {
        return Ok(Swapped::No);
    }
    let exchanged = Instant::now();
    while old.is_undisturbed() {
        if exchanged.elapsed() > STRAGGLERS {
            drop((old, new));
            return staged.sync_folder().map(|()| Swapped::Yes);
        }
        thread::sleep(LOOK_EVERY);
    }
    let is_back = staged.exchange();
    drop(old);
    if !new.is_undisturbed() {
        lock_out(staged, new);
    }
    if is_back {
        staged.sync_folder().map(|()| Swapped::No)
    } else {
        Ok(Swapped::Yes)
    }
}

/// Keeps those from using the new file who came to open it in the instant in which it had the name: what they
/// wrote would be in a file without one. They find it locked until they have closed it.
fn lock_out(staged: &StagedFile, lease: Lease<'_>) {
    staged.lock_for_others();
    drop(lease);
    log::warn!(
        "A program has opened a file that is not the database; it finds it locked until it opens it again"
    );
    while staged.lease().is_none() {
        thread::sleep(STRAGGLERS);
    }
}

/// Keeps a descriptor of the database open until the process ends: closing it would drop the locks that
/// SQLite has for another thread by now.
fn keep_open(file: File) {
    std::mem::forget(file);
}
