//! The differences between the structure of a database and an expected structure.

use std::collections::BTreeSet;
use std::fmt;

use crate::database::structure::catalogue::{Catalogue, Column, ForeignKey, Table};
use crate::database::structure::schema_object::SchemaObject;

/// One difference between two structures.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the variants and fields are named after what they mean"
)]
pub enum Difference {
    TableMissing {
        table: String,
    },
    ColumnMissing {
        table: String,
        column: String,
    },
    ColumnUnexpected {
        table: String,
        column: String,
    },
    ColumnDiffers {
        table: String,
        column: String,
    },
    ForeignKeyMissing {
        table: String,
        key: ForeignKey,
    },
    ForeignKeyUnexpected {
        table: String,
        key: ForeignKey,
    },
    IndexMissing {
        table: String,
        index: String,
    },
    IndexDiffers {
        table: String,
        index: String,
    },
    /// An index or table that belongs to a later version than the rest.
    FromLaterVersion {
        object: SchemaObject,
    },
    UniqueConstraintsDiffer {
        table: String,
    },
}

impl Difference {
    /// The table that differs. `None` for an object of a later version.
    pub(crate) fn table(&self) -> Option<&str> {
        match self {
            Self::TableMissing { table }
            | Self::ColumnMissing { table, .. }
            | Self::ColumnUnexpected { table, .. }
            | Self::ColumnDiffers { table, .. }
            | Self::ForeignKeyMissing { table, .. }
            | Self::ForeignKeyUnexpected { table, .. }
            | Self::IndexMissing { table, .. }
            | Self::IndexDiffers { table, .. }
            | Self::UniqueConstraintsDiffer { table } => Some(table),
            Self::FromLaterVersion { .. } => None,
        }
    }

    /// Whether an object of a later version is there.
    pub(crate) const fn is_from_later_version(&self) -> bool {
        matches!(self, Self::FromLaterVersion { .. })
    }

    /// Whether it is a column too many, which can be the user's own, or a foreign key of such columns.
    pub(crate) fn is_of_additional_column(&self, differences: &[Self]) -> bool {
        let Self::ForeignKeyUnexpected { table, key } = self else {
            return self.is_additional_column();
        };
        let is_additional = |(column, _): &(String, String)| {
            differences.contains(&Self::ColumnUnexpected {
                table: table.clone(),
                column: column.clone(),
            })
        };
        key.columns.iter().all(is_additional)
    }

    /// Whether it is a column too many, which can be the user's own.
    pub(crate) const fn is_additional_column(&self) -> bool {
        matches!(self, Self::ColumnUnexpected { .. })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableMissing { table } => write!(f, "table {table} is missing"),
            Self::ColumnMissing { table, column } => {
                write!(f, "column {table}.{column} is missing")
            }
            Self::ColumnUnexpected { table, column } => {
                write!(f, "column {table}.{column} should not be there")
            }
            Self::ColumnDiffers { table, column } => {
                write!(f, "column {table}.{column} has another type or key")
            }
            Self::ForeignKeyMissing { table, key } => {
                write!(f, "foreign key {table}{key} is missing")
            }
            Self::ForeignKeyUnexpected { table, key } => {
                write!(f, "foreign key {table}{key} should not be there")
            }
            Self::IndexMissing { table, index } => {
                write!(f, "index {index} on {table} is missing")
            }
            Self::IndexDiffers { table, index } => {
                write!(f, "index {index} on {table} has other columns")
            }
            Self::FromLaterVersion { object } => {
                write!(f, "{object} belongs to a later version")
            }
            Self::UniqueConstraintsDiffer { table } => {
                write!(f, "table {table} has other UNIQUE constraints")
            }
        }
    }
}

impl Catalogue {
    /// Lists what `expected` has and `self` lacks or defines differently. Tables, indexes, views and triggers with
    /// other names do not count. An additional column or key in an expected table does.
    #[must_use]
    pub fn differences_from(&self, expected: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (name, expected) in &expected.tables {
            match self.tables.get(name) {
                Some(table) => table.differences_from(expected, name, &mut differences),
                None => differences.push(Difference::TableMissing {
                    table: name.clone(),
                }),
            }
        }
        differences
    }
}

