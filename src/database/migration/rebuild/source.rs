//! Legacy source: the structure of the old database and the rules that apply to it.

use crate::database::migration::rebuild::rules::{
    ADDED, DROPPED_TABLES, Destination, NewValue, RULES, V2_TABLES, V3_TABLES,
};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::legacy_revision::LegacyRevision;

/// A database from before the first version.
#[derive(Debug)]
pub(super) struct LegacySource<'catalogue> {
    catalogue: &'catalogue Catalogue,
    revision: LegacyRevision,
}

impl<'catalogue> LegacySource<'catalogue> {
    pub(super) fn new(catalogue: &'catalogue Catalogue, revision: LegacyRevision) -> Self {
        Self {
            catalogue,
            revision,
        }
    }

    pub(super) fn has_table(&self, table: &str) -> bool {
        self.catalogue.tables.contains_key(table)
    }

    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.catalogue.has_columns(table, &[column])
    }

    /// The columns of a table, sorted by name.
    pub(super) fn columns(&self, table: &str) -> impl Iterator<Item = &'catalogue str> {
        let columns = self
            .catalogue
            .tables
            .get(table)
            .map(|table| table.columns.keys());
        columns.into_iter().flatten().map(String::as_str)
    }

    /// The destination of a column; `None` for a column that stays as it is.
    pub(super) fn destination(&self, table: &str, column: &str) -> Option<Destination> {
        let rule = RULES.iter().find(|rule| {
            rule.column == column && rule.tables.contains(&table) && self.is_before(rule.until)
        });
        rule.map(|rule| rule.destination)
    }

    /// The value of a column that the newest schema has and the source lacks.
    pub(super) fn added_value(&self, table: &str, column: &str) -> Option<NewValue> {
        let added = ADDED.iter().find(|(since, tables, added, _)| {
            *added == column && tables.contains(&table) && self.is_before(since)
        });
        added.map(|(.., added_value)| *added_value)
    }

    /// Whether the source is older than a revision of the Python package.
    pub(super) fn is_before(&self, revision: &str) -> bool {
        LegacyRevision::named(revision).is_none_or(|revision| self.revision < revision)
    }

    /// The tables of V2 and V3 pools that the source has.
    pub(super) fn kind_tables(&self) -> impl Iterator<Item = &'static str> {
        V2_TABLES
            .into_iter()
            .chain(V3_TABLES)
            .filter(|table| self.has_table(table))
    }

    /// Whether all pools are in one table, as in release 0.5.0a1.
    pub(super) fn has_pools_in_one_table(&self) -> bool {
        self.has("pools", "fee")
    }

    /// Tables and columns that are not carried over.
    pub(super) fn dropped(&self) -> Vec<(&'catalogue str, Option<&'catalogue str>)> {
        let mut dropped = Vec::new();
        for (table, properties) in &self.catalogue.tables {
            // In a later revision, a table of this name is the user's own and stays.
            let is_dropped = |(since, name): &(&str, &str)| name == table && self.is_before(since);
            if DROPPED_TABLES.iter().any(is_dropped) {
                dropped.push((table.as_str(), None));
            }
            for column in properties.columns.keys() {
                if self.destination(table, column) == Some(Destination::Dropped) {
                    dropped.push((table.as_str(), Some(column.as_str())));
                }
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::structure::schema_version::SchemaVersion;
    use crate::database::structure::stamp_tables::ALEMBIC_TABLE;

    /// Every column of every revision stays, or a rule says where it goes. Every column of the latest version is
    /// there, or an entry says what it is filled with. A column that came after the first version and may be empty
    /// needs no entry.
    #[test]
    fn every_column_has_a_place() {
        let first = SchemaVersion::first().catalogue();
        let latest = SchemaVersion::latest().catalogue();
        for revision in LegacyRevision::all() {
            let source = LegacySource::new(revision.catalogue(), revision);
            for (name, table) in &source.catalogue.tables {
                if name == ALEMBIC_TABLE || DROPPED_TABLES.iter().any(|(_, gone)| gone == name) {
                    continue;
                }
                for column in table.columns.keys() {
                    assert!(
                        latest.has_columns(name, &[column])
                            || source.destination(name, column).is_some(),
                        "{name}.{column} of {revision} has no place: add a rule to RULES in rebuild/rules.rs"
                    );
                }
                for (column, properties) in &latest.tables[name].columns {
                    let is_empty_in_older_rows =
                        !first.has_columns(name, &[column]) && !properties.not_null;
                    assert!(
                        table.columns.contains_key(column)
                            || name == "exchanges"
                            || is_empty_in_older_rows
                            || source.added_value(name, column).is_some(),
                        "{name}.{column} is not in {revision}: add what it is filled with to ADDED in rebuild/rules.rs"
                    );
                }
            }
        }
    }
}
