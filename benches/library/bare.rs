//! The baseline of the benchmarks: prepared statements, used directly. They decode nothing, and the values that
//! they bind are formatted before the clock starts.

use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use libsqlite3_sys as ffi;

/// A connection with the library's pragmas.
pub struct Bare(*mut ffi::sqlite3);

/// A value to bind.
#[derive(Clone, Copy)]
pub enum Value<'text> {
    Integer(i64),
    Text(&'text str),
}

impl Bare {
    pub fn open(path: &Path) -> Self {
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        let mut connection = ptr::null_mut();
        let flags = ffi::SQLITE_OPEN_READWRITE;
        // SAFETY: the name is NUL-terminated, and `connection` a place for the result.
        let code =
            unsafe { ffi::sqlite3_open_v2(name.as_ptr(), &raw mut connection, flags, ptr::null()) };
        assert_eq!(code, ffi::SQLITE_OK);
        let bare = Self(connection);
        for (name, value) in degenbot::database::connection_pragmas() {
            bare.execute(&format!("PRAGMA {name} = {value}"));
        }
        bare
    }

    pub fn execute(&self, sql: &str) {
        let sql = CString::new(sql).unwrap();
        // SAFETY: the connection is open and the text NUL-terminated.
        let code = unsafe {
            ffi::sqlite3_exec(self.0, sql.as_ptr(), None, ptr::null_mut(), ptr::null_mut())
        };
        assert_eq!(code, ffi::SQLITE_OK);
    }

    pub fn prepare(&self, sql: &str) -> Prepared {
        let sql = CString::new(sql).unwrap();
        let mut statement = ptr::null_mut();
        // SAFETY: as above, and `statement` is a place for the result.
        let code = unsafe {
            ffi::sqlite3_prepare_v2(
                self.0,
                sql.as_ptr(),
                -1,
                &raw mut statement,
                ptr::null_mut(),
            )
        };
        assert_eq!(code, ffi::SQLITE_OK);
        Prepared(statement)
    }

    pub fn last_insert_rowid(&self) -> i64 {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_last_insert_rowid(self.0) }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // SAFETY: the connection is closed once, after its statements.
        let code = unsafe { ffi::sqlite3_close(self.0) };
        assert_eq!(code, ffi::SQLITE_OK);
    }
}

/// A statement. It must be dropped before its connection.
pub struct Prepared(*mut ffi::sqlite3_stmt);

impl Prepared {
    pub fn bind(&self, values: &[Value<'_>]) {
        for (index, value) in (1..).zip(values) {
            // SAFETY: the statement has been reset; its texts live until the next binding.
            let code = unsafe {
                match value {
                    Value::Integer(number) => ffi::sqlite3_bind_int64(self.0, index, *number),
                    Value::Text(text) => ffi::sqlite3_bind_text(
                        self.0,
                        index,
                        text.as_ptr().cast(),
                        c_int::try_from(text.len()).unwrap(),
                        ffi::SQLITE_STATIC(),
                    ),
                }
            };
            assert_eq!(code, ffi::SQLITE_OK);
        }
    }

    /// Steps to the next row; false if there is none.
    pub fn step(&self) -> bool {
        // SAFETY: the statement is not finalized.
        match unsafe { ffi::sqlite3_step(self.0) } {
            ffi::SQLITE_ROW => true,
            ffi::SQLITE_DONE => false,
            code => panic!("SQLite's code {code}"),
        }
    }

    pub fn reset(&self) {
        // SAFETY: the statement is not finalized.
        unsafe { ffi::sqlite3_reset(self.0) };
    }

    /// Binds, runs and resets a statement without rows.
    pub fn run(&self, values: &[Value<'_>]) {
        self.bind(values);
        assert!(!self.step());
        self.reset();
    }

    pub fn integer(&self, column: c_int) -> i64 {
        // SAFETY: the statement is on a row.
        unsafe { ffi::sqlite3_column_int64(self.0, column) }
    }

    /// The first byte and the length of a text.
    pub fn text(&self, column: c_int) -> i64 {
        // SAFETY: the statement is on a row; a text that is not empty has a first byte.
        unsafe {
            let text = ffi::sqlite3_column_text(self.0, column);
            let length = ffi::sqlite3_column_bytes(self.0, column);
            if length == 0 {
                return 0;
            }
            i64::from(*text) + i64::from(length)
        }
    }

    /// Steps through all rows of a query, reads every column (`i` for integers, `t` for texts), and returns the
    /// number of rows.
    pub fn read_all(&self, columns: &str) -> u64 {
        let mut rows = 0;
        let mut seen = 0_i64;
        while self.step() {
            for (index, column) in (0..).zip(columns.bytes()) {
                seen = seen.wrapping_add(if column == b'i' {
                    self.integer(index)
                } else {
                    self.text(index)
                });
            }
            rows += 1;
        }
        std::hint::black_box(seen);
        self.reset();
        rows
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: the statement is finalized once.
        unsafe { ffi::sqlite3_finalize(self.0) };
    }
}
