//! An SQLite connection without Diesel.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;
use std::ptr::NonNull;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use libsqlite3_sys as ffi;

use crate::sqlite::auto_checkpoint;
use crate::sqlite::busy_handler::{BusyHandler, busy};
use crate::sqlite::moved_file;
use crate::sqlite::raised;
use crate::sqlite::system_failure::{Failure, NO_MEMORY};

/// The interval at which `execute_watched` calls its callback.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A failed SQLite call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqliteError {
    /// SQLite's primary result code.
    pub code: c_int,
    /// SQLite's message.
    pub message: String,
}

impl SqliteError {
    /// The error of a result code, with SQLite's text for it.
    pub(crate) fn of(code: c_int) -> Self {
        // SAFETY: any number is allowed. The text is static and NUL-terminated.
        let text = unsafe { CStr::from_ptr(ffi::sqlite3_errstr(code)) };
        Self {
            code: code & 0xff,
            message: text.to_string_lossy().into_owned(),
        }
    }
}

/// A connection to a database.
///
/// One thread at a time uses it: it can be sent to another thread, but not shared.
#[derive(Debug)]
pub(crate) struct RawConnection {
    connection: NonNull<ffi::sqlite3>,
    /// SQLite has its address, so it is boxed.
    busy_handler: RefCell<Option<Box<BusyHandler>>>,
}

/// The address of a connection, for a thread that runs statements on it.
struct Address(*mut ffi::sqlite3);

// SAFETY: the connection is opened with SQLITE_OPEN_FULLMUTEX, so its calls may come from any thread. `execute_watched`
// says what the sending thread does meanwhile.
unsafe impl Send for Address {}

impl Address {
    fn execute(&self, sql: &CStr) -> c_int {
        // SAFETY: the connection is open as long as its `RawConnection` lives. `sql` is NUL-terminated and outlives the
        // call. The callback and the place for a message may be null.
        unsafe { ffi::sqlite3_exec(self.0, sql.as_ptr(), None, ptr::null_mut(), ptr::null_mut()) }
    }
}

// SAFETY: the bundled library is built with SQLITE_THREADSAFE=1 and the connection is opened with
// SQLITE_OPEN_FULLMUTEX, so calls may come from any thread. `RawConnection` is not `Sync`.
unsafe impl Send for RawConnection {}

