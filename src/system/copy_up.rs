//! Copy-ups: an overlay (`overlayfs`, as in a container) copies a file of its lower layers to the writable one when it is
//! first opened for writing. The file then has another inode, another device or another time of creation, though nobody
//! has touched it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::system::own_descriptors::with_own_descriptors;

/// Has an overlay copy a file up now, so that the file keeps its identity from here on. Elsewhere this does nothing.
///
/// # Errors
///
/// If there is no room for the copy. SQLite then opens the file to read only. Other reasons show when the file is opened for
/// writing.
pub(crate) fn copy_up(path: &Path) -> io::Result<()> {
    if !is_copied_up_by(path) {
        return Ok(());
    }
    // SQLite may hold locks on the file.
    match with_own_descriptors(|| open_for_writing(path)) {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) if is_of_full_disk(&error) => Err(error),
        other => {
            log::debug!("{} is not copied up: {other:?}", path.display());
            Ok(())
        }
    }
}

fn is_of_full_disk(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    [StorageFull, QuotaExceeded].contains(&error.kind())
}

/// Whether the file system at a path may copy files up.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_copied_up_by(path: &Path) -> bool {
    /// `OVERLAYFS_SUPER_MAGIC`, and `FUSE_SUPER_MAGIC` of overlays without root (`fuse-overlayfs`).
    const OVERLAYS: [u64; 2] = [0x794c_7630, 0x6573_5546];
    // The type of the number differs from one architecture to the next.
    rustix::fs::statfs(path)
        .is_ok_and(|system| u64::try_from(system.f_type).is_ok_and(|kind| OVERLAYS.contains(&kind)))
}

/// Other systems have no overlays.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn is_copied_up_by(_path: &Path) -> bool {
    false
}

/// Opens a regular file for writing and closes it.
fn open_for_writing(path: &Path) -> io::Result<()> {
    // Opening a device can have an effect, and a pipe would wait for a reader.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(path)?;
    drop(file);
    Ok(())
}
