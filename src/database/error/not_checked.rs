//! A part of a database that could not be checked.

use std::fmt;

use serde::Serialize;

use crate::escape::escaped_name;

/// A part of a database that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// The table, or `None` if it is about the whole file.
    pub table: Option<String>,
    /// The reason, such as a collation that only the user's own program defines.
    pub reason: String,
}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Both may hold any text of the user's own.
        let reason = escaped_name(&self.reason);
        match &self.table {
            Some(table) => write!(f, "{}: {reason}", escaped_name(table)),
            None => f.write_str(&reason),
        }
    }
}
