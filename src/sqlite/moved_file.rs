//! Whether the file of an open database is still the one at its path.
//!
//! A program can rename another file over that of an open database, or remove it. What SQLite then commits goes into a
//! file without a name. Worse, its log keeps its name, and SQLite applies that to whatever file has the database's.

use std::ffi::{CStr, c_int};
use std::ptr;
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

/// The state of the database after the last commit that was made to a file at its path, by [`remember`].
const LAST_COMMIT: &CStr = c"degenbot_last_commit";

/// Remembers the present state of the database as that of a commit of the connection, made to the file at its path.
pub(super) fn remember(connection: NonNull<ffi::sqlite3>) {
    let state = state(connection).map_or(ptr::null_mut(), ptr::without_provenance_mut);
    // SAFETY: the caller's connection is open and the name is NUL-terminated. The number in place of a pointer is never
    // followed, so nothing has to be freed. If there is no memory for it, nothing is remembered.
    unsafe {
        ffi::sqlite3_set_clientdata(connection.as_ptr(), LAST_COMMIT.as_ptr(), state, None);
    }
}

/// Whether nobody has committed anything since the connection has remembered a commit, as far as it has noticed. The log
/// then belongs to the file that the connection has open.
pub(super) fn is_as_remembered(connection: NonNull<ffi::sqlite3>) -> bool {
    // SAFETY: the caller's connection is open and the name is NUL-terminated.
    let remembered =
        unsafe { ffi::sqlite3_get_clientdata(connection.as_ptr(), LAST_COMMIT.as_ptr()) };
    !remembered.is_null() && state(connection) == Some(remembered.addr())
}

/// A number that changes with each change of the database that the connection makes or notices. It is not 0.
fn state(connection: NonNull<ffi::sqlite3>) -> Option<usize> {
    let mut version: u32 = 0;
    // SAFETY: the caller's connection is open. For SQLITE_FCNTL_DATA_VERSION, the last argument is a place for a `u32`.
    let code = unsafe {
        ffi::sqlite3_file_control(
            connection.as_ptr(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_DATA_VERSION,
            (&raw mut version).cast(),
        )
    };
    let state = usize::try_from(version).ok()?.checked_add(1)?;
    (code == ffi::SQLITE_OK).then_some(state)
}

/// A Diesel error with one of the messages.
pub(super) fn error(message: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
}
