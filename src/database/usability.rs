//! Whether the user's own views and triggers still find the columns that they name.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use super::Error;
use super::catalogue::Catalogue;

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

/// Fails if a foreign key refers to a table that `is_gone`, from a table that is not: rows could not be
/// written to that one any more.
pub(super) fn require_no_dangling(
    path: &Path,
    catalogue: &Catalogue,
    is_gone: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let mut objects = Vec::new();
    for (name, table) in &catalogue.tables {
        let dangling = table.foreign_keys.iter().find(|key| is_gone(&key.table));
        if let Some(key) = dangling.filter(|_| !is_gone(name)) {
            objects.push(format!("table {name} (refers to {})", key.table));
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    Err(Error::ObjectsLost {
        path: path.to_owned(),
        objects,
    })
}
