//! Writing the updates of pools.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use diesel::prelude::*;

use super::UpdateReport;
use super::liquidity_rows::LiquidityRowWriter;
use super::row_updater::RowUpdater;
use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::models::liquidity::pool_update::PoolUpdate;
use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{managed_pool_kind_columns, pool_kind_columns};
use crate::models::pools::pool_parameters::SyncCursor;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::invalid_value::InvalidValue;
use crate::types::kind::{ManagedPoolKind, PoolKind};
use crate::types::stored::Decode;

/// The columns of a pool's sync cursor.
const CURSOR_COLUMNS: [&str; 2] = ["liquidity_update_block", "liquidity_update_log_index"];

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
        let id = pool.pool_id;
        let cursors = self.cursors_of(id)?;
        if let Some(cursor) = pool.sync_cursor {
            if !allow_rewind && cursors.read(id)? > cursor {
                report.outdated += 1;
                return Ok(());
            }
            let values = [
                Bound::integer(cursor.block),
                Bound::integer(cursor.log_index),
            ];
            report.written += cursors.update.run(id, &values)?;
        }
        self.ticks.write(id, pool.ticks.values().copied(), report)?;
        let words = pool.words.iter();
        let words = words.map(|(&word, &bitmap)| BitmapWord { word, bitmap });
        self.words.write(id, words, report)?;
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
            return Err(RowError::Rejected {
                table: pools,
                what: format!("row {pool_id}"),
                source: InvalidValue {
                    expected: "a kind with ticks",
                    found,
                },
            });
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

/// A table with the sync cursors of the pools of one kind.
struct CursorTable<'connection> {
    columns: Columns,
    read: Statement<'connection>,
    update: RowUpdater<'connection>,
}

impl<'connection> CursorTable<'connection> {
    fn new(
        statements: Statements<'connection>,
        table: &'static str,
        key: &str,
    ) -> QueryResult<Self> {
        Ok(Self {
            columns: Columns {
                table,
                names: &["id", CURSOR_COLUMNS[0], CURSOR_COLUMNS[1]],
                offset: 0,
            },
            read: statements.prepare(&format!(
                "SELECT {key}, {} FROM {table} WHERE {key} = ?1",
                CURSOR_COLUMNS.join(", ")
            ))?,
            update: RowUpdater::new(statements, table, key, &CURSOR_COLUMNS)?,
        })
    }

    fn read(&mut self, pool_id: i64) -> Result<SyncCursor, RowError> {
        self.read.query(&[Bound::Integer(pool_id)])?;
        let cursor = if self.read.step()? {
            SyncCursor {
                block: self.columns.get(&self.read, 1)?,
                log_index: self.columns.get(&self.read, 2)?,
            }
        } else {
            SyncCursor::default()
        };
        self.read.reset();
        Ok(cursor)
    }
}
