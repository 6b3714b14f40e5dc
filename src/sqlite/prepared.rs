//! Prepared statements on a Diesel connection.

use std::ffi::{CStr, CString, OsString, c_char, c_int};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::ptr::NonNull;
use std::slice;

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use libsqlite3_sys as ffi;

use crate::sqlite::auto_checkpoint;
use crate::sqlite::connection_hooks::raw_connection_of;
use crate::sqlite::pragma_watch;
use crate::sqlite::pragma_watch::Changes;
use crate::sqlite::raised;
use crate::sqlite::raw_connection::{SqliteError, message_and_code};
use crate::types::stored::{Encode, Stored};

/// `SQLITE_UTF8` as a byte, which `sqlite3_bind_text64` takes.
const UTF8: u8 = ffi::SQLITE_UTF8.to_le_bytes()[0];

/// A Diesel connection that runs prepared statements without Diesel.
///
/// It is for tables with millions of rows. Diesel's rows borrow the connection, so it cannot read several tables side
/// by side. It also prepares an insert of many rows anew each time.
#[derive(Clone, Copy)]
pub(crate) struct Statements<'connection> {
    handle: NonNull<ffi::sqlite3>,
    /// The borrow keeps others from using or closing the connection.
    connection: PhantomData<&'connection mut SqliteConnection>,
}

/// A value to bind to a parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'value> {
    Null,
    Integer(i64),
    Text(&'value str),
}

/// A prepared statement. Its drop finalizes it. It cannot outlive its connection.
pub(crate) struct Statement<'connection> {
    raw: NonNull<ffi::sqlite3_stmt>,
    connection: Statements<'connection>,
    /// Whether all rows were read. Another step would make SQLite start again.
    ended: bool,
}

/// A guard of the connection's mutex. The mutex is recursive, so the calls of the same thread can still take it.
pub(crate) struct Held<'connection> {
    mutex: *mut ffi::sqlite3_mutex,
    connection: PhantomData<Statements<'connection>>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread has entered the mutex and leaves it once. The pointer keeps the guard from being sent to
        // another thread.
        unsafe { ffi::sqlite3_mutex_leave(self.mutex) };
    }
}

impl<'value> Bound<'value> {
    /// A text, or NULL for `None`.
    pub(crate) fn text(text: Option<&'value str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// An id, or NULL for `None`, for which SQLite chooses one.
    pub(crate) fn id(id: Option<i64>) -> Self {
        id.map_or(Self::Null, Self::Integer)
    }

    /// A number, or NULL for `None`.
    pub(crate) fn integer(number: Option<impl Encode>) -> Self {
        number.map_or(Self::Null, |number| Self::Integer(number.encode()))
    }
}

impl<'connection> Statements<'connection> {
    /// Wraps a connection that this crate has opened.
    pub(crate) fn of(connection: &'connection mut SqliteConnection) -> QueryResult<Self> {
        Ok(Self {
            handle: raw_connection_of(connection)?,
            connection: PhantomData,
        })
    }

    /// Prepares `sql`, which has one statement.
    pub(crate) fn prepare(self, sql: &str) -> QueryResult<Statement<'connection>> {
        let sql = CString::new(sql)?;
        let mut statement = ptr::null_mut();
        // SAFETY: the connection is open. `sql` is NUL-terminated, as -1 says, and outlives the call. `statement` is a
        // valid place for the result.
        let code = unsafe {
            ffi::sqlite3_prepare_v2(
                self.handle.as_ptr(),
                sql.as_ptr(),
                -1,
                &raw mut statement,
                ptr::null_mut(),
            )
        };
        match NonNull::new(statement) {
            Some(statement) if code == ffi::SQLITE_OK => Ok(Statement {
                raw: statement,
                connection: self,
                ended: false,
            }),
            _ => Err(self.error(code)),
        }
    }

    /// Prepares and runs a statement that returns no rows. Returns the number of changed rows.
    pub(crate) fn execute(self, sql: &str) -> QueryResult<u64> {
        self.prepare(sql)?.run(&[])
    }

