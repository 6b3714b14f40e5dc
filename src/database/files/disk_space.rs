//! Room on the disk.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::folder_of;

/// Fails unless there is room for so many bytes in the folder of `file`, which the user knows as `path`. Where
/// the file system does not tell, there is.
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
