//! The pools of exchanges and their liquidity, built in memory from the events of the chain.
//!
//! It is what an update from the first block would have written: the events are decoded and checked by the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use alloy_primitives::B256;

use crate::cancel::CancelToken;
use crate::events::event::Event;
use crate::events::uniswap_v4::ModifyLiquidity;
use crate::models::liquidity::event_writer::LiquidityEvent;
use crate::models::liquidity::pool_update::PoolUpdate;
use crate::models::liquidity::tick_map::TickMap;
use crate::models::pools::liquidity_pool::insert::NewLiquidityPool;
use crate::models::pools::managed_liquidity_pool::insert::NewManagedLiquidityPool;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_parameters::PoolParameters;
use crate::node::client::Node;
use crate::node::header::Header;
use crate::sync::changes::{Changes, CreatedManagedPool, Decoder};
use crate::sync::factory_fees::ask_fees_of;
use crate::sync::fetch::{Fetched, fetch};
use crate::sync::piece::Plan;
use crate::sync::pool_facts::PoolFacts;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::{BlockNumber, TickSpacing};

/// What names a pool on its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PoolKey {
    Address(Address),
    /// The place of the exchange in the scope, and the id inside its manager.
    Hash(usize, PoolHash),
}

/// A pool that the chain has.
#[derive(Debug, Clone)]
pub(super) struct ReplayedPool {
    /// The place of its exchange in the scope.
    pub(super) exchange: usize,
    pub(super) new: NewPool,
    pub(super) liquidity: TickMap,
}

/// What the creation of a pool says.
#[derive(Debug, Clone)]
pub(super) enum NewPool {
    Own(NewLiquidityPool),
    Managed(NewManagedLiquidityPool),
}

/// The pools of exchanges after some block.
#[derive(Debug, Clone, Default)]
pub(super) struct Replay {
    pub(super) pools: BTreeMap<PoolKey, ReplayedPool>,
    /// The pools in the order of their creation.
    pub(super) order: Vec<PoolKey>,
    /// The last numbers that factories gave, by exchange.
    numbers: BTreeMap<usize, u64>,
}

/// Which pools of an exchange count.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    All,
    /// These, created with one of these tokens each.
    Some {
        pools: BTreeSet<PoolKey>,
        tokens: [BTreeSet<Address>; 2],
    },
}

/// Which events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    Creations,
    Liquidity,
    Both,
}

/// What is replayed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) node: &'a Node,
    pub(super) scope: &'a Scope,
    /// The places of the exchanges in the scope.
    pub(super) members: &'a [usize],
    pub(super) wanted: &'a Wanted,
    pub(super) from: BlockNumber,
    /// The last block, and the hash that it must have.
    pub(super) to: &'a Header,
    pub(super) parts: Parts,
    pub(super) threads: usize,
    pub(super) chunk: u64,
    pub(super) cancel: &'a CancelToken,
}

impl Replay {
    /// Takes in the events of a range of blocks, which follow those that are in it. `progress` gets the last block of
    /// each part.
    pub(super) fn take_in(
        &mut self,
        range: Range<'_>,
        progress: &mut dyn FnMut(BlockNumber) -> Result<(), SyncError>,
    ) -> Result<(), SyncError> {
        range.scan(&mut |to, mut changes| {
            ask_fees_of(range.node, range.scope, vec![&mut changes])?;
            self.apply(&range, changes)?;
            progress(to)
        })
    }

