//! What SQLite's authorizer says of statements: which columns they read and which tables they write to.

use std::ffi::{CStr, c_char, c_int, c_void};

use diesel::prelude::*;
use libsqlite3_sys as ffi;

use crate::sqlite::pragma_watch;
use crate::sqlite::prepared::Statements;

/// A read or a write of a statement, or of a view or a trigger that it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// The view, the common table expression or the trigger; `None` for the statement itself.
    pub(crate) by: Option<String>,
    /// The table or view that is read or written to.
    pub(crate) table: String,
    pub(crate) kind: AccessKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessKind {
    /// A read of this column. The name is empty if a statement reads none of a table that it lists.
    Read(String),
    Write,
}

/// What a statement would read and write, and the views and triggers that it uses, those that they use in turn included.
/// The statement is compiled, not run. SQLite tells an authorizer what it compiles.
pub(crate) fn accesses(statements: Statements<'_>, sql: &str) -> QueryResult<Vec<Access>> {
    observed(statements, |statements| statements.prepare(sql).map(drop))
}

/// Like [`accesses`], with what the modules of virtual tables compile for the first row.
pub(crate) fn accesses_of_first_row(
    statements: Statements<'_>,
    query: &str,
) -> QueryResult<Vec<Access>> {
    observed(statements, |statements| {
        statements.prepare(query)?.step().map(drop)
    })
}

fn observed(
    statements: Statements<'_>,
    compile: impl FnOnce(Statements<'_>) -> QueryResult<()>,
) -> QueryResult<Vec<Access>> {
    let connection = statements.handle().as_ptr();
    let mut found = Vec::new();
    // SAFETY: the connection is open. SQLite calls `authorize` with the list only while it compiles statements, and the
    // list outlives `resume`, which takes the authorizer away.
    let code = unsafe {
        ffi::sqlite3_set_authorizer(connection, Some(authorize), (&raw mut found).cast())
    };
    let compiled = statements.check(code).and_then(|()| compile(statements));
    pragma_watch::resume(statements.handle());
    compiled.map(|()| found)
}

/// SQLite calls this with each thing that a statement does.
unsafe extern "C" fn authorize(
    found: *mut c_void,
    action: c_int,
    table: *const c_char,
    column: *const c_char,
    _database: *const c_char,
    by: *const c_char,
) -> c_int {
    // SAFETY: SQLite passes null or a NUL-terminated name that lives during this call.
    let text = |name: *const c_char| unsafe {
        (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
    };
    let kind = match action {
        ffi::SQLITE_READ => text(column).map(AccessKind::Read),
        ffi::SQLITE_INSERT | ffi::SQLITE_UPDATE | ffi::SQLITE_DELETE => Some(AccessKind::Write),
        _ => None,
    };
    if let (Some(kind), Some(table)) = (kind, text(table)) {
        // SAFETY: `found` is the list of `observed`, which nothing else uses meanwhile.
        let found = unsafe { &mut *found.cast::<Vec<Access>>() };
        found.push(Access {
            by: text(by),
            table,
            kind,
        });
    }
    ffi::SQLITE_OK
}
