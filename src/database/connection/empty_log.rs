//! The empty log, and the part of an index, that SQLite leaves behind if it cannot make the log's index.

use std::fs;
use std::io;
use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::sqlite::raw_connection::RawConnection;

/// Opens a connection to the database at `uri`, or uses one. If that fails, for example on a full disk, or beside an index
/// that belongs to another user, SQLite can leave an empty log and a part of its index behind. What was not there before
/// is removed, unless another connection uses it.
pub(super) fn leaving_no_log<T>(
    path: &Path,
    uri: &str,
    open: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let file = DatabaseFile::at(path);
    let log = file.sidecar(Sidecar::Wal);
    // The index goes first: without a log, SQLite looks at none.
    let mut new = vec![file.sidecar(Sidecar::Shm), log.clone()];
    new.retain(|sidecar| !sidecar.exists());
    let had_log = !new.contains(&log);
    let result = open();
    new.retain(|sidecar| sidecar.exists());
    if result.is_err() && !new.is_empty() {
        // Connections that use them keep a lock on the database.
        let removed = RawConnection::open(uri).map(|handle| {
            handle.if_unused(|| {
                // Of a log that was there before, only the index is new.
                if !had_log && file.log_bytes() > 0 {
                    return Ok(());
                }
                new.iter().try_for_each(|sidecar| remove(sidecar))
            })
        });
        log::debug!("The empty log is removed: {removed:?}");
    }
    result
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
