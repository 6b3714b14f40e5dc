//! Whether another connection has changed the database.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::own_triggers::require_none_that_interferes;
use crate::database::recognition::recognise::recognise_state;
use crate::database::structure::schema_version::SchemaVersion;
use crate::sqlite::prepared::Statements;
use crate::sync::sync_error::SyncError;

/// What SQLite said of a database when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    /// Changes with each commit of another connection.
    data_version: Option<i64>,
    /// Changes with each change of the schema.
    schema_version: Option<i64>,
}

impl Freshness {
    /// Looks again, inside a transaction. Returns whether another connection has written since the last time. If the
    /// schema was changed, it must still be that of the newest version.
    pub(super) fn look(
        &mut self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<bool, SyncError> {
        let data_version = pragma(connection, "data_version")?;
        let is_changed = self.data_version != Some(data_version);
        self.data_version = Some(data_version);
        let schema_version = pragma(connection, "schema_version")?;
        if self.schema_version != Some(schema_version) {
            let recognition = recognise_state(connection)?;
            let version = recognition.require_version(path)?;
            if version != SchemaVersion::latest() {
                return Err(SyncError::Version {
                    found: version.to_string(),
                });
            }
            require_none_that_interferes(connection, path)?;
            self.schema_version = Some(schema_version);
        }
        Ok(is_changed)
    }

    /// Whether no other connection has written since the last look.
    pub(super) fn is_current(&self, connection: &mut SqliteConnection) -> Result<bool, SyncError> {
        Ok(self.data_version == Some(pragma(connection, "data_version")?))
    }
}

fn pragma(connection: &mut SqliteConnection, name: &str) -> Result<i64, SyncError> {
    let statements = Statements::of(connection)?;
    let value = statements
        .prepare(&format!("PRAGMA main.{name}"))?
        .first_integer(&[])?;
    Ok(value.unwrap_or_default())
}
