use std::cell::RefCell;
use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;
use std::ptr::NonNull;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use libsqlite3_sys as ffi;

use crate::sqlite::busy_handler::{BusyHandler, busy};

/// How often a statement that runs on another thread is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A failed SQLite call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqliteError {
    /// SQLite's primary result code.
    pub code: c_int,
    /// What SQLite says about it.
    pub message: String,
}

/// A bare connection to a database.
///
/// Used from one thread at a time: it can be sent to another one, not shared.
#[derive(Debug)]
pub(crate) struct RawConnection {
    connection: NonNull<ffi::sqlite3>,
    /// Where SQLite finds it when it has to wait.
    busy_handler: RefCell<Option<Box<BusyHandler>>>,
}

/// A connection's address, for the thread that runs a statement on it.
struct Address(*mut ffi::sqlite3);

// SAFETY: the connection is opened with SQLITE_OPEN_FULLMUTEX, so its calls may come from any thread; what
// is done with it meanwhile is said where it is sent.
unsafe impl Send for Address {}

impl Address {
    fn execute(&self, sql: &CStr) -> c_int {
        // SAFETY: the connection is open for as long as the handle that the address is of; `sql` is
        // NUL-terminated and outlives the call; no callback and no place for a message are given.
        unsafe { ffi::sqlite3_exec(self.0, sql.as_ptr(), None, ptr::null_mut(), ptr::null_mut()) }
    }
}

// SAFETY: the bundled library is built with SQLITE_THREADSAFE=1 and the connection is opened with
// SQLITE_OPEN_FULLMUTEX, so calls may come from any thread. `RawConnection` is not `Sync`.
unsafe impl Send for RawConnection {}

impl RawConnection {
    /// Opens a file by its URI, which also says whether it may be created.
    pub(crate) fn open(uri: &str) -> Result<Self, SqliteError> {
        let uri = CString::new(uri).map_err(|_| SqliteError {
            code: ffi::SQLITE_CANTOPEN,
            message: "a path cannot hold a NUL byte".to_owned(),
        })?;
        let flags = ffi::SQLITE_OPEN_READWRITE
            | ffi::SQLITE_OPEN_CREATE
            | ffi::SQLITE_OPEN_URI
            | ffi::SQLITE_OPEN_FULLMUTEX;
        let mut connection = ptr::null_mut();
        // SAFETY: `uri` is NUL-terminated and outlives the call; `connection` is a valid place for
        // the result; a null VFS name means the default one.
        let code =
            unsafe { ffi::sqlite3_open_v2(uri.as_ptr(), &raw mut connection, flags, ptr::null()) };
        let Some(connection) = NonNull::new(connection) else {
            return Err(SqliteError {
                code: ffi::SQLITE_NOMEM,
                message: "out of memory".to_owned(),
            });
        };
        // Also where opening failed: SQLite then still gives a connection, which tells why and must
        // be closed.
        let handle = Self {
            connection,
            busy_handler: RefCell::new(None),
        };
        handle.check(code)?;
        Ok(handle)
    }

    /// Runs the statements of `sql` and ignores their rows.
    pub(crate) fn execute(&self, sql: &str) -> Result<(), SqliteError> {
        let code = Address(self.as_ptr()).execute(&c_string(sql)?);
        self.check(code)
    }

    /// Runs the statements of `sql` on a thread of their own while this one looks after them several times a
    /// second; once `look` says `false` they are interrupted, as far as SQLite lets them be.
    pub(crate) fn execute_watched(
        &self,
        sql: &str,
        mut look: impl FnMut() -> bool,
    ) -> Result<(), SqliteError> {
        let sql = c_string(sql)?;
        // While the other thread uses the connection, this one calls nothing but `sqlite3_interrupt`, which
        // is made for that, and it waits for the other one to end.
        let address = Address(self.as_ptr());
        let code = thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || {
                let address = address;
                // The receiver waits until it has this.
                let _ = sender.send(address.execute(&sql));
            });
            loop {
                match receiver.recv_timeout(LOOK_EVERY) {
                    Ok(code) => return code,
                    Err(RecvTimeoutError::Disconnected) => return ffi::SQLITE_ABORT,
                    Err(RecvTimeoutError::Timeout) if !look() => {
                        // SAFETY: the connection is open.
                        unsafe { ffi::sqlite3_interrupt(self.as_ptr()) };
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        });
        self.check(code)
    }

