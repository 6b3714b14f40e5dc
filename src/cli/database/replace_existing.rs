//! The question whether a command may replace an existing file.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::prompt::confirm;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::recognition::recognise::recognise_without_trace;

/// Runs an operation on the database at `path`. If it finds an existing file at its target, this asks the question,
/// and runs the operation again if the answer is yes. With `assume_yes`, it does not ask. The question is about a
/// database of degenbot's; about any other file, another one is asked.
///
/// The operation gets whether it may replace the file, the question the path of the file.
pub(super) fn replace_existing<Report>(
    path: &Path,
    assume_yes: bool,
    question: impl FnOnce(&Path) -> String,
    operation: impl Fn(bool) -> Result<Report, Error>,
) -> Result<Report, Failure> {
    match operation(assume_yes) {
        Err(error) if matches!(error.kind, ErrorKind::BackupExists) => {
            let existing = error.path().unwrap_or(path);
            let is_degenbots = match recognise_without_trace(existing) {
                Ok(found) => found.require_degenbot(existing).is_ok(),
                // A program that used the backup was killed in a transaction. The answer may be no, so it stays.
                Err(error) => matches!(error.kind, ErrorKind::HotJournal),
            };
            let question = if is_degenbots {
                question(existing)
            } else {
                format!(
                    "The file at {} cannot be read as a degenbot database. Do you want to replace it?",
                    existing.display()
                )
            };
            confirm(&question, false)?;
            Ok(operation(true)?)
        }
        done => Ok(done?),
    }
}
