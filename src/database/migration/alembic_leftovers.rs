//! Alembic leftovers: tables that a failed upgrade by the Python package leaves behind.
//!
//! Alembic changes a table by copying it to `_alembic_tmp_NAME` and renaming the copy. A leftover copy is
//! empty, or its rows are still in the table itself.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_object::{ObjectKind, SchemaObject};

const PREFIX: &str = "_alembic_tmp_";

/// Whether a table of this name is a leftover.
pub(crate) fn is_leftover(table: &str) -> bool {
    table.starts_with(PREFIX)
}

/// Fails if a leftover has a row that the original table lacks.
pub(crate) fn check(
    connection: &mut SqliteConnection,
    path: &Path,
    catalogue: &Catalogue,
) -> Result<(), Error> {
    for (name, leftover) in &catalogue.tables {
        let Some(original) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let columns: Vec<_> = match catalogue.tables.get(original) {
            Some(table) => leftover
                .columns
                .keys()
                .filter(|column| table.columns.contains_key(*column))
                .map(|column| sql::name(column))
                .collect(),
            None => Vec::new(),
        };
        let leftover = sql::name(name);
        let lost = if columns.is_empty() {
            format!("SELECT count(*) AS number FROM {leftover}")
        } else {
            let columns = columns.join(", ");
            format!(
                "SELECT count(*) AS number FROM (SELECT {columns} FROM {leftover} \
                 EXCEPT SELECT {columns} FROM {})",
                sql::name(original)
            )
        };
        let rows = sql::number(connection, &lost)?;
        if rows > 0 {
            return Err(ErrorKind::LeftoverRows {
                table: name.clone(),
                rows,
            }
            .at(path));
        }
    }
    Ok(())
}

/// Drops the leftovers after [`check`]. They would make the next upgrade by the Python package fail.
pub(crate) fn drop_all(
    connection: &mut SqliteConnection,
    path: &Path,
    catalogue: &Catalogue,
) -> Result<(), Error> {
    check(connection, path, catalogue)?;
    for name in catalogue.tables.keys().filter(|name| is_leftover(name)) {
        sql::execute(connection, &format!("DROP TABLE {}", sql::name(name)))?;
        log::info!("Dropped {name}, which a failed upgrade by the Python package had left");
    }
    Ok(())
}

/// Whether an extra object of a catalogue is a leftover.
pub(crate) fn is_extra(object: &SchemaObject) -> bool {
    object.kind == ObjectKind::Table && is_leftover(&object.name)
}
