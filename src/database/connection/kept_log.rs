//! The log that stays, because it cannot be moved into the file, and the journal that stays, because it has to undo something.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
#[cfg(feature = "sync")]
use crate::database::files::database_file::file_bytes;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::sqlite::auto_checkpoint::IS_REPLICATED;
use crate::sqlite::prepared::Statements;

/// Moves the log into the file, as SQLite does when the last connection closes, but without silence if that fails. A log that
/// Litestream reads stays.
pub(crate) fn move_log(connection: &mut SqliteConnection, path: &Path) {
    if DatabaseFile::at(path).log_bytes() == 0 || is_replicated(connection).unwrap_or(true) {
        return;
    }
    if let Err(error) = connection.batch_execute("PRAGMA main.wal_checkpoint(PASSIVE)") {
        warn_of_kept_log(
            path,
            &Error::from_diesel(path, "move the log into the database", error),
        );
    }
}

/// Whether Litestream keeps its tables in the database, so that the log is left to it.
pub(crate) fn is_replicated(connection: &mut SqliteConnection) -> QueryResult<bool> {
    Statements::of(connection)?.prepare(IS_REPLICATED)?.step()
}

/// Warns of a rollback journal that stays, because the file could not be written far enough to undo a commit that failed.
#[cfg(feature = "sync")]
pub(crate) fn warn_of_kept_journal(path: &Path) {
    let journal = DatabaseFile::at(path).sidecar(Sidecar::Journal);
    if file_bytes(&journal) > 0 {
        log::warn!(
            "What undoes a commit that was cut short is in {}. Keep the files together; the next command that may write \
             undoes it",
            journal.display()
        );
    }
}

/// Warns of a log that stays because the file cannot grow. Other reasons, such as a reader, pass by themselves.
pub(crate) fn warn_of_kept_log(path: &Path, error: &Error) {
    let log = DatabaseFile::at(path).sidecar(Sidecar::Wal);
    match error.kind {
        ErrorKind::DiskFull | ErrorKind::FileTooLarge => log::warn!(
            "The change is in {} and could not be moved into the database: {error}. Keep the files together; the next \
             command that may write moves it",
            log.display()
        ),
        _ => log::debug!("The log {} was not moved: {error}", log.display()),
    }
}
