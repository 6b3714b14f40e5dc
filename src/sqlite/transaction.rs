//! Deferred and immediate transactions on a Diesel connection.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;

use crate::sqlite::connection_hooks::raw_connection_of;
use crate::sqlite::moved_file;
use crate::sqlite::moved_file::{MOVED, MOVED_AT_COMMIT};

/// The behavior of a transaction at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The first statement takes the lock that it needs.
    Deferred,
    /// The transaction takes the write lock at once. It commits nothing if the file of the database is no longer at its
    /// path, and it fails if the file has gone during the commit. The messages are [`MOVED`] and [`MOVED_AT_COMMIT`].
    Immediate,
    /// The transaction takes the write lock at once. It does not look at the path: that takes a few microseconds, and
    /// the commit of a single row of a bot's not many more.
    ImmediateAnywhere,
}

/// Runs `operate` in a transaction. Returns an error of `operate` unchanged. `failed` converts an error of the
/// transaction itself.
///
/// SQLite rolls back by itself when a statement is interrupted or the disk is full. Diesel's own rollback then fails;
/// that error is dropped, because it would hide the cause.
pub(crate) fn transaction<T, E>(
    connection: &mut SqliteConnection,
    begin: Begin,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    failed: impl FnOnce(Error) -> E,
) -> Result<T, E> {
    let mut failure = None;
    let operate = |connection: &mut SqliteConnection| {
        operate(connection).map_err(|error| {
            failure = Some(error);
            Error::RollbackTransaction
        })
    };
    let result = match begin {
        Begin::Deferred => connection.transaction(operate),
        Begin::Immediate => write(connection, operate),
        Begin::ImmediateAnywhere => connection.immediate_transaction(operate),
    };
    result.map_err(|error| failure.unwrap_or_else(|| failed(error)))
}

fn write<T>(
    connection: &mut SqliteConnection,
    operate: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let raw = raw_connection_of(connection)?;
    let done = connection.immediate_transaction(|connection| {
        let done = operate(connection)?;
        if moved_file::has_moved(raw) {
            return Err(moved_file::error(MOVED));
        }
        Ok(done)
    })?;
    if moved_file::has_moved(raw) {
        // SQLite would apply the log to the file that is at the path now, whosever that is.
        if let Err(error) = connection.batch_execute(moved_file::EMPTY_LOG) {
            log::debug!("The log of a file that has moved was not emptied: {error}");
        }
        return Err(moved_file::error(MOVED_AT_COMMIT));
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::ffi::{CString, c_int, c_void};
    use std::fs;

    use libsqlite3_sys as ffi;

    use super::*;
    use crate::sqlite::connection_hooks::establish;

    const CREATE: &str = "PRAGMA journal_mode = WAL; CREATE TABLE numbers (number INTEGER)";

    /// SQLite calls this when a commit begins.
    unsafe extern "C" fn rename(paths: *mut c_void) -> c_int {
        // SAFETY: the test passes two paths, which outlive the commit.
        unsafe {
            let [from, to] = &*paths.cast::<[CString; 2]>();
            libc::rename(from.as_ptr(), to.as_ptr());
        }
        0
    }

    #[test]
    fn file_that_moves_during_a_commit_is_an_error_and_its_log_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["new.db", "x.db"].map(|name| folder.path().join(name));
        for path in &paths {
            let mut connection = establish(path.to_str().unwrap()).unwrap();
            connection.batch_execute(CREATE).unwrap();
        }
        let new = fs::read(&paths[0]).unwrap();
        let mut connection = establish(paths[1].to_str().unwrap()).unwrap();
        let raw = raw_connection_of(&mut connection).unwrap();
        let mut names = paths
            .each_ref()
            .map(|path| CString::new(path.to_str().unwrap()).unwrap());
        // SAFETY: the connection is open, and the names outlive its transaction.
        unsafe {
            ffi::sqlite3_commit_hook(raw.as_ptr(), Some(rename), (&raw mut names).cast());
        }
        let result = transaction(
            &mut connection,
            Begin::Immediate,
            |connection| connection.batch_execute("INSERT INTO numbers VALUES (1)"),
            |error| error,
        );
        assert_eq!(result.unwrap_err().to_string(), MOVED_AT_COMMIT);
        let log = folder.path().join("x.db-wal");
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        drop(connection);
        assert_eq!(fs::read(&paths[1]).unwrap(), new);
    }
}
