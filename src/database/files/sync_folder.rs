//! Syncing a folder, so that a new name in it survives a power cut.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::database::error::database_error::Error;
use crate::folder_of::folder_of;

/// Syncs the folder of `path`, which is the name of `file`.
///
/// A folder may be closed to readers, and some file systems sync no folders. Then the whole file system is synced. If
/// that fails as well, the file is complete all the same: only its name may be missing after a power cut.
pub(crate) fn sync_folder_of(path: &Path, file: &File) -> Result<(), Error> {
    let folder = folder_of(path);
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if is_refused(&error) => {
            if let Err(others) = sync_file_system(file) {
                log::debug!("The file system of {}: {others}", folder.display());
                log::warn!(
                    "{} cannot be synced ({error}): a power cut soon could undo the name of {}",
                    folder.display(),
                    path.display()
                );
            }
            Ok(())
        }
        synced => synced.map_err(|error| Error::io(folder, "write", error)),
    }
}

/// Whether the file system or the access rights refuse a call, and the disk has not failed.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    let refusals = [
        Errno::ACCESS,
        Errno::PERM,
        Errno::INVAL,
        Errno::NOTSUP,
        Errno::NOSYS,
        Errno::BADF,
        Errno::ISDIR,
    ];
    Errno::from_io_error(error).is_some_and(|error| refusals.contains(&error))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn sync_file_system(file: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(file)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn sync_file_system(_: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
