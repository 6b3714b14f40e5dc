use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::ptr::NonNull;
use std::sync::Once;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;
use libsqlite3_sys as ffi;

use crate::cancel::CancelToken;

/// Instructions of SQLite's virtual machine between two looks at a flag: some hundredths of a second's
/// worth at most.
const INSTRUCTIONS: c_int = 100_000;

thread_local! {
    static KEEP_LOG: Cell<bool> = const { Cell::new(false) };
    static OPENED: Cell<Option<NonNull<ffi::sqlite3>>> = const { Cell::new(None) };
    static CANCEL: RefCell<Option<CancelToken>> = const { RefCell::new(None) };
    static FOUND: Cell<Option<(i64, NonNull<ffi::sqlite3>)>> = const { Cell::new(None) };
}

diesel::define_sql_function! {
    /// Notes which connection it is called on, and the number it is called with.
    fn degenbot_connection(call: BigInt) -> Nullable<Integer>;
}

/// Runs `open`; the connections it opens leave a `-wal` file as it is when they are closed.
///
/// The last connection to a WAL database normally moves the log into the database and deletes it,
/// even when it was opened to read.
pub(crate) fn without_checkpoint_on_close<T>(open: impl FnOnce() -> T) -> T {
    configured(&KEEP_LOG, true, open)
}

/// Runs `open`, which opens one connection and reads from it; if that fails, the log stays as it is.
///
/// Where the index of a log cannot be written to, SQLite takes the log for empty when the connection is closed,
/// and deletes it with what it holds.
pub(crate) fn without_checkpoint_until_read<T, E>(
    open: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    OPENED.set(None);
    let opened = configured(&KEEP_LOG, true, open)?;
    if let Some(connection) = OPENED.take() {
        keep_log(connection, false);
    }
    Ok(opened)
}

/// Runs `open`; a statement on the connections it opens fails as interrupted once the token is cancelled,
/// however long it would have gone on.
pub(crate) fn cancellable<T>(cancel: Option<CancelToken>, open: impl FnOnce() -> T) -> T {
    struct Restore(Option<CancelToken>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CANCEL.replace(self.0.take());
        }
    }

    register();
    let _restore = Restore(CANCEL.replace(cancel));
    open()
}

/// The handle of a connection of Diesel's, which does not give it: a function that every connection has been
/// opened with tells on which one it is called.
///
/// Fails for a connection that was opened before this crate has opened its first one.
pub(super) fn raw_connection_of(
    connection: &mut SqliteConnection,
) -> QueryResult<NonNull<ffi::sqlite3>> {
    static CALLS: AtomicI64 = AtomicI64::new(0);
    // Diesel may call functions of the program's on the way, which may use other connections.
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let before = FOUND.take();
    let called = diesel::select(degenbot_connection(call)).get_result::<Option<i32>>(connection);
    let found = FOUND.replace(before);
    match called {
        Ok(_) => found
            .filter(|(number, _)| *number == call)
            .map(|(_, handle)| handle)
            .ok_or(Error::NotFound),
        Err(error) if error.to_string().starts_with("no such function") => Err(
            Error::QueryBuilderError("the connection was not opened by degenbot".into()),
        ),
        Err(error) => Err(error),
    }
}

/// Runs `open` with a setting for the connections that are opened meanwhile on this thread.
///
/// Such settings take the connection's handle, which Diesel does not give, so they are made by a hook
/// that SQLite calls for every connection it opens.
fn configured<S: Copy + 'static, T>(
    setting: &'static std::thread::LocalKey<Cell<S>>,
    value: S,
    open: impl FnOnce() -> T,
) -> T {
    struct Restore<S: Copy + 'static>(&'static std::thread::LocalKey<Cell<S>>, S);
    impl<S: Copy + 'static> Drop for Restore<S> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }

    register();
    let _restore = Restore(setting, setting.replace(value));
    open()
}

/// Has SQLite call [`configure`] for every connection that it opens.
fn register() {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        // SAFETY: the hook is a plain function that lives as long as the program. That it cannot be
        // registered without memory is harmless: connections are then opened as usual.
        unsafe { ffi::sqlite3_auto_extension(Some(configure)) };
    });
}

/// Called by SQLite with each new connection, on the thread that opens it.
unsafe extern "C" fn configure(
    connection: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    let opened = NonNull::new(connection);
    OPENED.set(opened);
    if let Some(opened) = opened.filter(|_| KEEP_LOG.get()) {
        keep_log(opened, true);
    }
    // The token belongs to the connection: SQLite gives it to `drop_token` when the connection is closed, or at once where
    // the function cannot be created.
    let cancel = CANCEL.with_borrow(Clone::clone);
    let is_cancellable = cancel.is_some();
    let token: *mut c_void = cancel.map_or(ptr::null_mut(), |token| {
        Box::into_raw(Box::new(token)).cast()
    });
    // SAFETY: the connection is being opened; the name is NUL-terminated; the callbacks live as long as the program, and the
    // data is null or a token that `drop_token` gets. Without memory the function is missing, and its callers are told so.
    // No view or trigger of a file may call it.
    let created = unsafe {
        ffi::sqlite3_create_function_v2(
            connection,
            c"degenbot_connection".as_ptr(),
            1,
            ffi::SQLITE_UTF8 | ffi::SQLITE_DIRECTONLY,
            token,
            Some(find),
            None,
            None,
            Some(drop_token),
        )
    };
    if is_cancellable && created == ffi::SQLITE_OK {
        // SAFETY: as above. The token lives until the connection is closed, which runs no statement after it has dropped
        // its functions; the handler only reads the token.
        unsafe {
            ffi::sqlite3_progress_handler(connection, INSTRUCTIONS, Some(is_cancelled), token);
        }
    }
    ffi::SQLITE_OK
}

/// The function `degenbot_connection(call)`. Its result is NULL.
unsafe extern "C" fn find(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: the context is the one of the call that is being made, which has one argument.
    let (call, handle) = unsafe {
        (
            ffi::sqlite3_value_int64(*arguments),
            ffi::sqlite3_context_db_handle(context),
        )
    };
    FOUND.set(NonNull::new(handle).map(|handle| (call, handle)));
}

/// Says whether a log stays as it is when the connection is closed.
fn keep_log(connection: NonNull<ffi::sqlite3>, keep: bool) {
    // SAFETY: the connection is the one that is being opened by this thread, or that `open` has just opened
    // and returned; the arguments are those that SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE takes: an int, and a place
    // for its old value or null.
    unsafe {
        ffi::sqlite3_db_config(
            connection.as_ptr(),
            ffi::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            c_int::from(keep),
            ptr::null_mut::<c_int>(),
        );
    }
}

/// Called by SQLite now and then while a statement runs; anything but 0 ends it.
unsafe extern "C" fn is_cancelled(token: *mut c_void) -> c_int {
    // SAFETY: `configure` has given a token that lives as long as the connection.
    let token = unsafe { &*token.cast::<CancelToken>() };
    c_int::from(token.is_cancelled())
}

/// Called by SQLite when it has no more use for the function's data.
unsafe extern "C" fn drop_token(token: *mut c_void) {
    if !token.is_null() {
        // SAFETY: `configure` has made it of a box, and SQLite calls this once.
        drop(unsafe { Box::from_raw(token.cast::<CancelToken>()) });
    }
}
