//! The statements of an update.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use diesel::prelude::*;

use super::parts::PartWriter;
use super::{PoolUpdate, UpdateReport};
use crate::models::PoolFamily;
use crate::models::liquidity_pool::detail_columns;
use crate::models::row::RowError;
use crate::models::tick_map::{BitmapWord, TickLiquidity};
use crate::sqlite::{Bound, Statement, Statements};
use crate::types::{Decode, InvalidValue, PoolKind};

/// The columns of a pool's mark.
const MARK: [&str; 2] = ["liquidity_update_block", "liquidity_update_log_index"];

/// Writes the updates of one family's pools.
pub(super) struct PoolWriter<'connection> {
    statements: Statements<'connection>,
    family: PoolFamily,
    ticks: PartWriter<'connection, TickLiquidity>,
    words: PartWriter<'connection, BitmapWord>,
    kind: Statement<'connection>,
    /// Of the tables that have been needed.
    marks: BTreeMap<&'static str, RowWriter<'connection>>,
}

impl<'connection> PoolWriter<'connection> {
    pub(super) fn new(
        statements: Statements<'connection>,
        family: PoolFamily,
    ) -> QueryResult<Self> {
        let table = family.table();
        Ok(Self {
            statements,
            family,
            ticks: PartWriter::new(statements, family, &family.tick_columns())?,
            words: PartWriter::new(statements, family, &family.word_columns())?,
            kind: statements.prepare(&format!("SELECT kind FROM {table} WHERE id = ?1"))?,
            marks: BTreeMap::new(),
        })
    }

    pub(super) fn write(
        &mut self,
        pool: &PoolUpdate,
        report: &mut UpdateReport,
    ) -> Result<(), RowError> {
        self.ticks
            .write(pool.pool_id, pool.ticks.values().copied(), report)?;
        let words = pool.words.iter();
        let words = words.map(|(&word, &bitmap)| BitmapWord { word, bitmap });
        self.words.write(pool.pool_id, words, report)?;
        if let Some(mark) = pool.mark {
            let values = [Bound::integer(mark.block), Bound::integer(mark.log_index)];
            report.written += self.marks_of(pool.pool_id)?.write(pool.pool_id, &values)?;
        }
        Ok(())
    }

    /// What writes the mark of a pool, by the table that has it.
    fn marks_of(&mut self, pool_id: i64) -> Result<&mut RowWriter<'connection>, RowError> {
        let table = match self.family {
            PoolFamily::Pools => self.table_of_kind(pool_id)?,
            PoolFamily::ManagedPools => "uniswap_v4_pools",
        };
        Ok(match self.marks.entry(table) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let key = self.family.key();
                entry.insert(RowWriter::new(self.statements, table, key, &MARK)?)
            }
        })
    }

    fn table_of_kind(&mut self, pool_id: i64) -> Result<&'static str, RowError> {
        let table = self.family.table();
        self.kind.query(&[Bound::Integer(pool_id)])?;
        if !self.kind.step()? {
            return Err(RowError::NotThere { table, id: pool_id });
        }
        let kind = PoolKind::decode(self.kind.column(0));
        self.kind.reset();
        let kind = kind.map_err(|source| RowError::Invalid {
            table,
            id: pool_id,
            column: "kind",
            source,
        })?;
        let columns = detail_columns(kind);
        if !MARK.iter().all(|column| columns.names.contains(column)) {
            return Err(RowError::Rejected {
                table,
                what: format!("row {pool_id}"),
                source: InvalidValue {
                    expected: "a kind with ticks",
                    found: kind.to_string(),
                },
            });
        }
        Ok(columns.table)
    }
}

/// Changes columns of rows that are there.
pub(super) struct RowWriter<'connection> {
    table: &'static str,
    find: Statement<'connection>,
    update: Statement<'connection>,
}

impl<'connection> RowWriter<'connection> {
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
        Ok(Self {
            table,
            find: statements.prepare(&format!("SELECT 1 FROM {table} WHERE {key} = ?1"))?,
            update: statements.prepare(&format!(
                "UPDATE {table} SET {} WHERE {key} = ?1 AND ({})",
                each(|(place, column)| format!("{column} = ?{place}"), ", "),
                each(
                    |(place, column)| format!("{column} IS NOT ?{place}"),
                    " OR "
                ),
            ))?,
        })
    }

    /// How many rows are different now: one or none.
    pub(super) fn write(&mut self, id: i64, values: &[Bound<'_>]) -> Result<u64, RowError> {
        let id_and_values = [&[Bound::Integer(id)], values].concat();
        let changed = self.update.run(&id_and_values)?;
        if changed == 0 && self.find.first_integer(&[Bound::Integer(id)])?.is_none() {
            return Err(RowError::NotThere {
                table: self.table,
                id,
            });
        }
        Ok(changed)
    }
}
