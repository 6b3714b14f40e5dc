//! Alembic leftovers: tables that a failed upgrade by the Python package leaves behind.
//!
//! Alembic changes a table by copying it to `_alembic_tmp_NAME` and renaming the copy. A leftover copy is
//! empty, or its rows are still in the table itself.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::structure::catalogue::{Catalogue, Table};
use crate::database::structure::schema_object::{ObjectKind, SchemaObject};
use crate::database::structure::sql_name;

const PREFIX: &str = "_alembic_tmp_";

/// Whether a table of this name is a leftover.
pub(crate) fn is_leftover(table: &str) -> bool {
    table.starts_with(PREFIX)
}

/// Fails if a leftover has a row that the original table lacks, or a value in a column of its own.
pub(crate) fn check(
    connection: &mut SqliteConnection,
    path: &Path,
    catalogue: &Catalogue,
) -> Result<(), Error> {
    for (name, leftover) in &catalogue.tables {
        let Some(original) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let missing = Table::default();
        let table = sql_name::find(&catalogue.tables, original).unwrap_or(&missing);
        let rows = lost_rows(connection, (name, leftover), (original, table))?;
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

/// The number of rows of a leftover with a value that the original lacks.
fn lost_rows(
    connection: &mut SqliteConnection,
    (name, leftover): (&str, &Table),
    (original, table): (&str, &Table),
) -> Result<i64, Error> {
    let (common, additional): (Vec<_>, Vec<_>) = leftover
        .columns
        .keys()
        .partition(|column| sql_name::is_among(column, table.columns.keys()));
    let from = sql::name(name);
    if common.is_empty() {
        let all = format!("SELECT count(*) AS number FROM {from}");
        return Ok(sql::number(connection, &all)?);
    }
    let common: Vec<_> = common.into_iter().map(|column| sql::name(column)).collect();
    let common = common.join(", ");
    let missing = |own: &str, of_original: &str| {
        format!(
            "SELECT count(*) AS number FROM \
             (SELECT {own} FROM {from} EXCEPT SELECT {of_original} FROM {})",
            sql::name(original)
        )
    };
    let rows = sql::number(connection, &missing(&common, &common))?;
    if rows > 0 {
        return Ok(rows);
    }
    for column in additional {
        let own = sql::name(column);
        let mut rows = with_value(connection, name, column)?;
        // Alembic may have renamed a column of the original.
        let others = table.columns.keys();
        for other in others.filter(|other| !sql_name::is_among(other, leftover.columns.keys())) {
            if rows > 0 {
                let other = format!("{common}, {}", sql::name(other));
                let missing = missing(&format!("{common}, {own}"), &other);
                rows = rows.min(sql::number(connection, &missing)?);
            }
        }
        if rows > 0 {
            return Ok(rows);
        }
    }
    Ok(0)
}

/// The number of rows with another value in the column than the default, which a new column has.
fn with_value(connection: &mut SqliteConnection, table: &str, column: &str) -> Result<i64, Error> {
    let (from, own) = (sql::name(table), sql::name(column));
    let default = sql::lines(
        connection,
        &format!(
            "SELECT dflt_value AS line FROM pragma_table_info({}) \
             WHERE name = {} AND dflt_value NOTNULL",
            sql::literal(table),
            sql::literal(column)
        ),
    )?;
    let default = default.into_iter().next().unwrap_or("NULL".to_owned());
    let rows = |condition: &str| {
        format!("SELECT count(*) AS number FROM {from} WHERE {own} IS NOT {condition}")
    };
    match sql::number(connection, &rows(&format!("({default})"))) {
        Ok(number) => Ok(number),
        // The default can need a function of an application.
        Err(_) => Ok(sql::number(connection, &rows("NULL"))?),
    }
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
