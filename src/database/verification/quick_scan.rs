//! The quick scan for suspect rows, which an upgrade runs before its commit.
//!
//! An upgrade leaves such rows unchanged and reports them. The scan reads only the first rows of every table, so it
//! takes no longer on a large database than on a small one.

use std::fmt;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::counted::counted;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::structure::catalogue::{Affinity, Table};
use crate::database::structure::schema_version::SchemaVersion;
use crate::models::rows::column_type::ColumnType;

/// The number of rows that the scan reads of a table.
const ROWS: u32 = 1_000;

/// The rows of one table that have the same problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuspectRows {
    /// The table.
    pub table: String,
    /// The problem.
    pub problem: RowProblem,
    /// The number of such rows among those that the scan read.
    pub rows: i64,
}

/// A problem of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RowProblem {
    /// It references a missing row.
    BrokenForeignKey,
    /// The type of a value is not that of its column.
    WrongType,
    /// The text of a number is not a canonical decimal number.
    BadNumber,
    /// Another row has the same address in other letter case.
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
        let rows = counted(self.rows, "row");
        write!(f, "{rows} of {} {problem}", self.table)
    }
}

/// Finds suspect rows in a database at this version. The caller has begun a transaction, so that no other program can
/// change the version meanwhile.
pub(crate) fn scan(
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

/// The problems that a row of the table can have, each with its SQL condition on the row `r`.
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
