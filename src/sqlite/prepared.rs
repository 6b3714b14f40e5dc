use std::ffi::{CString, c_int};
use std::marker::PhantomData;
use std::ptr;
use std::ptr::NonNull;
use std::slice;

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use libsqlite3_sys as ffi;

use crate::sqlite::connection_hooks::raw_connection_of;
use crate::sqlite::raw_connection::{SqliteError, message_of};
use crate::types::stored::{Encode, Stored};

/// `SQLITE_UTF8` as the call takes it that has it as a byte.
const UTF8: u8 = ffi::SQLITE_UTF8.to_le_bytes()[0];

/// A connection of Diesel's, to run prepared statements on without Diesel.
///
/// For what has millions of rows: rows of Diesel's borrow the connection, so that several tables could not be gone
/// through side by side, and its inserts of many rows are prepared anew each time.
#[derive(Clone, Copy)]
pub(crate) struct Statements<'connection> {
    handle: NonNull<ffi::sqlite3>,
    /// Nobody else uses the connection, or closes it, meanwhile.
    connection: PhantomData<&'connection mut SqliteConnection>,
}

/// A value to be bound to a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'value> {
    Null,
    Integer(i64),
    Text(&'value str),
}

/// A prepared statement. It is finalized when it is dropped, so it does not outlive its connection.
pub(crate) struct Statement<'connection> {
    raw: NonNull<ffi::sqlite3_stmt>,
    connection: Statements<'connection>,
    /// Whether there are no more rows; SQLite itself would start again.
    ended: bool,
}

/// The lock of a connection. It can be taken again and again by the thread that has it, so it is in nobody's way.
pub(crate) struct Held<'connection> {
    mutex: *mut ffi::sqlite3_mutex,
    connection: PhantomData<Statements<'connection>>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread has entered it, and leaves it once: a pointer cannot be sent to another thread.
        unsafe { ffi::sqlite3_mutex_leave(self.mutex) };
    }
}

impl<'value> Bound<'value> {
    /// A text, or NULL.
    pub(crate) fn text(text: Option<&'value str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// A number, or NULL.
    pub(crate) fn integer(number: Option<impl Encode>) -> Self {
        number.map_or(Self::Null, |number| Self::Integer(number.encode()))
    }
}

impl<'connection> Statements<'connection> {
    /// Statements for a connection that was opened by this crate.
    pub(crate) fn of(connection: &'connection mut SqliteConnection) -> QueryResult<Self> {
        Ok(Self {
            handle: raw_connection_of(connection)?,
            connection: PhantomData,
        })
    }

    /// Prepares the one statement of `sql`.
    pub(crate) fn prepare(self, sql: &str) -> QueryResult<Statement<'connection>> {
        let sql = CString::new(sql)?;
        let mut statement = ptr::null_mut();
        // SAFETY: the connection is open; `sql` is NUL-terminated, which -1 says, and outlives the call;
        // `statement` is a valid place for the result.
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

    /// Prepares and runs a statement that gives no rows; how many rows it has changed.
    pub(crate) fn execute(self, sql: &str) -> QueryResult<u64> {
        self.prepare(sql)?.run(&[])
    }

    /// Takes the connection's lock once for many calls, each of which would otherwise take it for itself: which
    /// is a tenth of the time for rows of a few columns.
    pub(crate) fn hold(self) -> Held<'connection> {
        // SAFETY: the connection is open, and has such a lock, unless the library is built without threads; then
        // this is null, and entering it does nothing.
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

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_get_autocommit(self.handle.as_ptr()) == 0 }
    }

    /// Ends a transaction that was forgotten, with whatever is still being read in it.
    pub(crate) fn leave_transaction(self) -> QueryResult<()> {
        if !self.in_transaction() {
            return Ok(());
        }
        // SAFETY: the connection is open; each statement belongs to it, and nobody is in the middle of a step.
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

    /// The id that the last insertion has given to its row.
    pub(crate) fn last_insert_rowid(self) -> i64 {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_last_insert_rowid(self.handle.as_ptr()) }
    }

    #[cold]
    fn error(self, code: c_int) -> Error {
        // SAFETY: the connection is open.
        let (message, extended) = unsafe {
            let message = message_of(self.handle, code);
            (message, ffi::sqlite3_extended_errcode(self.handle.as_ptr()))
        };
        // Which constraint it was is in the higher bits.
        let code = if extended & 0xff == code & 0xff {
            extended
        } else {
            code
        };
        SqliteError { code, message }.into()
    }
}

