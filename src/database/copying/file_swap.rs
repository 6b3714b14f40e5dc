//! File swap: replaces the file of a database that nobody else has open.
//!
//! SQLite's locks do not prove that nobody has the file open. A program that has opened a database in WAL mode
//! and not read from it yet holds no lock. SQLite would not notice the replacement either: the program would
//! take the new file's log for the old one's and write pages of the old content into it.
//!
//! A lease of the operating system does prove it. Linux grants a write lease (`fcntl(2)`, `F_SETLEASE`) only if
//! no other process has the file open, whatever its account or container. Until the lease ends, it delays
//! everybody who opens the file. If another process opens the old file during the swap, the lease reveals it
//! and the swap is undone.
//!
//! Nothing is replaced if leases are not supported or this process has no right to one.

use std::fs::{File, OpenOptions};
use std::thread;
use std::time::{Duration, Instant};

use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::file_stamp::FileStamp;
use crate::database::files::open_by;
use crate::database::files::staged_file::StagedFile;
use crate::database::progress::require_not_cancelled;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::moved_file::EMPTY_LOG;
use crate::sqlite::raw_connection::RawConnection;
use crate::system::lease::Lease;

/// How long the swap can still be undone. Another process may have looked the old file up by its name and not
/// opened it yet. Between the two are a few instructions, unless the system suspends that process.
const STRAGGLERS: Duration = Duration::from_millis(20);

/// The interval between two looks at the lease. The sooner a straggler is seen, the less time others have to
/// open the new file before the swap is undone.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// Whether a file was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// The file was replaced.
    Yes,
    /// The file is as it was: another process has it open or has changed it.
    No,
}

/// Whether a swap is worth trying.
pub(crate) fn is_possible(file: &DatabaseFile) -> bool {
    Lease::IS_SUPPORTED && open_by::programs_using(file.real()).is_empty()
}

/// Replaces the file of a database by a complete and synced one if nobody else has the database open and
/// `is_unchanged` returns true. The busy handler ends the wait for a program that has opened the wrong file.
pub(crate) fn swap(
    source: RawConnection,
    file: &DatabaseFile,
    staged: &StagedFile,
    busy_handler: &BusyHandler,
    is_unchanged: impl FnOnce(&RawConnection) -> Result<bool, Error>,
) -> Result<Swapped, Error> {
    let released = release(&source, file, is_unchanged)?;
    drop(source);
    match released {
        Some(stamp) => swap_leased(file, staged, busy_handler, stamp),
        None => Ok(Swapped::No),
    }
}

/// Moves the log into the file, so that closing the connection leaves one file to replace. Returns the state of
/// that file, or `None` if others use the database.
///
/// In EXCLUSIVE locking mode the first transaction takes a lock that excludes even readers, and keeps it.
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
    match source.row::<3>(EMPTY_LOG) {
        Ok(Some([0, ..])) => {
            let stamp = file.stamp();
            if source.has_moved() {
                // The stamp would be that of the other file, which the swap would then replace.
                return Err(ErrorKind::Moved.at(file.path()));
            }
            Ok(stamp)
        }
        Ok(_) => Ok(None),
        Err(error) => Err(located(error)),
    }
}

/// Swaps the files under a lease on each of them.
fn swap_leased(
    file: &DatabaseFile,
    staged: &StagedFile,
    busy_handler: &BusyHandler,
    stamp: FileStamp,
) -> Result<Swapped, Error> {
    let opened = OpenOptions::new().read(true).write(true).open(file.real());
    let old = opened
        .map_err(|error| Error::io(file.real(), "open", error).with_effect(Effect::Nothing))?;
    let swapped = {
        let leases = (Lease::take(&old), staged.lease());
        let is_same = file.stamp() == Some(stamp) && !file.has_sidecars();
        match leases {
            (Some(lease), Some(new_lease)) if is_same => {
                exchange(file, staged, busy_handler, lease, new_lease)
            }
            _ => Ok(Swapped::No),
        }
    };
    if matches!(swapped, Ok(Swapped::Yes)) {
        // Nobody can open the old file any more.
        drop(old);
    } else {
        keep_open(old);
    }
    swapped
}

