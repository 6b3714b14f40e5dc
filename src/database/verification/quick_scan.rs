//! Rows that no migration touches and that are not as they should be.
//!
//! An upgrade leaves them as they are and counts them. It takes no longer for that on a large database
//! than on a small one: of every table the first rows are looked at.

use std::fmt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::database::connection::read_only::read_without_trace;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::structure::catalogue::{Affinity, Table};
use crate::database::structure::schema_version::SchemaVersion;
use crate::models::rows::column_type::ColumnType;

/// The rows of a table that are looked at.
const ROWS: u32 = 1_000;

/// Rows of one table that are unsound for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuspectRows {
    /// The table.
    pub table: String,
    /// What is wrong with them.
    pub problem: RowProblem,
    /// How many there are among the rows that were looked at.
    pub rows: i64,
}

/// What can be wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RowProblem {
    /// It refers to a row that is not there.
    BrokenForeignKey,
    /// A value is of another type than its column.
    WrongType,
    /// A text is no decimal number as they are written.
    BadNumber,
    /// Its address is that of another row too, in another letter case.
    SameAddress,
}

impl fmt::Display for SuspectRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            RowProblem::BrokenForeignKey => "with a broken foreign key",
            RowProblem::WrongType => "with a value of the wrong type",
            RowProblem::BadNumber => "with a bad number",
            RowProblem::SameAddress => "with the address of another row in other letter case",
        };
        let rows = if self.rows == 1 { "row" } else { "rows" };
        write!(f, "{} {rows} of {} {problem}", self.rows, self.table)
    }
}

/// Looks for unsound rows in a database of this version.
pub(crate) fn scan(path: &Path, version: SchemaVersion) -> Result<Vec<SuspectRows>, Error> {
    read_without_trace(path, |connection| {
        connection
            .transaction(|connection| look_through(connection, version))
            .map_err(|error| error.at(path, "look for unsound rows"))
    })
}

fn look_through(
    connection: &mut SqliteConnection,
    version: SchemaVersion,
) -> Result<Vec<SuspectRows>, Error> {
    let mut found = Vec::new();
    for (name, table) in &version.catalogue().tables {
        for (problem, condition) in conditions(name, table) {
            let rows = count(
                connection,
                &format!("(SELECT * FROM {name} LIMIT {ROWS}) AS r"),
                &condition,
            )?;
            if rows == 0 {
                continue;
            }
            found.push(SuspectRows {
                table: name.clone(),
                problem,
                rows,
            });
        }
        if let Some(chain) = ["chain", "market_id"]
            .into_iter()
            .find(|column| table.columns.contains_key(*column))
            && table.columns.contains_key("address")
        {
            let groups = format!(
                "(SELECT count(*) AS n, count(DISTINCT address) AS spellings \
                 FROM (SELECT {chain}, address FROM {name} LIMIT {ROWS}) \
                 GROUP BY {chain}, lower(address))"
            );
            let rows = count(connection, &groups, "spellings > 1")?;
            if rows > 0 {
                found.push(SuspectRows {
                    table: name.clone(),
                    problem: RowProblem::SameAddress,
                    rows,
                });
            }
        }
    }
    Ok(found)
}

/// A condition for each problem that a row of the table, as `r`, can have.
fn conditions(name: &str, table: &Table) -> Vec<(RowProblem, String)> {
    let broken: Vec<_> = table
        .foreign_keys
        .iter()
        .flat_map(|key| key.columns.iter().map(move |columns| (columns, &key.table)))
        .map(|((column, parent_column), parent)| {
            format!(
                "(r.{column} NOTNULL AND NOT EXISTS \
                 (SELECT 1 FROM {parent} AS p WHERE p.{parent_column} = r.{column}))"
            )
        })
        .collect();
    let mut wrong = Vec::new();
    let mut bad = Vec::new();
    for (column, properties) in &table.columns {
        wrong.push(match properties.affinity {
            Affinity::Integer => format!("typeof(r.{column}) NOT IN ('integer', 'null')"),
            Affinity::Text => format!("typeof(r.{column}) NOT IN ('text', 'null')"),
            Affinity::Numeric => format!("(r.{column} NOTNULL AND r.{column} NOT IN (0, 1))"),
            Affinity::Blob | Affinity::Real => continue,
        });
        if ColumnType::of(name, column).is_some_and(ColumnType::is_decimal) {
            bad.push(format!(
                "(typeof(r.{column}) = 'text' AND (ltrim(r.{column}, '-') = '' \
                 OR substr(r.{column}, 1 + (substr(r.{column}, 1, 1) = '-')) GLOB '*[^0-9]*' \
                 OR r.{column} GLOB '0?*' OR r.{column} GLOB '-0*'))"
            ));
        }
    }
    [
        (RowProblem::BrokenForeignKey, broken),
        (RowProblem::WrongType, wrong),
        (RowProblem::BadNumber, bad),
    ]
    .into_iter()
    .filter(|(_, conditions)| !conditions.is_empty())
    .map(|(problem, conditions)| (problem, conditions.join(" OR ")))
    .collect()
}

fn count(connection: &mut SqliteConnection, from: &str, condition: &str) -> QueryResult<i64> {
    let query = format!("SELECT count(*) AS number FROM {from} WHERE {condition}");
    sql::number(connection, &query)
}