impl Catalogue {
    /// Lists how the tables and columns differ from a structure between `expected` and `next`. Such a structure has
    /// every part that both share and none that neither has. If `next` is `expected`, the columns must be equal.
    ///
    /// Keys and indexes do not count: a rebuild creates the tables anew and only needs to read every value.
    pub(crate) fn column_differences_from(&self, expected: &Self, next: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let names = expected.tables.keys().chain(next.tables.keys());
        for name in names.collect::<BTreeSet<_>>() {
            let either = [expected, next].map(|structure| structure.tables.get(name));
            match self.tables.get(name) {
                Some(table) => table.column_differences(either, name, &mut differences),
                None if either.contains(&None) => {}
                None => differences.push(Difference::TableMissing {
                    table: name.clone(),
                }),
            }
        }
        differences
    }
}

impl Table {
    fn column_differences(
        &self,
        either: [Option<&Self>; 2],
        name: &str,
        differences: &mut Vec<Difference>,
    ) {
        let columns = either.map(|table| table.map(|table| &table.columns));
        for column in columns
            .iter()
            .flatten()
            .flat_map(|columns| columns.keys())
            .collect::<BTreeSet<_>>()
        {
            let in_both = columns
                .iter()
                .flatten()
                .all(|columns| columns.contains_key(column));
            if in_both && !self.columns.contains_key(column) {
                differences.push(Difference::ColumnMissing {
                    table: name.to_owned(),
                    column: column.clone(),
                });
            }
        }
        for (column, properties) in &self.columns {
            let mut expected = columns
                .iter()
                .flatten()
                .filter_map(|columns| columns.get(column))
                .peekable();
            if expected.peek().is_none() {
                differences.push(Difference::ColumnUnexpected {
                    table: name.to_owned(),
                    column: column.clone(),
                });
            } else if !expected.any(|expected| properties.holds_like(expected, name)) {
                differences.push(Difference::ColumnDiffers {
                    table: name.to_owned(),
                    column: column.clone(),
                });
            }
        }
    }

    fn differences_from(&self, expected: &Self, name: &str, differences: &mut Vec<Difference>) {
        let table = || name.to_owned();
        for (column, properties) in &expected.columns {
            match self.columns.get(column) {
                None => differences.push(Difference::ColumnMissing {
                    table: table(),
                    column: column.clone(),
                }),
                Some(actual) if !actual.is_like(properties, name) => {
                    differences.push(Difference::ColumnDiffers {
                        table: table(),
                        column: column.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        for column in self.columns.keys() {
            if !expected.columns.contains_key(column) {
                differences.push(Difference::ColumnUnexpected {
                    table: table(),
                    column: column.clone(),
                });
            }
        }
        for key in expected.foreign_keys.difference(&self.foreign_keys) {
            differences.push(Difference::ForeignKeyMissing {
                table: table(),
                key: key.clone(),
            });
        }
        for key in self.foreign_keys.difference(&expected.foreign_keys) {
            differences.push(Difference::ForeignKeyUnexpected {
                table: table(),
                key: key.clone(),
            });
        }
        for (index, properties) in &expected.indexes {
            match self.indexes.get(index) {
                None => differences.push(Difference::IndexMissing {
                    table: table(),
                    index: index.clone(),
                }),
                Some(actual) if actual != properties => {
                    differences.push(Difference::IndexDiffers {
                        table: table(),
                        index: index.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        if self.unique_constraints != expected.unique_constraints {
            differences.push(Difference::UniqueConstraintsDiffer { table: table() });
        }
    }
}

impl Column {
    /// Whether the column stores values in the same way.
    fn holds_like(&self, expected: &Self, table: &str) -> bool {
        self.affinity == expected.affinity
            && self.hidden == expected.hidden
            && (self.primary_key == expected.primary_key || table == "alembic_version")
    }

    /// Whether the columns are equal. The primary key of `alembic_version` does not count: Alembic creates one, and the
    /// releases 0.6.0a3 to a10 do not.
    fn is_like(&self, expected: &Self, table: &str) -> bool {
        self.not_null == expected.not_null && self.holds_like(expected, table)
    }
}
