//! What bringing a database to another version would do.

use std::fmt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use super::Error;
use super::lineage::recognise_connection;
use super::look::look_at;
use super::stamps::Stamps;
use super::version::{self, SchemaVersion, Step};

/// What [`migrate_sqlite_database`](super::migrate_sqlite_database) would do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MigrationPlan {
    /// The stamps that the database carries.
    pub stamps: Stamps,
    /// The version that they name.
    pub name: String,
    /// What is to be said about stamps that are not right.
    pub remark: Option<String>,
    /// The version of the database.
    pub from: SchemaVersion,
    /// The version it would have.
    pub to: SchemaVersion,
    /// The names of the migrations that would be run or undone, in that order.
    pub migrations: Vec<String>,
    /// What would be dropped with what it holds, for a step back.
    pub losses: Vec<Loss>,
    /// The rows of each table.
    pub rows: Vec<(String, i64)>,
    /// The size of the database, in bytes. What is changed is written to the log first, which can need
    /// as much.
    pub bytes: u64,
}

/// Something that holds values and has no place in an older version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The table.
    pub table: String,
    /// The column; none for the whole table.
    pub column: Option<String>,
    /// The rows of the table, or the rows that have a value other than zero in the column.
    pub rows: i64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if self.rows == 1 { "row" } else { "rows" };
        match &self.column {
            None => write!(f, "table {} with {} {rows}", self.table, self.rows),
            Some(column) => write!(
                f,
                "column {}.{column} with a value in {} {rows}",
                self.table, self.rows
            ),
        }
    }
}

/// Finds out what bringing a database to a version would do, without writing to it.
///
/// # Errors
///
/// [`Error::Refused`] for a database that has no version this program can work with; otherwise where
/// the database cannot be read.
pub fn plan_migration(path: &Path, target: SchemaVersion) -> Result<MigrationPlan, Error> {
    look_at(path, |connection| {
        connection
            .transaction(|connection| plan(connection, path, target))
            .map_err(|error| error.at(path, "plan the migration"))
    })
}

fn plan(
    connection: &mut SqliteConnection,
    path: &Path,
    target: SchemaVersion,
) -> Result<MigrationPlan, Error> {
    let recognition = recognise_connection(connection)?;
    let from = recognition.require_version(path)?;
    let mut rows = Vec::new();
    for table in from.catalogue()?.tables.keys() {
        if !recognition.catalogue.tables.contains_key(table) {
            continue;
        }
        rows.push((table.clone(), count(connection, table, "1")?));
    }
    Ok(MigrationPlan {
        name: recognition.name(),
        remark: recognition.remark(),
        stamps: recognition.stamps,
        from,
        to: target,
        migrations: version::steps(from, target)?
            .iter()
            .map(Step::name)
            .collect(),
        losses: losses(connection, from, target)?,
        rows,
        bytes: std::fs::metadata(path)
            .map_err(|error| Error::io(path, "look at", error))?
            .len(),
    })
}

/// What the structure of the target lacks, where there is something in it.
fn losses(
    connection: &mut SqliteConnection,
    from: SchemaVersion,
    target: SchemaVersion,
) -> Result<Vec<Loss>, Error> {
    let mut losses = Vec::new();
    let remaining = &target.catalogue()?.tables;
    for (name, table) in &from.catalogue()?.tables {
        let Some(remaining) = remaining.get(name) else {
            losses.push(Loss {
                table: name.clone(),
                column: None,
                rows: count(connection, name, "1")?,
            });
            continue;
        };
        for column in table.columns.keys() {
            if !remaining.columns.contains_key(column) {
                // A column that was added with a default holds '0' or 0 where nothing was put into it.
                let condition = format!("{column} NOT IN (0, '0')");
                losses.push(Loss {
                    table: name.clone(),
                    column: Some(column.clone()),
                    rows: count(connection, name, &condition)?,
                });
            }
        }
    }
    losses.retain(|loss| loss.rows > 0);
    Ok(losses)
}

fn count(connection: &mut SqliteConnection, table: &str, condition: &str) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    diesel::sql_query(format!(
        "SELECT count(*) AS number FROM {table} WHERE {condition}"
    ))
    .get_result::<Row>(connection)
    .map(|row| row.number)
}
