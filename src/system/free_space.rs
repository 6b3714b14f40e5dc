//! The free space of a file system.

use std::path::Path;

use rustix::io::Errno;

/// The bytes that are free in the file system of a folder.
pub(crate) fn free_bytes(folder: &Path) -> Result<u64, Errno> {
    rustix::fs::statvfs(folder).map(|status| status.f_bavail.saturating_mul(status.f_frsize))
}

/// Whether bytes are free there. If the system has no space for a new file nevertheless, the file system or the folder has as
/// many files as it can have.
pub(crate) fn has_free_bytes(folder: &Path) -> bool {
    /// More than the folder needs to grow by.
    const ENOUGH: u64 = 1 << 20;
    free_bytes(folder).is_ok_and(|bytes| bytes >= ENOUGH)
}
