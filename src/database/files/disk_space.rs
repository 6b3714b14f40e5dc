//! Room on the disk.

use std::fs;
use std::path::Path;

use crate::database::connection::open::sidecar;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;

/// The size of a database with its log, in bytes.
pub(crate) fn size(path: &Path) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    size(path) + size(&sidecar(path, "-wal"))
}

/// Fails unless there is room for so many bytes in the folder of `file`, which the user knows as `path`. Where
/// the file system does not tell, there is.
pub(crate) fn require_room(path: &Path, file: &Path, needed: u64) -> Result<(), Error> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
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
