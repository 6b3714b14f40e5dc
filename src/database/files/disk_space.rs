//! The free space on a disk.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::folder_of;

/// Fails if the disk of `file` has less than `needed` bytes free. The error names `path`. A file system that does not
/// report its free space passes.
pub(crate) fn require_room(path: &Path, file: &Path, needed: u64) -> Result<(), Error> {
    let folder = folder_of(file);
    let available = match rustix::fs::statvfs(folder) {
        Ok(status) => status.f_bavail.saturating_mul(status.f_frsize),
        Err(error) => {
            log::debug!(
                "The free space of {} is not known: {error}",
                folder.display()
            );
            return Ok(());
        }
    };
    if available < needed {
        return Err(ErrorKind::NotEnoughSpace { needed, available }.at(path));
    }
    Ok(())
}
