//! Violations of foreign keys.

use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

/// A row whose foreign key references a missing row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, QueryableByName, Serialize)]
pub struct Violation {
    /// The table of the row.
    #[diesel(sql_type = Text)]
    pub table: String,
    /// The row's id, if the table has ids.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub rowid: Option<i64>,
    /// The table that lacks the referenced row.
    #[diesel(sql_type = Text)]
    pub parent: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rowid {
            Some(rowid) => write!(f, "{} row {rowid} (to {})", self.table, self.parent),
            None => write!(f, "{} (to {})", self.table, self.parent),
        }
    }
}
