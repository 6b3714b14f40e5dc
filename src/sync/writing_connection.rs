//! The connection by which an operation writes what a node has said.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::kept_log::{move_log, warn_of_kept_journal};
use crate::database::connection::open::{Access, open_connection};
use crate::database::error::database_error::Error;
use crate::database::verification::free_list::require_sound_free_pages;
use crate::sqlite::busy_handler::BusyHandler;
use crate::sqlite::connection_hooks::{cancellable, set_busy_handler};
use crate::sync::sync_error::SyncError;

/// Sets how long the statements of an open connection wait for another program's lock. Cancelling the token ends the wait.
pub(super) fn set_busy_timeout(
    connection: &mut SqliteConnection,
    path: &Path,
    wait: Duration,
    cancel: CancelToken,
) -> Result<(), SyncError> {
    set_busy_handler(connection, BusyHandler::new(wait, Some(cancel)))
        .map_err(|error| Error::from_diesel(path, "set the time to wait", error).into())
}

/// Opens a database to write to it. Fails if damage makes pages look free that are in use: commits would write over them.
pub(super) fn open_to_write(
    path: &Path,
    cancel: &CancelToken,
) -> Result<WritingConnection, SyncError> {
    let cancel = Some(cancel.clone());
    let mut connection = cancellable(cancel.clone(), || open_connection(path, Access::ReadWrite))?;
    require_sound_free_pages(&mut connection, path, cancel)?;
    Ok(WritingConnection {
        connection,
        journal: JournalAtClose(path.to_owned()),
    })
}

/// A connection that names what it leaves behind: a log that cannot be moved into the database, or a journal.
pub(super) struct WritingConnection {
    connection: SqliteConnection,
    /// It is dropped after the connection.
    journal: JournalAtClose,
}

impl Drop for WritingConnection {
    fn drop(&mut self) {
        move_log(&mut self.connection, &self.journal.0);
    }
}

/// Warns of a journal that is there when the connection has been closed.
struct JournalAtClose(PathBuf);

impl Drop for JournalAtClose {
    fn drop(&mut self) {
        warn_of_kept_journal(&self.0);
    }
}

impl Deref for WritingConnection {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for WritingConnection {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}
