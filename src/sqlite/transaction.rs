//! Deferred and immediate transactions on a Diesel connection.

use std::ptr::NonNull;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use libsqlite3_sys as ffi;

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
    };
    result.map_err(|error| failure.unwrap_or_else(|| failed(error)))
}

/// Runs `operate` in a transaction that only reads. Returns `wrote` if it has written: what nobody checks is rolled back.
pub(crate) fn read<T, E>(
    connection: &mut SqliteConnection,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
    failed: impl Fn(Error) -> E,
    wrote: impl FnOnce() -> E,
) -> Result<T, E> {
    let raw = raw_connection_of(connection).map_err(&failed)?;
    // The caller may have begun a transaction of its own.
    let may_have_written = is_writing(raw);
    let operate = |connection: &mut SqliteConnection| {
        let done = operate(connection)?;
        if is_writing(raw) && !may_have_written {
            return Err(wrote());
        }
        Ok(done)
    };
    transaction(connection, Begin::Deferred, operate, &failed)
}

/// Whether the transaction that is open has written, or is about to.
fn is_writing(connection: NonNull<ffi::sqlite3>) -> bool {
    // SAFETY: the caller's connection is open, and the name is NUL-terminated.
    let state = unsafe { ffi::sqlite3_txn_state(connection.as_ptr(), c"main".as_ptr()) };
    state == ffi::SQLITE_TXN_WRITE
}

/// Writes in an immediate transaction. SQLite would apply a log that is left at the path to the file that is there then,
/// whosever that is. So the log is emptied if all that it can hold are commits to the file that has moved.
fn write<T>(
    connection: &mut SqliteConnection,
    operate: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let raw = raw_connection_of(connection)?;
    let mut is_log_of_moved = false;
    let result = connection.immediate_transaction(|connection| {
        let done = operate(connection)?;
        if moved_file::has_moved(raw) {
            // Nobody else can commit before the transaction ends.
            is_log_of_moved = moved_file::is_as_remembered(raw);
            return Err(moved_file::error(MOVED));
        }
        Ok(done)
    });
    let result = match result {
        Ok(_) if moved_file::has_moved(raw) => {
            is_log_of_moved = true;
            Err(moved_file::error(MOVED_AT_COMMIT))
        }
        result => result,
    };
    if is_log_of_moved && let Err(error) = connection.batch_execute(moved_file::EMPTY_LOG) {
        log::debug!("The log of a file that has moved was not emptied: {error}");
    }
    if result.is_ok() {
        moved_file::remember(raw);
    }
    result
}

#[cfg(test)]
mod tests {
    use std::ffi::{CString, c_int, c_void};
    use std::fs;
    use std::path::{Path, PathBuf};

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

    /// A database, and another one beside it.
    fn databases(folder: &Path) -> [PathBuf; 2] {
        ["new.db", "x.db"].map(|name| {
            let path = folder.join(name);
            let mut connection = open(&path);
            connection.batch_execute(CREATE).unwrap();
            path
        })
    }

    fn open(path: &Path) -> SqliteConnection {
        establish(path.to_str().unwrap()).unwrap()
    }

    fn insert(connection: &mut SqliteConnection, then: impl FnOnce()) -> QueryResult<()> {
        let operate = |connection: &mut SqliteConnection| {
            connection.batch_execute("INSERT INTO numbers VALUES (1)")?;
            then();
            Ok(())
        };
        transaction(connection, Begin::Immediate, operate, |error| error)
    }

    fn log_bytes(path: &Path) -> u64 {
        let log = path.with_file_name("x.db-wal");
        fs::metadata(log).unwrap().len()
    }

    #[test]
    fn log_with_earlier_commits_to_a_moved_file_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let [new, path] = databases(folder.path());
        let whole = fs::read(&new).unwrap();
        let mut connection = open(&path);
        insert(&mut connection, || ()).unwrap();
        assert!(log_bytes(&path) > 0);
        let moved = insert(&mut connection, || fs::rename(&new, &path).unwrap());
        assert_eq!(moved.unwrap_err().to_string(), MOVED);
        assert_eq!(log_bytes(&path), 0);
        drop(connection);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    /// The other program may have the new file open.
    #[test]
    fn log_with_commits_of_another_program_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [new, path] = databases(folder.path());
        let mut connection = open(&path);
        insert(&mut connection, || ()).unwrap();
        insert(&mut open(&path), || ()).unwrap();
        let before = log_bytes(&path);
        let moved = insert(&mut connection, || fs::rename(&new, &path).unwrap());
        assert_eq!(moved.unwrap_err().to_string(), MOVED);
        assert_eq!(log_bytes(&path), before);
    }

    #[test]
    fn file_that_moves_during_a_commit_is_an_error_and_its_log_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let paths = databases(folder.path());
        let whole = fs::read(&paths[0]).unwrap();
        let mut connection = open(&paths[1]);
        let raw = raw_connection_of(&mut connection).unwrap();
        let mut names = paths
            .each_ref()
            .map(|path| CString::new(path.to_str().unwrap()).unwrap());
        // SAFETY: the connection is open, and the names outlive its transaction.
        unsafe {
            ffi::sqlite3_commit_hook(raw.as_ptr(), Some(rename), (&raw mut names).cast());
        }
        let moved = insert(&mut connection, || ());
        assert_eq!(moved.unwrap_err().to_string(), MOVED_AT_COMMIT);
        assert_eq!(log_bytes(&paths[1]), 0);
        drop(connection);
        assert_eq!(fs::read(&paths[1]).unwrap(), whole);
    }
}
