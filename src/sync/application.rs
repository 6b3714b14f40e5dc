//! Applies liquidity events to the pools of the database.

use crate::models::journal::entries::JournalEntries;
use crate::models::liquidity::bulk_event_writer::BulkEventWriter;
use crate::models::liquidity::event_writer::{Applied, EventError, EventWriter, LiquidityEvent};
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::Statements;
use crate::sync::changes::Changes;
use crate::sync::pool_index::{Lookup, PoolIndex};
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
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
        let events = &changes.liquidity;
        self.apply(
            statements,
            PoolFamily::Pools,
            (events, of_pools),
            journal.as_mut(),
            ToString::to_string,
        )?;
        let events = &changes.managed_liquidity;
        self.apply(
            statements,
            PoolFamily::ManagedPools,
            (events, of_managed_pools),
            journal.as_mut(),
            |(_, hash)| hash.to_string(),
        )?;
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
                of_pools.push((found.id, place, found.kind.table));
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

    /// Applies events of a list to their pools.
    fn apply<K>(
        &mut self,
        statements: Statements<'_>,
        family: PoolFamily,
        (all, mut of_pools): (&[(K, LiquidityEvent)], Vec<OfPool>),
        journal: Option<&mut JournalEntries>,
        name: impl Fn(&K) -> String,
    ) -> Result<(), SyncError> {
        // A writer has a dozen statements.
        if of_pools.is_empty() {
            return Ok(());
        }
        // Neighbouring pools have neighbouring rows. The events of a pool stay in the order of the chain.
        of_pools.sort_unstable_by_key(|(id, place, _)| (*id, *place));
        let by_pool = of_pools
            .chunk_by(|(one, ..), (other, ..)| one == other)
            .map(|of_pool| {
                let (id, _, table) = of_pool[0];
                (
                    id,
                    table,
                    of_pool.iter().map(|(_, place, _)| &all[*place].1),
                )
            });
        let applied = match journal {
            Some(journal) => self.record(statements, family, by_pool, journal),
            None => self.write(statements, family, by_pool),
        };
        applied.map_err(|error| {
            let of_pool = match &error {
                EventError::Liquidity { place, .. } => {
                    all.iter().find(|(_, event)| event.place == *place)
                }
                EventError::Row(_) => None,
            };
            let pool = of_pool.map_or_else(String::new, |(pool, _)| name(pool));
            SyncError::of_events(pool, error)
        })
    }

    /// Applies events that are final, pool by pool.
    fn write<'events>(
        &mut self,
        statements: Statements<'_>,
        family: PoolFamily,
        by_pool: impl Iterator<
            Item = (
                i64,
                &'static str,
                impl Iterator<Item = &'events LiquidityEvent>,
            ),
        >,
    ) -> Result<(), EventError> {
        let mut writer = BulkEventWriter::new(statements, family)?;
        for (id, table, events) in by_pool {
            writer.add(id, table, events, self.applied)?;
        }
        writer.write(self.applied)
    }

    /// Applies events that can disappear, pool by pool.
    fn record<'events>(
        &mut self,
        statements: Statements<'_>,
        family: PoolFamily,
        by_pool: impl Iterator<
            Item = (
                i64,
                &'static str,
                impl Iterator<Item = &'events LiquidityEvent>,
            ),
        >,
        journal: &mut JournalEntries,
    ) -> Result<(), EventError> {
        let mut writer = EventWriter::new(statements, family)?;
        let mut own = Vec::new();
        for (id, table, events) in by_pool {
            own.clear();
            own.extend(events.copied());
            writer.apply(id, table, &own, self.applied, journal)?;
        }
        Ok(writer.delete_rows(self.applied)?)
    }
}
