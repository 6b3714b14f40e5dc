//! Finds the price sources that an oracle had before the events of a market began to be asked for.
//!
//! An oracle gets its first price sources when it is deployed, which is before the market takes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::events::aave_v3_oracle::AssetSourceUpdated;
use crate::events::event::Event as _;
use crate::node::client::Node;
use crate::node::logs::filter::LogFilter;
use crate::sync::aave::market_event::{MarketEvent, RareEvent};
use crate::sync::aave::market_scope::{ORACLE, ScopedMarket};
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::integer::BlockNumber;

/// Looks back for the sources of the assets that events list or that a new oracle has, unless an event here says them.
pub(super) fn find_sources(
    node: &Node,
    market: &ScopedMarket,
    state: &MarketState,
    events: &[MarketEvent],
    facts: &mut NodeFacts,
) -> Result<(), SyncError> {
    let mut known: BTreeSet<(Address, Address)> = state.sources.keys().copied().collect();
    let mut assets: BTreeSet<Address> = state
        .reserves
        .iter()
        .map(|reserve| reserve.underlying)
        .collect();
    let mut oracle = state.contract(ORACLE);
    let mut missing: BTreeMap<Address, (BlockNumber, BTreeSet<Address>)> = BTreeMap::new();
    for event in events {
        let block = event.place.block;
        let mut miss = |oracle: Option<Address>, assets: &mut dyn Iterator<Item = Address>| {
            let Some(oracle) = oracle.filter(|oracle| *oracle != Address::ZERO) else {
                return;
            };
            for asset in assets {
                if !known.contains(&(oracle, asset)) {
                    let (_, of_oracle) = missing
                        .entry(oracle)
                        .or_insert_with(|| (block, BTreeSet::new()));
                    of_oracle.insert(asset);
                }
            }
        };
        match event.rare() {
            Some(RareEvent::Oracle(new)) => {
                oracle = Some(new.new_address);
                miss(oracle, &mut assets.iter().copied());
            }
            Some(RareEvent::Initialized(new)) => {
                assets.insert(new.asset);
                miss(oracle, &mut std::iter::once(new.asset));
            }
            Some(RareEvent::Source(source)) => {
                known.insert((event.contract, source.asset));
            }
            _ => {}
        }
    }
    // An event later in the same transaction says it as well.
    for event in events {
        if let Some(RareEvent::Source(source)) = event.rare()
            && let Some((_, assets)) = missing.get_mut(&event.contract)
        {
            assets.remove(&source.asset);
        }
    }
    for (oracle, (before, assets)) in missing {
        look_back(node, market, oracle, before, assets, facts)?;
    }
    Ok(())
}

/// Asks for ever wider ranges before a block until the source of each asset is found. An asset of which no event says one has
/// none.
fn look_back(
    node: &Node,
    market: &ScopedMarket,
    oracle: Address,
    before: BlockNumber,
    mut assets: BTreeSet<Address>,
    facts: &mut NodeFacts,
) -> Result<(), SyncError> {
    const FIRST_WIDTH: u64 = 10_000;
    let begin = market.first_block.unwrap_or(BlockNumber::FIRST);
    let mut end = Some(before);
    let mut width = FIRST_WIDTH;
    while let Some(to) = end.filter(|to| *to >= begin && !assets.is_empty()) {
        let from = BlockNumber::new(to.get().saturating_sub(width)).unwrap_or(begin);
        let from = from.max(begin);
        let filter = LogFilter {
            addresses: vec![oracle],
            topics0: vec![AssetSourceUpdated::TOPIC],
            ..LogFilter::default()
        };
        let answer = node.logs(&filter, from, to, None)?;
        let mut found = BTreeMap::new();
        for log in answer.logs.iter() {
            let event = AssetSourceUpdated::decode(&log)?;
            found.insert(event.asset, event.source);
        }
        for (asset, source) in found {
            if assets.remove(&asset) {
                facts.sources.insert((oracle, asset), source);
            }
        }
        end = from.previous();
        width = width.saturating_mul(4);
    }
    let without = assets.into_iter();
    facts
        .sources
        .extend(without.map(|asset| ((oracle, asset), Address::ZERO)));
    Ok(())
}
