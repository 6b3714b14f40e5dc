//! The files with settings, over which no command writes another file.

use std::path::{Path, PathBuf};

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::reserved::leads_to;
use crate::settings::resolve::Settings;

/// Fails if the path leads to a file with settings, or to where one is looked for.
pub(super) fn require_other(settings: &Settings, path: &Path) -> Result<(), Error> {
    let files = settings.files();
    let is_one = |file: &PathBuf| leads_to(path, file);
    if files.iter().any(is_one) {
        let what = "the settings";
        return Err(ErrorKind::TargetIsReserved { what }.at(path));
    }
    Ok(())
}
