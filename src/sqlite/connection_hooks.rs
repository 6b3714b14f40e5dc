//! The hooks that run on each new SQLite connection, and the raw connection behind a Diesel connection.

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
use crate::sqlite::busy_handler::{BusyHandler, busy};
use crate::sqlite::{auto_checkpoint, lock_wait, raised, rolled_back, system_failure};

/// How many instructions SQLite's virtual machine runs between two checks of the cancel token. They take a few
/// hundredths of a second at most.
const INSTRUCTIONS: c_int = 100_000;

thread_local! {
    static KEEP_LOG: Cell<bool> = const { Cell::new(false) };
    static DISTRUST: Cell<bool> = const { Cell::new(false) };
    static OPENED: Cell<Option<NonNull<ffi::sqlite3>>> = const { Cell::new(None) };
    static OPENINGS: Cell<u64> = const { Cell::new(0) };
    static CANCEL: RefCell<Option<CancelToken>> = const { RefCell::new(None) };
    static FOUND: Cell<Option<(i64, NonNull<ffi::sqlite3>)>> = const { Cell::new(None) };
}

diesel::define_sql_function! {
    /// Records the connection that it is called on, and its argument.
    fn degenbot_connection(call: BigInt) -> Nullable<Integer>;
}

/// Opens a connection whose failures are told apart from what triggers raise, and whose commits leave Litestream its log.
pub(crate) fn establish(uri: &str) -> ConnectionResult<SqliteConnection> {
    register();
    let before = OPENINGS.get();
    let mut connection = SqliteConnection::establish(uri)?;
    // The program's own instrumentation can open other connections meanwhile. Then it is unknown which this one is.
    let is_the_only_one = OPENINGS.get() == before.wrapping_add(1);
    let opened = OPENED.get().filter(|_| is_the_only_one);
    if let Some(raw) = opened {
        raised::record_failures(&mut connection, raw);
    }
    if let Some(raw) = opened.or_else(|| raw_connection_of(&mut connection).ok()) {
        auto_checkpoint::set(raw, auto_checkpoint::LONG_LOG);
    }
    Ok(connection)
}

/// Runs `open`. The connections that it opens leave a `-wal` file unchanged when they close.
///
/// Otherwise the last connection to close checkpoints the log and deletes it, even if it was opened to read.
pub(crate) fn without_checkpoint_on_close<T>(open: impl FnOnce() -> T) -> T {
    configured(&KEEP_LOG, true, open)
}

/// Runs `open`, which opens one connection and reads from it. If `open` fails, the log stays unchanged.
///
/// If SQLite cannot write the index of the log, it takes the log for empty and deletes it, content included, when the
/// connection closes.
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

/// Runs `open`. The connections that it opens do not trust the file: its views, triggers and indexes can use only
/// harmless functions and virtual tables, and no statement can change the schema's text or the tables behind a virtual
/// table. They wait for locks as the present [`lock_wait`] says, if there is one.
pub(crate) fn without_trust<T>(open: impl FnOnce() -> T) -> T {
    configured(&DISTRUST, true, open)
}

/// Runs `open`. Once the token is cancelled, a running statement on the connections that it opens fails as interrupted.
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

/// Sets how the statements of a connection wait for a lock of another connection, instead of its `busy_timeout`. Unlike
/// that one, a busy handler notices when its token is cancelled.
#[cfg(feature = "sync")]
pub(crate) fn set_busy_handler(
    connection: &mut SqliteConnection,
    busy_handler: BusyHandler,
) -> QueryResult<()> {
    let raw = raw_connection_of(connection)?;
    if keep_busy_handler(raw, busy_handler) == ffi::SQLITE_OK {
        return Ok(());
    }
    Err(Error::QueryBuilderError(
        "there is no memory for a busy handler".into(),
    ))
}