/// Exchanges the names of the two files, and exchanges them back if another process opens the old file.
fn exchange(
    file: &DatabaseFile,
    staged: &StagedFile,
    busy_handler: &BusyHandler,
    old: Lease<'_>,
    new: Lease<'_>,
) -> Result<Swapped, Error> {
    // Emptying the log waits for the disk.
    require_not_cancelled(file.path())?;
    // If a process has come since the lease was taken, the swap would only be undone.
    if !old.is_undisturbed() || !staged.exchange() {
        return Ok(Swapped::No);
    }
    if !old.is_of(staged.path()) {
        // A third file was renamed over the database before that. It gets the name back.
        staged.exchange();
        return Ok(Swapped::No);
    }
    let exchanged = Instant::now();
    let mut is_undisturbed = true;
    while is_undisturbed && exchanged.elapsed() <= STRAGGLERS {
        thread::sleep(LOOK_EVERY);
        is_undisturbed = old.is_undisturbed();
    }
    if !new.is_of(file.real()) {
        // Another exchange would take the name from a third file.
        return Err(ErrorKind::MovedAtCommit.at(file.path()));
    }
    if is_undisturbed {
        drop((old, new));
        return staged.sync_folder().map(|()| Swapped::Yes);
    }
    let is_back = staged.exchange();
    drop(old);
    if is_back && !new.is_undisturbed() {
        lock_out(staged, busy_handler, LOCK_TIMEOUT, new);
    }
    if is_back {
        staged.sync_folder().map(|()| Swapped::No)
    } else {
        Ok(Swapped::Yes)
    }
}

/// Locks out the processes that opened the new file while it had the database's name. What they write would go
/// to a file without a name. They find it locked, and after a while no database, until they open the database again.
///
/// This waits until they have closed it, but not for longer than `limit`, nor after a cancellation.
fn lock_out(staged: &StagedFile, busy_handler: &BusyHandler, limit: Duration, lease: Lease<'_>) {
    staged.lock_for_others();
    staged.spoil();
    drop(lease);
    log::warn!(
        "A program has opened a temporary file instead of the database; it cannot use that and has to open the \
         database again"
    );
    let locked = Instant::now();
    while staged.lease().is_none() && locked.elapsed() < limit && !busy_handler.is_stopped() {
        thread::sleep(STRAGGLERS);
    }
}

/// Keeps a descriptor of the database open until the process ends. Closing it would drop the locks that SQLite
/// may hold for another thread by now.
fn keep_open(file: File) {
    std::mem::forget(file);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::cancel::CancelToken;
    use crate::database::files::staged_file::PRIVATE;

    #[test]
    fn third_file_that_takes_the_name_before_the_swap_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let [path, third] = ["x.db", "third.db"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::write(&third, "third").unwrap();
        let staged = StagedFile::create(&path, PRIVATE).unwrap();
        let old = File::open(&path).unwrap();
        let (Some(lease), Some(new_lease)) = (Lease::take(&old), staged.lease()) else {
            return; // Not every file system has leases.
        };
        fs::rename(&third, &path).unwrap();
        let file = DatabaseFile::at(&path);
        let busy_handler = BusyHandler::new(Duration::ZERO, None);
        let swapped = exchange(&file, &staged, &busy_handler, lease, new_lease).unwrap();
        assert_eq!(swapped, Swapped::No);
        drop(staged);
        assert_eq!(fs::read(&path).unwrap(), b"third");
    }

    const FOR_EVER: Duration = Duration::from_secs(86_400);

    /// A program that has the file open until it is killed.
    fn program_with(staged: &StagedFile) -> std::io::Result<Child> {
        let file = File::open(staged.path())?;
        let mut command = Command::new("sleep");
        command.arg("86400").stdin(Stdio::from(file)).spawn()
    }

    /// Each call of `lock_out` returns although the program goes on, or the test hangs.
    #[test]
    fn wait_for_a_program_with_the_wrong_file_has_a_limit_and_can_be_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let staged = StagedFile::create(&folder.path().join("x.db"), PRIVATE).unwrap();
        let cancel = CancelToken::new();
        cancel.cancel();
        let cancelled = BusyHandler::new(Duration::ZERO, Some(cancel));
        let patient = BusyHandler::new(Duration::ZERO, None);
        for (busy_handler, limit) in [(&cancelled, FOR_EVER), (&patient, Duration::ZERO)] {
            let Some(lease) = staged.lease() else {
                return; // Not every file system has leases.
            };
            let opening = thread::scope(|scope| {
                // Opening the file waits for the end of the lease.
                let opening = scope.spawn(|| program_with(&staged));
                while lease.is_undisturbed() {
                    thread::sleep(STRAGGLERS);
                }
                lock_out(&staged, busy_handler, limit, lease);
                opening.join()
            });
            let mut program = opening.unwrap().unwrap();
            program.kill().unwrap();
            program.wait().unwrap();
        }
    }
}
