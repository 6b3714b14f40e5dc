//! The warning of commands that work with any version of the schema.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::recognition::identity::Identity;
use crate::database::recognition::recognise::recognise;

/// Succeeds for a degenbot database of any version, and warns if it is not the latest version.
pub(super) fn warn_of_other_version(path: &Path) -> Result<(), Error> {
    let recognition = recognise(path)?;
    recognition.require_degenbot(path)?;
    if let Some(warning) = recognition.version_warning() {
        log::warn!("{warning}");
    }
    Ok(())
}

/// The same for a command that makes a database of the latest version, whichever it was before. It warns only of one that
/// this program does not know.
pub(super) fn warn_of_unknown_version(path: &Path) -> Result<(), Error> {
    let recognition = recognise(path)?;
    recognition.require_degenbot(path)?;
    if let Identity::Unrecognised(_) = recognition.identity
        && let Some(warning) = recognition.version_warning()
    {
        log::warn!("{warning}");
    }
    Ok(())
}
