//! The original of a database whose content is replaced.

use std::fs;
use std::path::{Path, PathBuf};

use super::background::Background;
use crate::database::connection::{self, Access, sidecar};
use crate::database::staging::{PRIVATE, Staged};
use crate::database::{Error, backup};

/// A complete copy of the database as it was, without a name of its own yet.
pub(super) struct Original {
    staged: Staged,
    path: PathBuf,
}

/// Begins to copy a database that is locked against writing, and stays so until the copy is complete.
pub(super) fn begin(path: &Path, real: &Path) -> Result<Background<Original>, Error> {
    let (path, real) = (path.to_owned(), real.to_owned());
    Background::begin(&path.clone(), move |observer| {
        let kept = free_name(&real);
        let handle = connection::open_handle(&path, Access::ReadWrite)?;
        let staged = Staged::create(&kept, PRIVATE)?;
        backup::copy(&handle, &path, &staged, &kept, observer)?;
        staged.copy_permissions(&real)?;
        staged.sync()?;
        Ok(Original { staged, path: kept })
    })
}

impl Original {
    /// Gives the copy its name, which was free.
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
