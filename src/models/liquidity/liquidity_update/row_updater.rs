//! Updates of columns in single rows.

use diesel::prelude::*;

use crate::models::access::row_error::RowError;
use crate::sqlite::prepared::{Bound, Statement, Statements};

/// Updates columns of existing rows.
pub(super) struct RowUpdater<'connection> {
    table: &'static str,
    find: Statement<'connection>,
    update: Statement<'connection>,
}

impl<'connection> RowUpdater<'connection> {
    pub(super) fn new(
        statements: Statements<'connection>,
        table: &'static str,
        key: &str,
        columns: &[&str],
    ) -> QueryResult<Self> {
        let each = |text: fn((usize, &&str)) -> String, between: &str| {
            let parts: Vec<_> = (2..).zip(columns).map(text).collect();
            parts.join(between)
        };
        let differs = each(
            |(place, column)| format!("{column} IS NOT ?{place}"),
            " OR ",
        );
        Ok(Self {
            table,
            find: statements.prepare(&format!("SELECT {differs} FROM {table} WHERE {key} = ?1"))?,
            update: statements.prepare(&format!(
                "UPDATE {table} SET {} WHERE {key} = ?1 AND ({differs})",
                each(|(place, column)| format!("{column} = ?{place}"), ", "),
            ))?,
        })
    }

    /// Returns the number of rows that changed: one or none.
    pub(super) fn run(&mut self, id: i64, values: &[Bound<'_>]) -> Result<u64, RowError> {
        let id_and_values = [&[Bound::Integer(id)], values].concat();
        let table = self.table;
        let changed = self.update.run(&id_and_values)?;
        if changed == 0 {
            match self.find.first_integer(&id_and_values)? {
                None => return Err(RowError::NotFound { table, id }),
                Some(0) => {}
                Some(_) => return Err(RowError::NotWritten { table }),
            }
        }
        Ok(changed)
    }
}
