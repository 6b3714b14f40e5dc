//! A write lease: the system says when another program comes to open a file.

use std::fs::File;

/// A lease on a file: as long as it lasts, nobody else has the file open, and who comes to open it waits.
#[derive(Debug)]
pub(crate) struct Lease<'file> {
    file: &'file File,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::os::fd::{AsRawFd, RawFd};

    use super::File;
    use super::Lease;

    /// From `asm-generic/fcntl.h`.
    const F_SETSIG: libc::c_int = 10;

    impl<'file> Lease<'file> {
        /// Whether the system has leases.
        pub(crate) const IS_SUPPORTED: bool = true;

        /// Takes a lease, if this is the only descriptor of the file that anybody has.
        pub(crate) fn take(file: &'file File) -> Option<Self> {
            // The signal by which the system tells that somebody waits: one that does nothing unless it is
            // asked for. The one that it would send otherwise ends the process.
            let is_set = call(file, F_SETSIG, libc::SIGURG) == 0
                && call(file, libc::F_SETLEASE, libc::F_WRLCK) == 0;
            is_set.then_some(Self { file })
        }

        /// Whether nobody has come to open the file.
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
        // SAFETY: the descriptor is open for as long as `file`; each of the commands above takes one
        // integer, or nothing, and touches no memory of this process.
        unsafe { libc::fcntl(descriptor, command, argument) }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use super::File;
    use super::Lease;

    impl<'file> Lease<'file> {
        /// Whether the system has leases.
        pub(crate) const IS_SUPPORTED: bool = false;

        /// Takes a lease.
        pub(crate) fn take(_: &'file File) -> Option<Self> {
            None
        }

        /// Whether nobody has come to open the file.
        pub(crate) fn is_undisturbed(&self) -> bool {
            false
        }
    }
}
