//! Regular files: what is opened with plain file calls, and what a new file may replace.
//!
//! Whoever may write to a folder can put a pipe, a device or a link where a file is expected. Opening a pipe waits for
//! its other end; writing through a link changes another file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags};

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;

/// The most links that the system follows from one path.
pub(crate) const MOST_LINKS: usize = 40;

/// The device and the inode of a file, which every name of it has.
pub(crate) type Identity = (u64, u64);

/// The identity of the file that a path leads to, through links.
pub(crate) fn identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// The device and inode of a file, and the time of its creation if the file system stores it: the inode of a deleted file
/// can become that of a new one.
pub(crate) type FileIdentity = (Identity, Option<SystemTime>);

/// The same, told from a later file with the same inode.
pub(crate) fn file_identity(path: &Path) -> Option<FileIdentity> {
    let metadata = fs::metadata(path).ok()?;
    let identity = (metadata.dev(), metadata.ino());
    Some((identity, metadata.created().ok()))
}

/// Opens a regular file to read it, without waiting. Fails if the path leads to anything else, such as a link.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // Opening a device can have an effect, so it is not opened at all.
    require_regular(&fs::symlink_metadata(path)?)?;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    require_regular(&file.metadata()?)?;
    Ok(file)
}

fn require_regular(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(io::Error::other("it is not a regular file"))
}

/// Fails if the path leads to something that a new file may not replace: a device, a pipe, a socket, or a file that a
/// process has open under a number (`/dev/stdout`).
pub(crate) fn require_replaceable_file(path: &Path) -> Result<(), Error> {
    let is_odd = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    if is_odd || is_open_by_number(path) {
        return Err(ErrorKind::NotAFile.at(path));
    }
    Ok(())
}

/// Whether a path is that of a file that a process has open, such as `/dev/stdout` or `/proc/self/fd/1`.
fn is_open_by_number(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            return false;
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        if fs::canonicalize(folder).is_ok_and(|folder| folder.starts_with("/proc")) {
            return true;
        }
        path = folder.join(target);
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn pipe(path: &Path) {
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        );
        made.unwrap();
    }

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("file"), at("link")).unwrap();
        pipe(&at("pipe"));
        assert!(open_regular(&at("file")).is_ok());
        for name in ["folder", "link", "pipe", "nothing"] {
            assert!(open_regular(&at(name)).is_err(), "{name}");
        }
        assert!(open_regular(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn devices_pipes_and_open_files_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").unwrap();
        pipe(&at("pipe"));
        let links = [
            ("to-file", "file"),
            ("to-pipe", "pipe"),
            ("to-null", "/dev/null"),
            ("to-stdout", "/dev/stdout"),
            ("to-nothing", "nothing"),
        ];
        for (link, target) in links {
            symlink(target, at(link)).unwrap();
        }
        for name in ["file", "to-file", "to-nothing", "nothing"] {
            assert!(require_replaceable_file(&at(name)).is_ok(), "{name}");
        }
        for name in ["pipe", "to-pipe", "to-null", "to-stdout", "/dev/stdout"] {
            let error = require_replaceable_file(&at(name)).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::NotAFile), "{name}");
        }
    }
}
