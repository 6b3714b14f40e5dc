//! The structure of a database, read from SQLite's own catalogue.
//!
//! Structures are compared by the names and properties of their parts: tables, columns with their affinity and keys,
//! foreign keys, indexes. The order of columns, the names of constraints, the defaults and the text of the CREATE
//! statements do not count. They differ within one schema version: they depend on the version at which a database was
//! created, and on its upgrades since.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use diesel::prelude::*;
use diesel::result::DatabaseErrorKind;
use diesel::result::Error::DatabaseError;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use crate::database::structure::schema_object::{ObjectKind, SchemaObject};
use crate::database::structure::sql_name;

/// A database's tables, and the names of its views and triggers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// The tables by name, without SQLite's internal tables.
    pub tables: BTreeMap<String, Table>,
    /// The names of the views.
    pub views: BTreeSet<String>,
    /// The names of the triggers.
    pub triggers: BTreeSet<String>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns by name.
    pub columns: BTreeMap<String, Column>,
    /// The foreign keys. Their names do not count.
    pub foreign_keys: BTreeSet<ForeignKey>,
    /// The indexes by name, without those that SQLite creates for constraints.
    pub indexes: BTreeMap<String, Index>,
    /// The columns of each UNIQUE constraint.
    pub unique_constraints: BTreeSet<Vec<String>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The type affinity, which decides how values are converted when they are stored.
    pub affinity: Affinity,
    /// Whether the column is NOT NULL.
    pub not_null: bool,
    /// The position in the primary key, counted from 1. It is 0 for a column outside the key.
    pub primary_key: i64,
    /// Whether the column is generated or hidden.
    pub hidden: bool,
}

/// The type affinity of a column (<https://sqlite.org/datatype3.html>, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// The declared type contains `INT`.
    Integer,
    /// The declared type contains `CHAR`, `CLOB` or `TEXT`.
    Text,
    /// The declared type contains `BLOB`, or there is none.
    Blob,
    /// The declared type contains `REAL`, `FLOA` or `DOUB`.
    Real,
    /// Any other declared type, such as `BOOLEAN`.
    Numeric,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The columns, each with the column that it references. The second name is empty if the declaration references the
    /// primary key without naming it.
    pub columns: Vec<(String, String)>,
    /// The referenced table.
    pub table: String,
    /// The action on an update of the referenced row.
    pub on_update: String,
    /// The action on a deletion of the referenced row.
    pub on_delete: String,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Whether it is a UNIQUE index.
    pub unique: bool,
    /// Whether it is a partial index.
    pub partial: bool,
    /// The columns: name, whether the order is descending, and collation. The name of an expression is empty.
    pub columns: Vec<(String, bool, String)>,
}

#[derive(QueryableByName)]
struct ObjectRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = Bool)]
    not_null: bool,
    #[diesel(sql_type = BigInt)]
    primary_key: i64,
    #[diesel(sql_type = Bool)]
    hidden: bool,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    child_column: String,
    #[diesel(sql_type = Nullable<Text>)]
    parent_column: Option<String>,
    #[diesel(sql_type = Text)]
    on_update: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
}

#[derive(QueryableByName)]
struct IndexRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    origin: String,
    #[diesel(sql_type = Bool)]
    is_unique: bool,
    #[diesel(sql_type = Bool)]
    partial: bool,
    #[diesel(sql_type = Nullable<Text>)]
    column_name: Option<String>,
    #[diesel(sql_type = Bool)]
    descending: bool,
    #[diesel(sql_type = Text)]
    collation: String,
}

