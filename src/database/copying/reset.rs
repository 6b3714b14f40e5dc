//! Emptying a database.

use std::path::Path;
use std::time::Duration;

use crate::database::connection::open::{Access, LOCK_TIMEOUT, open_raw_connection};
use crate::database::copying::create::{PAGE_SIZE, build_empty, create_new_sqlite_database};
use crate::database::copying::overwrite::{self, Replacement, require_replaceable};
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file::{PRIVATE, StagedFile};
use crate::database::progress::Observer;
use crate::setters::setters;
use crate::sqlite::busy_handler::BusyHandler;

/// How a database is emptied.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResetOptions {
    /// How long locks are waited for.
    pub wait: Duration,
}

setters!(ResetOptions { wait: Duration });

impl Default for ResetOptions {
    fn default() -> Self {
        Self { wait: LOCK_TIMEOUT }
    }
}

/// Empties a database: afterwards it is at the newest version without rows. One that is not there is
/// created.
///
/// The content is replaced through SQLite, in one transaction, in the file that is there: a program
/// that has it open sees the empty database in its next transaction and does not go on writing to a
/// file that has no name.
///
/// # Errors
///
/// [`Refused`](crate::database::ErrorKind::Refused) for a database that is not degenbot's,
/// [`Locked`](crate::database::ErrorKind::Locked) where another process is in the middle of a transaction, otherwise
/// where the database cannot be read or written.
pub fn reset_sqlite_database(
    path: &Path,
    options: &ResetOptions,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    // A link that points to nothing is in the way of a new database.
    let Ok(file) = DatabaseFile::existing(path) else {
        return create_new_sqlite_database(path);
    };
    require_replaceable(&file)?;
    let busy_handler = BusyHandler::new(options.wait, observer.cancel_token());
    let live = open_raw_connection(path, Access::Overwrite, &busy_handler)?;
    let [page_size] = live
        .row("PRAGMA page_size")
        .map_err(|error| Error::from_sqlite(path, error))?
        .unwrap_or([PAGE_SIZE]);
    let template = StagedFile::create(file.real(), PRIVATE)?;
    build_empty(template.path(), page_size)?;
    let source = open_raw_connection(template.path(), Access::Immutable, &busy_handler)?;
    Replacement::begin(&source, &live, path)?.complete(observer)?;
    drop((source, template));
    overwrite::settle_log(&live, path, &busy_handler);
    log::info!("Reset the database {}", path.display());
    Ok(())
}
