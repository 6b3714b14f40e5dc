//! Ids that no row gets again, because a program may still have them in memory.

use diesel::prelude::*;

use crate::sqlite::prepared::{Bound, Statements};

/// The id for the next row of a table, if SQLite would choose one that a deleted row had.
pub(in crate::models) fn next_id(
    statements: Statements<'_>,
    table: &'static str,
) -> QueryResult<Option<i64>> {
    // A database of an older version lacks the table.
    let is_there = statements
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'retired_ids'")?
        .first_integer(&[])?;
    if is_there.is_none() {
        return Ok(None);
    }
    statements
        .prepare(&format!(
            "SELECT last_id + 1 FROM retired_ids \
             WHERE table_name = ?1 AND last_id >= (SELECT coalesce(max(id), 0) FROM {table})"
        ))?
        .first_integer(&[Bound::Text(table)])
}

/// Keeps an id of a deleted row, and all lower ones, from being used again.
pub(in crate::models) fn retire(
    statements: Statements<'_>,
    table: &'static str,
    last_id: i64,
) -> QueryResult<()> {
    statements
        .prepare(
            "INSERT INTO retired_ids (table_name, last_id) VALUES (?1, ?2) \
             ON CONFLICT (table_name) DO UPDATE SET last_id = max(last_id, excluded.last_id)",
        )?
        .run(&[Bound::Text(table), Bound::Integer(last_id)])
        .map(drop)
}