impl Catalogue {
    /// Reads the structure of the connection's main database.
    ///
    /// # Errors
    ///
    /// If a query fails.
    pub fn read(connection: &mut SqliteConnection) -> QueryResult<Self> {
        let mut catalogue = Self::default();
        let objects = diesel::sql_query(
            "SELECT type AS kind, name FROM sqlite_schema \
             WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .load::<ObjectRow>(connection)?;
        for object in objects {
            match object.kind.as_str() {
                "table" => {
                    catalogue.tables.insert(object.name, Table::default());
                }
                "view" => {
                    catalogue.views.insert(object.name);
                }
                _ => {
                    catalogue.triggers.insert(object.name);
                }
            }
        }
        catalogue.require_functions()?;
        catalogue.read_columns(connection)?;
        catalogue.read_foreign_keys(connection)?;
        catalogue.read_indexes(connection)?;
        Ok(catalogue)
    }

    /// Fails if a table or a view has the name of a function with rows: SQLite would read it in the place of the function, and
    /// what a check reads would be the user's.
    fn require_functions(&self) -> QueryResult<()> {
        let is_function = |name: &&String| {
            let name = name.to_ascii_lowercase();
            name.starts_with("pragma_") || ["dbstat", "json_each"].contains(&name.as_str())
        };
        let table = self.tables.keys().find(is_function);
        let view = self.views.iter().find(is_function);
        let object = table
            .map(|name| format!("table {name}"))
            .or_else(|| view.map(|name| format!("view {name}")));
        match object {
            Some(object) => {
                let message = Box::new(object + sql_name::OF_A_FUNCTION);
                Err(DatabaseError(DatabaseErrorKind::Unknown, message))
            }
            None => Ok(()),
        }
    }

    // `rootpage > 0` excludes virtual tables: SQLite describes one only if its module is loaded.
    fn read_columns(&mut self, connection: &mut SqliteConnection) -> QueryResult<()> {
        let rows = diesel::sql_query(
            "SELECT t.name AS table_name, c.name, c.type AS declared, c.\"notnull\" AS not_null, \
                    c.pk AS primary_key, c.hidden <> 0 AS hidden \
             FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table' AND t.rootpage > 0",
        )
        .load::<ColumnRow>(connection)?;
        for row in rows {
            let Some(table) = self.tables.get_mut(&row.table_name) else {
                continue;
            };
            let column = Column {
                affinity: Affinity::of(&row.declared),
                not_null: row.not_null,
                primary_key: row.primary_key,
                hidden: row.hidden,
            };
            table.columns.insert(row.name, column);
        }
        Ok(())
    }

    fn read_foreign_keys(&mut self, connection: &mut SqliteConnection) -> QueryResult<()> {
        let rows = diesel::sql_query(
            "SELECT t.name AS table_name, k.id, k.\"table\" AS parent, k.\"from\" AS child_column, \
                    k.\"to\" AS parent_column, k.on_update, k.on_delete \
             FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS k WHERE t.type = 'table' AND t.rootpage > 0 \
             ORDER BY t.name, k.id, k.seq",
        )
        .load::<ForeignKeyRow>(connection)?;
        let mut keys: BTreeMap<(String, i64), ForeignKey> = BTreeMap::new();
        for row in rows {
            keys.entry((row.table_name, row.id))
                .or_insert_with(|| ForeignKey {
                    columns: Vec::new(),
                    table: row.parent,
                    on_update: row.on_update,
                    on_delete: row.on_delete,
                })
                .columns
                .push((row.child_column, row.parent_column.unwrap_or_default()));
        }
        for ((table, _), key) in keys {
            if let Some(table) = self.tables.get_mut(&table) {
                table.foreign_keys.insert(key);
            }
        }
        Ok(())
    }

    fn read_indexes(&mut self, connection: &mut SqliteConnection) -> QueryResult<()> {
        let rows = diesel::sql_query(
            "SELECT t.name AS table_name, i.name, i.origin, i.\"unique\" AS is_unique, i.partial, \
                    c.name AS column_name, c.\"desc\" AS descending, c.coll AS collation \
             FROM sqlite_schema AS t, pragma_index_list(t.name) AS i, \
                  pragma_index_xinfo(i.name) AS c \
             WHERE t.type = 'table' AND t.rootpage > 0 AND i.origin <> 'pk' AND c.key \
             ORDER BY t.name, i.name, c.seqno",
        )
        .load::<IndexRow>(connection)?;
        let mut constraints: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for row in rows {
            let Some(table) = self.tables.get_mut(&row.table_name) else {
                continue;
            };
            let column = row.column_name.unwrap_or_default();
            if row.origin == "c" {
                table
                    .indexes
                    .entry(row.name)
                    .or_insert_with(|| Index {
                        unique: row.is_unique,
                        partial: row.partial,
                        columns: Vec::new(),
                    })
                    .columns
                    .push((column, row.descending, row.collation));
            } else {
                constraints
                    .entry((row.table_name, row.name))
                    .or_default()
                    .push(column);
            }
        }
        for ((table, _), columns) in constraints {
            if let Some(table) = self.tables.get_mut(&table) {
                table.unique_constraints.insert(columns);
            }
        }
        Ok(())
    }

    /// Whether the table has all these columns.
    #[must_use]
    pub fn has_columns(&self, table: &str, columns: &[&str]) -> bool {
        self.tables.get(table).is_some_and(|table| {
            columns
                .iter()
                .all(|column| table.columns.contains_key(*column))
        })
    }

    /// Lists the tables and indexes that `expected` lacks, and every view and trigger. The user or another program has
    /// created them: no version has views or triggers.
    #[must_use]
    pub fn extras_beyond(&self, expected: &Self) -> Vec<SchemaObject> {
        let mut extras = Vec::new();
        for (name, table) in &self.tables {
            match expected.tables.get(name) {
                None => extras.push(SchemaObject::table(name)),
                Some(expected) => extras.extend(
                    table
                        .indexes
                        .keys()
                        .filter(|index| !expected.indexes.contains_key(*index))
                        .map(|index| SchemaObject::new(ObjectKind::Index, index)),
                ),
            }
        }
        extras.extend(
            self.views
                .iter()
                .map(|view| SchemaObject::new(ObjectKind::View, view)),
        );
        extras.extend(
            self.triggers
                .iter()
                .map(|trigger| SchemaObject::new(ObjectKind::Trigger, trigger)),
        );
        extras
    }
}

impl Affinity {
    /// The affinity of a column that is declared with this type.
    pub(crate) fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if declared.is_empty() || has("BLOB") {
            Self::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}

impl fmt::Display for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from: Vec<_> = self.columns.iter().map(|(from, _)| from.as_str()).collect();
        let to: Vec<_> = self.columns.iter().map(|(_, to)| to.as_str()).collect();
        write!(
            f,
            "({}) to {}({})",
            from.join(", "),
            self.table,
            to.join(", ")
        )
    }
}