impl Statement<'_> {
    /// Binds the parameters of a query, whose rows are then stepped through.
    pub(crate) fn query(&mut self, values: &[Bound<'_>]) -> QueryResult<()> {
        self.reset();
        for (index, value) in (1..).zip(values) {
            // The text is copied, because the rows are fetched after this call.
            self.bind(index, *value, ffi::SQLITE_TRANSIENT())?;
        }
        Ok(())
    }

    /// The integer that a query's first row has first, if there is one.
    pub(crate) fn first_integer(&mut self, values: &[Bound<'_>]) -> QueryResult<Option<i64>> {
        self.query(values)?;
        let found = self.step()?.then(|| self.column(0).as_integer());
        // So that the row does not keep others from what they do.
        self.reset();
        Ok(found.flatten())
    }

    /// Goes to the next row, if there is one. After the last one, or a failure, there is none until the query is
    /// made again.
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

    /// Runs a statement that gives no rows; how many rows it has changed, not counting what triggers change.
    pub(crate) fn run(&mut self, values: &[Bound<'_>]) -> QueryResult<u64> {
        for (index, value) in (1..).zip(values) {
            // The text is there until the statement has run, and is unbound after that.
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

    /// A column of the current row, or NULL where there is none.
    #[inline]
    pub(crate) fn column(&self, index: c_int) -> Stored<'_> {
        // SAFETY: the statement is not finalized; a column that is not there is NULL. The value is looked at by
        // this thread only and lives until the next step, for which the statement is borrowed mutably. A text
        // that there is no memory for is a null pointer, and its length 0; so is an empty BLOB.
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

    /// A column of the current row that is an integer for certain, as a primary key is.
    #[inline]
    pub(crate) fn key(&self, index: c_int) -> i64 {
        // SAFETY: as in `column`; whatever the value is, this is a number.
        unsafe { ffi::sqlite3_column_int64(self.raw.as_ptr(), index) }
    }

    fn bind(
        &mut self,
        index: c_int,
        value: Bound<'_>,
        lifetime: ffi::sqlite3_destructor_type,
    ) -> QueryResult<()> {
        let statement = self.raw.as_ptr();
        // SAFETY: the statement is not finalized and not being stepped through: `query` and `run` have reset it
        // before. The text has the given length, and lives as long as `lifetime` says, by what the callers do.
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
        if code == ffi::SQLITE_OK {
            Ok(())
        } else {
            Err(self.connection.error(code))
        }
    }

    /// Ends a run, and lets go of what was bound.
    pub(crate) fn reset(&mut self) {
        self.ended = false;
        // SAFETY: the statement is not finalized. What went wrong has been reported by the step.
        unsafe {
            ffi::sqlite3_reset(self.raw.as_ptr());
            ffi::sqlite3_clear_bindings(self.raw.as_ptr());
        }
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is finalized once, and its connection is still open.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// What SQLite points at.
///
/// # Safety
///
/// A pointer that is not null points to so many bytes, which stay as they are for the slice's lifetime.
unsafe fn bytes<'value>(start: *const u8, length: c_int) -> &'value [u8] {
    match usize::try_from(length) {
        // SAFETY: as the caller has promised.
        Ok(length) if !start.is_null() => unsafe { slice::from_raw_parts(start, length) },
        _ => &[],
    }
}

/// As Diesel would have reported it: a text and what kind of error it is.
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
