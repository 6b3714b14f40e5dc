//! Whether the user's own views and triggers still find the columns that they name.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use super::Error;

/// Resolves every view and trigger, as SQLite does whenever a column is renamed; what cannot be
/// resolved, otherwise.
///
/// To be called inside a transaction that writes; the savepoint leaves nothing behind.
pub(super) fn check(connection: &mut SqliteConnection) -> Result<(), String> {
    let checked = connection.batch_execute(
        "SAVEPOINT usability; CREATE TABLE _degenbot_probe (a); \
         ALTER TABLE _degenbot_probe RENAME COLUMN a TO b",
    );
    let undone = connection.batch_execute("ROLLBACK TO usability; RELEASE usability");
    checked.and(undone).map_err(|error| error.to_string())
}

/// Fails if a view or a trigger cannot be resolved any more.
pub(super) fn require(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    check(connection).map_err(|message| Error::ObjectsLost {
        path: path.to_owned(),
        // SQLite says "error in view NAME: no such column: …".
        objects: vec![
            message
                .strip_prefix("error in ")
                .unwrap_or(&message)
                .to_owned(),
        ],
    })
}
