//! The original of a database that is replaced, under another name.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::database::connection::{self, Access, sidecar};
use crate::database::observer::Observer;
use crate::database::staging::{PRIVATE, Staged};
use crate::database::{Error, backup};

/// A copy of the database as it was.
pub(super) struct Original {
    staged: Staged,
    path: PathBuf,
}

impl Original {
    /// Copies the database, which is locked against writing, to a temporary file.
    pub(super) fn stage(
        path: &Path,
        real: &Path,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let kept = free_name(real);
        let handle = connection::open_handle(path, Access::ReadWrite)?;
        let staged = Staged::create(&kept, PRIVATE)?;
        backup::copy(&handle, path, &staged, &kept, observer)?;
        staged.copy_permissions(real)?;
        Ok(Self { staged, path: kept })
    }

    pub(super) fn publish(self) -> Result<PathBuf, Error> {
        self.staged.publish_new()?;
        Ok(self.path)
    }
}

/// The first name for an original that is not taken.
fn free_name(real: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let kept = match number {
            1 => sidecar(real, ".pre-upgrade"),
            _ => sidecar(real, &format!(".pre-upgrade-{number}")),
        };
        // A second name of the database itself was left by an upgrade that was killed.
        let was_left = is_same_file(real, &kept) && fs::remove_file(&kept).is_ok();
        if was_left || (fs::symlink_metadata(&kept).is_err() && !connection::has_sidecars(&kept)) {
            return kept;
        }
        number += 1;
    }
}

/// What tells a file from another one that has its name.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// Whether the file system gives a file a second name.
pub(super) fn can_be_linked(staged: &Staged) -> bool {
    let second = sidecar(staged.path(), "-shm");
    let linked = fs::hard_link(staged.path(), &second);
    linked.and_then(|()| fs::remove_file(&second)).is_ok()
}

/// Puts the new file in the place of the database, which keeps another name; which one that is.
///
/// Nobody else may have the database open, which must be in rollback-journal mode: a program that opens
/// it at this very moment is then refused when it writes, since SQLite sees that the file has moved.
pub(super) fn replace(staged: Staged, real: &Path) -> Result<PathBuf, Error> {
    staged.copy_permissions(real)?;
    let mut connection = connection::open(staged.path(), Access::ReadWrite)?;
    connection::ensure_wal(&mut connection, staged.path())?;
    drop(connection);
    let kept = free_name(real);
    fs::hard_link(real, &kept).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path: kept.clone() },
        _ => Error::io(&kept, "create", error),
    })?;
    match staged.replace() {
        Ok(()) => Ok(kept),
        Err(error) => {
            if is_same_file(real, &kept) {
                let _ = fs::remove_file(&kept);
            }
            Err(error)
        }
    }
}
