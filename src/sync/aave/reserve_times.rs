//! The blocks in which reserves were last updated, and their times.

use std::collections::{BTreeMap, BTreeSet};

use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sync::aave::chain_values::MarketValues;
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::MarketState;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::integer::BlockNumber;

/// The times of the blocks in which the reserves of the database were last updated.
pub(super) fn update_times(
    node: &Node,
    state: &MarketState,
) -> Result<BTreeMap<BlockNumber, u64>, SyncError> {
    let reserves = state.reserves.iter();
    let blocks: BTreeSet<_> = reserves
        .filter_map(|reserve| reserve.asset.last_update_block)
        .collect();
    let blocks: Vec<_> = blocks.into_iter().collect();
    let headers = node.headers(&blocks)?.into_iter().flatten();
    Ok(headers
        .map(|header| (header.number, header.timestamp))
        .collect())
}

/// The blocks in which reserves were last updated, up to a block, where those of the database have another time than the
/// contracts say.
pub(super) fn update_blocks(
    node: &Node,
    market: &ScopedMarket,
    state: &MarketState,
    values: &MarketValues,
    to: BlockNumber,
) -> Result<BTreeMap<Address, BlockNumber>, SyncError> {
    let times = update_times(node, state)?;
    let mut blocks = BTreeMap::new();
    for reserve in &state.reserves {
        let Some(of_reserve) = values.reserves.get(&reserve.underlying) else {
            continue;
        };
        let time = of_reserve.last_update_time.get();
        let stored = reserve.asset.last_update_block;
        let is_right = stored.and_then(|block| times.get(&block)) == Some(&time);
        if time != 0 && !is_right {
            let first = market.first_block.unwrap_or(BlockNumber::FIRST);
            if let Some(block) = block_of_time(node, time, first, to)? {
                blocks.insert(reserve.underlying, block);
            }
        }
    }
    Ok(blocks)
}

/// The first block of a time; `None` if no block has it.
fn block_of_time(
    node: &Node,
    time: u64,
    first: BlockNumber,
    last: BlockNumber,
) -> Result<Option<BlockNumber>, SyncError> {
    let (mut low, mut high) = (first.get(), last.get());
    let time_of = |number: u64| -> Result<Option<u64>, SyncError> {
        let Ok(number) = BlockNumber::new(number) else {
            return Ok(None);
        };
        let header = node.header(BlockTag::Number(number))?;
        Ok(header.map(|header| header.timestamp))
    };
    while low < high {
        let middle = low + (high - low) / 2;
        match time_of(middle)? {
            Some(found) if found >= time => high = middle,
            // A node may lack the first blocks.
            _ => low = middle + 1,
        }
    }
    let is_found = time_of(low)? == Some(time);
    Ok(BlockNumber::new(low).ok().filter(|_| is_found))
}
