//! Losses: the data that a downgrade drops.

use std::fmt;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::counted::counted;
use crate::database::connection::sql;
use crate::database::structure::schema_version::SchemaVersion;

/// A table or column that has values and that an older version lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The table.
    pub table: String,
    /// The column; `None` for the whole table.
    pub column: Option<String>,
    /// The number of rows of the table, or of rows with a value other than zero in the column.
    pub rows: i64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = counted(self.rows, "row");
        match &self.column {
            None => write!(f, "table {} with {rows}", self.table),
            Some(column) => write!(f, "column {}.{column} with a value in {rows}", self.table),
        }
    }
}

impl Loss {
    /// Whether one of these losses is of the same table or column, and of at least as many rows.
    fn is_among(&self, agreed: &[Self]) -> bool {
        agreed.iter().any(|other| {
            (&self.table, &self.column) == (&other.table, &other.column) && self.rows <= other.rows
        })
    }
}

/// The tables and columns that the target lacks and that have values.
pub(crate) fn find(
    connection: &mut SqliteConnection,
    from: SchemaVersion,
    target: SchemaVersion,
) -> QueryResult<Vec<Loss>> {
    let mut losses = Vec::new();
    let remaining = &target.catalogue().tables;
    for (name, table) in &from.catalogue().tables {
        let Some(remaining) = remaining.get(name) else {
            losses.push(Loss {
                table: name.clone(),
                column: None,
                rows: sql::count(connection, name, "1")?,
            });
            continue;
        };
        for column in table.columns.keys() {
            if !remaining.columns.contains_key(column) {
                // A column that was added with a default has '0' or 0 in rows without a value.
                let condition = format!("{column} NOT IN (0, '0')");
                losses.push(Loss {
                    table: name.clone(),
                    column: Some(column.clone()),
                    rows: sql::count(connection, name, &condition)?,
                });
            }
        }
    }
    losses.retain(|loss| loss.rows > 0);
    Ok(losses)
}

/// The losses that are not among those that the caller agrees to.
pub(crate) fn beyond(losses: &[Loss], agreed: &[Loss]) -> Vec<String> {
    losses
        .iter()
        .filter(|loss| !loss.is_among(agreed))
        .map(ToString::to_string)
        .collect()
}
