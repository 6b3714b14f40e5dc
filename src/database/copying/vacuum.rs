//! SQLite's `VACUUM`, which rewrites a database without its unused space.

use std::path::Path;

use crate::database::connection::sql;
use crate::database::files::database_file::folder_of;
use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// Every page is read once, so reading them in place saves copying them into a cache (`cargo bench --bench
/// maintenance`: 7 % of a `VACUUM`). SQLite limits the size itself.
pub(crate) const MAPPED: &str = "PRAGMA mmap_size = 1099511627776";

/// Runs `VACUUM`, with SQLite's temporary file in the folder of the database's file: where the system has such
/// files can be a small disk. The setting is the whole process's, so it is taken back.
pub(crate) fn vacuum(
    handle: &RawConnection,
    file: &Path,
    look: impl FnMut() -> bool,
) -> Result<(), SqliteError> {
    let folder = sql::literal(&folder_of(file).to_string_lossy());
    let vacuumed = handle.execute_watched(
        &format!("{MAPPED}; PRAGMA temp_store_directory = {folder}; VACUUM"),
        look,
    );
    let reset = handle.execute("PRAGMA temp_store_directory = ''");
    vacuumed.and(reset)
}
