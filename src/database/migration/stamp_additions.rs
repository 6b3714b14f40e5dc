//! Stamp additions: what the user has added to the tables of stamps. It would be lost with a table that is dropped.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::structure::catalogue::Catalogue;
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
