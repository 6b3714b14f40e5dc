//! Writes the changes of blocks, the marks of exchanges and the journal in one transaction.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::recognition::recognise::recognise_state;
use crate::database::structure::schema_version::SchemaVersion;
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
use crate::sync::own_triggers::require_none_that_interferes;
use crate::sync::pair_numbers::{Lost, PairNumbers};
use crate::sync::pool_index::PoolIndex;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// The changes of consecutive blocks, for the exchanges of a group.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) from: BlockNumber,
    /// The hash of the block before the first one.
    pub(super) parent_hash: BlockHash,
    pub(super) to: BlockNumber,
    pub(super) changes: Changes,
    /// All blocks, if they are not final.
    pub(super) headers: Vec<StoredBlock>,
    /// The last block.
    pub(super) end: StoredBlock,
}

impl Batch {
    /// The hash of a block, if it is known.
    fn hash(&self, number: BlockNumber) -> Option<BlockHash> {
        self.headers
            .iter()
            .chain([&self.end])
            .find(|block| block.number == number)
            .map(|block| block.hash)
    }
}

/// The result of a commit.
#[derive(Debug)]
pub(super) enum Committed {
    Done(Counts),
    /// Nothing was written, because the database is no longer what the batch was made for.
    Moved(&'static str),
}

/// What a commit has written.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// New pools, by the exchange's place in the scope.
    pub(super) pools: Vec<(usize, u64)>,
    pub(super) applied: Applied,
    pub(super) lost: Lost,
}

/// What is remembered between commits. All of it is checked in each transaction.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) index: PoolIndex,
    pub(super) numbers: PairNumbers,
    /// Changes with each commit of another connection.
    data_version: Option<i64>,
    /// Changes with each change of the schema.
    schema_version: Option<i64>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            index: PoolIndex::default(),
            numbers: PairNumbers::default(),
            data_version: None,
            schema_version: None,
        }
    }

    /// Forgets what others may have changed. Runs inside a transaction.
    pub(super) fn refresh(
        &mut self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), SyncError> {
        let data_version = pragma(connection, "data_version")?;
        if self.data_version != Some(data_version) {
            self.forget();
            self.data_version = Some(data_version);
        }
        let schema_version = pragma(connection, "schema_version")?;
        if self.schema_version != Some(schema_version) {
            let recognition = recognise_state(connection)?;
            let version = recognition.require_version(path)?;
            if version != SchemaVersion::latest() {
                return Err(SyncError::Version {
                    found: version.to_string(),
                });
            }
            require_none_that_interferes(connection, path)?;
            self.schema_version = Some(schema_version);
        }
        Ok(())
    }

    /// Whether no other connection has written since the last refresh.
    pub(super) fn is_current(&self, connection: &mut SqliteConnection) -> Result<bool, SyncError> {
        Ok(self.data_version == Some(pragma(connection, "data_version")?))
    }

    /// Forgets all rows.
    pub(super) fn forget(&mut self) {
        self.index.clear();
        self.numbers.clear();
    }
}

fn pragma(connection: &mut SqliteConnection, name: &str) -> Result<i64, SyncError> {
    let statements = Statements::of(connection)?;
    let value = statements
        .prepare(&format!("PRAGMA main.{name}"))?
        .first_integer(&[])?;
    Ok(value.unwrap_or_default())
}

/// Writes a batch.
pub(super) fn commit(
    connection: &mut SqliteConnection,
    path: &Path,
    memory: &mut Memory,
    chain: ChainId,
    scope: &Scope,
    members: &[usize],
    batch: &Batch,
) -> Result<Committed, SyncError> {
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
                counts: Counts::default(),
            };
            if !writer.fits(batch)? {
                return Ok(Committed::Moved("the chain was reorganised"));
            }
            writer.write(batch)?;
            Ok(Committed::Done(writer.counts))
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

struct Writer<'a> {
    connection: &'a mut SqliteConnection,
    memory: &'a mut Memory,
    chain: ChainId,
    scope: &'a Scope,
    members: &'a [usize],
    counts: Counts,
}

impl Writer<'_> {
    /// Whether the blocks of a batch are on the same branch of the chain as those that are stored.
    ///
    /// Another update may have stored them since this one began, from a node on another branch.
    fn fits(&mut self, batch: &Batch) -> Result<bool, SyncError> {
        let chain = self.chain;
        let parent = batch.from.previous();
        let first = parent.unwrap_or(batch.from);
        let stored = StoredBlock::of_range(self.connection, chain, first, batch.to)?;
        Ok(stored.iter().all(|stored| {
            let hash = if Some(stored.number) == parent {
                Some(batch.parent_hash)
            } else {
                batch.hash(stored.number)
            };
            hash.is_none_or(|hash| hash == stored.hash)
        }))
    }

    fn write(&mut self, batch: &Batch) -> Result<(), SyncError> {
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
