//! The liquidity events of pools since their marks.

use std::collections::{BTreeMap, BTreeSet};

use crate::models::liquidity::event_writer::LiquidityEvent;
use crate::sync::at_block::AtBlock;
use crate::sync::replay::{Parts, PoolKey, Wanted};
use crate::sync::stored_pools::StoredPool;
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;
use crate::types::sync_cursor::LogPosition;

/// How many pools a filter names, at most.
pub(super) const NAMED: usize = 500;

/// The liquidity events of pools since their marks.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) of_pools: BTreeMap<PoolKey, EventsOfPool>,
    /// Whether the last event of each pool with a mark is known.
    pub(super) are_complete: bool,
}

/// The events of a pool.
#[derive(Debug, Default)]
pub(super) struct EventsOfPool {
    /// The place of the last one that changed liquidity, up to the block of the database.
    pub(super) last: Option<LogPosition>,
    /// Those after the block of the database.
    pub(super) later: Vec<LiquidityEvent>,
}

impl Events {
    /// Asks for the events of each pool from the block of its mark on. A few pools are asked for by name; otherwise all
    /// events are, as an update does it.
    pub(super) fn read(block: &AtBlock<'_>, pools: &[StoredPool]) -> Result<Self, SyncError> {
        /// How many filters that name pools are worth it.
        const FILTERS: usize = 4;
        let mut events = Self::default();
        let mark = block.mark.number;
        let mut from: Vec<(BlockNumber, PoolKey)> = pools
            .iter()
            .filter_map(|pool| {
                // A mark that cannot be right is one after the database's block.
                let marked = pool.facts.marked_block().filter(|marked| *marked <= mark);
                let key = pool.chain_key(block.index)?;
                Some((marked.unwrap_or_else(|| mark.next()), key))
            })
            .collect();
        // Pools that changed lately need few blocks.
        from.sort_unstable();
        let parts: Vec<&[_]> = if from.len() > NAMED * FILTERS {
            vec![&from]
        } else {
            from.chunks(NAMED).collect()
        };
        for part in parts {
            let Some((first, _)) = part.first() else {
                continue;
            };
            let wanted = if part.len() > NAMED {
                Wanted::All
            } else {
                Wanted::Some {
                    pools: part.iter().map(|(_, key)| *key).collect(),
                    tokens: [BTreeSet::new(), BTreeSet::new()],
                }
            };
            let known: BTreeSet<PoolKey> = part.iter().map(|(_, key)| *key).collect();
            let members = [block.index];
            let range = block.range(&members, &wanted, Parts::Liquidity, *first, block.at);
            range.scan(&mut |_, changes| {
                let own = changes.liquidity.into_iter();
                let own = own.map(|(address, event)| (PoolKey::Address(address), event));
                let managed = changes.managed_liquidity.into_iter();
                let managed =
                    managed.map(|((exchange, hash), event)| (PoolKey::Hash(exchange, hash), event));
                for (key, event) in own.chain(managed) {
                    if event.delta != 0 && known.contains(&key) {
                        events.add(key, event, mark);
                    }
                }
                Ok(())
            })?;
        }
        events.are_complete = true;
        Ok(events)
    }

    fn add(&mut self, key: PoolKey, event: LiquidityEvent, mark: BlockNumber) {
        let found = self.of_pools.entry(key).or_default();
        if event.place.block <= mark {
            found.last = Some(event.place);
        } else {
            found.later.push(event);
        }
    }
}
