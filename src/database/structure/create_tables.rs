//! Creation of the tables of a schema version, by its migrations.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as SqlError;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::MigrationHarness;

use crate::database::structure::pending_migrations::{MigrationStepError, steps_from_empty};
use crate::database::structure::schema_version::SchemaVersion;
use crate::sqlite::transaction::{Begin, transaction};

/// The error of [`create_tables`].
#[derive(Debug)]
pub(crate) enum CreateTablesError {
    /// A migration's SQL failed.
    Step(MigrationStepError),
    /// Another statement failed.
    Sql(SqlError),
}

/// Runs every migration up to `target` on a database without tables. It leaves the enforcement of foreign keys off.
pub(crate) fn create_tables(
    connection: &mut SqliteConnection,
    target: SchemaVersion,
) -> Result<(), CreateTablesError> {
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .map_err(CreateTablesError::Sql)?;
    let create = |connection: &mut SqliteConnection| {
        create_migrations_table(connection).map_err(CreateTablesError::Sql)?;
        for step in steps_from_empty(target) {
            step.run(connection).map_err(CreateTablesError::Step)?;
        }
        Ok(())
    };
    transaction(connection, Begin::Immediate, create, CreateTablesError::Sql)
}

/// Creates Diesel's table of migrations if it is missing. Returns its number of rows.
pub(crate) fn create_migrations_table(connection: &mut SqliteConnection) -> QueryResult<usize> {
    match connection.applied_migrations() {
        Ok(applied) => Ok(applied.len()),
        Err(error) => Err(match error.downcast::<SqlError>() {
            Ok(error) => *error,
            Err(error) => SqlError::QueryBuilderError(error),
        }),
    }
}
