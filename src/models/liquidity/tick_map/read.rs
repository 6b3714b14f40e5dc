//! Reading tick maps, of one pool or of many.

use std::iter::FusedIterator;
use std::ops::RangeInclusive;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::TickMap;
use super::marks::PoolMarks;
use crate::models::access::columns::Columns;
use crate::models::access::read_transaction::ReadTransaction;
use crate::models::access::row_error::RowError;
use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::POOL_KIND_TABLES;
use crate::sqlite::prepared::{Bound, Statement};
use crate::types::integer::ChainId;
use crate::types::stored::Encode;

/// A pool's id with its tick map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolTickMap {
    /// The pool's id in `pools`, or in `managed_pools`.
    pub pool_id: i64,
    /// The pool's tick map.
    pub tick_map: TickMap,
}

impl TickMap {
    /// The tick map of one pool, with its mark; [`TickMap::default`] if the pool has no liquidity and no mark,
    /// or does not exist.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a value is malformed or a statement fails.
    pub fn of_pool(
        connection: &mut SqliteConnection,
        family: PoolFamily,
        pool_id: i64,
    ) -> Result<Self, RowError> {
        let mut maps = TickMaps::where_pool(
            connection,
            family,
            with_id(family),
            "{id} = ?1",
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
/// The iterator holds one map at a time. It reads in the caller's transaction, or in a read transaction of
/// its own. Pools without ticks, words and mark are left out: their map is [`TickMap::default`]. A malformed
/// value yields an error for its pool, and the next pool follows; a failed statement ends the iterator.
pub struct TickMaps<'connection> {
    ticks: PoolRows<'connection>,
    words: PoolRows<'connection>,
    marks: PoolMarks<'connection>,
    /// Finds out whether a pool is one of those asked for.
    is_asked_for: Statement<'connection>,
    /// The values of the conditions. A place for a pool's id is left after them.
    values: [Bound<'static>; 4],
    /// The current pool's map. Reused, to allocate less.
    current: TickMap,
    failed: bool,
    transaction: ReadTransaction<'connection>,
}

impl<'connection> TickMaps<'connection> {
    /// The tick maps of all pools of a chain.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails.
    pub fn of_chain(
        connection: &'connection mut SqliteConnection,
        family: PoolFamily,
        chain: ChainId,
    ) -> Result<Self, RowError> {
        Self::of_chain_between(connection, family, chain, 0..=i64::MAX)
    }

    /// The tick maps of the pools of a chain with ids in a range, to split the work between connections; see
    /// [`Database::snapshots`](crate::database::Database::snapshots).
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails.
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
            "{id} BETWEEN ?2 AND ?3",
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
        condition_of_id: &str,
        asked: &[Bound<'static>],
    ) -> Result<Self, RowError> {
        let transaction = ReadTransaction::begin(connection)?;
        let mut values = [Bound::Null; 4];
        values[..asked.len()].copy_from_slice(asked);
        let rows = |columns: Columns, order: &str| -> QueryResult<PoolRows<'connection>> {
            // CROSS JOIN fixes the plan: scan the pools, and look up each one's rows in the index, which has
            // the order asked for, so that nothing is sorted.
            let mut statement = transaction.statements().prepare(&format!(
                "SELECT {}, p.id FROM {} CROSS JOIN {} AS r \
                 WHERE {condition} AND r.{} = p.id ORDER BY p.id, r.{order}",
                columns.of("r"),
                pools(family),
                columns.table,
                family.key(),
            ))?;
            statement.query(asked)?;
            PoolRows::new(statement, columns)
        };
        Ok(Self {
            ticks: rows(family.tick_columns(), "tick")?,
            words: rows(family.word_columns(), "word")?,
            marks: PoolMarks::of(transaction.statements(), family, condition_of_id, asked)?,
            is_asked_for: transaction.statements().prepare(&format!(
                "SELECT 1 FROM {} WHERE {condition} AND p.id = ?4",
                pools(family)
            ))?,
            values,
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
        let mark = self.marks.of_pool(pool_id);
        // Only now: all scans must have moved to the next pool.
        ticks_read.and(words_read)?;
        Ok(TickMap {
            ticks: self.current.ticks.as_slice().to_vec(),
            words: self.current.words.as_slice().to_vec(),
            sync_cursor: mark?,
        })
    }

    /// The next pool that has ticks, words or a mark.
    fn next_pool(&mut self) -> QueryResult<Option<i64>> {
        let with_liquidity = match (self.ticks.pool_id, self.words.pool_id) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        while let Some(marked) = self.marks.next_marked(with_liquidity)? {
            self.values[3] = Bound::Integer(marked);
            if self.is_asked_for.first_integer(&self.values)?.is_some() {
                return Ok(Some(marked));
            }
            self.marks.advance()?;
        }
        Ok(with_liquidity)
    }
}

/// The FROM clause for the pools, as `p`, with their pool managers, as `m`, where those have the chain.
const fn pools(family: PoolFamily) -> &'static str {
    match family {
        PoolFamily::Pools => "pools AS p",
        PoolFamily::ManagedPools => "managed_pools AS p CROSS JOIN pool_managers AS m",
    }
}

/// The condition for the pool with the id `?1`.
const fn with_id(family: PoolFamily) -> &'static str {
    match family {
        PoolFamily::Pools => "p.id = ?1",
        PoolFamily::ManagedPools => "p.id = ?1 AND m.id = p.manager_id",
    }
}

/// The condition for the pools of the chain `?1` with ids from `?2` to `?3`. Kinds without ticks are
/// excluded, which saves an index lookup for each of their pools.
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
        let pool_id = match self.next_pool() {
            Ok(pool_id) => pool_id?,
            Err(error) => {
                self.failed = true;
                return Some(Err(error.into()));
            }
        };
        let read = self.read(pool_id);
        self.failed = matches!(read, Err(RowError::Sql { .. }));
        Some(read.map(|tick_map| PoolTickMap { pool_id, tick_map }))
    }
}

impl FusedIterator for TickMaps<'_> {}

/// A scan of a table whose rows belong to pools, in the order of the pools' ids.
struct PoolRows<'connection> {
    statement: Statement<'connection>,
    columns: Columns,
    /// The pool's id in the current row; `None` after the last row.
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

    /// Calls `take` with each row of a pool. Moves on to the next pool even after a malformed row.
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
