//! Writes the changes of blocks, the marks of exchanges and the journal in one transaction.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::models::access::written::require_written;
use crate::models::journal::block_updates::{forget_final_below, store_blocks};
use crate::models::journal::blocks::StoredBlock;
use crate::models::journal::recorder::Recorder;
use crate::models::liquidity::event_writer::Applied;
use crate::models::pools::liquidity_pool::LiquidityPool;
use crate::models::pools::liquidity_pool::insert::NewLiquidityPool;
use crate::models::pools::managed_liquidity_pool::ManagedLiquidityPool;
use crate::models::rows::exchange::Exchange;
use crate::schema::{exchanges, managed_pools, pools};
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::sync::application::Application;
use crate::sync::changes::{Changes, CreatedManagedPool, NewPoolFacts};
use crate::sync::domain::{Committed, Counts, Place, Remembered};
use crate::sync::freshness::Freshness;
use crate::sync::pair_numbers::{Lost, PairNumbers};
use crate::sync::pending::Batch;
use crate::sync::pool_index::PoolIndex;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// What is remembered between commits. All of it is checked in each transaction.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) index: PoolIndex,
    pub(super) numbers: PairNumbers,
    freshness: Freshness,
}

impl Remembered for Memory {
    fn refresh(&mut self, connection: &mut SqliteConnection, path: &Path) -> Result<(), SyncError> {
        if self.freshness.look(connection, path)? {
            self.forget();
        }
        Ok(())
    }

    fn is_current(&self, connection: &mut SqliteConnection) -> Result<bool, SyncError> {
        self.freshness.is_current(connection)
    }

    fn forget(&mut self) {
        self.index.clear();
        self.numbers.clear();
    }
}

/// Writes a batch.
pub(super) fn commit(
    place: Place<'_>,
    memory: &mut Memory,
    scope: &Scope,
    members: &[usize],
    batch: &Batch<Changes>,
) -> Result<Committed, SyncError> {
    let Place {
        connection,
        path,
        chain,
    } = place;
    let result = transaction(
        connection,
        Begin::Immediate,
        |connection| {
            memory.refresh(connection, path)?;
            if let Some(reason) = moved(connection, scope, members)? {
                return Ok(Committed::Moved(reason));
            }
            let mut writer = Writer {
                connection,
                memory,
                chain,
                scope,
                members,
                counts: Written::default(),
            };
            if !writer.fits(batch)? {
                return Ok(Committed::Moved("the chain was reorganised"));
            }
            writer.write(batch)?;
            Ok(Committed::Done(writer.counts.total()))
        },
        SyncError::from,
    );
    if !matches!(result, Ok(Committed::Done(_))) {
        // What was rolled back is not in the database.
        memory.forget();
    }
    result
}

/// Whether the exchanges are no longer as they were read.
fn moved(
    connection: &mut SqliteConnection,
    scope: &Scope,
    members: &[usize],
) -> Result<Option<&'static str>, SyncError> {
    for exchange in members
        .iter()
        .filter_map(|index| scope.exchanges.get(*index))
    {
        let Some(found) = Exchange::by_id(connection, exchange.id)? else {
            return Ok(Some("another program has replaced the exchanges"));
        };
        if found.last_update_block != exchange.mark {
            return Ok(Some("another program has moved the marks"));
        }
        if !found.active
            || found.factory != exchange.deployment.factory
            || found.name != exchange.deployment.name
            || found.chain_id != exchange.deployment.chain
        {
            return Ok(Some("another program has changed the exchanges"));
        }
    }
    Ok(None)
}

/// What was written.
#[derive(Debug, Default)]
struct Written {
    /// New pools, by the exchange's place in the scope.
    pools: Vec<(usize, u64)>,
    applied: Applied,
    lost: Lost,
}

impl Written {
    fn total(self) -> Counts {
        Counts {
            created: self.pools,
            events: self.applied.events,
            already_applied: self.applied.skipped,
            rows: self.applied.rows.written + self.applied.rows.deleted,
            lost: self.lost.into_iter().collect(),
        }
    }
}

struct Writer<'a> {
    connection: &'a mut SqliteConnection,
    memory: &'a mut Memory,
    chain: ChainId,
    scope: &'a Scope,
    members: &'a [usize],
    counts: Written,
}

