//! Parent keys: whether what the foreign keys of the user's own tables refer to is a key.
//!
//! SQLite takes a foreign key to columns that are neither the primary key nor have a UNIQUE index of their own, and then
//! refuses each statement that would have to look at it, on either table.

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::schema_copy::Compiler;
use crate::database::structure::catalogue::{Catalogue, ForeignKey};
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::database::structure::schema_version::SchemaVersion;

/// The foreign keys of the user's own tables that refer to a key.
#[derive(Debug)]
pub(super) struct ParentKeys(Vec<(String, ForeignKey)>);

impl ParentKeys {
    /// Finds the foreign keys that work now. Nothing is changed.
    pub(super) fn find(
        compiler: &mut Compiler<'_>,
        free_name: &str,
        catalogue: &Catalogue,
    ) -> Result<Self, Error> {
        let ours = &SchemaVersion::latest().catalogue().tables;
        let mut keys = Vec::new();
        for (name, table) in &catalogue.tables {
            if ours.contains_key(name) || LegacyRevision::any_has_table(name) {
                continue;
            }
            for key in &table.foreign_keys {
                // SQLite says nothing of a key in a table that is missing.
                if !compiler
                    .columns(&key.table, false)?
                    .unwrap_or_default()
                    .is_empty()
                    && has_parent_key(compiler, free_name, key)?
                {
                    keys.push((name.clone(), key.clone()));
                }
            }
        }
        Ok(Self(keys))
    }

    /// The tables with foreign keys that do not refer to a key any more.
    pub(super) fn lost(
        &self,
        compiler: &mut Compiler<'_>,
        free_name: &str,
    ) -> Result<Vec<String>, Error> {
        let mut lost = Vec::new();
        for (table, key) in &self.0 {
            if !has_parent_key(compiler, free_name, key)? {
                let columns: Vec<_> = key.columns.iter().map(|(_, to)| to.as_str()).collect();
                // The declaration may refer to the primary key without naming it.
                let columns = match columns.join(", ") {
                    columns if columns.is_empty() => columns,
                    columns => format!("({columns})"),
                };
                lost.push(format!(
                    "table {table} (refers to {}{columns}, which would no longer be a key)",
                    key.table
                ));
            }
        }
        Ok(lost)
    }
}

/// Whether the foreign key refers to a key. SQLite itself says so, of an empty table with such a foreign key.
fn has_parent_key(
    compiler: &mut Compiler<'_>,
    free_name: &str,
    key: &ForeignKey,
) -> Result<bool, Error> {
    let create = table_with(free_name, key);
    compiler.undone(|compiler| {
        let probe = format!("PRAGMA main.foreign_key_check({free_name})");
        Ok(compiler.attempt(&create)?.is_ok() && compiler.attempt(&probe)?.is_ok())
    })
}

/// The statement that creates a table with this foreign key and no other column than those of the key.
pub(super) fn table_with(name: &str, key: &ForeignKey) -> String {
    let own = columns_of_table_with(key);
    let to = key.columns.iter().map(|(_, to)| to);
    let to: Vec<_> = to
        .filter(|to| !to.is_empty())
        .map(|to| sql::name(to))
        .collect();
    let columns = match to.as_slice() {
        [] => String::new(),
        columns => format!("({})", columns.join(", ")),
    };
    let parent = sql::name(&key.table);
    format!("CREATE TABLE main.{name} ({own}, FOREIGN KEY ({own}) REFERENCES {parent} {columns})")
}

/// The columns of the table of [`table_with`], as a list.
pub(super) fn columns_of_table_with(key: &ForeignKey) -> String {
    let columns: Vec<_> = (0..key.columns.len())
        .map(|column| format!("a{column}"))
        .collect();
    columns.join(", ")
}
