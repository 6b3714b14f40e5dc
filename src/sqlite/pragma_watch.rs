//! Which pragmas a connection is told, so that nobody gets one that works in another way.
//!
//! SQLite tells an authorizer of each pragma that a statement has, while it compiles the statement. To all it is asked,
//! this one says yes, so nothing else changes.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;

use libsqlite3_sys as ffi;

const WATCH: &CStr = c"degenbot_pragma_watch";

/// Pragmas with an argument that leave a connection as it is: they read, or change the file.
const HARMLESS: [&str; 14] = [
    "application_id",
    "foreign_key_check",
    "foreign_key_list",
    "incremental_vacuum",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "optimize",
    "quick_check",
    "table_info",
    "table_xinfo",
    "user_version",
    "wal_checkpoint",
];

/// What pragmas have changed of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Changes {
    None,
    /// Only what is set again.
    SetAgain,
    Others,
}

struct Watch {
    changes: Cell<Changes>,
    /// Whether a pragma of this name is set again.
    is_set_again: fn(&str) -> bool,
}

/// Begins to watch a connection. Returns SQLite's result code.
pub(super) fn begin(connection: NonNull<ffi::sqlite3>, is_set_again: fn(&str) -> bool) -> c_int {
    let watch = Box::new(Watch {
        changes: Cell::new(Changes::None),
        is_set_again,
    });
    let address: *mut c_void = Box::into_raw(watch).cast();
    // SAFETY: the connection is open. It owns the watch: SQLite passes it to `drop_watch` when the connection closes, or at
    // once if it cannot keep it. A closing connection compiles no statement after that.
    let kept = unsafe {
        ffi::sqlite3_set_clientdata(
            connection.as_ptr(),
            WATCH.as_ptr(),
            address,
            Some(drop_watch),
        )
    };
    if kept == ffi::SQLITE_OK {
        resume(connection);
    }
    kept
}

/// Watches a connection again after another authorizer. One that was not watched gets none.
pub(super) fn resume(connection: NonNull<ffi::sqlite3>) {
    let watch = of(connection);
    let authorize = (!watch.is_null()).then_some(authorize as _);
    // SAFETY: the connection is open. It owns the watch as long as it can compile statements.
    unsafe { ffi::sqlite3_set_authorizer(connection.as_ptr(), authorize, watch) };
}

/// What pragmas have changed since the watch began, or since [`forget`].
pub(super) fn changes(connection: NonNull<ffi::sqlite3>) -> Changes {
    // SAFETY: the address is null or that of a watch that lives as long as the connection.
    let watch = unsafe { of(connection).cast::<Watch>().as_ref() };
    // If nobody has watched, anything can have changed.
    watch.map_or(Changes::Others, |watch| watch.changes.get())
}

/// Counts from now on: what has changed is set again.
pub(super) fn forget(connection: NonNull<ffi::sqlite3>) {
    // SAFETY: as in `changes`.
    if let Some(watch) = unsafe { of(connection).cast::<Watch>().as_ref() } {
        watch.changes.set(Changes::None);
    }
}

fn of(connection: NonNull<ffi::sqlite3>) -> *mut c_void {
    // SAFETY: the connection is open, and the name is NUL-terminated.
    unsafe { ffi::sqlite3_get_clientdata(connection.as_ptr(), WATCH.as_ptr()) }
}

/// SQLite calls this with each thing that a statement does.
unsafe extern "C" fn authorize(
    watch: *mut c_void,
    action: c_int,
    pragma: *const c_char,
    argument: *const c_char,
    _schema: *const c_char,
    _by: *const c_char,
) -> c_int {
    if action == ffi::SQLITE_PRAGMA && !pragma.is_null() && !argument.is_null() {
        // SAFETY: `begin` has made the watch, which lives as long as the connection. SQLite passes a NUL-terminated name
        // that lives during this call.
        let (watch, pragma) = unsafe { (&*watch.cast::<Watch>(), CStr::from_ptr(pragma)) };
        let name = pragma.to_string_lossy().to_ascii_lowercase();
        let change = if HARMLESS.contains(&name.as_str()) {
            Changes::None
        } else if (watch.is_set_again)(&name) {
            Changes::SetAgain
        } else {
            Changes::Others
        };
        watch.changes.set(watch.changes.get().max(change));
    }
    ffi::SQLITE_OK
}