    /// The first `N` columns of the first row of `sql`, as integers; `None` where there is no row.
    pub(crate) fn row<const N: usize>(&self, sql: &str) -> Result<Option<[i64; N]>, SqliteError> {
        let sql = c_string(sql)?;
        let mut statement = ptr::null_mut();
        // SAFETY: as in `execute`; -1 says that the text ends at its NUL; `statement` is a valid place
        // for the result.
        let code = unsafe {
            ffi::sqlite3_prepare_v2(
                self.as_ptr(),
                sql.as_ptr(),
                -1,
                &raw mut statement,
                ptr::null_mut(),
            )
        };
        self.check(code)?;
        // SAFETY: `statement` was prepared above, is used by this thread only and is finalized once,
        // after its last use. A column index out of range yields NULL, which reads as 0.
        let (code, row) = unsafe {
            let code = ffi::sqlite3_step(statement);
            let row = (code == ffi::SQLITE_ROW).then(|| {
                let mut row = [0; N];
                for (index, column) in (0..).zip(&mut row) {
                    *column = ffi::sqlite3_column_int64(statement, index);
                }
                row
            });
            let error = (code != ffi::SQLITE_ROW && code != ffi::SQLITE_DONE)
                .then(|| self.last_error(code));
            ffi::sqlite3_finalize(statement);
            (error, row)
        };
        code.map_or(Ok(row), Err)
    }

    /// Bytes of the database file, read through the descriptor that SQLite has open: opening and closing the
    /// file once more would drop the locks of the whole process (see "How To Corrupt An SQLite Database
    /// File", section 2.2). Whether there were so many; what is missing is filled up with zeros.
    pub(crate) fn read_file(&self, bytes: &mut [u8], offset: u64) -> Result<bool, SqliteError> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        // SAFETY: the connection is open; for SQLITE_FCNTL_FILE_POINTER the last argument is a place
        // for a pointer to the file of the named database, which lives as long as the connection. Its
        // methods are null only while the file is not open, which is tested; xRead writes at most the
        // given number of bytes to the buffer.
        let code = unsafe {
            let code = ffi::sqlite3_file_control(
                self.as_ptr(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast(),
            );
            let read = file
                .as_ref()
                .and_then(|file| file.pMethods.as_ref())
                .and_then(|methods| methods.xRead);
            match (code, read, c_int::try_from(bytes.len())) {
                (ffi::SQLITE_OK, Some(read), Ok(length)) => {
                    read(file, bytes.as_mut_ptr().cast(), length, offset)
                }
                (ffi::SQLITE_OK, ..) => ffi::SQLITE_MISUSE,
                (code, ..) => code,
            }
        };
        match code {
            ffi::SQLITE_OK => Ok(true),
            ffi::SQLITE_IOERR_SHORT_READ => Ok(false),
            code => Err(self.last_error(code)),
        }
    }

    /// How a statement waits for a lock of another connection.
    pub(crate) fn set_busy_handler(&self, busy_handler: BusyHandler) -> Result<(), SqliteError> {
        let busy_handler = Box::new(busy_handler);
        let address: *const BusyHandler = &raw const *busy_handler;
        // SAFETY: the connection is open; the callback gets the address of what this handle keeps until
        // another one is set, which happens only below, after SQLite has been told.
        let code = unsafe {
            ffi::sqlite3_busy_handler(
                self.as_ptr(),
                Some(busy),
                address.cast_mut().cast::<c_void>(),
            )
        };
        self.busy_handler.replace(Some(busy_handler));
        self.check(code)
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::sqlite3 {
        self.connection.as_ptr()
    }

    pub(super) fn check(&self, code: c_int) -> Result<(), SqliteError> {
        if code == ffi::SQLITE_OK {
            Ok(())
        } else {
            Err(self.last_error(code))
        }
    }

    /// What the connection says about the call that has just returned `code`.
    pub(super) fn last_error(&self, code: c_int) -> SqliteError {
        // SAFETY: the connection is open.
        let message = unsafe { message_of(self.connection, code) };
        let busy_handler = self.busy_handler.borrow();
        if code & 0xff == ffi::SQLITE_BUSY && busy_handler.as_ref().is_some_and(|p| p.is_stopped())
        {
            return SqliteError {
                code: ffi::SQLITE_INTERRUPT,
                message: "interrupted".to_owned(),
            };
        }
        SqliteError {
            code: code & 0xff,
            message,
        }
    }
}

impl Drop for RawConnection {
    fn drop(&mut self) {
        // SAFETY: the connection is closed once. That fails only where a statement or a backup is left:
        // `row` finalizes its statement and a `Backup` cannot outlive the handle.
        unsafe { ffi::sqlite3_close(self.as_ptr()) };
    }
}

/// What a connection says about the call that has just returned `code`.
///
/// # Safety
///
/// The connection is open, and used by this thread only.
pub(super) unsafe fn message_of(connection: NonNull<ffi::sqlite3>, code: c_int) -> String {
    // SAFETY: as the caller has promised; the connection's message is NUL-terminated and is copied before the
    // next call could replace it. A code's own text is static and NUL-terminated.
    unsafe {
        let connection = connection.as_ptr();
        let text = if ffi::sqlite3_extended_errcode(connection) & 0xff == code & 0xff {
            ffi::sqlite3_errmsg(connection)
        } else {
            ffi::sqlite3_errstr(code)
        };
        CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

fn c_string(sql: &str) -> Result<CString, SqliteError> {
    CString::new(sql).map_err(|_| SqliteError {
        code: ffi::SQLITE_ERROR,
        message: "a statement cannot hold a NUL byte".to_owned(),
    })
}
