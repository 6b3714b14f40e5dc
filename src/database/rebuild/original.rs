//! The original of a database whose content is replaced.

use std::fs;
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
        if fs::symlink_metadata(&kept).is_err() && !connection::has_sidecars(&kept) {
            return kept;
        }
        number += 1;
    }
}
