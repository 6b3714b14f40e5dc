//! The free space on a disk.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::folder_of::folder_of;
use crate::system::free_space;

/// Fails if the disk of `file` has less than `needed` bytes free. The error names `path`. A file system that does not
/// report its free space passes.
pub(crate) fn require_room(path: &Path, file: &Path, needed: u64) -> Result<(), Error> {
    require(path, file, needed, false)
}

/// The same for an operation that may need more than `needed`.
pub(crate) fn require_least_room(path: &Path, file: &Path, needed: u64) -> Result<(), Error> {
    require(path, file, needed, true)
}

fn require(path: &Path, file: &Path, needed: u64, is_least: bool) -> Result<(), Error> {
    match free_bytes(file) {
        Some(available) if available < needed => Err(ErrorKind::NotEnoughSpace {
            needed,
            available,
            is_least,
        }
        .at(path)),
        _ => Ok(()),
    }
}

/// The free space on the disk of `file`, in bytes, if the file system reports it.
pub(crate) fn free_bytes(file: &Path) -> Option<u64> {
    let folder = folder_of(file);
    match free_space::free_bytes(folder) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            log::debug!(
                "The free space of {} is not known: {error}",
                folder.display()
            );
            None
        }
    }
}
