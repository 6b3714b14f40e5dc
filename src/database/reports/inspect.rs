//! The description of a database for `database info`.

use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::database::connection::open::is_wal_on_disk;
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::files::database_file::DatabaseFile;
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise_connection;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::pending_migrations::pending_migrations;
use crate::database::structure::schema_version::SchemaVersion;
use crate::deployments::exchange_name::ExchangeName;
use crate::sqlite;
use crate::sqlite::transaction::{Begin, transaction};
use crate::types::integer::ChainId;
use crate::types::sql_value::{SqlValue, serialize_flag};

/// The largest number of rows that is counted. Above it, the number is an estimate unless the caller wants exact
/// counts. Counting takes time in proportion to the rows, and is slow if they must come from the disk.
const COUNTED_ROWS: i64 = 100_000;

/// The result of [`inspect_sqlite_database`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseInfo {
    /// The path of the database.
    pub path: PathBuf,
    /// The size of the file in bytes.
    pub file_bytes: u64,
    /// The size of the log in bytes.
    pub wal_bytes: u64,
    /// The size of a page in bytes.
    pub page_size: i64,
    /// The number of pages.
    pub page_count: i64,
    /// The number of free pages.
    pub free_pages: i64,
    /// The journal mode: `wal`, or the kind of rollback journal.
    pub journal_mode: String,
    /// The mode in which free pages are given back to the file system.
    pub auto_vacuum: AutoVacuum,
    /// The encoding of text, such as `UTF-8`.
    pub encoding: String,
    /// The version of the SQLite library in this program.
    pub sqlite_version: &'static str,
    /// The identity of the database, with its stamps and its structure.
    pub recognition: Recognition,
    /// The names of the pending migrations. Empty if the version is unknown.
    pub pending: Vec<String>,
    /// The tables, ordered by name.
    pub tables: Vec<TableInfo>,
    /// The exchanges, ordered by id. Empty if the table is missing.
    pub exchanges: Vec<ExchangeInfo>,
    /// The error if the exchanges cannot be read.
    pub exchanges_problem: Option<String>,
}

/// When a database gives free pages back to the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AutoVacuum {
    /// Never.
    None,
    /// At every commit.
    Full,
    /// On demand.
    Incremental,
}

/// A table with its number of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableInfo {
    /// The name of the table.
    pub name: String,
    /// The number of rows, or `None` if they cannot be counted.
    pub rows: Option<i64>,
    /// Whether the number is an estimate from the lowest and the highest id.
    #[serde(rename = "estimated")]
    pub is_estimated: bool,
    /// The error if the rows cannot be counted.
    pub problem: Option<String>,
}

/// An exchange with its stored values.
#[derive(Debug, Clone, PartialEq, QueryableByName, Serialize)]
pub struct ExchangeInfo {
    /// The chain id.
    #[diesel(sql_type = Nullable<Text>)]
    pub chain_id: Option<SqlValue>,
    /// The name.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<SqlValue>,
    /// 1 if the exchange is active, so that updates include it. In JSON, 1 is true and 0 is false.
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(serialize_with = "serialize_flag")]
    pub active: Option<SqlValue>,
    /// The last block that updates have processed.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_update_block: Option<SqlValue>,
    /// The factory contract, or the pool manager of Uniswap V4.
    #[diesel(sql_type = Nullable<Text>)]
    pub factory: Option<SqlValue>,
    /// The contract that deploys the pools, if it is not the factory.
    #[diesel(sql_type = Nullable<Text>)]
    pub deployer: Option<SqlValue>,
}

/// Describes a database of any origin. It reads without leaving a trace.
///
/// The number of rows of a table above a hundred thousand is an estimate unless `exact`.
///
/// # Errors
///
/// If the file is not a database, if damage hides its structure, or if an interrupted transaction must be rolled back
/// first ([`HotJournal`](crate::database::ErrorKind::HotJournal)).
pub fn inspect_sqlite_database(path: &Path, exact: bool) -> Result<DatabaseInfo, Error> {
    let mut info = read_without_trace(path, |connection| {
        let read = |connection: &mut SqliteConnection| read(connection, path, exact);
        transaction(connection, Begin::Deferred, read, Error::from)
            .map_err(|error| error.at(path, "inspect the database"))
    })?;
    // SQLite does not report the journal mode of a file that it reads without locks, so the header decides.
    if is_wal_on_disk(path)? {
        "wal".clone_into(&mut info.journal_mode);
    }
    Ok(info)
}