/// SQLite calls this when the connection closes.
unsafe extern "C" fn drop_watch(watch: *mut c_void) {
    // SAFETY: `begin` has made the pointer from a box, and SQLite calls this once.
    drop(unsafe { Box::from_raw(watch.cast::<Watch>()) });
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::sqlite::SqliteConnection;

    use super::*;
    use crate::sqlite::authorizer::accesses;
    use crate::sqlite::connection_hooks::establish;
    use crate::sqlite::prepared::Statements;

    fn watched() -> SqliteConnection {
        let mut connection = establish(":memory:").unwrap();
        let statements = Statements::of(&mut connection).unwrap();
        statements
            .watch_pragmas(|name| name == "cache_size")
            .unwrap();
        connection
    }

    fn told(connection: &mut SqliteConnection, statement: &str) -> Changes {
        let statements = Statements::of(connection).unwrap();
        statements.forget_pragmas();
        let _ = connection.batch_execute(statement);
        let statements = Statements::of(connection).unwrap();
        statements.changes_of_pragmas()
    }

    #[test]
    fn pragmas_are_noticed_however_they_are_written() {
        let mut connection = watched();
        for (statement, expected) in [
            ("SELECT 1; CREATE TABLE numbers (number)", Changes::None),
            ("PRAGMA locking_mode; PRAGMA cache_size", Changes::None),
            ("SELECT * FROM pragma_table_info('numbers')", Changes::None),
            ("PRAGMA Integrity_Check(1)", Changes::None),
            ("PRAGMA main.user_version = 3", Changes::None),
            ("PRAGMA cache_size = 5", Changes::SetAgain),
            ("pragma temp.Cache_Size(-5)", Changes::SetAgain),
            ("PRAGMA locking_mode = EXCLUSIVE", Changes::Others),
            (
                "/* x */ pragma\n\"case_sensitive_like\"(1)",
                Changes::Others,
            ),
            ("PRAGMA nobody_knows = 1", Changes::Others),
            (
                "PRAGMA cell_size_check = 1; PRAGMA cache_size = 5",
                Changes::Others,
            ),
        ] {
            assert_eq!(told(&mut connection, statement), expected, "{statement}");
        }
        // Another authorizer takes its place for a while.
        accesses(
            Statements::of(&mut connection).unwrap(),
            "SELECT number FROM numbers",
        )
        .unwrap();
        assert_eq!(
            told(&mut connection, "PRAGMA cache_spill = 0"),
            Changes::Others
        );
        let mut other = establish(":memory:").unwrap();
        let statements = Statements::of(&mut other).unwrap();
        assert_eq!(statements.changes_of_pragmas(), Changes::Others);
    }

    /// What SQLite makes of each statement, as instructions and as a plan.
    fn programs(connection: &mut SqliteConnection) -> Vec<String> {
        connection
            .batch_execute(
                "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT UNIQUE, rank CHECK (rank > 0)); \
                 CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents (id) ON DELETE CASCADE, \
                   doubled AS (id * 2)); \
                 CREATE INDEX by_parent ON children (parent); \
                 CREATE VIEW families AS SELECT p.name, count(*) AS size \
                   FROM parents AS p JOIN children AS c ON c.parent = p.id GROUP BY p.name; \
                 CREATE TRIGGER ranks AFTER INSERT ON children \
                   BEGIN UPDATE parents SET rank = rank + 1 WHERE id = new.parent; END; \
                 CREATE VIRTUAL TABLE texts USING fts5(body)",
            )
            .unwrap();
        let mut programs = Vec::new();
        for statement in [
            "SELECT * FROM families WHERE size > (SELECT avg(rank) FROM parents)",
            "SELECT count(*) FROM children",
            "SELECT rowid, doubled FROM children WHERE parent IN (SELECT id FROM parents WHERE name LIKE 'a%')",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT sum(i) OVER () FROM n",
            "SELECT name FROM parents UNION SELECT body FROM texts WHERE texts MATCH 'a' ORDER BY 1",
            "DELETE FROM children",
            "DELETE FROM parents WHERE id = 1",
            "INSERT INTO children (parent) VALUES (1), (2) ON CONFLICT DO NOTHING RETURNING id",
            "UPDATE parents SET rank = 2 FROM children WHERE children.parent = parents.id",
            "INSERT INTO texts SELECT name FROM parents",
            "CREATE TABLE copies AS SELECT * FROM families",
            "ALTER TABLE parents RENAME COLUMN name TO title",
            "DROP TABLE children",
            "PRAGMA foreign_key_check",
        ] {
            for how in ["EXPLAIN", "EXPLAIN QUERY PLAN"] {
                let statements = Statements::of(connection).unwrap();
                let mut rows = statements.prepare(&format!("{how} {statement}")).unwrap();
                while rows.step().unwrap() {
                    let mut columns: Vec<_> = (0..rows.column_count())
                        .map(|at| rows.column(at).to_text())
                        .collect();
                    // An address differs each time.
                    columns.retain(|column| !column.starts_with("vtab:"));
                    programs.push(columns.join(" "));
                }
            }
        }
        programs
    }

    #[test]
    fn watch_changes_no_program() {
        let expected = programs(&mut establish(":memory:").unwrap());
        assert!(expected.len() > 200);
        let found = programs(&mut watched());
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected);
        }
    }
}
