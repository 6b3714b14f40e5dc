//! Automatic checkpoints: a commit moves a long log into the file, as in SQLite, but not while Litestream reads the log.
//!
//! Litestream replicates what it finds in the log. Another program's checkpoint can let the log begin anew before that.
//! Litestream 0.5.17 does not always notice: the replica then has new pages beside old ones, and no error is logged.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::ptr::NonNull;

use libsqlite3_sys as ffi;

/// The tables that Litestream keeps in a database which it replicates. They stay when Litestream has ended.
pub(crate) const LITESTREAM: [&str; 2] = ["_litestream_seq", "_litestream_lock"];

/// A query that has a row if a database has any of them.
pub(crate) const IS_REPLICATED: &str = "SELECT 1 FROM main.sqlite_schema \
     WHERE type = 'table' AND name IN ('_litestream_seq', '_litestream_lock')";

/// The pages of a log that a commit moves into the file, as many as in SQLite.
pub(super) const LONG_LOG: u16 = 1_000;

/// The pages of a log that Litestream would have moved itself (its `truncate-page-n` is 121,359), ...
const ABANDONED_LOG: i64 = 250_000;

/// ... and how much longer than the database it is. What replaces the whole content, once or twice, makes it as long
/// while Litestream is there.
const ABANDONED_RATIO: i64 = 4;

/// Sets from how many pages on a commit of this connection moves the log into the file.
///
/// It takes the place of `PRAGMA wal_autocheckpoint`; setting that pragma replaces it.
pub(super) fn set(connection: NonNull<ffi::sqlite3>, pages: u16) {
    let limit = ptr::without_provenance_mut(usize::from(pages));
    // SAFETY: the connection is open. The hook is a plain function that lives as long as the program, and its argument
    // is a number.
    unsafe { ffi::sqlite3_wal_hook(connection.as_ptr(), Some(committed), limit) };
}

/// SQLite calls this after each commit in WAL mode, with the number of pages in the log.
unsafe extern "C" fn committed(
    limit: *mut c_void,
    connection: *mut ffi::sqlite3,
    schema: *const c_char,
    pages: c_int,
) -> c_int {
    let is_long = usize::try_from(pages).is_ok_and(|pages| pages >= limit.addr());
    // SAFETY: SQLite passes the connection and a name that both live as long as this call, after it has released its
    // locks. A checkpoint that fails, for example beside another one, is left to a later commit.
    unsafe {
        if is_long && !is_left_to_litestream(connection, CStr::from_ptr(schema), pages) {
            ffi::sqlite3_wal_checkpoint_v2(
                connection,
                schema,
                ffi::SQLITE_CHECKPOINT_PASSIVE,
                ptr::null_mut(),
                ptr::null_mut(),
            );
        }
    }
    ffi::SQLITE_OK
}

/// Whether a log of this length stays for Litestream. Litestream itself keeps it shorter than one that is abandoned.
///
/// # Safety
///
/// The connection is open, and this thread uses it.
unsafe fn is_left_to_litestream(
    connection: *mut ffi::sqlite3,
    schema: &CStr,
    pages: c_int,
) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        let is_replicated = LITESTREAM
            .iter()
            .any(|table| has_table(connection, schema, table));
        let pages = i64::from(pages);
        is_replicated
            && (pages < ABANDONED_LOG
                || page_count(connection, schema)
                    .is_none_or(|count| pages < count.saturating_mul(ABANDONED_RATIO)))
    }
}

