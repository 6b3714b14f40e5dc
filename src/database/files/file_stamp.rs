//! File stamps, by which a changed or replaced file is noticed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The size, inode and time of a file. They change if the file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    /// The size, in bytes.
    pub(crate) bytes: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl FileStamp {
    /// The stamp of a file, or `None` if its metadata cannot be read.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            bytes: metadata.len(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}