impl Writer<'_> {
    /// Whether the blocks of a batch are on the same branch of the chain as those that are stored.
    fn fits(&mut self, batch: &Batch<Changes>) -> Result<bool, SyncError> {
        let first = batch.from.previous().unwrap_or(batch.from);
        let stored = StoredBlock::of_range(self.connection, self.chain, first, batch.to)?;
        Ok(batch.fits(&stored))
    }

    fn write(&mut self, batch: &Batch<Changes>) -> Result<(), SyncError> {
        let chain = self.chain;
        let changes = &batch.changes;
        if batch.end.is_final {
            self.insert_pools(&changes.pools, &changes.facts)?;
            self.insert_managed_pools(&changes.managed_pools)?;
            self.apply(changes, false)?;
            batch.end.store(self.connection, chain)?;
            forget_final_below(self.connection, chain, batch.to)?;
        } else {
            self.insert_recorded(changes)?;
            self.apply(changes, true)?;
            let headers = batch.headers.iter().copied();
            store_blocks(Statements::of(self.connection)?, chain, headers)?;
        }
        for exchange in self
            .members
            .iter()
            .filter_map(|index| self.scope.exchanges.get(*index))
        {
            self.memory.numbers.begin(self.connection, exchange)?;
            let updated = diesel::update(exchanges::table.find(exchange.id))
                .set(exchanges::last_update_block.eq(batch.to))
                .execute(self.connection)?;
            require_written(u64::try_from(updated).unwrap_or(u64::MAX), "exchanges")?;
        }
        Ok(())
    }

    /// Inserts the new pools of one block after the other, each recorded as a change of its block.
    fn insert_recorded(&mut self, changes: &Changes) -> Result<(), SyncError> {
        let Changes {
            pools,
            facts,
            managed_pools,
            ..
        } = changes;
        let blocks = facts.iter().map(|facts| facts.place.block);
        let blocks = blocks.chain(managed_pools.iter().map(|new| new.block));
        let blocks: BTreeSet<_> = blocks.collect();
        for block in blocks {
            let own = range_of(facts, block, |facts| facts.place.block);
            let managed = range_of(managed_pools, block, |new| new.block);
            Recorder::enter(Statements::of(self.connection)?, self.chain, block)?;
            self.insert_pools(&pools[own.clone()], &facts[own])?;
            self.insert_managed_pools(&managed_pools[managed])?;
            Recorder::leave(Statements::of(self.connection)?)?;
        }
        Ok(())
    }

    /// Applies the liquidity events.
    fn apply(&mut self, changes: &Changes, is_recorded: bool) -> Result<(), SyncError> {
        let members = self.members.iter();
        let members = members.filter_map(|index| Some(self.scope.exchanges.get(*index)?.id));
        let mut application = Application {
            chain: self.chain,
            scope: self.scope,
            members: members.collect(),
            index: &mut self.memory.index,
            applied: &mut self.counts.applied,
        };
        application.run(Statements::of(self.connection)?, changes, is_recorded)
    }

    fn insert_pools(
        &mut self,
        new: &[NewLiquidityPool],
        facts: &[NewPoolFacts],
    ) -> Result<(), SyncError> {
        if new.is_empty() {
            return Ok(());
        }
        let numbers = &mut self.memory.numbers;
        let missing = numbers.check(self.connection, self.scope, new, facts)?;
        for (exchange, count) in missing {
            *self.counts.lost.entry(exchange).or_default() += count;
        }
        let last: Option<i64> = pools::table.select(max(pools::id)).first(self.connection)?;
        let ids = LiquidityPool::insert_or_get(self.connection, new)?;
        for ((pool, facts), id) in new.iter().zip(facts).zip(ids) {
            if Some(id) > last {
                self.memory.index.add(id, pool);
                self.counts.pools.push((facts.exchange, 1));
            } else {
                self.memory.index.forget(pool.address);
            }
        }
        Ok(())
    }

    fn insert_managed_pools(&mut self, created: &[CreatedManagedPool]) -> Result<(), SyncError> {
        for index in self.members {
            let of_exchange = created.iter().filter(|new| new.exchange == *index);
            let new: Vec<_> = of_exchange.map(|new| new.pool.clone()).collect();
            let exchange = self.scope.exchanges.get(*index);
            let Some(manager) = exchange.and_then(|exchange| exchange.manager.as_ref()) else {
                continue;
            };
            if new.is_empty() {
                continue;
            }
            let last: Option<i64> = managed_pools::table
                .select(max(managed_pools::id))
                .first(self.connection)?;
            let ids = ManagedLiquidityPool::insert_or_get(self.connection, manager, &new)?;
            for (id, pool) in ids.iter().zip(&new) {
                self.memory.index.add_managed(*id, manager.id, pool);
            }
            let inserted = ids.iter().filter(|id| Some(**id) > last).count();
            let count = u64::try_from(inserted).unwrap_or(u64::MAX);
            self.counts.pools.push((*index, count));
        }
        Ok(())
    }
}

/// The place of a block's items in a list in the order of the blocks.
fn range_of<T>(
    items: &[T],
    block: BlockNumber,
    block_of: impl Fn(&T) -> BlockNumber,
) -> Range<usize> {
    let start = items.partition_point(|item| block_of(item) < block);
    let end = items.partition_point(|item| block_of(item) <= block);
    start..end
}
