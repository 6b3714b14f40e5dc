//! Having a database for oneself.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::database::{Error, LOCK_TIMEOUT, connection};

/// Takes the database for this connection alone, until it is closed or [`give_up`] is called; whether
/// that could be done at once.
///
/// In WAL mode only: there, whoever has the database open holds a lock for as long, so that the lock for
/// oneself proves that nobody has. In rollback-journal mode an idle program holds none.
pub(super) fn take(connection: &mut SqliteConnection) -> bool {
    if !connection::journal_mode(connection).is_ok_and(|mode| mode == "wal") {
        return false;
    }
    let taken = connection.batch_execute(
        "PRAGMA busy_timeout = 0; PRAGMA main.locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT",
    );
    let is_taken = taken.is_ok() || {
        let given_up = give_up(connection);
        log::debug!("Others have the database open: {taken:?} {given_up:?}");
        false
    };
    let timeout = format!("PRAGMA busy_timeout = {}", LOCK_TIMEOUT.as_millis());
    connection.batch_execute(&timeout).is_ok() && is_taken
}

/// Lets others at the database again, once the transaction under way has read or written the next time.
pub(super) fn give_up(connection: &mut SqliteConnection) -> Result<(), Error> {
    connection
        .batch_execute("PRAGMA main.locking_mode = NORMAL; SELECT 1 FROM main.sqlite_schema")?;
    Ok(())
}

/// Moves the log into the database that this connection has for itself, and goes on without one.
pub(super) fn leave_wal(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    connection.batch_execute("DETACH new; DETACH work; PRAGMA main.journal_mode = DELETE")?;
    match connection::journal_mode(connection)?.as_str() {
        "delete" => Ok(()),
        _ => Err(Error::Locked {
            path: path.to_owned(),
        }),
    }
}
