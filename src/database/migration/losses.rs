//! Losses: the data that a downgrade drops.

use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
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
    #[serde(skip)]
    rowids: Rowids,
}

/// Which rows these are, as far as a few numbers tell. A row that comes is usually the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rowids {
    last: i64,
    sum: i64,
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
    /// The rows of a table that meet a condition.
    fn of(
        connection: &mut SqliteConnection,
        table: &str,
        column: Option<&str>,
        condition: &str,
    ) -> QueryResult<Self> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            rows: i64,
            #[diesel(sql_type = BigInt)]
            last: i64,
            #[diesel(sql_type = BigInt)]
            sum: i64,
        }
        // Half of the bits are enough to tell rows apart, and no sum of these is too large.
        let query = format!(
            "SELECT count(*) AS rows, ifnull(max(rowid), 0) AS last, ifnull(sum(rowid & {}), 0) AS sum \
             FROM {} WHERE {condition}",
            u32::MAX,
            sql::name(table)
        );
        let Row { rows, last, sum } = diesel::sql_query(query).get_result(connection)?;
        Ok(Self {
            table: table.to_owned(),
            column: column.map(ToOwned::to_owned),
            rows,
            rowids: Rowids { last, sum },
        })
    }

    /// Whether one of these losses is of the same table or column, and has these rows or more.
    fn is_among(&self, agreed: &[Self]) -> bool {
        agreed.iter().any(|other| {
            (&self.table, &self.column) == (&other.table, &other.column)
                && self.rowids.last <= other.rowids.last
                && (self.rows < other.rows
                    || (self.rows, self.rowids) == (other.rows, other.rowids))
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
            losses.push(Loss::of(connection, name, None, "1")?);
            continue;
        };
        for column in table.columns.keys() {
            if !remaining.columns.contains_key(column) {
                // A column that was added with a default has '0' or 0 in rows without a value.
                let condition = format!("{column} NOT IN (0, '0')");
                losses.push(Loss::of(connection, name, Some(column), &condition)?);
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