    fn apply(&mut self, range: &Range<'_>, changes: Changes) -> Result<(), SyncError> {
        let scope = range.scope;
        for (pool, facts) in changes.pools.into_iter().zip(changes.facts) {
            if let (Some(number), Wanted::All) = (facts.number, range.wanted) {
                let last = self.numbers.entry(facts.exchange).or_default();
                if number != *last + 1
                    && let Some(exchange) = scope.exchanges.get(facts.exchange)
                {
                    return Err(SyncError::MissingPairs {
                        exchange: Box::new(exchange.name()),
                        place: facts.place,
                        expected: *last + 1,
                        found: number,
                    });
                }
                *last = number;
            }
            let key = PoolKey::Address(pool.address);
            self.add(key, facts.exchange, NewPool::Own(pool));
        }
        for CreatedManagedPool { exchange, pool, .. } in changes.managed_pools {
            let key = PoolKey::Hash(exchange, pool.pool_hash);
            self.add(key, exchange, NewPool::Managed(pool));
        }
        if range.parts == Parts::Creations {
            return Ok(());
        }
        for (address, malformed) in changes.malformed {
            let found = self.pools.get(&PoolKey::Address(address));
            if found.is_some_and(|pool| range.members.contains(&pool.exchange)) {
                return Err(malformed.into());
            }
        }
        for (address, event) in changes.liquidity {
            // Contracts of others emit the same events.
            if let Some(pool) = self.pools.get_mut(&PoolKey::Address(address))
                && range.members.contains(&pool.exchange)
            {
                pool.apply(event)?;
            }
        }
        for ((exchange, hash), event) in changes.managed_liquidity {
            let found = self.pools.get_mut(&PoolKey::Hash(exchange, hash));
            match (found, scope.exchanges.get(exchange)) {
                (Some(pool), _) => pool.apply(event)?,
                (None, Some(exchange)) => {
                    return Err(SyncError::UnknownPool {
                        exchange: Box::new(exchange.name()),
                        pool: hash,
                        place: event.place,
                    });
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn add(&mut self, key: PoolKey, exchange: usize, new: NewPool) {
        let pool = ReplayedPool {
            exchange,
            new,
            liquidity: TickMap::default(),
        };
        if self.pools.insert(key, pool).is_none() {
            self.order.push(key);
        }
    }
}

impl ReplayedPool {
    fn apply(&mut self, event: LiquidityEvent) -> Result<(), SyncError> {
        let Some(spacing) = self.new.tick_spacing() else {
            return Ok(());
        };
        // Nobody needs the update itself.
        let mut update = PoolUpdate::new(PoolFamily::Pools, 0);
        let LiquidityEvent {
            place,
            lower,
            upper,
            delta,
        } = event;
        self.liquidity
            .modify_liquidity(&mut update, spacing, place, lower, upper, delta)
            .map_err(|error| SyncError::Liquidity {
                pool: self.new.name(),
                place,
                error,
            })
    }

    /// What the database must have.
    pub(super) fn facts(&self, exchange_id: i64) -> PoolFacts {
        match &self.new {
            NewPool::Own(pool) => PoolFacts::of_new(pool, &self.liquidity),
            NewPool::Managed(pool) => PoolFacts::of_new_managed(pool, exchange_id, &self.liquidity),
        }
    }
}

impl NewPool {
    fn tick_spacing(&self) -> Option<TickSpacing> {
        match self {
            Self::Own(pool) => match pool.parameters {
                PoolParameters::V3(parameters) => Some(parameters.tick_spacing),
                PoolParameters::V2(_) | PoolParameters::LiquidityBook(_) => None,
            },
            Self::Managed(pool) => Some(pool.tick_spacing),
        }
    }

    /// The address, or the hash inside the manager.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Own(pool) => pool.address.to_string(),
            Self::Managed(pool) => pool.pool_hash.to_string(),
        }
    }
}

impl Range<'_> {
    /// Passes the changes of each part of the range on, in order, each with the last block of the part.
    pub(super) fn scan(
        &self,
        consume: &mut dyn FnMut(BlockNumber, Changes) -> Result<(), SyncError>,
    ) -> Result<(), SyncError> {
        if self.from > self.to.number {
            return Ok(());
        }
        let mut decoder = Decoder::new(self.scope, self.members);
        self.narrow(&mut decoder);
        if self.parts == Parts::Liquidity {
            decoder.leave_out_creations();
        }
        let plan = Plan {
            node: self.node,
            decoder: &decoder,
            from: self.from,
            to: self.to.number,
            width: self.chunk.max(1),
            final_block: self.to.number,
            threads: self.threads,
            confirmed_below: None,
        };
        let mut before = None;
        fetch(plan, |fetched| {
            let Fetched::Piece(piece) = fetched else {
                return Ok(ControlFlow::Continue(()));
            };
            if self.cancel.is_cancelled() {
                return Err(SyncError::Interrupted);
            }
            let is_linked = before.is_none_or(|before| piece.first.parent_hash == before);
            let is_pinned = piece.to != self.to.number || piece.last.hash == self.to.hash;
            if !is_linked || !is_pinned {
                return Err(SyncError::Branches { block: piece.to });
            }
            before = Some(piece.last.hash);
            let to = piece.to;
            let mut changes = piece.into_changes()?;
            self.drop_unwanted(&mut changes);
            consume(to, changes)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Asks only for the events of what is wanted.
    fn narrow(&self, decoder: &mut Decoder<'_>) {
        let topics = &mut decoder.creations.topics0;
        match self.parts {
            Parts::Creations => {
                decoder.liquidity = None;
                topics.retain(|topic| *topic != ModifyLiquidity::TOPIC);
            }
            Parts::Liquidity => {
                topics.retain(|topic| *topic == ModifyLiquidity::TOPIC);
            }
            Parts::Both => {}
        }
        let Wanted::Some { pools, tokens } = self.wanted else {
            return;
        };
        let word = |address: &Address| B256::left_padding_from(address.as_bytes());
        let mut addresses = Vec::new();
        for pool in pools {
            match pool {
                PoolKey::Address(address) => addresses.push(*address),
                PoolKey::Hash(_, hash) => {
                    decoder.creations.topics1.push((*hash.as_bytes()).into());
                }
            }
        }
        if !addresses.is_empty() {
            let [token0, token1] = tokens;
            decoder.creations.topics1 = token0.iter().map(word).collect();
            decoder.creations.topics2 = token1.iter().map(word).collect();
        }
        if let Some(liquidity) = &mut decoder.liquidity {
            liquidity.addresses = addresses;
        }
    }

    fn drop_unwanted(&self, changes: &mut Changes) {
        let Wanted::Some { pools, .. } = self.wanted else {
            return;
        };
        let is_wanted: Vec<_> = changes
            .pools
            .iter()
            .map(|pool| pools.contains(&PoolKey::Address(pool.address)))
            .collect();
        let mut wanted = is_wanted.iter();
        changes
            .pools
            .retain(|_| wanted.next().copied().unwrap_or_default());
        let mut wanted = is_wanted.iter();
        changes
            .facts
            .retain(|_| wanted.next().copied().unwrap_or_default());
        changes
            .managed_pools
            .retain(|new| pools.contains(&PoolKey::Hash(new.exchange, new.pool.pool_hash)));
        changes
            .managed_liquidity
            .retain(|((exchange, hash), _)| pools.contains(&PoolKey::Hash(*exchange, *hash)));
    }
}