    /// Locks the connection's mutex once for many calls. Otherwise each call locks it, which takes a tenth of the time
    /// for rows of a few columns.
    pub(crate) fn hold(self) -> Held<'connection> {
        // SAFETY: the connection is open and has a mutex. If the library is built without threads, the mutex is null,
        // and entering it does nothing.
        let mutex = unsafe {
            let mutex = ffi::sqlite3_db_mutex(self.handle.as_ptr());
            ffi::sqlite3_mutex_enter(mutex);
            mutex
        };
        Held {
            mutex,
            connection: PhantomData,
        }
    }

    /// Sets again when a commit moves the log into the file, which somebody may have changed.
    pub(crate) fn set_checkpoints(self) {
        auto_checkpoint::set(self.handle, auto_checkpoint::LONG_LOG);
    }

    /// Begins to watch which pragmas the connection is told. `is_set_again` says of which the pool sets the value again.
    pub(crate) fn watch_pragmas(self, is_set_again: fn(&str) -> bool) -> QueryResult<()> {
        self.check(pragma_watch::begin(self.handle, is_set_again))
    }

    /// What pragmas have changed of the connection since the watch began, or since [`Self::forget_pragmas`].
    pub(crate) fn changes_of_pragmas(self) -> Changes {
        pragma_watch::changes(self.handle)
    }

    /// Begins the watch anew: what pragmas have changed is set again.
    pub(crate) fn forget_pragmas(self) {
        pragma_watch::forget(self.handle);
    }

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_get_autocommit(self.handle.as_ptr()) == 0 }
    }

    /// Whether the file is opened only for reading. `PRAGMA query_only` does not count.
    pub(crate) fn is_read_only(self) -> bool {
        // SAFETY: the connection is open, and the name is NUL-terminated.
        unsafe { ffi::sqlite3_db_readonly(self.handle.as_ptr(), c"main".as_ptr()) == 1 }
    }

    /// The path of the database, which is empty for one in memory.
    pub(crate) fn database_path(self) -> PathBuf {
        // SAFETY: the connection is open. The name is NUL-terminated and stays as long as the connection.
        let bytes = unsafe {
            let name = ffi::sqlite3_db_filename(self.handle.as_ptr(), c"main".as_ptr());
            (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes().to_vec())
        };
        PathBuf::from(OsString::from_vec(bytes.unwrap_or_default()))
    }

    /// Whether another database is attached, or a temporary object was created that is still there.
    pub(crate) fn has_attached_or_temporary(self) -> QueryResult<bool> {
        // SAFETY: the connection is open, and the name is NUL-terminated. Numbers 0 and 1 are "main" and "temp". The latter
        // has a name of its file only once it is used.
        let (has_attached, has_temporary) = unsafe {
            let handle = self.handle.as_ptr();
            (
                !ffi::sqlite3_db_name(handle, 2).is_null(),
                !ffi::sqlite3_db_filename(handle, c"temp".as_ptr()).is_null(),
            )
        };
        if has_attached || !has_temporary {
            return Ok(has_attached);
        }
        self.prepare("SELECT 1 FROM sqlite_temp_schema")?.step()
    }

    /// The folder in which SQLite creates temporary files, if it can find one.
    pub(crate) fn temporary_folder(self) -> Option<PathBuf> {
        let mut name: *mut c_char = ptr::null_mut();
        // SAFETY: the connection is open. For SQLITE_FCNTL_TEMPFILENAME, the last argument is a place for a pointer to
        // a NUL-terminated name, or null, which the caller frees.
        let bytes = unsafe {
            ffi::sqlite3_file_control(
                self.handle.as_ptr(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_TEMPFILENAME,
                (&raw mut name).cast(),
            );
            let bytes = (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes().to_vec());
            ffi::sqlite3_free(name.cast());
            bytes
        };
        let name = PathBuf::from(OsString::from_vec(bytes?));
        name.parent().map(Path::to_owned)
    }

    /// Rolls back a transaction that was left open. Statements that still read in it are reset.
    pub(crate) fn leave_transaction(self) -> QueryResult<()> {
        if !self.in_transaction() {
            return Ok(());
        }
        // SAFETY: the connection is open. Each statement belongs to it, and none is inside a step.
        unsafe {
            let handle = self.handle.as_ptr();
            let mut statement = ffi::sqlite3_next_stmt(handle, ptr::null_mut());
            while !statement.is_null() {
                ffi::sqlite3_reset(statement);
                statement = ffi::sqlite3_next_stmt(handle, statement);
            }
        }
        self.execute("ROLLBACK").map(drop)
    }

    /// The rowid of the last inserted row.
    pub(crate) fn last_insert_rowid(self) -> i64 {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_last_insert_rowid(self.handle.as_ptr()) }
    }

    pub(super) const fn handle(self) -> NonNull<ffi::sqlite3> {
        self.handle
    }

    pub(super) fn check(self, code: c_int) -> QueryResult<()> {
        if code == ffi::SQLITE_OK {
            Ok(())
        } else {
            Err(self.error(code))
        }
    }

    #[cold]
    fn error(self, code: c_int) -> Error {
        // SAFETY: the connection is open.
        let (message, code) = unsafe { message_and_code(self.handle, code) };
        raised::record(code, &message);
        SqliteError { code, message }.into()
    }
}

