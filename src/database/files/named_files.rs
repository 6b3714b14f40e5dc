//! The named files: those that this process was told to use. Nothing that is cleaned up may be one of them.
//!
//! The name of a file proves little: a user may have given a database the name of a temporary file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::database::files::database_file::{Sidecar, place};
use crate::database::files::regular_file::identity;

/// A process is told few paths, so none is ever taken out.
static NAMED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Records a path that this process was told to use. Nothing need be there.
pub(crate) fn add(path: &Path) {
    // The process may change its working folder.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    named.insert(path);
}

/// Whether removing `name` would take away a named file, or a sidecar of one, under whatever path it was named.
///
/// Of a file with two names, only the name counts to which a path leads: an operation that was killed after it had
/// published a file has left it with its temporary name as well.
pub(crate) fn contains(name: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(name) else {
        return false;
    };
    let file = Some((metadata.dev(), metadata.ino()));
    let own = place(name);
    let leads_here = |path: &Path| {
        (metadata.nlink() == 1 && identity(path) == file)
            || place(path).zip(own.as_ref()).is_some_and(|(path, own)| {
                // Some file systems ignore letter cases.
                path.0 == own.0 && path.1.eq_ignore_ascii_case(&own.1)
            })
    };
    let named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    named.iter().any(|path| {
        // SQLite puts sidecars beside the target of a link.
        let real = fs::canonicalize(path).ok();
        [Some(path), real.as_ref()]
            .into_iter()
            .flatten()
            .any(|path| {
                let sidecars = Sidecar::ALL.map(|sidecar| sidecar.of(path));
                leads_here(path) || sidecars.iter().any(|sidecar| leads_here(sidecar))
            })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn named_file_is_found_under_every_spelling_with_its_sidecars() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data")).unwrap();
        symlink("data", at("same")).unwrap();
        for name in ["x", "x-wal", "x-journal", "y", "y-wal", "z", "other"] {
            fs::write(at("data").join(name), "x").unwrap();
        }
        symlink("../data/y", at("data/link")).unwrap();
        fs::hard_link(at("data/z"), at("data/second")).unwrap();
        fs::hard_link(at("data/other"), at("data/named")).unwrap();
        for name in ["same/../same/./x", "data/link", "data/z", "same/named"] {
            add(&at(name));
        }
        let expected = [
            ("x", true),
            ("x-wal", true),
            ("x-journal", true),
            ("y", true),
            ("y-wal", true),
            ("link", true),
            ("z", true),
            ("second", false),
            ("other", false),
            ("named", true),
            ("x-shm", false),
        ];
        for (name, is_named) in expected {
            assert_eq!(contains(&at("data").join(name)), is_named, "{name}");
        }
    }
}
