//! The marks of pools, read beside their ticks.

use diesel::prelude::*;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{CURSOR_COLUMNS, POOL_KIND_TABLES};
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::stored::Stored;
use crate::types::sync_cursor::SyncCursor;

/// A scan of the marks of one family's pools, in the order of the pools' ids. It has the pools of all chains.
pub(super) struct PoolMarks<'connection> {
    statement: Statement<'connection>,
    tables: Vec<Columns>,
    /// The pool of the current row; `None` after the last row.
    pool_id: Option<i64>,
}

impl<'connection> PoolMarks<'connection> {
    /// The index of the column with the table's place in `tables`.
    const TABLE: i32 = 3;

    /// Scans the marks of the pools whose ids meet a condition, in which `{id}` stands for the id.
    pub(super) fn of(
        statements: Statements<'connection>,
        family: PoolFamily,
        condition: &str,
        values: &[Bound<'_>],
    ) -> QueryResult<Self> {
        // A database of an older version may lack the table of a kind.
        let mut is_there =
            statements.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
        let mut tables = Vec::new();
        for kind in &POOL_KIND_TABLES {
            if kind.family == family
                && kind.has_ticks()
                && is_there
                    .first_integer(&[Bound::Text(kind.table)])?
                    .is_some()
            {
                tables.push(kind.cursor_columns());
            }
        }
        let key = family.key();
        let columns = CURSOR_COLUMNS.join(", ");
        // SQLite merges the tables, which it reads in the order of their keys, and sorts nothing.
        let selects: Vec<_> = tables
            .iter()
            .enumerate()
            .map(|(place, columns_of)| {
                format!(
                    "SELECT {key}, {columns}, {place} FROM {} WHERE {}",
                    columns_of.table,
                    condition.replace("{id}", key)
                )
            })
            .collect();
        let mut statement =
            statements.prepare(&format!("{} ORDER BY 1", selects.join(" UNION ALL ")))?;
        statement.query(values)?;
        let mut marks = Self {
            statement,
            tables,
            pool_id: None,
        };
        marks.advance()?;
        Ok(marks)
    }

    /// Goes on to the next pool.
    pub(super) fn advance(&mut self) -> QueryResult<()> {
        self.pool_id = self.statement.step()?.then(|| self.statement.key(0));
        Ok(())
    }

    /// The mark of a pool. The pools before it are passed over.
    pub(super) fn of_pool(&mut self, pool_id: i64) -> Result<SyncCursor, RowError> {
        while self.pool_id.is_some_and(|at| at < pool_id) {
            self.advance()?;
        }
        let mut mark = Ok(SyncCursor::default());
        while self.pool_id == Some(pool_id) {
            mark = self.current();
            self.advance()?;
        }
        mark
    }

    /// The next pool that has a mark, if it comes before `end`.
    pub(super) fn next_marked(&mut self, end: Option<i64>) -> QueryResult<Option<i64>> {
        while let Some(pool_id) = self.pool_id
            && end.is_none_or(|end| pool_id < end)
        {
            if self.statement.column(1) != Stored::Null {
                return Ok(Some(pool_id));
            }
            self.advance()?;
        }
        Ok(None)
    }

    fn current(&self) -> Result<SyncCursor, RowError> {
        let place = usize::try_from(self.statement.key(Self::TABLE)).unwrap_or_default();
        let Some(columns) = self.tables.get(place) else {
            return Ok(SyncCursor::default());
        };
        Ok(SyncCursor {
            block: columns.get(&self.statement, 1)?,
            log_index: columns.get(&self.statement, 2)?,
        })
    }
}
