//! Room on the disk.

use std::fs;
use std::path::Path;

use super::Error;
use super::connection::sidecar;

/// The size of a database with its log, in bytes.
pub(super) fn size(path: &Path) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    size(path) + size(&sidecar(path, "-wal"))
}

/// Fails unless there is room beside a database for `factor` times its size. Where the file system does
/// not tell, there is.
pub(super) fn require(path: &Path, factor: u64) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let needed = size(path).saturating_mul(factor);
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
        return Err(Error::NotEnoughSpace {
            path: path.to_owned(),
            needed,
            available,
        });
    }
    Ok(())
}
