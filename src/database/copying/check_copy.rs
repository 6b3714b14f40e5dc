//! The check of a finished copy.

use std::path::Path;

use crate::database::connection::open::{Access, open_connection};
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::staged_file::StagedFile;
use crate::database::progress::{Observer, Stage, report};
use crate::database::recognition::recognise::recognise_connection;
use crate::database::verification::integrity_check;
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::sqlite::connection_hooks::cancellable;

/// Checks that a finished copy is a degenbot database, and runs the integrity check `verify` if there is one.
/// Errors name `backup_path`.
pub(crate) fn check_copy(
    staged: &StagedFile,
    backup_path: &Path,
    verify: Option<IntegrityCheck>,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let failed = |detail| ErrorKind::CopyCheckFailed { detail }.at(backup_path);
    let mut connection = cancellable(observer.cancel_token(), || {
        open_connection(staged.path(), Access::Immutable)
    })?;
    recognise_connection(&mut connection)
        .and_then(|recognition| recognition.require_degenbot(backup_path))
        .map_err(|error| failed(error.to_string()))?;
    let Some(verification) = verify else {
        return Ok(());
    };
    report(observer, backup_path, Stage::Verifying, 0, 0)?;
    match integrity_check::first_problem(&mut connection, backup_path, verification)? {
        Some(problem) => Err(failed(problem)),
        None => Ok(()),
    }
}
