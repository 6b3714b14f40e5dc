//! Indexes: drops and creates the indexes of the new tables.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::objects::{Object, objects};
use crate::database::migration::rebuild::obstacles::Obstacles;
use crate::database::structure::schema_version::SchemaVersion;

/// Drops the indexes of the new tables and returns them. Creating an index is faster when all rows exist,
/// because its entries are then sorted.
pub(super) fn drop(connection: &mut SqliteConnection) -> Result<Vec<Object>, Error> {
    let mut indexes = objects(connection, "new")?;
    indexes.retain(|object| object.kind == "index");
    for index in &indexes {
        let name = sql::name(&index.name);
        sql::execute(connection, &format!("DROP INDEX new.{name}"))?;
    }
    Ok(indexes)
}

/// Creates the indexes of filled tables in `main` or `new`. Fails with the rows that violate a unique index.
pub(super) fn make<'index>(
    connection: &mut SqliteConnection,
    path: &Path,
    target: SchemaVersion,
    schema: &str,
    indexes: impl IntoIterator<Item = &'index Object>,
) -> Result<(), Error> {
    let mut obstacles = Obstacles::default();
    for index in indexes {
        let place = format!(" INDEX {schema}.");
        let statement = index.statement.replacen(" INDEX ", &place, 1);
        match sql::execute(connection, &statement) {
            Ok(_) => {}
            Err(diesel::result::Error::DatabaseError(
                diesel::result::DatabaseErrorKind::UniqueViolation,
                _,
            )) => look_for_duplicates(connection, target, schema, index, &mut obstacles)?,
            Err(error) => return Err(error.into()),
        }
    }
    obstacles.refuse(path)
}

/// Looks for the rows that violate a unique index.
fn look_for_duplicates(
    connection: &mut SqliteConnection,
    target: SchemaVersion,
    schema: &str,
    index: &Object,
    obstacles: &mut Obstacles,
) -> Result<(), Error> {
    let properties = target
        .catalogue()
        .tables
        .get(&index.owner)
        .and_then(|table| table.indexes.get(&index.name));
    let columns: Vec<_> = properties
        .iter()
        .flat_map(|index| &index.columns)
        .map(|(column, ..)| column.as_str())
        .collect();
    let label: Vec<_> = columns
        .iter()
        .map(|column| format!("quote({column})"))
        .collect();
    obstacles.look_for(
        connection,
        "several rows have these values, which must be unique in the new schema",
        &format!("'{} ' || {}", index.owner, label.join(" || ' ' || ")),
        &format!(
            "(SELECT {columns} FROM {schema}.{} GROUP BY {columns} HAVING count(*) > 1)",
            index.owner,
            columns = columns.join(", ")
        ),
    )?;
    Ok(())
}
