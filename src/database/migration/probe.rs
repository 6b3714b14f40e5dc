//! Probes: statements whose only purpose is to learn whether SQLite can compile them.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;

/// Separates the message about an invalid statement from other failures, such as a full disk. After such a
/// failure SQLite may have rolled back by itself.
pub(super) fn verdict<T>(path: &Path, result: QueryResult<T>) -> Result<Result<T, String>, Error> {
    match result.map_err(|error| Error::from_diesel(path, "inspect views and triggers", error)) {
        Ok(valid) => Ok(Ok(valid)),
        Err(error) => match error.kind.rejection() {
            Some(source) => Ok(Err(source.to_string())),
            None => Err(error),
        },
    }
}

/// Runs `probe` inside a transaction, and undoes what it has done.
pub(super) fn undone<T>(
    connection: &mut SqliteConnection,
    path: &Path,
    probe: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let failed = |error| Error::from_diesel(path, "try statements", error);
    connection
        .batch_execute("SAVEPOINT usability")
        .map_err(failed)?;
    let result = probe(connection)?;
    connection
        .batch_execute("ROLLBACK TO usability; RELEASE usability")
        .map_err(failed)?;
    Ok(result)
}
