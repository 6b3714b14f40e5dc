//! The version stamps of a database, which programs have written.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::database::connection::sql;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::stamp_tables::{ALEMBIC_TABLE, MIGRATIONS_TABLE, RUST_CORE_TABLE};

/// The version stamps of a database. A field is `None` if its table is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stamps {
    /// The versions in `__diesel_schema_migrations`, oldest first.
    pub diesel: Option<Vec<String>>,
    /// The rows of `alembic_version`.
    pub alembic: Option<Vec<String>>,
    /// The rows of `_degenbot_db_schema_version`.
    pub rust_core: Option<Vec<String>>,
    /// Whether a stamp is stored as a BLOB or a REAL, which the Python package does not recognise.
    #[serde(skip)]
    pub has_blobs: bool,
}

impl Stamps {
    pub(crate) fn read(
        connection: &mut SqliteConnection,
        catalogue: &Catalogue,
    ) -> QueryResult<Self> {
        let mut has_blobs = false;
        let mut column = |table: &str, column: &str| {
            if !catalogue.has_columns(table, &[column]) {
                return Ok(None);
            }
            has_blobs |= has_blob(connection, table, column)?;
            stamp_column(connection, table, column).map(Some)
        };
        Ok(Self {
            diesel: column(MIGRATIONS_TABLE, "version")?,
            alembic: column(ALEMBIC_TABLE, "version_num")?,
            rust_core: column(RUST_CORE_TABLE, "schema_version")?,
            has_blobs,
        })
    }
}

fn has_blob(connection: &mut SqliteConnection, table: &str, column: &str) -> QueryResult<bool> {
    let query = format!(
        "SELECT count(*) AS number FROM {table} WHERE typeof({column}) IN ('blob', 'real')"
    );
    Ok(sql::number(connection, &query)? > 0)
}

fn stamp_column(
    connection: &mut SqliteConnection,
    table: &str,
    column: &str,
) -> QueryResult<Vec<String>> {
    let stamp = format!("coalesce(CAST({column} AS TEXT), 'NULL')");
    sql::lines(
        connection,
        &format!("SELECT {stamp} FROM {table} ORDER BY {stamp}"),
    )
}
