//! The write lease of a file, by which the system reveals that another process opens it.

use std::fs;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A write lease on a file. While it lasts, no other process has the file open, and a process that opens it waits.
#[derive(Debug)]
pub(crate) struct Lease<'file> {
    file: &'file File,
}

impl Lease<'_> {
    /// Whether the file is the one at a path.
    pub(crate) fn is_of(&self, path: &Path) -> bool {
        match (self.file.metadata(), fs::metadata(path)) {
            (Ok(ours), Ok(found)) => (ours.dev(), ours.ino()) == (found.dev(), found.ino()),
            _ => false,
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::os::fd::{AsRawFd, RawFd};

    use super::File;
    use super::Lease;

    /// From `asm-generic/fcntl.h`.
    const F_SETSIG: libc::c_int = 10;

    impl<'file> Lease<'file> {
        /// Whether the system supports leases.
        pub(crate) const IS_SUPPORTED: bool = true;

        /// Takes a lease. Returns `None` if any other descriptor of the file is open.
        pub(crate) fn take(file: &'file File) -> Option<Self> {
            // The system sends a signal when another process waits. The default signal, SIGIO, would end this
            // process; SIGURG is ignored by default.
            let is_set = call(file, F_SETSIG, libc::SIGURG) == 0
                && call(file, libc::F_SETLEASE, libc::F_WRLCK) == 0;
            is_set.then_some(Self { file })
        }

        /// Whether no other process has tried to open the file.
        pub(crate) fn is_undisturbed(&self) -> bool {
            call(self.file, libc::F_GETLEASE, 0) == libc::F_WRLCK
        }
    }

    impl Drop for Lease<'_> {
        fn drop(&mut self) {
            call(self.file, libc::F_SETLEASE, libc::F_UNLCK);
        }
    }

    fn call(file: &File, command: libc::c_int, argument: libc::c_int) -> libc::c_int {
        let descriptor: RawFd = file.as_raw_fd();
        // SAFETY: the descriptor is open as long as `file` lives. Each command above takes one integer or nothing, and
        // touches no memory of this process.
        unsafe { libc::fcntl(descriptor, command, argument) }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use super::File;
    use super::Lease;

    impl<'file> Lease<'file> {
        /// Whether the system supports leases.
        pub(crate) const IS_SUPPORTED: bool = false;

        /// Returns `None`, because the system has no leases.
        pub(crate) fn take(_: &'file File) -> Option<Self> {
            None
        }

        /// Returns `false`, because there is no lease.
        pub(crate) fn is_undisturbed(&self) -> bool {
            false
        }
    }
}
