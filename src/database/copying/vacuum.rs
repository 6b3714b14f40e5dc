//! SQLite's `VACUUM INTO` statement: writes a compact copy of a database.
//!
//! Plain `VACUUM` gives new rowids to the rows of every table that has neither an INTEGER PRIMARY KEY nor an index.
//! Whatever refers to the old ones, such as a full-text index of the user's own, then finds other rows or none.
//! `VACUUM INTO` copies the rowids.

use std::path::Path;

use crate::database::connection::sql;
use crate::sqlite::file_uri::uri;
use crate::sqlite::raw_connection::{RawConnection, SqliteError};

/// Memory-maps the database. `VACUUM` reads every page once, so a map saves a copy into the page cache: 7 % of
/// the time in `cargo bench --bench maintenance`. SQLite limits the size itself.
const MAPPED: &str = "PRAGMA mmap_size = 1099511627776";

/// Writes a compact copy of the present content to `target`, an empty file. The copy is in rollback mode. With
/// `page_size`, its pages have that size.
///
/// The copy is not synced: an incomplete one is deleted, and a complete one is synced when it gets its name. `look` is
/// called several times a second. Once it returns `false`, the statement is interrupted.
pub(crate) fn vacuum_into(
    source: &RawConnection,
    target: &Path,
    page_size: Option<i64>,
    look: impl FnMut() -> bool,
) -> Result<(), SqliteError> {
    let target = sql::literal(&uri(target, "mode=rw"));
    let page_size =
        page_size.map_or_else(String::new, |size| format!("PRAGMA page_size = {size};"));
    source.execute_watched(
        &format!(
            "{MAPPED}; {page_size} PRAGMA synchronous = OFF; VACUUM INTO {target}; \
             PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0"
        ),
        look,
    )
}
