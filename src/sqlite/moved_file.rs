//! Whether the file of an open database is still the one at its path.
//!
//! A program can rename another file over that of an open database, or remove it. What SQLite then commits goes into a
//! file without a name. Worse, its log keeps its name, and SQLite applies that to whatever file has the database's.

use std::ffi::c_int;
use std::ptr::NonNull;

use diesel::result::{DatabaseErrorKind, Error};
use libsqlite3_sys as ffi;

/// The message of the error if nothing was committed, because the file is no longer at its path.
pub(crate) const MOVED: &str = "the file of the database has moved";

/// The message of the error if the file was still at its path before a commit, and is not after it.
pub(crate) const MOVED_AT_COMMIT: &str = "the file of the database has moved during a commit";

/// Moves the log into the file that it belongs to, wherever that is.
pub(crate) const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Whether the main database's file is no longer the one at its path. `false` if that is not known, and for a database
/// in memory.
///
/// SQLite asks for the state of the path. Another descriptor of the file would drop all locks of the process when it
/// closes.
pub(super) fn has_moved(connection: NonNull<ffi::sqlite3>) -> bool {
    let mut has_moved: c_int = 0;
    // SAFETY: the caller's connection is open. For SQLITE_FCNTL_HAS_MOVED, the last argument is a place for an int.
    let code = unsafe {
        ffi::sqlite3_file_control(
            connection.as_ptr(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_HAS_MOVED,
            (&raw mut has_moved).cast(),
        )
    };
    code == ffi::SQLITE_OK && has_moved != 0
}

/// A Diesel error with one of the messages.
pub(super) fn error(message: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
}
