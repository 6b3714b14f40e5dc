//! The empty log that SQLite leaves behind if it cannot make the log's index.

use std::fs;
use std::io;
use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::sqlite::raw_connection::RawConnection;

/// Opens a connection to the database at `uri`. If that fails, for example on a full disk, SQLite can leave an empty log
/// and a part of its index behind. They are removed, unless they were there before or another connection uses them.
pub(super) fn leaving_no_log<T>(
    path: &Path,
    uri: &str,
    open: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let file = DatabaseFile::at(path);
    let [log, index] = [Sidecar::Wal, Sidecar::Shm].map(|sidecar| file.sidecar(sidecar));
    let is_there = || log.exists() || index.exists();
    let was_there = is_there();
    let result = open();
    if result.is_err() && !was_there && is_there() {
        // Connections that use them keep a lock on the database.
        let removed = RawConnection::open(uri).map(|handle| {
            handle.if_unused(|| {
                if file.log_bytes() > 0 {
                    return Ok(());
                }
                remove(&index)?;
                remove(&log)
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