impl RawConnection {
    /// Opens a file by its URI. The URI also says whether SQLite may create the file.
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
        // SAFETY: `uri` is NUL-terminated and outlives the call. `connection` is a valid place for the result. A null
        // VFS name means the default VFS.
        let code =
            unsafe { ffi::sqlite3_open_v2(uri.as_ptr(), &raw mut connection, flags, ptr::null()) };
        let Some(connection) = NonNull::new(connection) else {
            return Err(SqliteError {
                code: ffi::SQLITE_NOMEM,
                message: NO_MEMORY.to_owned(),
            });
        };
        // If opening fails, SQLite still returns a connection. It has the message and must be closed.
        let handle = Self {
            connection,
            busy_handler: RefCell::new(None),
        };
        handle.check(code)?;
        auto_checkpoint::set(handle.connection, auto_checkpoint::LONG_LOG);
        Ok(handle)
    }

    /// Runs the statements of `sql` and ignores their rows.
    pub(crate) fn execute(&self, sql: &str) -> Result<(), SqliteError> {
        let code = Address(self.as_ptr()).execute(&c_string(sql)?);
        self.check(code)
    }

    /// Runs statements for whose locks SQLite does not wait, such as a change of the journal mode. They run again until
    /// they succeed, or until the busy handler waits no longer.
    pub(crate) fn execute_patiently(&self, sql: &str) -> Result<(), SqliteError> {
        let began = Instant::now();
        let mut tries = 0;
        loop {
            let result = self.execute(sql);
            let is_locked = matches!(&result, Err(error) if error.code == ffi::SQLITE_BUSY);
            let waits = || {
                let busy_handler = self.busy_handler.borrow();
                busy_handler
                    .as_ref()
                    .is_some_and(|busy_handler| busy_handler.wait_since(began, tries))
            };
            if !is_locked || !waits() {
                return result;
            }
            tries += 1;
        }
    }

    /// Runs the statements of `sql` on a thread of their own. Meanwhile this thread calls `look` several times a
    /// second. Once `look` returns `false`, the statements are interrupted, if SQLite can interrupt them.
    ///
    /// If the system has no thread left, the statements run on this one, and nothing looks.
    pub(crate) fn execute_watched(
        &self,
        sql: &str,
        mut look: impl FnMut() -> bool,
    ) -> Result<(), SqliteError> {
        let sql = c_string(sql)?;
        // While the other thread uses the connection, this one calls only `sqlite3_interrupt`, which is allowed from
        // any thread. The scope waits for the other thread to end.
        let address = Address(self.as_ptr());
        let code = thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let statements = &sql;
            let started = thread::Builder::new().spawn_scoped(scope, move || {
                let address = address;
                let code = address.execute(statements);
                // The receiver waits for this value, so sending cannot fail.
                let _ = sender.send((code, Failure::last()));
            });
            if let Err(error) = started {
                log::debug!("The statements run on the thread that waits for them: {error}");
                return Address(self.as_ptr()).execute(&sql);
            }
            loop {
                match receiver.recv_timeout(LOOK_EVERY) {
                    Ok((code, failure)) => {
                        Failure::set_last(failure);
                        return code;
                    }
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

    /// The first `N` columns of the first row of `sql`, as integers. `None` if there is no row.
    pub(crate) fn row<const N: usize>(&self, sql: &str) -> Result<Option<[i64; N]>, SqliteError> {
        let sql = c_string(sql)?;
        let mut statement = ptr::null_mut();
        // SAFETY: as in `execute`. -1 says that the text ends at its NUL. `statement` is a valid place for the result.
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
        // SAFETY: `statement` was prepared above. Only this thread uses it, and it is finalized once, after its last
        // use. A column index out of range yields NULL, which reads as 0.
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

    /// Reads bytes of the database file through SQLite's own descriptor. Returns `false` if the file is shorter; the
    /// rest of `bytes` is then filled with zeros.
    ///
    /// Another descriptor would drop all locks of the process when it closes (see "How To Corrupt An SQLite Database
    /// File", section 2.2).
    pub(crate) fn read_file(&self, bytes: &mut [u8], offset: u64) -> Result<bool, SqliteError> {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        // SAFETY: xRead writes at most the given number of bytes to the buffer.
        let code = unsafe {
            let (file, methods) = self.file()?;
            match (methods.xRead, c_int::try_from(bytes.len())) {
                (Some(read), Ok(length)) => read(file, bytes.as_mut_ptr().cast(), length, offset),
                _ => ffi::SQLITE_MISUSE,
            }
        };
        match code {
            ffi::SQLITE_OK => Ok(true),
            ffi::SQLITE_IOERR_SHORT_READ => Ok(false),
            code => Err(self.last_error(code)),
        }
    }

    /// Runs `operate` while no other connection can use the database. Returns `None` if one uses it at the moment. This
    /// connection must not have read anything.
    pub(crate) fn if_unused<T>(&self, operate: impl FnOnce() -> T) -> Option<T> {
        // SAFETY: a connection that has not read holds no lock. The locks that are taken here are given back.
        unsafe {
            let (file, methods) = self.file().ok()?;
            let (lock, unlock) = (methods.xLock?, methods.xUnlock?);
            let is_locked = lock(file, ffi::SQLITE_LOCK_SHARED) == ffi::SQLITE_OK
                && lock(file, ffi::SQLITE_LOCK_EXCLUSIVE) == ffi::SQLITE_OK;
            let result = is_locked.then(operate);
            unlock(file, ffi::SQLITE_LOCK_NONE);
            result
        }
    }

    /// Takes a reader's lock on the database file, and keeps it until this connection closes. Returns `false` if another
    /// connection keeps readers off at the moment. This connection must not read anything.
    pub(crate) fn keep_shared_lock(&self) -> Result<bool, SqliteError> {
        // SAFETY: a connection that has not read holds no lock. SQLite gives this one back when it closes the file.
        let code = unsafe {
            let (file, methods) = self.file()?;
            methods.xLock.map_or(ffi::SQLITE_MISUSE, |lock| {
                lock(file, ffi::SQLITE_LOCK_SHARED)
            })
        };
        match code & 0xff {
            ffi::SQLITE_OK => Ok(true),
            ffi::SQLITE_BUSY => Ok(false),
            _ => Err(self.last_error(code)),
        }
    }

    /// Whether a connection, of any process, is in a write transaction in rollback mode. `false` if that is not known.
    pub(crate) fn is_reserved(&self) -> bool {
        // SAFETY: xCheckReservedLock writes its result to the given place.
        unsafe {
            let Ok((file, methods)) = self.file() else {
                return false;
            };
            let mut is_reserved = 0;
            let code = methods
                .xCheckReservedLock
                .map(|check| check(file, &raw mut is_reserved));
            code == Some(ffi::SQLITE_OK) && is_reserved != 0
        }
    }

    /// Whether the file of the database is no longer the one at its path.
    pub(crate) fn has_moved(&self) -> bool {
        moved_file::has_moved(self.connection)
    }

    /// The database file and its methods, which live as long as the connection.
    fn file(&self) -> Result<(*mut ffi::sqlite3_file, &ffi::sqlite3_io_methods), SqliteError> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: the connection is open. For SQLITE_FCNTL_FILE_POINTER, the last argument is a place for a pointer to
        // the file of the named database. Its methods are null only while the file is not open.
        let (code, methods) = unsafe {
            let code = ffi::sqlite3_file_control(
                self.as_ptr(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast(),
            );
            (code, file.as_ref().and_then(|file| file.pMethods.as_ref()))
        };
        self.check(code)?;
        methods
            .map(|methods| (file, methods))
            .ok_or_else(|| self.last_error(ffi::SQLITE_MISUSE))
    }

    /// Sets how statements wait for a lock of another connection.
    pub(crate) fn set_busy_handler(&self, busy_handler: BusyHandler) -> Result<(), SqliteError> {
        let busy_handler = Box::new(busy_handler);
        let address: *const BusyHandler = &raw const *busy_handler;
        // SAFETY: the connection is open. The callback gets the address of a value that this connection keeps until the
        // next call replaces it, after SQLite has the new address.
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

    /// The error of the call that has just returned `code`.
    pub(super) fn last_error(&self, code: c_int) -> SqliteError {
        // SAFETY: the connection is open.
        let (message, extended) = unsafe { message_and_code(self.connection, code) };
        raised::record(extended, &message);
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
        // SAFETY: the connection is closed once. Closing fails only if a statement or a backup is left. `row` finalizes
        // its statement, and a `Backup` cannot outlive the connection.
        unsafe { ffi::sqlite3_close(self.as_ptr()) };
    }
}

/// The message for the call that has just returned `code`, and its extended code.
///
/// # Safety
///
/// The connection is open, and only this thread uses it.
pub(super) unsafe fn message_and_code(
    connection: NonNull<ffi::sqlite3>,
    code: c_int,
) -> (String, c_int) {
    // SAFETY: as the caller has promised. The connection's message is NUL-terminated and copied before another call
    // replaces it. The text of a code is static and NUL-terminated.
    unsafe {
        let connection = connection.as_ptr();
        let extended = ffi::sqlite3_extended_errcode(connection);
        let (text, code) = if extended & 0xff == code & 0xff {
            (ffi::sqlite3_errmsg(connection), extended)
        } else {
            (ffi::sqlite3_errstr(code), code)
        };
        (CStr::from_ptr(text).to_string_lossy().into_owned(), code)
    }
}

fn c_string(sql: &str) -> Result<CString, SqliteError> {
    CString::new(sql).map_err(|_| SqliteError {
        code: ffi::SQLITE_ERROR,
        message: "a statement cannot hold a NUL byte".to_owned(),
    })
}