#[derive(QueryableByName)]
struct Pragmas {
    #[diesel(sql_type = BigInt)]
    page_size: i64,
    #[diesel(sql_type = BigInt)]
    page_count: i64,
    #[diesel(sql_type = BigInt)]
    freelist_count: i64,
    #[diesel(sql_type = BigInt)]
    auto_vacuum: i64,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

fn read(
    connection: &mut SqliteConnection,
    path: &Path,
    exact: bool,
) -> Result<DatabaseInfo, Error> {
    let recognition = recognise_connection(connection)?;
    let pragmas: Pragmas = diesel::sql_query(
        "SELECT page_size, page_count, freelist_count, auto_vacuum, encoding, journal_mode \
         FROM pragma_page_size, pragma_page_count, pragma_freelist_count, pragma_auto_vacuum, \
              pragma_encoding, pragma_journal_mode",
    )
    .get_result(connection)?;
    let pending = recognition
        .identity
        .version()
        .map_or_else(Vec::new, pending_migrations);
    let tables = recognition
        .catalogue
        .tables
        .keys()
        .map(|name| count(connection, name, exact))
        .collect();
    let (exchanges, exchanges_problem) = match exchanges_of(connection, &recognition) {
        Ok(exchanges) => (exchanges.unwrap_or_default(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let file = DatabaseFile::existing(path)?;
    Ok(DatabaseInfo {
        path: path.to_owned(),
        file_bytes: file.bytes(),
        wal_bytes: file.log_bytes(),
        page_size: pragmas.page_size,
        page_count: pragmas.page_count,
        free_pages: pragmas.freelist_count,
        journal_mode: pragmas.journal_mode,
        auto_vacuum: match pragmas.auto_vacuum {
            1 => AutoVacuum::Full,
            2 => AutoVacuum::Incremental,
            _ => AutoVacuum::None,
        },
        encoding: pragmas.encoding,
        sqlite_version: sqlite::library_version(),
        pending,
        tables,
        exchanges,
        exchanges_problem,
        recognition,
    })
}

/// Counts the rows of a table. A table that cannot be read, as in a damaged database, has the error instead, so that
/// the other tables are still counted.
fn count(connection: &mut SqliteConnection, name: &str, exact: bool) -> TableInfo {
    let table = format!("\"{}\"", name.replace('"', "\"\""));
    let (rows, is_estimated, problem) = match count_rows(connection, &table, exact) {
        Ok((rows, estimated)) => (Some(rows), estimated, None),
        Err(error) => (None, false, Some(error.to_string())),
    };
    TableInfo {
        name: name.to_owned(),
        rows,
        is_estimated,
        problem,
    }
}

fn count_rows(
    connection: &mut SqliteConnection,
    table: &str,
    exact: bool,
) -> QueryResult<(i64, bool)> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let mut number = |query: String| {
        diesel::sql_query(query)
            .get_result::<Row>(connection)
            .map(|row| row.number)
    };
    if exact {
        let rows = number(format!("SELECT count(*) AS number FROM {table}"))?;
        return Ok((rows, false));
    }
    let limit = COUNTED_ROWS + 1;
    let rows = number(format!(
        "SELECT count(*) AS number FROM (SELECT 1 FROM {table} LIMIT {limit})"
    ))?;
    if rows < limit {
        return Ok((rows, false));
    }
    // SQLite finds the lowest and the highest rowid without a scan.
    let span = number(format!(
        "SELECT (SELECT max(rowid) FROM {table}) - (SELECT min(rowid) FROM {table}) AS number"
    ));
    match span {
        Ok(span) => Ok((span.saturating_add(1).max(rows), true)),
        // This is a WITHOUT ROWID table of the user's own.
        Err(_) => {
            number(format!("SELECT count(*) AS number FROM {table}")).map(|rows| (rows, false))
        }
    }
}

/// The exchanges with their stored values, ordered by id. `None` if the database has no table of exchanges.
pub(crate) fn exchanges_of(
    connection: &mut SqliteConnection,
    recognition: &Recognition,
) -> QueryResult<Option<Vec<ExchangeInfo>>> {
    let has = |columns: &[&str]| recognition.catalogue.has_columns("exchanges", columns);
    if !has(&["id", "chain_id", "name", "active", "last_update_block"]) {
        return Ok(None);
    }
    let [factory, deployer] = ["factory", "deployer"].map(|column| {
        let source = if has(&[column]) { column } else { "NULL" };
        format!("{source} AS {column}")
    });
    diesel::sql_query(format!(
        "SELECT chain_id, name, active, last_update_block, {factory}, {deployer} FROM exchanges ORDER BY id"
    ))
    .load(connection)
    .map(Some)
}

impl ExchangeInfo {
    /// The name that commands give the exchange, if the row is valid.
    #[must_use]
    pub fn full_name(&self) -> Option<ExchangeName> {
        match (&self.chain_id, &self.name) {
            (Some(SqlValue::Integer(chain)), Some(SqlValue::Text(name))) => Some(ExchangeName {
                chain: ChainId::new(u64::try_from(*chain).ok()?).ok()?,
                name: name.clone(),
            }),
            _ => None,
        }
    }
}

impl DatabaseInfo {
    /// The version of the database, if it is known.
    #[must_use]
    pub fn version(&self) -> Option<SchemaVersion> {
        self.recognition.identity.version()
    }

    /// The stamps of the database.
    #[must_use]
    pub fn stamps(&self) -> &Stamps {
        &self.recognition.stamps
    }
}
