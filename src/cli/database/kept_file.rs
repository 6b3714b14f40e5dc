//! The path of a kept file, as the user knows the folder.

use std::path::{Path, PathBuf};

/// The path of the kept file in the folder that the user gave, if it exists there.
pub(super) fn beside(path: &Path, kept: &Path) -> PathBuf {
    match (path.parent(), kept.file_name()) {
        (Some(folder), Some(name)) if folder.join(name).exists() => folder.join(name),
        _ => kept.to_owned(),
    }
}
