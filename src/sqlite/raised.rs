//! Whether a message is the text of a trigger's RAISE, or SQLite's own.
//!
//! A trigger can raise any text, that of SQLite's own errors too. Diesel passes on the text, but not the result code that
//! tells the two apart. So the code is read where a statement has just failed.

use std::cell::RefCell;
use std::ffi::c_int;
use std::ptr::NonNull;

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use libsqlite3_sys as ffi;

use crate::sqlite::system_failure::Failure;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Whether this is the text that a trigger has raised last, on this thread.
pub(crate) fn is_raised(message: &str) -> bool {
    LAST.with_borrow(|last| last.as_deref() == Some(message))
}

/// Records the failure of a statement, by its extended result code.
pub(super) fn record(code: c_int, message: &str) {
    Failure::record_code(code, message);
    if code == ffi::SQLITE_CONSTRAINT_TRIGGER {
        LAST.set(Some(message.to_owned()));
    } else if is_raised(message) {
        LAST.set(None);
    }
}

/// Records the failures of a connection.
///
/// Diesel reports the failure of a statement that returns rows only after it has lost the code. Statements that write
/// must not use `RETURNING`.
pub(super) fn record_failures(connection: &mut SqliteConnection, raw: NonNull<ffi::sqlite3>) {
    connection.set_instrumentation(Recorder {
        raw,
        next: get_default_instrumentation(),
    });
}

struct Recorder {
    raw: NonNull<ffi::sqlite3>,
    /// What the program that uses this library has set for all connections.
    next: Option<Box<dyn Instrumentation>>,
}

// SAFETY: the recorder belongs to the connection. It is called, moved and dropped together with it, and a connection can
// be sent to another thread.
unsafe impl Send for Recorder {}

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery {
            error: Some(Error::DatabaseError(_, information)),
            ..
        } = &event
        {
            // SAFETY: the connection calls its recorder, so it is open.
            let code = unsafe { ffi::sqlite3_extended_errcode(self.raw.as_ptr()) };
            record(code, information.message());
        }
        if let Some(next) = &mut self.next {
            next.on_connection_event(event);
        }
    }
}
