//! Applies liquidity events to the pools of the database.

use crate::models::journal::recorder::Recorder;
use crate::models::liquidity::event_writer::{Applied, EventWriter, LiquidityEvent};
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::Statements;
use crate::sync::changes::Changes;
use crate::sync::pool_index::{Lookup, PoolIndex};
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// An event of a pool: the id of the pool, the place of the event in its list, and the table of the pool's kind.
type OfPool = (i64, usize, &'static str);

/// What events are applied to.
pub(super) struct Application<'a> {
    pub(super) chain: ChainId,
    pub(super) scope: &'a Scope,
    /// The ids of the exchanges.
    pub(super) members: Vec<i64>,
    pub(super) index: &'a mut PoolIndex,
    pub(super) applied: &'a mut Applied,
}

impl Application<'_> {
    /// Applies the events of blocks. Those of a block with a number are recorded in the journal.
    pub(super) fn run<'b>(
        &mut self,
        statements: Statements<'_>,
        blocks: impl IntoIterator<Item = (Option<BlockNumber>, &'b Changes)>,
    ) -> Result<(), SyncError> {
        let mut blocks = blocks
            .into_iter()
            .filter(|(_, changes)| changes.has_liquidity())
            .peekable();
        if blocks.peek().is_none() {
            return Ok(());
        }
        let _held = statements.hold();
        let mut lookup = Lookup::new(statements, self.chain)?;
        // Each has a dozen statements, which are prepared where there are events for them.
        let (mut pools, mut managed_pools) = (None, None);
        for (block, changes) in blocks {
            if let Some(block) = block {
                Recorder::enter(statements, self.chain, block)?;
            }
            let of_pools = self.of_pools(&mut lookup, changes)?;
            if !of_pools.is_empty() {
                let writer = match &mut pools {
                    Some(writer) => writer,
                    None => pools.insert(EventWriter::new(statements, PoolFamily::Pools)?),
                };
                self.write(writer, &changes.liquidity, of_pools, ToString::to_string)?;
            }
            let of_pools = self.of_managed_pools(&mut lookup, changes)?;
            if !of_pools.is_empty() {
                let family = PoolFamily::ManagedPools;
                let writer = match &mut managed_pools {
                    Some(writer) => writer,
                    None => managed_pools.insert(EventWriter::new(statements, family)?),
                };
                let events = &changes.managed_liquidity;
                self.write(writer, events, of_pools, |(_, hash)| hash.to_string())?;
            }
            if block.is_some() {
                Recorder::leave(statements)?;
            }
        }
        Ok(())
    }

    /// The events of contracts that are pools of the exchanges.
    fn of_pools(
        &mut self,
        lookup: &mut Lookup<'_>,
        changes: &Changes,
    ) -> Result<Vec<OfPool>, SyncError> {
        for (address, malformed) in &changes.malformed {
            let found = self.index.at_address(lookup, *address)?;
            if found.is_some_and(|found| self.members.contains(&found.exchange_id)) {
                return Err(malformed.clone().into());
            }
        }
        let mut of_pools = Vec::with_capacity(changes.liquidity.len());
        for (place, (address, _)) in changes.liquidity.iter().enumerate() {
            // Contracts of others emit the same events.
            if let Some(found) = self.index.at_address(lookup, *address)?
                && self.members.contains(&found.exchange_id)
            {
                of_pools.push((found.id, place, found.kind_table));
            }
        }
        Ok(of_pools)
    }

    /// The events of pools inside managers, all of which must be in the database.
    fn of_managed_pools(
        &mut self,
        lookup: &mut Lookup<'_>,
        changes: &Changes,
    ) -> Result<Vec<OfPool>, SyncError> {
        let mut of_pools = Vec::with_capacity(changes.managed_liquidity.len());
        for (place, ((exchange, hash), event)) in changes.managed_liquidity.iter().enumerate() {
            let Some(exchange) = self.scope.exchanges.get(*exchange) else {
                continue;
            };
            let Some(manager) = &exchange.manager else {
                continue;
            };
            let Some(id) = self.index.in_manager(lookup, manager.id, *hash)? else {
                return Err(SyncError::UnknownPool {
                    exchange: Box::new(exchange.name()),
                    pool: *hash,
                    place: event.place,
                });
            };
            of_pools.push((id, place, "uniswap_v4_pools"));
        }
        Ok(of_pools)
    }

    /// Writes events of a list, pool by pool.
    fn write<K>(
        &mut self,
        writer: &mut EventWriter<'_>,
        all: &[(K, LiquidityEvent)],
        mut of_pools: Vec<OfPool>,
        name: impl Fn(&K) -> String,
    ) -> Result<(), SyncError> {
        // Neighbouring pools have neighbouring rows. The events of a pool stay in the order of the chain.
        of_pools.sort_unstable_by_key(|(id, place, _)| (*id, *place));
        let mut events = Vec::new();
        for of_pool in of_pools.chunk_by(|(one, ..), (other, ..)| one == other) {
            let mut listed = of_pool.iter().filter_map(|(_, place, _)| all.get(*place));
            events.clear();
            events.extend(listed.clone().map(|(_, event)| *event));
            if let (Some((id, _, table)), Some((pool, _))) = (of_pool.first(), listed.next()) {
                writer
                    .apply(*id, table, &events, self.applied)
                    .map_err(|error| SyncError::of_events(name(pool), error))?;
            }
        }
        Ok(())
    }
}
