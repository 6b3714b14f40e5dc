//! A database of the newest version with rows in every table.

use diesel::connection::SimpleConnection;

use super::content;
use super::corpus::Copy;

/// What has the most rows, kinds of pools and values of all that a release has made.
const NEWEST: &str = "populated/populated-0.6.0a14.db";

/// Statements for what no release has made yet: the rows of a new table or kind of pool, the values of a new
/// column, such as `UPDATE pools SET creation_block = 17000000 + id WHERE id % 2`.
const NEWER: &[&str] = &[];

/// A copy of it.
pub fn in_every_table() -> Copy {
    let copy = Copy::upgraded(NEWEST);
    let mut connection = content::connect(&copy.path);
    for statements in NEWER {
        connection
            .batch_execute(&format!("PRAGMA foreign_keys = ON; {statements}"))
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }
    copy
}