impl Statement<'_> {
    /// Starts a query: resets the statement and binds its parameters. [`Self::step`] reads the rows.
    pub(crate) fn query(&mut self, values: &[Bound<'_>]) -> QueryResult<()> {
        self.reset();
        for (index, value) in (1..).zip(values) {
            // SQLite copies the text, because the caller reads the rows after this call.
            self.bind(index, *value, ffi::SQLITE_TRANSIENT())?;
        }
        Ok(())
    }

    /// The integer in the first column of a query's first row, if there is one.
    pub(crate) fn first_integer(&mut self, values: &[Bound<'_>]) -> QueryResult<Option<i64>> {
        self.query(values)?;
        let found = self.step()?.then(|| self.column(0).as_integer());
        // An open row would keep a read transaction open.
        self.reset();
        Ok(found.flatten())
    }

    /// Steps to the next row. Returns whether there is one. After the last row or an error, it returns `false` until
    /// the next [`Self::query`].
    #[inline]
    pub(crate) fn step(&mut self) -> QueryResult<bool> {
        if self.ended {
            return Ok(false);
        }
        // SAFETY: the statement is not finalized.
        let code = unsafe { ffi::sqlite3_step(self.raw.as_ptr()) };
        self.ended = code != ffi::SQLITE_ROW;
        match code {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => Err(self.connection.error(code)),
        }
    }

    /// Runs a statement that returns no rows. Returns the number of changed rows, without those that triggers changed.
    pub(crate) fn run(&mut self, values: &[Bound<'_>]) -> QueryResult<u64> {
        for (index, value) in (1..).zip(values) {
            // The text outlives the run, and `reset` unbinds it afterwards.
            if let Err(error) = self.bind(index, *value, ffi::SQLITE_STATIC()) {
                self.reset();
                return Err(error);
            }
        }
        // SAFETY: the statement is not finalized, and the connection is open.
        let (code, changes) = unsafe {
            let code = ffi::sqlite3_step(self.raw.as_ptr());
            let changes = ffi::sqlite3_changes64(self.connection.handle.as_ptr());
            (code, changes)
        };
        let result = match code {
            ffi::SQLITE_DONE => Ok(u64::try_from(changes).unwrap_or(0)),
            ffi::SQLITE_ROW => Err(Error::QueryBuilderError("the statement has rows".into())),
            code => Err(self.connection.error(code)),
        };
        self.reset();
        result
    }

    /// The id of the row that this statement has inserted last, if no other has inserted one since.
    #[cfg(feature = "sync")]
    pub(crate) fn inserted_id(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// The number of columns of the result.
    pub(crate) fn column_count(&self) -> c_int {
        // SAFETY: the statement is not finalized.
        unsafe { ffi::sqlite3_column_count(self.raw.as_ptr()) }
    }

    /// A column of the current row, or NULL if there is none.
    #[inline]
    pub(crate) fn column(&self, index: c_int) -> Stored<'_> {
        // SAFETY: the statement is not finalized, and a missing column is NULL. Only this thread reads the value. The
        // value lives until the next step, which borrows the statement mutably. If there is no memory for a text, or if
        // a BLOB is empty, the pointer is null and the length 0.
        unsafe {
            let value = ffi::sqlite3_column_value(self.raw.as_ptr(), index);
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => Stored::Integer(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_value_text(value);
                    Stored::Text(bytes(text, ffi::sqlite3_value_bytes(value)))
                }
                ffi::SQLITE_FLOAT => Stored::Real(ffi::sqlite3_value_double(value)),
                ffi::SQLITE_BLOB => {
                    let blob = ffi::sqlite3_value_blob(value).cast();
                    Stored::Blob(bytes(blob, ffi::sqlite3_value_bytes(value)))
                }
                _ => Stored::Null,
            }
        }
    }

    /// A column of the current row that is always an integer, such as a primary key.
    #[inline]
    pub(crate) fn key(&self, index: c_int) -> i64 {
        // SAFETY: as in `column`. SQLite converts any value to a number.
        unsafe { ffi::sqlite3_column_int64(self.raw.as_ptr(), index) }
    }

    fn bind(
        &mut self,
        index: c_int,
        value: Bound<'_>,
        lifetime: ffi::sqlite3_destructor_type,
    ) -> QueryResult<()> {
        let statement = self.raw.as_ptr();
        // SAFETY: the statement is not finalized, and it is reset: by `query` before it binds, by `run` at its end. The
        // text has the given length, and the callers keep it alive as long as `lifetime` says.
        let code = unsafe {
            match value {
                Bound::Null => ffi::sqlite3_bind_null(statement, index),
                Bound::Integer(number) => ffi::sqlite3_bind_int64(statement, index, number),
                Bound::Text(text) => ffi::sqlite3_bind_text64(
                    statement,
                    index,
                    text.as_ptr().cast(),
                    text.len() as u64,
                    lifetime,
                    UTF8,
                ),
            }
        };
        self.connection.check(code)
    }

    /// Resets the statement and clears its bindings.
    pub(crate) fn reset(&mut self) {
        self.ended = false;
        // SAFETY: the statement is not finalized. The result repeats the error of the last step, which was reported.
        unsafe {
            ffi::sqlite3_reset(self.raw.as_ptr());
            ffi::sqlite3_clear_bindings(self.raw.as_ptr());
        }
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is finalized once, while its connection is open.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// The bytes at a pointer of SQLite's, or none if it is null.
///
/// # Safety
///
/// A pointer that is not null points to `length` bytes, which stay unchanged for the slice's lifetime.
unsafe fn bytes<'value>(start: *const u8, length: c_int) -> &'value [u8] {
    match usize::try_from(length) {
        // SAFETY: as the caller has promised.
        Ok(length) if !start.is_null() => unsafe { slice::from_raw_parts(start, length) },
        _ => &[],
    }
}

/// Converts an error to what Diesel would have reported: the kind and the message.
impl From<SqliteError> for Error {
    fn from(error: SqliteError) -> Self {
        use diesel::result::DatabaseErrorKind as Kind;
        let kind = match error.code {
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Kind::ForeignKeyViolation,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                Kind::UniqueViolation
            }
            ffi::SQLITE_CONSTRAINT_NOTNULL => Kind::NotNullViolation,
            ffi::SQLITE_CONSTRAINT_CHECK => Kind::CheckViolation,
            _ => Kind::Unknown,
        };
        Self::DatabaseError(kind, Box::new(error.message))
    }
}
