//! What SQLite's authorizer says of statements: which tables their triggers write to.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use diesel::prelude::*;
use libsqlite3_sys as ffi;

use crate::sqlite::prepared::Statements;

/// A write of a trigger that a statement would fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TriggerWrite {
    pub(crate) trigger: String,
    pub(crate) table: String,
}

/// What the triggers would write that a statement fires, those that they fire in turn included. The statement is compiled,
/// not run. SQLite tells an authorizer what it compiles.
pub(crate) fn trigger_writes(
    statements: Statements<'_>,
    sql: &str,
) -> QueryResult<Vec<TriggerWrite>> {
    let connection = statements.handle().as_ptr();
    let mut found = Vec::new();
    // SAFETY: the connection is open. SQLite calls `authorize` with the list only while it compiles a statement, and the
    // list outlives the second call, which takes the authorizer away.
    let code = unsafe {
        ffi::sqlite3_set_authorizer(connection, Some(authorize), (&raw mut found).cast())
    };
    let compiled = statements
        .check(code)
        .and_then(|()| statements.prepare(sql).map(drop));
    // SAFETY: the connection is open.
    unsafe { ffi::sqlite3_set_authorizer(connection, None, ptr::null_mut()) };
    compiled.map(|()| found)
}

/// SQLite calls this with each thing that a statement does.
unsafe extern "C" fn authorize(
    found: *mut c_void,
    action: c_int,
    table: *const c_char,
    _column: *const c_char,
    _database: *const c_char,
    trigger: *const c_char,
) -> c_int {
    let is_write = matches!(
        action,
        ffi::SQLITE_INSERT | ffi::SQLITE_UPDATE | ffi::SQLITE_DELETE
    );
    if is_write && !table.is_null() && !trigger.is_null() {
        // SAFETY: `found` is the list of `trigger_writes`, which nothing else uses meanwhile. The names are
        // NUL-terminated, and live during this call.
        unsafe {
            let found = &mut *found.cast::<Vec<TriggerWrite>>();
            let text = |name| CStr::from_ptr(name).to_string_lossy().into_owned();
            found.push(TriggerWrite {
                trigger: text(trigger),
                table: text(table),
            });
        }
    }
    ffi::SQLITE_OK
}
