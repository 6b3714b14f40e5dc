//! The connection by which an operation writes what a node has said.

use std::path::Path;
use std::time::Duration;

use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::{Access, open_connection, set_busy_timeout};
use crate::database::verification::free_list::require_sound_free_pages;
use crate::sqlite::connection_hooks::cancellable;
use crate::sync::sync_error::SyncError;

/// Opens a database to write to it. `wait` is how long a statement waits for a lock. Fails if damage makes pages look
/// free that are in use: commits would write over them.
pub(super) fn open_to_write(
    path: &Path,
    wait: Duration,
    cancel: &CancelToken,
) -> Result<SqliteConnection, SyncError> {
    let cancel = Some(cancel.clone());
    let mut connection = cancellable(cancel.clone(), || open_connection(path, Access::ReadWrite))?;
    set_busy_timeout(&mut connection, path, wait, cancel.clone())?;
    require_sound_free_pages(&mut connection, path, cancel)?;
    Ok(connection)
}
