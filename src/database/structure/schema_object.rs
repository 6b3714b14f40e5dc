//! Schema objects: tables, indexes, views and triggers.

use std::fmt;

use crate::database::structure::sql_name;

/// The kind of a schema object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A table.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

impl ObjectKind {
    /// The kind as `sqlite_schema.type` has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
        }
    }
}

/// A schema object, identified by kind and name. Displayed as `table NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaObject {
    /// The kind.
    pub kind: ObjectKind,
    /// The name.
    pub name: String,
}

impl SchemaObject {
    /// A table.
    #[must_use]
    pub fn table(name: impl Into<String>) -> Self {
        Self::new(ObjectKind::Table, name)
    }

    /// An object of any kind.
    #[must_use]
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }

    /// Whether this is the table with this name.
    pub(crate) fn is_table(&self, name: &str) -> bool {
        self.kind == ObjectKind::Table && sql_name::is_same(&self.name, name)
    }
}

impl fmt::Display for SchemaObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}