/// Sets from how many pages on a commit of the connection moves the log into the file, instead of
/// `PRAGMA wal_autocheckpoint`, if Litestream does not read it there.
#[cfg(feature = "sync")]
pub(crate) fn set_long_log(connection: &mut SqliteConnection, pages: u16) -> QueryResult<()> {
    auto_checkpoint::set(raw_connection_of(connection)?, pages);
    Ok(())
}

/// Gives a connection a busy handler. Returns SQLite's result code.
fn keep_busy_handler(connection: NonNull<ffi::sqlite3>, busy_handler: BusyHandler) -> c_int {
    let raw = connection.as_ptr();
    let address: *mut c_void = Box::into_raw(Box::new(busy_handler)).cast();
    // SAFETY: the connection is open. It owns the handler: SQLite passes it to `drop_busy_handler` when the next call
    // replaces it, when the connection closes, or at once if it cannot keep it. No statement can wait with a handler that
    // is gone, because the connection has none while the two are exchanged.
    unsafe {
        ffi::sqlite3_busy_handler(raw, None, ptr::null_mut());
        let kept = ffi::sqlite3_set_clientdata(
            raw,
            c"degenbot_busy_handler".as_ptr(),
            address,
            Some(drop_busy_handler),
        );
        if kept == ffi::SQLITE_OK {
            ffi::sqlite3_busy_handler(raw, Some(busy), address)
        } else {
            kept
        }
    }
}

/// The raw connection behind a Diesel connection.
///
/// Diesel does not expose it. A hook registers an SQL function on every connection; the function records the connection
/// that it is called on. A connection that was opened before this crate has opened its first one lacks the function,
/// and the call fails.
pub(super) fn raw_connection_of(
    connection: &mut SqliteConnection,
) -> QueryResult<NonNull<ffi::sqlite3>> {
    static CALLS: AtomicI64 = AtomicI64::new(0);
    // Diesel may call the program's own functions in between, and these may use other connections.
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

/// Runs `open` with a setting for every connection that this thread opens meanwhile.
///
/// The setting needs the raw connection, which Diesel does not expose. A hook that SQLite calls for each new connection
/// applies it.
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

/// Registers [`configure`] as a hook that SQLite calls for each new connection.
fn register() {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        system_failure::record();
        rolled_back::record();
        // SAFETY: the hook is a plain function that lives as long as the program. If there is no memory to register it,
        // connections open without the settings, which is harmless.
        unsafe { ffi::sqlite3_auto_extension(Some(configure)) };
    });
}

/// SQLite calls this with each new connection, on the thread that opens it.
unsafe extern "C" fn configure(
    connection: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    let opened = NonNull::new(connection);
    OPENED.set(opened);
    OPENINGS.set(OPENINGS.get().wrapping_add(1));
    if let Some(opened) = opened.filter(|_| KEEP_LOG.get()) {
        keep_log(opened, true);
    }
    if let Some(opened) = opened.filter(|_| DISTRUST.get()) {
        set(opened, ffi::SQLITE_DBCONFIG_DEFENSIVE, true);
        set(opened, ffi::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false);
        if let Some(busy_handler) = lock_wait::present() {
            // If there is no memory for it, the connection does not wait, and the statement says that it is locked.
            keep_busy_handler(opened, busy_handler);
        }
    }
    // The connection owns the token: SQLite passes it to `drop_token` when the connection closes, or at once if the
    // function cannot be created.
    let cancel = CANCEL.with_borrow(Clone::clone);
    let is_cancellable = cancel.is_some();
    let token: *mut c_void = cancel.map_or(ptr::null_mut(), |token| {
        Box::into_raw(Box::new(token)).cast()
    });
    // SAFETY: the connection is being opened, the name is NUL-terminated, and the callbacks live as long as the
    // program. The data is null or a token that `drop_token` frees. If there is no memory, the function is missing, and
    // its callers get an error. SQLITE_DIRECTONLY keeps views and triggers of a file from calling it.
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
        // SAFETY: as above. The token lives until the connection closes, and a closing connection runs no statement
        // after it has dropped its functions. The handler only reads the token.
        unsafe {
            ffi::sqlite3_progress_handler(connection, INSTRUCTIONS, Some(is_cancelled), token);
        }
    }
    ffi::SQLITE_OK
}

