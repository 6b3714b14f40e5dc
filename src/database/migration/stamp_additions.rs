//! Stamp additions: what the user has added to the tables of stamps, and what refers to stamps. The one would be lost with a
//! table that is dropped, the other with a stamp that a migration replaces.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::sql_name;
use crate::database::structure::stamp_tables::{ALEMBIC_TABLE, MIGRATIONS_TABLE, RUST_CORE_TABLE};

/// The columns that programs create in the tables of stamps.
const COLUMNS: [(&str, &[&str]); 3] = [
    (MIGRATIONS_TABLE, &["version", "run_on"]),
    (ALEMBIC_TABLE, &["version_num"]),
    (RUST_CORE_TABLE, &["schema_version"]),
];

/// Fails if one of these tables of stamps has a column that no program creates, or an index. The indexes of
/// `alembic_version` are not looked at: every schema has that table, so they are objects of the user's like all others.
pub(crate) fn require_none(
    path: &Path,
    catalogue: &Catalogue,
    tables: &[&str],
) -> Result<(), Error> {
    let mut objects = Vec::new();
    for (name, known) in COLUMNS {
        let Some(table) =
            sql_name::find(&catalogue.tables, name).filter(|_| tables.contains(&name))
        else {
            continue;
        };
        let columns = table.columns.keys();
        let added = columns.filter(|column| !sql_name::is_among(column, known));
        objects.extend(added.map(|column| format!("column {name}.{column}")));
        if name != ALEMBIC_TABLE {
            let indexes = table.indexes.keys();
            objects.extend(indexes.map(|index| format!("index {index} (on {name})")));
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::ObjectsLost { objects }.at(path))
}

/// Fails if a row of the user's refers to a stamp that a database of this version lacks. No action of the foreign key runs
/// in a migration, as foreign keys are off.
pub(crate) fn require_no_references(
    connection: &mut SqliteConnection,
    path: &Path,
    catalogue: &Catalogue,
    target: SchemaVersion,
) -> Result<(), Error> {
    let mut objects = Vec::new();
    for (name, table) in &catalogue.tables {
        for key in &table.foreign_keys {
            let Some((stamps, column, remaining)) = remaining_stamps(&key.table, target) else {
                continue;
            };
            // A key without a column refers to the primary key, which is this column.
            let mut columns = key.columns.iter();
            let own = columns.find(|(_, to)| to.is_empty() || sql_name::is_same(to, column));
            let Some((own, _)) = own else {
                continue;
            };
            let query = format!(
                "SELECT DISTINCT s.{column} AS line FROM main.{stamps} AS s JOIN main.{} AS o \
                 ON s.{column} = o.{} WHERE s.{column} NOT IN ({}) ORDER BY 1 LIMIT 1",
                sql::name(name),
                sql::name(own),
                remaining.join(", ")
            );
            if let Some(stamp) = sql::lines(connection, &query)?.first() {
                objects.push(format!(
                    "table {name} (refers to {stamps}.{column} {stamp}, which would go)"
                ));
            }
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::ObjectsLost { objects }.at(path))
}

/// A table of stamps with its column and the values, as literals, that it has in a database of this version. The table of the
/// Rust-core releases is left out: it stays as it is, or goes altogether.
fn remaining_stamps(
    table: &str,
    target: SchemaVersion,
) -> Option<(&'static str, &'static str, Vec<String>)> {
    if sql_name::is_same(table, ALEMBIC_TABLE) {
        let stamps = target.alembic_stamp().into_iter().map(sql::literal);
        Some((ALEMBIC_TABLE, "version_num", stamps.collect()))
    } else if sql_name::is_same(table, MIGRATIONS_TABLE) {
        let stamps = target
            .up_to()
            .map(|version| sql::literal(version.migration()));
        Some((MIGRATIONS_TABLE, "version", stamps.collect()))
    } else {
        None
    }
}
