use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::ptr;
use std::sync::Once;

use libsqlite3_sys as ffi;

thread_local! {
    static KEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `open`; the connections it opens leave a `-wal` file as it is when they are closed.
///
/// The last connection to a WAL database normally moves the log into the database and deletes it,
/// even when it was opened to read. The switch for that takes the connection's handle, which Diesel
/// does not give, so it is set by a hook that SQLite calls for every connection it opens.
pub(crate) fn keeping_the_log<T>(open: impl FnOnce() -> T) -> T {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            KEEP.set(false);
        }
    }

    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        // SAFETY: the hook is a plain function that lives as long as the program. That it cannot be
        // registered without memory is harmless: logs are then handled as usual.
        unsafe { ffi::sqlite3_auto_extension(Some(configure)) };
    });
    KEEP.set(true);
    let _restore = Restore;
    open()
}

/// Called by SQLite with each new connection, on the thread that opens it.
unsafe extern "C" fn configure(
    connection: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    if KEEP.get() {
        // SAFETY: SQLite passes the connection that is being opened; the arguments are those that
        // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE takes: an int, and a place for its old value or null.
        unsafe {
            ffi::sqlite3_db_config(
                connection,
                ffi::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                c_int::from(true),
                ptr::null_mut::<c_int>(),
            );
        }
    }
    ffi::SQLITE_OK
}
