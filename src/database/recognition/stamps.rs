//! The version stamps of a database, which programs have written.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

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
}

impl Stamps {
    pub(crate) fn read(
        connection: &mut SqliteConnection,
        catalogue: &Catalogue,
    ) -> QueryResult<Self> {
        let mut column = |table: &str, column: &str| {
            if !catalogue.has_columns(table, &[column]) {
                return Ok(None);
            }
            stamp_column(connection, table, column).map(Some)
        };
        Ok(Self {
            diesel: column(MIGRATIONS_TABLE, "version")?,
            alembic: column(ALEMBIC_TABLE, "version_num")?,
            rust_core: column(RUST_CORE_TABLE, "schema_version")?,
        })
    }
}

fn stamp_column(
    connection: &mut SqliteConnection,
    table: &str,
    column: &str,
) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        stamp: String,
    }
    let query = format!(
        "SELECT coalesce(CAST({column} AS TEXT), 'NULL') AS stamp FROM {table} ORDER BY stamp"
    );
    let rows = diesel::sql_query(query).load::<Row>(connection)?;
    Ok(rows.into_iter().map(|row| row.stamp).collect())
}
