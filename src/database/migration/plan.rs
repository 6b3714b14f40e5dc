//! What bringing a database to another version would do.

use std::fmt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::database::connection::read_only::read_without_trace;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::Refusal;
use crate::database::files::database_file::DatabaseFile;
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::rebuild;
use crate::database::migration::route::{Method, Route};
use crate::database::recognition::recognise::recognise_connection;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::pending_migrations::{MigrationStep, steps};
use crate::database::structure::schema_version::SchemaVersion;

/// What an upgrade or a downgrade would do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MigrationPlan {
    /// The stamps that the database carries.
    pub stamps: Stamps,
    /// The version that they name.
    pub name: String,
    /// What is to be said about stamps that are not right.
    pub remark: Option<String>,
    /// What the structure is that of: a version, or what comes before the first one.
    pub structure: String,
    /// The version of the database; none where it is made anew.
    pub from: Option<SchemaVersion>,
    /// The version it would have.
    pub to: SchemaVersion,
    /// How it would get there.
    pub method: Method,
    /// The names of the migrations that would be run or undone, in that order.
    pub migrations: Vec<String>,
    /// Why it has no version until it is upgraded, where that is so.
    pub refusal: Option<Refusal>,
    /// What would be dropped with what it holds, for a step back.
    pub losses: Vec<Loss>,
    /// Tables and columns that have no place in the new database, each as `TABLE` or `TABLE.COLUMN`.
    pub dropped: Vec<String>,
    /// Why it could not be done as things are: something that only the user can tell.
    pub needs: Option<String>,
    /// The rows of each table.
    pub rows: Vec<(String, i64)>,
    /// The size of the database with its log, in bytes.
    pub bytes: u64,
    /// How much more disk it could need for a while, in bytes.
    pub disk_bytes: u64,
    /// How long it could take, in seconds: a guess from the number of rows.
    pub seconds: u64,
}

/// Rows that a rebuild carries over, checks and puts in place in a second: what `cargo bench --bench
/// upgrade` comes to for a million, rounded down.
const REBUILT_ROWS_PER_SECOND: u64 = 200_000;

/// Something that holds values and has no place in an older version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// Finds out what [`migrate_sqlite_database`](crate::database::migration::migrate::migrate_sqlite_database) would do, without writing.
///
/// # Errors
///
/// [`ErrorKind::Refused`] for a database that has no version this program can work with; otherwise where the database
/// cannot be read.
pub fn plan_migration(path: &Path, target: SchemaVersion) -> Result<MigrationPlan, Error> {
    let options = UpgradeOptions::default().target(target);
    let plan = plan_upgrade(path, &options)?;
    match plan.refusal {
        Some(refusal) => Err(ErrorKind::Refused {
            refusal: Box::new(refusal),
        }
        .at(path)),
        None => Ok(plan),
    }
}

/// Finds out what [`upgrade_sqlite_database`](crate::database::migration::upgrade::upgrade_sqlite_database) would do, without writing.
///
/// # Errors
///
/// [`ErrorKind::Refused`] for a database that cannot be brought in; otherwise where the database cannot be read.
pub fn plan_upgrade(path: &Path, options: &UpgradeOptions) -> Result<MigrationPlan, Error> {
    read_without_trace(path, |connection| {
        connection
            .transaction(|connection| plan(connection, path, options))
            .map_err(|error| error.at(path, "plan the migration"))
    })
}

/// Fails where the rows of a database do not say what [`upgrade_sqlite_database`](crate::database::migration::upgrade::upgrade_sqlite_database)
/// must know, so that nobody is asked about an upgrade that cannot be.
///
/// # Errors
///
/// [`ErrorKind::AssumptionNeeded`] where that is so, and where the database cannot be read.
pub fn require_assumptions(path: &Path, options: &UpgradeOptions) -> Result<(), Error> {
    let missing = |connection: &mut SqliteConnection| -> Result<Option<Error>, Error> {
        let recognition = recognise_connection(connection)?;
        rebuild::missing_assumption(connection, path, &recognition, &options.assumptions)
    };
    let missing = read_without_trace(path, |connection| {
        missing(connection).map_err(|error| error.at(path, "plan the migration"))
    })?;
    missing.map_or(Ok(()), Err)
}

fn plan(
    connection: &mut SqliteConnection,
    path: &Path,
    options: &UpgradeOptions,
) -> Result<MigrationPlan, Error> {
    let target = options.target;
    let recognition = recognise_connection(connection)?;
    let Route {
        name,
        from,
        method,
        remark,
        ..
    } = Route::of(&recognition, path, target)?;
    let extras = recognition.extras();
    let mut rows = Vec::new();
    for table in recognition.catalogue.tables.keys() {
        if !extras.iter().any(|extra| extra.is_table(table)) {
            rows.push((table.clone(), count(connection, table, "1")?));
        }
    }
    let needs = rebuild::missing_assumption(connection, path, &recognition, &options.assumptions)?;
    let bytes = DatabaseFile::at(path).bytes_with_log();
    let total: i64 = rows.iter().map(|(_, rows)| rows).sum();
    Ok(MigrationPlan {
        name,
        remark,
        structure: recognition.structure().unwrap_or_default(),
        dropped: rebuild::dropped_from(&recognition),
        refusal: recognition.identity.version_or_refusal().err(),
        needs: needs.map(|error| error.to_string()),
        from,
        to: target,
        method,
        migrations: match from {
            Some(from) => steps(from, target)
                .iter()
                .map(MigrationStep::name)
                .collect(),
            None => Vec::new(),
        },
        losses: match from {
            Some(from) if method == Method::InPlace => losses(connection, from, target)?,
            _ => Vec::new(),
        },
        rows,
        bytes,
        disk_bytes: match method {
            Method::Rebuild => rebuild::disk_bytes(&DatabaseFile::at(path)),
            // What is changed is written to the log first.
            _ => bytes,
        },
        seconds: match method {
            Method::InPlace => 1,
            _ => u64::try_from(total).unwrap_or_default() / REBUILT_ROWS_PER_SECOND + 1,
        },
        stamps: recognition.stamps,
    })
}

/// What the structure of the target lacks, where there is something in it.
fn losses(
    connection: &mut SqliteConnection,
    from: SchemaVersion,
    target: SchemaVersion,
) -> Result<Vec<Loss>, Error> {
    let mut losses = Vec::new();
    let remaining = &target.catalogue().tables;
    for (name, table) in &from.catalogue().tables {
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
    let table = sql::name(table);
    let query = format!("SELECT count(*) AS number FROM {table} WHERE {condition}");
    sql::number(connection, &query)
}
