//! Stand-ins for what a schema uses and a connection lacks, so that a check of the file can run.
//!
//! They change only the connection, never the file. No statement may be in a step meanwhile.

use std::cmp::Ordering;
use std::ffi::{CString, c_int, c_void};
use std::ptr;
use std::slice;

use diesel::prelude::*;
use libsqlite3_sys as ffi;

use crate::sqlite::connection_hooks;
use crate::sqlite::prepared::Statements;

type Compare =
    unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int;
type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

impl Statements<'_> {
    /// Defines a collation that compares bytes.
    pub(crate) fn define_collation(self, name: &str) -> QueryResult<()> {
        self.set_collation(name, Some(compare))
    }

    /// Removes a collation.
    pub(crate) fn remove_collation(self, name: &str) -> QueryResult<()> {
        self.set_collation(name, None)
    }

    fn set_collation(self, name: &str, compare: Option<Compare>) -> QueryResult<()> {
        let name = CString::new(name)?;
        // SAFETY: the connection is open, the name is NUL-terminated, and the callback needs no data and lives as long
        // as the program.
        let code = unsafe {
            ffi::sqlite3_create_collation_v2(
                self.handle().as_ptr(),
                name.as_ptr(),
                ffi::SQLITE_UTF8,
                ptr::null_mut(),
                compare,
                None,
            )
        };
        self.check(code)
    }

    /// Defines a function whose result is NULL, for any number of arguments.
    pub(crate) fn define_function(self, name: &str) -> QueryResult<()> {
        self.set_function(name, Some(nothing))
    }

    /// Removes a function.
    pub(crate) fn remove_function(self, name: &str) -> QueryResult<()> {
        self.set_function(name, None)
    }

    fn set_function(self, name: &str, function: Option<Function>) -> QueryResult<()> {
        let name = CString::new(name)?;
        // SAFETY: as in `set_collation`. Without a call that sets it, the result is NULL.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                self.handle().as_ptr(),
                name.as_ptr(),
                -1,
                ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_INNOCUOUS,
                ptr::null_mut(),
                function,
                None,
                None,
                None,
            )
        };
        self.check(code)
    }

    /// Reads the schema anew, with a table in the place of each of these views and virtual tables (an imposter table). It
    /// must not be read.
    pub(crate) fn read_schema_without(self, names: &[String]) -> QueryResult<()> {
        self.forget_schema();
        for name in names {
            self.add_imposter(name)?;
        }
        // SQLite refuses a view whose name is taken. In this mode, it goes on with the rest of the schema.
        self.tolerate_unreadable_objects(true)?;
        let read = self.prepare("SELECT 1 FROM main.sqlite_schema").map(drop);
        self.tolerate_unreadable_objects(false)?;
        read
    }

    fn tolerate_unreadable_objects(self, tolerate: bool) -> QueryResult<()> {
        let property = ffi::SQLITE_DBCONFIG_WRITABLE_SCHEMA;
        self.check(connection_hooks::set(self.handle(), property, tolerate))
    }

    fn add_imposter(self, name: &str) -> QueryResult<()> {
        /// Read-only.
        const ON: c_int = 2;
        const OFF: c_int = 0;
        /// Any page but that of the schema table.
        const ROOT: c_int = 2;
        const KEEP: c_int = 0;
        let name = name.replace('"', "\"\"");
        let sql = CString::new(format!("CREATE TABLE \"{name}\" (a)"))?;
        // SAFETY: the connection is open. The control takes the connection, the name of a schema and two ints. It is turned
        // off before another statement can run.
        let code = unsafe {
            self.imposter_mode(ON, ROOT);
            let code = ffi::sqlite3_exec(
                self.handle().as_ptr(),
                sql.as_ptr(),
                None,
                ptr::null_mut(),
                ptr::null_mut(),
            );
            self.imposter_mode(OFF, KEEP);
            code
        };
        self.check(code)
    }

    /// Forgets the schema in memory with its imposter tables. The next statement reads it again.
    pub(crate) fn forget_schema(self) {
        // SAFETY: as in `add_imposter`.
        unsafe { self.imposter_mode(0, 1) };
    }

    /// Forgets how virtual tables are implemented.
    pub(crate) fn forget_modules(self) {
        self.forget_schema();
        // SAFETY: the connection is open. Null keeps no module. Without a connection, the only failure, nothing is
        // forgotten.
        unsafe { ffi::sqlite3_drop_modules(self.handle().as_ptr(), ptr::null_mut()) };
    }

    /// # Safety
    ///
    /// Mode 2 ends with mode 0 before another statement runs.
    unsafe fn imposter_mode(self, mode: c_int, root: c_int) {
        // SAFETY: as the caller has promised. The arguments have the types that the control reads.
        unsafe {
            ffi::sqlite3_test_control(
                ffi::SQLITE_TESTCTRL_IMPOSTER,
                self.handle().as_ptr(),
                c"main".as_ptr(),
                mode,
                root,
            );
        }
    }
}

/// Compares two texts by their bytes.
unsafe extern "C" fn compare(
    _data: *mut c_void,
    left_length: c_int,
    left: *const c_void,
    right_length: c_int,
    right: *const c_void,
) -> c_int {
    let bytes = |start: *const c_void, length: c_int| match usize::try_from(length) {
        // SAFETY: SQLite passes a pointer to that many bytes, which stay unchanged during the call.
        Ok(length) if !start.is_null() => unsafe {
            slice::from_raw_parts(start.cast::<u8>(), length)
        },
        _ => &[],
    };
    match bytes(left, left_length).cmp(bytes(right, right_length)) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}

/// Implements the function of [`Statements::define_function`].
unsafe extern "C" fn nothing(
    _context: *mut ffi::sqlite3_context,
    _count: c_int,
    _arguments: *mut *mut ffi::sqlite3_value,
) {
}