/// Implements `degenbot_connection(call)`, whose result is NULL.
unsafe extern "C" fn find(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: the context is that of the present call, which has one argument.
    let (call, handle) = unsafe {
        (
            ffi::sqlite3_value_int64(*arguments),
            ffi::sqlite3_context_db_handle(context),
        )
    };
    FOUND.set(NonNull::new(handle).map(|handle| (call, handle)));
}

/// Sets whether the connection leaves the log unchanged when it closes.
fn keep_log(connection: NonNull<ffi::sqlite3>, keep: bool) {
    set(connection, ffi::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep);
}

/// Switches a property of a connection on or off. Returns SQLite's result code.
pub(super) fn set(connection: NonNull<ffi::sqlite3>, property: c_int, on: bool) -> c_int {
    // SAFETY: this thread is opening the connection, `open` has just opened and returned it, or this thread has borrowed
    // it. The properties that are set here take an int, and a pointer to its value or null.
    unsafe {
        ffi::sqlite3_db_config(
            connection.as_ptr(),
            property,
            c_int::from(on),
            ptr::null_mut::<c_int>(),
        )
    }
}

/// Runs `operate` on a connection whose statements fire no triggers. A view's INSTEAD OF triggers do not fire either.
pub(crate) fn without_triggers<T, E: From<Error>>(
    connection: &mut SqliteConnection,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
) -> Result<T, E> {
    without(connection, &[ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER], operate)
}

/// Runs `operate` on a connection that takes nothing in double quotes for a text. Otherwise SQLite does that with a name
/// that no column has.
pub(crate) fn without_quoted_texts<T, E: From<Error>>(
    connection: &mut SqliteConnection,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
) -> Result<T, E> {
    let properties = [ffi::SQLITE_DBCONFIG_DQS_DML, ffi::SQLITE_DBCONFIG_DQS_DDL];
    without(connection, &properties, operate)
}

/// Runs `operate` on a connection with these properties switched off.
fn without<T, E: From<Error>>(
    connection: &mut SqliteConnection,
    properties: &[c_int],
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
) -> Result<T, E> {
    switch(connection, properties, false)?;
    let result = operate(connection);
    switch(connection, properties, true)?;
    result
}

fn switch(connection: &mut SqliteConnection, properties: &[c_int], on: bool) -> QueryResult<()> {
    let handle = raw_connection_of(connection)?;
    for property in properties {
        if set(handle, *property, on) != ffi::SQLITE_OK {
            return Err(Error::QueryBuilderError(
                "SQLite cannot switch a property of the connection".into(),
            ));
        }
    }
    Ok(())
}

/// SQLite calls this regularly while a statement runs. It interrupts the statement unless the result is 0.
unsafe extern "C" fn is_cancelled(token: *mut c_void) -> c_int {
    // SAFETY: `configure` has registered a token that lives as long as the connection.
    let token = unsafe { &*token.cast::<CancelToken>() };
    c_int::from(token.is_cancelled())
}

/// SQLite calls this when it no longer needs the function's data.
unsafe extern "C" fn drop_token(token: *mut c_void) {
    if !token.is_null() {
        // SAFETY: `configure` has made the pointer from a box, and SQLite calls this once.
        drop(unsafe { Box::from_raw(token.cast::<CancelToken>()) });
    }
}

/// SQLite calls this when the connection no longer needs its busy handler.
unsafe extern "C" fn drop_busy_handler(busy_handler: *mut c_void) {
    // SAFETY: `set_busy_handler` has made the pointer from a box, and SQLite calls this once.
    drop(unsafe { Box::from_raw(busy_handler.cast::<BusyHandler>()) });
}