/// # Safety
///
/// The connection is open, and this thread uses it.
unsafe fn has_table(connection: *mut ffi::sqlite3, schema: &CStr, table: &str) -> bool {
    let Ok(table) = CString::new(table) else {
        return false;
    };
    // SAFETY: the connection is open, as the caller says. The names are NUL-terminated. Without a column, SQLite only
    // looks whether the table exists, and fills no result.
    let code = unsafe {
        ffi::sqlite3_table_column_metadata(
            connection,
            schema.as_ptr(),
            table.as_ptr(),
            ptr::null(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    code == ffi::SQLITE_OK
}

/// The number of pages of a database, `None` if it cannot be read.
///
/// # Safety
///
/// The connection is open, and this thread uses it.
unsafe fn page_count(connection: *mut ffi::sqlite3, schema: &CStr) -> Option<i64> {
    let sql = c"SELECT page_count FROM pragma_page_count WHERE schema = ?1";
    let mut statement = ptr::null_mut();
    // SAFETY: the connection is open, as the caller says. The texts are NUL-terminated and outlive the statement, which
    // is finalized once, after its last use; a null statement does no harm.
    unsafe {
        ffi::sqlite3_prepare_v2(
            connection,
            sql.as_ptr(),
            -1,
            &raw mut statement,
            ptr::null_mut(),
        );
        ffi::sqlite3_bind_text(statement, 1, schema.as_ptr(), -1, ffi::SQLITE_STATIC());
        let has_row = ffi::sqlite3_step(statement) == ffi::SQLITE_ROW;
        let count = has_row.then(|| ffi::sqlite3_column_int64(statement, 0));
        ffi::sqlite3_finalize(statement);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::raw_connection::RawConnection;

    /// A connection to a database in WAL mode. Another one keeps the log from going with it.
    fn open(folder: &tempfile::TempDir) -> RawConnection {
        let path = folder.path().join("x.db");
        let handle = RawConnection::open(&format!("file://{}?mode=rwc", path.display())).unwrap();
        handle
            .execute("PRAGMA page_size = 512; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
            .unwrap();
        handle
    }

    /// The pages in the log, and those of them that are in the file.
    fn log(handle: &RawConnection) -> [i64; 2] {
        let [_, pages, moved] = handle
            .row("PRAGMA wal_checkpoint(NOOP)")
            .unwrap()
            .unwrap_or_default();
        [pages, moved]
    }

    /// Creates a table of which each row has a page of its own.
    fn numbers(handle: &RawConnection, rows: i64) {
        let create = "CREATE TABLE numbers AS WITH RECURSIVE all_numbers(number, more) AS";
        let first = "VALUES (1, zeroblob(400))";
        let next = format!("SELECT number + 1, more FROM all_numbers WHERE number < {rows}");
        handle
            .execute(&format!(
                "{create} ({first} UNION ALL {next}) SELECT * FROM all_numbers"
            ))
            .unwrap();
    }

    #[test]
    fn long_log_is_moved_unless_litestream_reads_it() {
        for table in ["_litestream_seq", "_litestream_lock", "_litestream_other"] {
            let folder = tempfile::tempdir().unwrap();
            let handle = open(&folder);
            // Another connection creates it, as Litestream does.
            open(&folder)
                .execute(&format!("CREATE TABLE {table} (id)"))
                .unwrap();
            numbers(&handle, 2_000);
            let [pages, moved] = log(&handle);
            assert!(pages > 2_000, "{pages}");
            let is_left = LITESTREAM.contains(&table);
            assert_eq!(moved, if is_left { 0 } else { pages }, "{table}");
        }
    }

    #[test]
    fn log_that_litestream_has_abandoned_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let handle = open(&folder);
        handle.execute("CREATE TABLE _litestream_seq (id)").unwrap();
        let rows = ABANDONED_LOG / ABANDONED_RATIO + 100;
        numbers(&handle, rows);
        let mut moved_from = 0;
        while moved_from == 0 {
            handle
                .execute("UPDATE numbers SET number = number + 1")
                .unwrap();
            let [pages, moved] = log(&handle);
            if moved == 0 {
                assert!(pages < rows * (ABANDONED_RATIO + 2), "{pages}");
            } else {
                moved_from = pages;
            }
        }
        // The database has some pages more than rows.
        assert!(moved_from > rows * ABANDONED_RATIO, "{moved_from}");
    }
}
