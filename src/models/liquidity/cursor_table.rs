//! The marks of pools, in the table of their kind.

use diesel::prelude::*;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
#[cfg(feature = "sync")]
use crate::models::journal::entries::JournalEntries;
use crate::models::liquidity::pool_update::Marks;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::CURSOR_COLUMNS;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::integer::TickSpacing;
#[cfg(feature = "sync")]
use crate::types::sync_cursor::LogPosition;
use crate::types::sync_cursor::SyncCursor;

/// A table with the marks of the pools of one kind.
pub(in crate::models::liquidity) struct CursorTable<'connection> {
    columns: Columns,
    read: Statement<'connection>,
    advance: Statement<'connection>,
}

impl<'connection> CursorTable<'connection> {
    pub(in crate::models::liquidity) fn new(
        statements: Statements<'connection>,
        table: &'static str,
        key: &str,
    ) -> QueryResult<Self> {
        let [block, log_index] = CURSOR_COLUMNS;
        Ok(Self {
            columns: Columns {
                table,
                names: &["id", CURSOR_COLUMNS[0], CURSOR_COLUMNS[1], "tick_spacing"],
                offset: 0,
            },
            read: statements.prepare(&format!(
                "SELECT {key}, {block}, {log_index}, tick_spacing FROM {table} WHERE {key} = ?1",
            ))?,
            // The condition saves a read of the row before.
            advance: statements.prepare(&format!(
                "UPDATE {table} SET {block} = ?2, {log_index} = ?3 \
                 WHERE {key} = ?1 AND {block} IS ?4 AND {log_index} IS ?5",
            ))?,
        })
    }

    pub(in crate::models::liquidity) const fn table(&self) -> &'static str {
        self.columns.table
    }

    /// Moves a pool's mark. Returns whether it was where it moves from.
    pub(in crate::models::liquidity) fn advance(
        &mut self,
        pool_id: i64,
        Marks { from, to }: Marks,
    ) -> QueryResult<bool> {
        let changed = self.advance.run(&[
            Bound::Integer(pool_id),
            Bound::integer(to.block),
            Bound::integer(to.log_index),
            Bound::integer(from.block),
            Bound::integer(from.log_index),
        ])?;
        Ok(changed > 0)
    }

    /// Records in the journal that blocks have moved a pool's mark, each to a place in itself.
    #[cfg(feature = "sync")]
    pub(in crate::models::liquidity) fn record(
        &self,
        (key, pool_id): (&'static str, i64),
        from: SyncCursor,
        places: &[LogPosition],
        journal: &mut JournalEntries,
    ) {
        let [block, log_index] = CURSOR_COLUMNS;
        let values = |mark: SyncCursor| {
            [
                (key, Bound::Integer(pool_id)),
                (block, Bound::integer(mark.block)),
                (log_index, Bound::integer(mark.log_index)),
            ]
        };
        let before = journal.values(1, values(from));
        let mut row = journal.row(self.columns.table, pool_id, Some(before));
        for place in places {
            row.becomes(place.block, 1, values((*place).into()));
        }
    }

    /// A pool's mark and tick spacing.
    pub(in crate::models::liquidity) fn read(
        &mut self,
        family: PoolFamily,
        pool_id: i64,
    ) -> Result<(SyncCursor, TickSpacing), RowError> {
        self.read.query(&[Bound::Integer(pool_id)])?;
        let row = if self.read.step()? {
            let cursor = SyncCursor {
                block: self.columns.get(&self.read, 1)?,
                log_index: self.columns.get(&self.read, 2)?,
            };
            Ok((cursor, self.columns.get(&self.read, 3)?))
        } else {
            Err(RowError::Missing {
                table: family.table(),
                id: pool_id,
                parent: self.columns.table,
                missing: pool_id,
            })
        };
        self.read.reset();
        row
    }
}
