//! The path of a kept file, as the user knows the folder.

use std::path::{Path, PathBuf};

use crate::database::files::database_file::DatabaseFile;

/// The path of the kept file in the folder that the user gave, if it is there. Where that path is a link, another file
/// of the same name may lie beside the link.
pub(super) fn beside(path: &Path, kept: &Path) -> PathBuf {
    let near = path.parent().zip(kept.file_name());
    near.map(|(folder, name)| folder.join(name))
        .filter(|near| DatabaseFile::at(kept).is_same_as(near))
        .unwrap_or_else(|| kept.to_owned())
}
