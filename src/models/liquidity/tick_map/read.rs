//! Tick maps, one pool after the other.

use std::iter::FusedIterator;
use std::ops::RangeInclusive;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::TickMap;
use crate::models::access::columns::Columns;
use crate::models::access::read_transaction::ReadTransaction;
use crate::models::access::row_error::RowError;
use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::POOL_KIND_TABLES;
use crate::sqlite::{Bound, Statement};
use crate::types::{ChainId, Encode};

/// The tick map of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolTickMap {
    /// The pool's id in `pools`, or in `managed_pools`.
    pub pool_id: i64,
    /// Its liquidity.
    pub tick_map: TickMap,
}

impl TickMap {
    /// The tick map of one pool; empty for a pool without liquidity, or one that is not there.
    ///
    /// # Errors
    ///
    /// [`RowError`] where a value is malformed or a statement fails.
    pub fn of_pool(
        connection: &mut SqliteConnection,
        family: PoolFamily,
        pool_id: i64,
    ) -> Result<Self, RowError> {
        let mut maps = TickMaps::where_pool(
            connection,
            family,
            with_id(family),
            &[Bound::Integer(pool_id)],
        )?;
        Ok(maps
            .next()
            .transpose()?
            .map_or_else(Self::default, |found| found.tick_map))
    }
}

/// The tick maps of many pools, in the order of their ids.
///
/// An iterator that holds one pool's map at a time, however large the database is. All maps are of one state
/// of the database: the one of the transaction in which it is made, or else the one at that time. Pools that
/// have neither ticks nor words are left out. Where a value of a pool is malformed, the pool's item is an
/// error, and the next pool follows; where a statement fails, the iterator ends.
pub struct TickMaps<'connection> {
    ticks: PoolRows<'connection>,
    words: PoolRows<'connection>,
    /// The current pool's, kept for their memory.
    current: TickMap,
    failed: bool,
    transaction: ReadTransaction<'connection>,
}

impl<'connection> TickMaps<'connection> {
    /// The tick maps of all pools of a chain.
    ///
    /// # Errors
    ///
    /// [`RowError`] where a statement fails.
    pub fn of_chain(
        connection: &'connection mut SqliteConnection,
        family: PoolFamily,
        chain: ChainId,
    ) -> Result<Self, RowError> {
        Self::of_chain_between(connection, family, chain, 0..=i64::MAX)
    }

    /// The tick maps of the pools of a chain whose ids are in a range. To share the work out; see
    /// [`Database::snapshots`](crate::database::Database::snapshots).
    ///
    /// # Errors
    ///
    /// [`RowError`] where a statement fails.
    pub fn of_chain_between(
        connection: &'connection mut SqliteConnection,
        family: PoolFamily,
        chain: ChainId,
        ids: RangeInclusive<i64>,
    ) -> Result<Self, RowError> {
        Self::where_pool(
            connection,
            family,
            &on_chain_between(family),
            &[
                Bound::Integer(chain.encode()),
                Bound::Integer(*ids.start()),
                Bound::Integer(*ids.end()),
            ],
        )
    }

    fn where_pool(
        connection: &'connection mut SqliteConnection,
        family: PoolFamily,
        condition: &str,
        values: &[Bound<'_>],
    ) -> Result<Self, RowError> {
        let transaction = ReadTransaction::begin(connection)?;
        let rows = |columns: Columns, order: &str| -> QueryResult<PoolRows<'connection>> {
            // The pools are gone through one by one, each with a look into the index, which has the order that
            // is asked for. CROSS JOIN keeps SQLite from turning that round.
            let mut statement = transaction.statements().prepare(&format!(
                "SELECT {}, p.id FROM {} CROSS JOIN {} AS r \
                 WHERE {condition} AND r.{} = p.id ORDER BY p.id, r.{order}",
                columns.of("r"),
                pools(family),
                columns.table,
                family.key(),
            ))?;
            statement.query(values)?;
            PoolRows::new(statement, columns)
        };
        Ok(Self {
            ticks: rows(family.tick_columns(), "tick")?,
            words: rows(family.word_columns(), "word")?,
            current: TickMap::default(),
            failed: false,
            transaction,
        })
    }

