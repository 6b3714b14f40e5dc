//! Ids that no row gets again.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::retired_ids;

/// The highest id that a deleted row of a table had; `table_name` is unique. A program may still have that id in
/// memory, so no other row gets it.
#[derive(Debug, Clone, PartialEq, Eq, Identifiable, Queryable, Selectable, Insertable)]
#[diesel(table_name = retired_ids, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct RetiredId {
    /// The row's id.
    pub id: i64,
    /// The table.
    pub table_name: String,
    /// The highest id that is not used again.
    pub last_id: i64,
}

/// The highest id that a deleted row of a table had, to insert.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = retired_ids, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub struct NewRetiredId {
    /// The table.
    pub table_name: String,
    /// The highest id that is not used again.
    pub last_id: i64,
}
