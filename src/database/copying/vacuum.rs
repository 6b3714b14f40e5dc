//! SQLite's `VACUUM` statement: rewrites a database without its unused space.

use std::path::Path;

use crate::database::connection::sql;
use crate::database::files::database_file::folder_of;
use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// Memory-maps the database. `VACUUM` reads every page once, so a map saves a copy into the page cache: 7 % of
/// the time in `cargo bench --bench maintenance`. SQLite limits the size itself.
pub(crate) const MAPPED: &str = "PRAGMA mmap_size = 1099511627776";

/// Runs `VACUUM` with SQLite's temporary file in the folder of the database, because the system's folder for
/// such files can be on a small disk. The setting belongs to the whole process, so it is reset afterwards.
///
/// `look` is called several times a second. Once it returns `false`, the statement is interrupted.
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
