//! Attributes: what a file has besides its content, its owner and its permissions, and what a new file in its place would
//! lack.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::io::Errno;

/// The longest list of names that Linux returns, and the longest value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const LONGEST: usize = 64 << 10;

/// The extended attributes of a file (access control lists are among them), and the flags that `chattr` sets.
#[derive(Debug, PartialEq, Eq)]
struct Attributes {
    extended: BTreeMap<Vec<u8>, Vec<u8>>,
    flags: u32,
}

/// Whether two files have the same attributes. The system gives some to every new file, such as a label for security, so
/// only a new file at the same place shows which those are. What cannot be read counts as different.
pub(crate) fn have_same_attributes(one: &Path, other: &Path) -> bool {
    let of = |path| {
        Some(Attributes {
            extended: extended(path)?,
            flags: flags(path)?,
        })
    };
    of(one).is_some_and(|attributes| of(other) == Some(attributes))
}

/// The extended attributes. Returns `None` if they cannot be read.
fn extended(path: &Path) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut buffer = vec![0_u8; LONGEST];
    let names = match rustix::fs::listxattr(path, &mut buffer) {
        Ok(length) => buffer.get(..length)?.to_vec(),
        Err(Errno::NOTSUP) => return Some(BTreeMap::new()),
        Err(_) => return None,
    };
    names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let length = rustix::fs::getxattr(path, name, &mut buffer).ok()?;
            Some((name.to_vec(), buffer.get(..length)?.to_vec()))
        })
        .collect()
}

/// The flags that a user can set. Returns `None` if they cannot be read.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn flags(path: &Path) -> Option<u32> {
    use rustix::fs::{IFlags, ioctl_getflags};

    use crate::database::files::regular_file::open_regular;
    use crate::system::own_descriptors::with_own_descriptors;

    /// `FS_NOCOMP_FL` and `FS_DAX_FL`, which `IFlags` does not name. The file system itself sets the others that it does
    /// not name: they say how the file is stored.
    const UNNAMED: u32 = 0x400 | 0x0200_0000;
    let settable = IFlags::all().bits() | UNNAMED;
    // SQLite may hold locks on the file.
    with_own_descriptors(|| match ioctl_getflags(open_regular(path).ok()?) {
        Ok(flags) => Some(flags.bits() & settable),
        Err(Errno::NOTTY | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) => Some(0),
        Err(_) => None,
    })
    .flatten()
}

/// Other systems have no such flags, or show them elsewhere.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn flags(_path: &Path) -> Option<u32> {
    Some(0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};

    use rustix::fs::{IFlags, XattrFlags, ioctl_getflags, ioctl_setflags, setxattr};

    use super::*;

    #[test]
    fn files_differ_in_each_attribute_and_flag_that_can_be_set_here() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let anew = || {
            fs::write(&other, "y").unwrap();
            assert!(have_same_attributes(&one, &other));
        };
        fs::write(&one, "x").unwrap();
        // Only root can set some of them, and some file systems have none.
        for name in ["user.note", "security.note", "trusted.note"] {
            anew();
            if setxattr(&other, name, b"mine", XattrFlags::empty()).is_ok() {
                assert!(!have_same_attributes(&one, &other), "{name}");
                assert!(!have_same_attributes(&other, &one), "{name}");
                setxattr(&one, name, b"another", XattrFlags::empty()).unwrap();
                assert!(!have_same_attributes(&one, &other), "{name}");
                rustix::fs::removexattr(&one, name).unwrap();
            }
            fs::remove_file(&other).unwrap();
        }
        for flag in [IFlags::NODUMP, IFlags::NOATIME, IFlags::SYNC] {
            anew();
            let file = File::open(&other).unwrap();
            let set = ioctl_getflags(&file).and_then(|flags| ioctl_setflags(&file, flags | flag));
            if set.is_ok() {
                assert!(!have_same_attributes(&one, &other), "{flag:?}");
            }
            fs::remove_file(&other).unwrap();
        }
        assert!(!have_same_attributes(&one, &other), "one is gone");
    }
}
