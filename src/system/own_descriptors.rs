//! A thread with file descriptors of its own, on which a file can be opened and closed without an effect on locks.
//!
//! SQLite locks its files with `fcntl`. Such locks belong to a table of descriptors, which the threads of a process share:
//! whoever closes any descriptor of a file drops all locks that the table has on it (fcntl(2), "Advisory record locking").
//! A thread that has left the common table closes what it opens in a table that holds no locks.

use std::thread;

/// Runs `work` on a thread with file descriptors of its own: those of this process stay usable there. Returns `None` where
/// the system cannot do that, or has no thread.
pub(crate) fn with_own_descriptors<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let run = || leave_common_table().then(work);
        let thread = thread::Builder::new().spawn_scoped(scope, run).ok()?;
        thread.join().ok()?
    })
}

/// Gives this thread a copy of the table of descriptors. Returns whether it has one.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn leave_common_table() -> bool {
    // Sandboxes often forbid `unshare`, because it can do much more. `close_range` of a range without descriptors only
    // copies the table.
    let none = libc::c_uint::MAX;
    // SAFETY: the call takes three integers and touches no memory of this process. No descriptor is closed: none has so
    // high a number.
    let closed =
        unsafe { libc::syscall(libc::SYS_close_range, none, none, libc::CLOSE_RANGE_UNSHARE) };
    // SAFETY: the call takes an integer and touches no memory of this process. The descriptors keep their numbers.
    closed == 0 || unsafe { libc::unshare(libc::CLONE_FILES) } == 0
}

/// Returns `false`: the system has one table of descriptors for all threads.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn leave_common_table() -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::os::fd::{AsRawFd, FromRawFd};
    use std::path::Path;

    use rustix::fs::{FlockOperation, fcntl_lock};

    use super::*;

    /// Whether a lock is on the file, as a table without locks of its own sees it.
    fn is_locked(path: &Path) -> Option<bool> {
        with_own_descriptors(|| {
            let file = File::options().write(true).open(path).ok()?;
            Some(fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
        })?
    }

    #[test]
    fn closing_a_file_drops_no_lock_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let file = File::create(&path).unwrap();
        assert_eq!(is_locked(&path), Some(false));
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(is_locked(&path), Some(true));
        assert_eq!(is_locked(&path), Some(true), "the look has dropped nothing");
        // This is what an ordinary thread does.
        thread::scope(|scope| scope.spawn(|| drop(File::open(&path).unwrap())).join()).unwrap();
        assert_eq!(is_locked(&path), Some(false));
    }

    #[test]
    fn descriptors_of_the_process_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("x")).unwrap();
        with_own_descriptors(|| file.set_len(3).unwrap()).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3);
        let number = file.as_raw_fd();
        // SAFETY: the number is open in the thread's own table, and closed there alone.
        with_own_descriptors(|| drop(unsafe { File::from_raw_fd(number) })).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3);
    }
}
