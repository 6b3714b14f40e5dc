//! Firing statements: they make SQLite resolve the triggers of a table.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::probe::{undone, verdict};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::sql_name;

/// A statement that would fire triggers. SQLite resolves the body of a trigger only when it compiles such a
/// statement.
#[derive(Debug)]
pub(super) struct Firing {
    /// The table or view that has the triggers.
    owner: String,
    /// The column that an UPDATE changes.
    column: Option<String>,
    statement: String,
}

impl Firing {
    /// Returns one statement for every event that a trigger can have.
    pub(super) fn all(
        connection: &mut SqliteConnection,
        catalogue: &Catalogue,
    ) -> QueryResult<Vec<Self>> {
        let owners = sql::lines(
            connection,
            "SELECT DISTINCT tbl_name COLLATE NOCASE AS line FROM main.sqlite_schema WHERE type = 'trigger'",
        )?;
        let mut all = Vec::new();
        for owner in owners {
            let name = sql::name(&owner);
            let mut add = |column: Option<&String>, statement| {
                all.push(Self {
                    owner: owner.clone(),
                    column: column.cloned(),
                    statement,
                });
            };
            add(None, format!("INSERT INTO {name} DEFAULT VALUES"));
            add(None, format!("DELETE FROM {name}"));
            let table = sql_name::find(&catalogue.tables, &owner);
            for column in table.iter().flat_map(|table| table.columns.keys()) {
                let value = sql::name(column);
                add(Some(column), format!("UPDATE {name} SET {value} = {value}"));
            }
        }
        Ok(all)
    }

    /// Whether the table and the column of the statement exist.
    pub(super) fn is_possible(&self, connection: &mut SqliteConnection) -> QueryResult<bool> {
        let owner = sql::literal(&self.owner);
        let condition = match &self.column {
            Some(column) => format!("name = {} COLLATE NOCASE", sql::literal(column)),
            None => "1".to_owned(),
        };
        let query =
            format!("SELECT count(*) AS number FROM pragma_table_info({owner}) WHERE {condition}");
        Ok(sql::number(connection, &query)? > 0)
    }

    /// Compiles the statement without running it.
    pub(super) fn compile(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<Result<(), String>, Error> {
        verdict(
            path,
            connection.batch_execute(&format!("EXPLAIN {}", self.statement)),
        )
    }

    /// Names the trigger that keeps the statement from compiling, as `trigger NAME`. SQLite names only what it misses.
    pub(super) fn culprit(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<String, Error> {
        let owner = sql::literal(&self.owner);
        let triggers = sql::lines(
            connection,
            &format!(
                "SELECT name AS line FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = {owner} COLLATE NOCASE"
            ),
        )?;
        for trigger in &triggers {
            let others = triggers.iter().filter(|other| *other != trigger);
            let drops = others.map(|other| format!("DROP TRIGGER main.{}; ", sql::name(other)));
            let drops: String = drops.collect();
            let compiled = undone(connection, path, |connection| {
                match verdict(path, connection.batch_execute(&drops))? {
                    Ok(()) => self.compile(connection, path),
                    Err(_) => Ok(Ok(())),
                }
            })?;
            if compiled.is_err() {
                return Ok(format!("trigger {trigger}"));
            }
        }
        Ok(format!("trigger on {}", self.owner))
    }
}
