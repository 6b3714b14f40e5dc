//! The text format of a structure, with one line for each part.
//!
//! `versions.txt` and `legacy.txt` use it. Running the migrations to learn the structure of a version would take longer
//! than everything else that a short command does. A test in `schema_version.rs` runs them and compares.

use crate::database::structure::catalogue::{Affinity, Catalogue, Column, ForeignKey, Index};

impl Catalogue {
    /// Adds the part that a line describes. Returns `None` for a malformed line.
    pub(crate) fn add_part(&mut self, line: &str) -> Option<()> {
        let words: Vec<_> = line.split(' ').collect();
        match *words.as_slice() {
            ["column", table, column, affinity, null, primary_key] => {
                let column_properties = Column {
                    affinity: Affinity::named(affinity)?,
                    not_null: null == "not-null",
                    primary_key: primary_key.parse().ok()?,
                    hidden: false,
                };
                let table = self.tables.entry(table.to_owned()).or_default();
                table.columns.insert(column.to_owned(), column_properties);
            }
            [
                "foreign-key",
                table,
                column,
                parent,
                parent_column,
                on_update,
                on_delete,
            ] => {
                let key = ForeignKey {
                    columns: vec![(column.to_owned(), parent_column.to_owned())],
                    table: parent.to_owned(),
                    on_update: on_update.replace('-', " "),
                    on_delete: on_delete.replace('-', " "),
                };
                let table = self.tables.get_mut(table)?;
                table.foreign_keys.insert(key);
            }
            ["index", table, name, unique, columns] => {
                let index = Index {
                    unique: unique == "unique",
                    partial: false,
                    columns: columns
                        .split(',')
                        .map(|column| (column.to_owned(), false, "BINARY".to_owned()))
                        .collect(),
                };
                let table = self.tables.get_mut(table)?;
                table.indexes.insert(name.to_owned(), index);
            }
            _ => return None,
        }
        Some(())
    }

    /// The lines of a structure, in an order in which [`Self::add_part`] accepts them. Panics if the format cannot
    /// express a part; no migration has created such a part yet.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        assert!(self.views.is_empty() && self.triggers.is_empty());
        for (name, table) in &self.tables {
            assert!(table.unique_constraints.is_empty(), "{name}");
            for (column, properties) in &table.columns {
                assert!(!properties.hidden, "{name}.{column}");
                let null = if properties.not_null {
                    "not-null"
                } else {
                    "nullable"
                };
                parts.push(format!(
                    "column {name} {column} {} {null} {}",
                    properties.affinity.name(),
                    properties.primary_key
                ));
            }
            for key in &table.foreign_keys {
                let [(column, parent_column)] = key.columns.as_slice() else {
                    panic!("{name}: a foreign key of several columns");
                };
                parts.push(format!(
                    "foreign-key {name} {column} {} {parent_column} {} {}",
                    key.table,
                    key.on_update.replace(' ', "-"),
                    key.on_delete.replace(' ', "-")
                ));
            }
            for (index, properties) in &table.indexes {
                assert!(!properties.partial, "{index}");
                let columns: Vec<_> = properties
                    .columns
                    .iter()
                    .map(|(column, descending, collation)| {
                        assert!(!column.is_empty() && !descending && collation == "BINARY");
                        column.as_str()
                    })
                    .collect();
                let unique = if properties.unique { "unique" } else { "plain" };
                parts.push(format!(
                    "index {name} {index} {unique} {}",
                    columns.join(",")
                ));
            }
        }
        parts
    }
}

impl Affinity {
    const ALL: [Self; 5] = [
        Self::Integer,
        Self::Text,
        Self::Blob,
        Self::Real,
        Self::Numeric,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Blob => "blob",
            Self::Real => "real",
            Self::Numeric => "numeric",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|affinity| affinity.name() == name)
    }
}
