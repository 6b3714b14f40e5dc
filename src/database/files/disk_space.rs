//! The free space on a disk.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::folder_of;

/// How many bytes are free on the disk of `file`. `None` if its file system does not report that.
pub(crate) fn free_bytes(file: &Path) -> Option<u64> {
    let folder = folder_of(file);
    match rustix::fs::statvfs(folder) {
        Ok(status) => Some(status.f_bavail.saturating_mul(status.f_frsize)),
        Err(error) => {
            log::debug!(
                "The free space of {} is not known: {error}",
                folder.display()
            );
            None
        }
    }
}

/// Fails if the disk of `file` has less than `needed` bytes free. The error names `path`. A file system that does not
/// report its free space passes.
pub(crate) fn require_room(path: &Path, file: &Path, needed: u64) -> Result<(), Error> {
    let Some(available) = free_bytes(file) else {
        return Ok(());
    };
    if available < needed {
        return Err(ErrorKind::NotEnoughSpace { needed, available }.at(path));
    }
    Ok(())
}
