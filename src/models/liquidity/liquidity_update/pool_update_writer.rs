//! Writing the updates of pools.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use diesel::prelude::*;

use super::UpdateReport;
use super::liquidity_rows::LiquidityRowWriter;
use crate::models::access::row_error::RowError;
use crate::models::liquidity::cursor_table::CursorTable;
use crate::models::liquidity::pool_update::PoolUpdate;
use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{
    CURSOR_COLUMNS, managed_pool_kind_columns, pool_kind_columns,
};
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::invalid_value::InvalidValue;
use crate::types::kind::{ManagedPoolKind, PoolKind};
use crate::types::stored::Decode;

/// Writes the updates of one family's pools.
pub(super) struct PoolUpdateWriter<'connection> {
    statements: Statements<'connection>,
    family: PoolFamily,
    ticks: LiquidityRowWriter<'connection, TickLiquidity>,
    words: LiquidityRowWriter<'connection, BitmapWord>,
    kind: Statement<'connection>,
    /// The tables of the kinds met so far.
    cursors: BTreeMap<&'static str, CursorTable<'connection>>,
}

impl<'connection> PoolUpdateWriter<'connection> {
    pub(super) fn new(
        statements: Statements<'connection>,
        family: PoolFamily,
    ) -> QueryResult<Self> {
        let table = family.table();
        Ok(Self {
            statements,
            family,
            ticks: LiquidityRowWriter::new(statements, family, &family.tick_columns())?,
            words: LiquidityRowWriter::new(statements, family, &family.word_columns())?,
            kind: statements.prepare(&format!("SELECT kind FROM {table} WHERE id = ?1"))?,
            cursors: BTreeMap::new(),
        })
    }

    pub(super) fn write(
        &mut self,
        pool: &PoolUpdate,
        allow_rewind: bool,
        report: &mut UpdateReport,
    ) -> Result<(), RowError> {
        let (family, id) = (self.family, pool.pool_id);
        let cursors = self.cursors_of(id)?;
        let Some(marks) = pool.marks else {
            if pool.ticks.is_empty() && pool.words.is_empty() {
                return Ok(());
            }
            return Err(rejected(
                family,
                id,
                "marks for new values",
                "none".to_owned(),
            ));
        };
        if marks.to < marks.from && !allow_rewind {
            let found = format!("{} after {}", marks.to, marks.from);
            return Err(rejected(family, id, "a mark that moves forwards", found));
        }
        let is_moved = marks.to != marks.from && cursors.advance(id, marks)?;
        let stored = if is_moved {
            report.written += 1;
            marks.from
        } else {
            let stored = cursors.read(family, id)?.0;
            if marks.to != marks.from && stored == marks.from {
                let table = cursors.table();
                return Err(RowError::NotWritten { table });
            }
            stored
        };
        let conflict = || RowError::Conflict {
            table: family.table(),
            id,
            stored,
            from: Box::new(marks.from),
            to: Box::new(marks.to),
        };
        let rewrites = allow_rewind && marks.from == marks.to;
        let words = pool.words.iter();
        let words = words.map(|(&word, &bitmap)| BitmapWord { word, bitmap });
        if is_moved || (rewrites && stored == marks.to) {
            let ticks = pool.ticks.values();
            let ticks = ticks.map(|change| (change.after, change.before));
            if !self.ticks.write(id, ticks, report)? {
                return Err(conflict());
            }
            self.words
                .write(id, words.map(|word| (word, None)), report)?;
            return Ok(());
        }
        let ticks = pool.ticks.values().map(|change| change.after);
        // The same last event does not prove that the other events are the same.
        if stored != marks.to || self.ticks.differ(id, ticks)? || self.words.differ(id, words)? {
            return Err(conflict());
        }
        report.already_applied += 1;
        Ok(())
    }

    /// The table of the pool's kind, which has its cursor. Fails if pools of the kind have no ticks.
    fn cursors_of(&mut self, pool_id: i64) -> Result<&mut CursorTable<'connection>, RowError> {
        let pools = self.family.table();
        self.kind.query(&[Bound::Integer(pool_id)])?;
        if !self.kind.step()? {
            return Err(RowError::NotFound {
                table: pools,
                id: pool_id,
            });
        }
        let columns = match self.family {
            PoolFamily::Pools => PoolKind::decode(self.kind.column(0)).map(pool_kind_columns),
            PoolFamily::ManagedPools => {
                ManagedPoolKind::decode(self.kind.column(0)).map(managed_pool_kind_columns)
            }
        };
        let found = self.kind.column(0).to_text();
        self.kind.reset();
        let columns = columns.map_err(|source| RowError::Invalid {
            table: pools,
            id: pool_id,
            column: "kind",
            source,
        })?;
        if !CURSOR_COLUMNS
            .iter()
            .all(|column| columns.names.contains(column))
        {
            return Err(rejected(self.family, pool_id, "a kind with ticks", found));
        }
        Ok(match self.cursors.entry(columns.table) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let key = self.family.key();
                entry.insert(CursorTable::new(self.statements, columns.table, key)?)
            }
        })
    }
}

fn rejected(family: PoolFamily, id: i64, expected: &'static str, found: String) -> RowError {
    RowError::Rejected {
        table: family.table(),
        what: format!("row {id}"),
        source: InvalidValue { expected, found },
    }
}
