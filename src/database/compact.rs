//! Giving unused space back.

use std::path::Path;

use diesel::connection::SimpleConnection;

use super::connection::{self, Access};
use super::{Error, lineage};

/// Rewrites a database without its unused space (`VACUUM`) and empties its log.
///
/// Writers wait for as long as it takes; readers do not. The ids of rows are kept.
///
/// # Errors
///
/// [`Error::Refused`] for a database that is not degenbot's, [`Error::Locked`] where another process
/// keeps it locked, [`Error::DiskFull`] where the second copy that `VACUUM` needs does not fit.
pub fn compact_sqlite_database(path: &Path) -> Result<(), Error> {
    lineage::recognise(path)?.require_degenbot(path)?;
    let mut connection = connection::open(path, Access::ReadWrite)?;
    connection
        .batch_execute("VACUUM")
        .map_err(|error| Error::from_diesel(path, "compact the database", error))?;
    // The new content is in the log, as large as the database. A reader of the old content can keep
    // it there; the next checkpoint moves it.
    if let Err(error) = connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)") {
        log::debug!("The log was not emptied: {error}");
    }
    log::info!("Compacted {}", path.display());
    Ok(())
}
