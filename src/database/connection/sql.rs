//! Statements with composed text.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::sqlite::prepared::Statements;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

/// Runs a statement. Returns the number of changed rows.
pub(crate) fn execute(connection: &mut SqliteConnection, statement: &str) -> QueryResult<usize> {
    diesel::sql_query(statement).execute(connection)
}

/// The value of the column `number` in the only row, with 0 for NULL.
pub(crate) fn number(connection: &mut SqliteConnection, query: &str) -> QueryResult<i64> {
    Ok(optional_number(connection, query)?.unwrap_or(0))
}

/// The value of the column `number` in the only row.
pub(crate) fn optional_number(
    connection: &mut SqliteConnection,
    query: &str,
) -> QueryResult<Option<i64>> {
    diesel::sql_query(query)
        .get_result::<Number>(connection)
        .map(|row| row.number)
}

/// The number of rows of a table that satisfy a condition.
pub(crate) fn count(
    connection: &mut SqliteConnection,
    table: &str,
    condition: &str,
) -> QueryResult<i64> {
    let table = name(table);
    number(
        connection,
        &format!("SELECT count(*) AS number FROM {table} WHERE {condition}"),
    )
}

/// The values of the first column as texts. Bytes that are not UTF-8 are replaced.
pub(crate) fn lines(connection: &mut SqliteConnection, query: &str) -> QueryResult<Vec<String>> {
    let mut statement = Statements::of(connection)?.prepare(query)?;
    let mut lines = Vec::new();
    while statement.step()? {
        lines.push(statement.column(0).to_text());
    }
    Ok(lines)
}

/// Fails outside a transaction. SQLite rolls a transaction back by itself when the disk fails or there is no memory, and
/// each later statement would commit on its own.
pub(crate) fn require_transaction(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), Error> {
    if Statements::of(connection)?.in_transaction() {
        return Ok(());
    }
    Err(Error::of_lost_transaction(path))
}

/// A text as an SQL literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The name of a schema object as a quoted SQL identifier.
pub(crate) fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