    fn read(&mut self, pool_id: i64) -> Result<TickMap, RowError> {
        let _held = self.transaction.statements().hold();
        self.current.ticks.clear();
        self.current.words.clear();
        let ticks = &mut self.current.ticks;
        let ticks_read = self.ticks.of_pool(pool_id, |columns, row| {
            ticks.push(TickLiquidity {
                tick: columns.get(row, 1)?,
                liquidity_net: columns.get(row, 2)?,
                liquidity_gross: columns.get(row, 3)?,
            });
            Ok(())
        });
        let words = &mut self.current.words;
        let words_read = self.words.of_pool(pool_id, |columns, row| {
            words.push(BitmapWord {
                word: columns.get(row, 1)?,
                bitmap: columns.get(row, 2)?,
            });
            Ok(())
        });
        // Both are on the next pool now.
        ticks_read.and(words_read)?;
        Ok(TickMap {
            ticks: self.current.ticks.as_slice().to_vec(),
            words: self.current.words.as_slice().to_vec(),
        })
    }
}

/// The table of the pools, as `p`, and what tells their chain.
const fn pools(family: PoolFamily) -> &'static str {
    match family {
        PoolFamily::Pools => "pools AS p",
        PoolFamily::ManagedPools => "managed_pools AS p CROSS JOIN pool_managers AS m",
    }
}

/// The pool with the id `?1`.
const fn with_id(family: PoolFamily) -> &'static str {
    match family {
        PoolFamily::Pools => "p.id = ?1",
        PoolFamily::ManagedPools => "p.id = ?1 AND m.id = p.manager_id",
    }
}

/// The pools of the chain `?1` whose ids are from `?2` to `?3`, but for those of kinds without ticks: a look into
/// the index for each of them is saved.
fn on_chain_between(family: PoolFamily) -> String {
    match family {
        PoolFamily::Pools => {
            let without_ticks = POOL_KIND_TABLES
                .iter()
                .filter(|kind| kind.family == family && !kind.has_ticks());
            let kinds: Vec<_> = without_ticks
                .map(|kind| format!("'{}'", kind.name))
                .collect();
            format!(
                "p.id BETWEEN ?2 AND ?3 AND p.chain = ?1 AND p.kind NOT IN ({})",
                kinds.join(", ")
            )
        }
        PoolFamily::ManagedPools => {
            "p.id BETWEEN ?2 AND ?3 AND m.id = p.manager_id AND m.chain = ?1".to_owned()
        }
    }
}

impl Iterator for TickMaps<'_> {
    type Item = Result<PoolTickMap, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let pool_id = match (self.ticks.pool_id, self.words.pool_id) {
            (Some(one), Some(other)) => one.min(other),
            (one, other) => one.or(other)?,
        };
        let read = self.read(pool_id);
        self.failed = matches!(read, Err(RowError::Sql(_)));
        Some(read.map(|tick_map| PoolTickMap { pool_id, tick_map }))
    }
}

impl FusedIterator for TickMaps<'_> {}

/// The rows of a table that belong to pools, in the order of the pools.
struct PoolRows<'connection> {
    statement: Statement<'connection>,
    columns: Columns,
    /// The pool of the current row, or `None` after the last one.
    pool_id: Option<i64>,
}

impl<'connection> PoolRows<'connection> {
    fn new(statement: Statement<'connection>, columns: Columns) -> QueryResult<Self> {
        let mut rows = Self {
            statement,
            columns,
            pool_id: None,
        };
        rows.advance()?;
        Ok(rows)
    }

    #[inline]
    fn advance(&mut self) -> QueryResult<()> {
        let place = self.columns.end();
        self.pool_id = self.statement.step()?.then(|| self.statement.key(place));
        Ok(())
    }

    /// Takes the rows of a pool in, and goes on to the next pool even where one of them is malformed.
    fn of_pool(
        &mut self,
        pool_id: i64,
        mut take: impl FnMut(&Columns, &Statement<'_>) -> Result<(), RowError>,
    ) -> Result<(), RowError> {
        let mut result = Ok(());
        while self.pool_id == Some(pool_id) {
            if result.is_ok() {
                result = take(&self.columns, &self.statement);
            }
            self.advance()?;
        }
        result
    }
}
