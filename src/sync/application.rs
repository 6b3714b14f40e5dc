//! Applies liquidity events to the pools of the database.

use crate::models::journal::entries::JournalEntries;
use crate::models::liquidity::event_writer::{Applied, EventWriter, LiquidityEvent};
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::Statements;
use crate::sync::changes::Changes;
use crate::sync::pool_index::{Lookup, PoolIndex};
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::hash::PoolHash;
use crate::types::integer::ChainId;

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
    /// Applies the events, and records the changes in the journal if they are of blocks that can disappear.
    pub(super) fn run(
        &mut self,
        statements: Statements<'_>,
        changes: &Changes,
        is_recorded: bool,
    ) -> Result<(), SyncError> {
        if !changes.has_liquidity() {
            return Ok(());
        }
        let _held = statements.hold();
        let mut lookup = Lookup::new(statements, self.chain)?;
        let of_pools = self.of_pools(&mut lookup, changes)?;
        let of_managed_pools = self.of_managed_pools(&mut lookup, changes)?;
        let mut journal = is_recorded.then(JournalEntries::default);
        // Each writer has a dozen statements.
        if !of_pools.is_empty() {
            let mut writer = EventWriter::new(statements, PoolFamily::Pools)?;
            let journal = journal.as_mut();
            let events = &changes.liquidity;
            self.write(&mut writer, events, of_pools, journal, ToString::to_string)?;
        }
        if !of_managed_pools.is_empty() {
            let mut writer = EventWriter::new(statements, PoolFamily::ManagedPools)?;
            let journal = journal.as_mut();
            let events = &changes.managed_liquidity;
            let name = |(_, hash): &(usize, PoolHash)| hash.to_string();
            self.write(&mut writer, events, of_managed_pools, journal, name)?;
        }
        if let Some(journal) = journal {
            journal.write(statements, self.chain)?;
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
        mut journal: Option<&mut JournalEntries>,
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
                    .apply(*id, table, &events, self.applied, journal.as_deref_mut())
                    .map_err(|error| SyncError::of_events(name(pool), error))?;
            }
        }
        Ok(writer.delete_rows(self.applied)?)
    }
}
