//! Finds out what the transfers of aTokens of revision 1 say: the scaled amount, or the amount itself.
//!
//! Aave 3.0.0 and 3.0.1 both call their tokens revision 1. A transfer emits a `Transfer` before its `BalanceTransfer`. One of
//! the two has the scaled amount: the second since 3.0.1, the first in 3.0.0. Which one it is shows as soon as the index
//! makes a difference. Where no transfer of a token shows it, those of the market's other tokens do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter;

use alloy_primitives::{B256, b256};

use crate::aave::ray_math::{Rounding, ray_div};
use crate::events::aave_v3_token::BalanceTransfer;
use crate::events::event::Event as _;
use crate::models::aave::position_writer::Side;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::node::logs::filter::LogFilter;
use crate::sync::aave::market_event::{MarketEvent, RareEvent, What};
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BlockNumber, Revision};
use crate::types::kind::TransferAmount;
use crate::types::log::{Log, Logs};
use crate::types::sync_cursor::LogPosition;

/// `Transfer(address,address,uint256)` of ERC-20.
const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Finds out what the first transfer of each aToken says that nobody knows it of.
pub(super) fn find_transfer_amounts(
    node: &Node,
    market: &ScopedMarket,
    state: &MarketState,
    events: &[MarketEvent],
    facts: &mut NodeFacts,
) -> Result<(), SyncError> {
    let mut wanted = unknown_transfers(market, state, events, facts)?;
    // The blocks of the transfers themselves come first. Most indexes show it there.
    let mut blocks: BTreeMap<BlockNumber, BTreeSet<Address>> = BTreeMap::new();
    for (token, place) in &wanted {
        blocks.entry(place.block).or_default().insert(*token);
    }
    for (block, tokens) in blocks {
        let logs = ask(node, &tokens, block, block)?;
        settle(&logs, &mut wanted, facts);
    }
    let Some(from) = wanted.iter().map(|(_, place)| place.block).min() else {
        return Ok(());
    };
    let Some(head) = node.header(BlockTag::Latest)?.map(|header| header.number) else {
        return Ok(());
    };
    for (first, last) in widening(from, head) {
        let tokens = wanted.iter().map(|(token, _)| *token).collect();
        let logs = ask(node, &tokens, first, last)?;
        settle(&logs, &mut wanted, facts);
        if wanted.is_empty() {
            return Ok(());
        }
    }
    let undecided: BTreeSet<_> = wanted.iter().map(|(token, _)| *token).collect();
    if let Some(amount) = shown_by_others(node, state, &undecided, (from, head), facts)? {
        let guessed = wanted.into_iter().map(|transfer| (transfer, amount));
        facts.transfers.extend(guessed);
    }
    Ok(())
}

/// What the transfers of the market's other aTokens of revision 1 show. All of them have the code that the market was
/// deployed with, unless both kinds are there.
fn shown_by_others(
    node: &Node,
    state: &MarketState,
    undecided: &BTreeSet<Address>,
    (from, head): (BlockNumber, BlockNumber),
    facts: &NodeFacts,
) -> Result<Option<TransferAmount>, SyncError> {
    let of_revision = state
        .reserves
        .iter()
        .filter(|reserve| reserve.asset.a_token_revision.get() == 1);
    let stored = of_revision
        .clone()
        .filter_map(|reserve| reserve.facts.transfer_amount);
    let mut known = stored.chain(facts.transfers.values().copied());
    if let Some(first) = known.next() {
        return Ok(known.all(|other| other == first).then_some(first));
    }
    let tokens = of_revision.map(|reserve| reserve.a_token);
    let others: BTreeSet<_> = tokens.filter(|token| !undecided.contains(token)).collect();
    if others.is_empty() {
        return Ok(None);
    }
    for (first, last) in widening(from, head) {
        let logs = ask(node, &others, first, last)?;
        let mut shown = others
            .iter()
            .filter_map(|token| shown_by(&logs, *token, None));
        if let Some(first) = shown.next() {
            return Ok(shown.all(|other| other == first).then_some(first));
        }
    }
    Ok(None)
}

/// The ranges from a block up to another, each wider than the one before: what is looked for lies near, nearly always.
fn widening(
    from: BlockNumber,
    to: BlockNumber,
) -> impl Iterator<Item = (BlockNumber, BlockNumber)> {
    let mut next = (from <= to).then_some(from);
    let mut width = 1_000_u64;
    iter::from_fn(move || {
        let first = next?;
        let last = BlockNumber::new(first.get().saturating_add(width)).unwrap_or(to);
        let last = last.min(to);
        next = (last < to).then(|| last.next());
        width = width.saturating_mul(4);
        Some((first, last))
    })
}

/// The first transfer of each aToken of revision 1 of which nobody knows what it says.
pub(super) fn unknown_transfers(
    market: &ScopedMarket,
    state: &MarketState,
    events: &[MarketEvent],
    facts: &NodeFacts,
) -> Result<Vec<(Address, LogPosition)>, SyncError> {
    let mut revisions: HashMap<Address, (Revision, bool)> = state
        .reserves
        .iter()
        .map(|reserve| {
            let is_known = reserve.facts.transfer_amount.is_some();
            (reserve.a_token, (reserve.asset.a_token_revision, is_known))
        })
        .collect();
    let mut wanted = Vec::new();
    for event in events {
        match &event.what {
            What::Rare(rare) => match &**rare {
                RareEvent::Initialized(new) => {
                    if let Some(first) = facts.first_revisions.get(&new.a_token) {
                        // Without an upgrade it is the revision of now, otherwise at least 1.
                        let lowest = first.first_upgrade.map_or(first.now, |_| Revision::ONE);
                        revisions.insert(new.a_token, (lowest, false));
                    }
                }
                RareEvent::Upgraded(upgraded) => {
                    if let Some(known) = revisions.get_mut(&event.contract) {
                        let revision = facts.token_revision(
                            market,
                            upgraded.implementation,
                            Side::Collateral,
                        )?;
                        *known = (revision, false);
                    }
                }
                _ => {}
            },
            What::Transfer(_) => {
                if let Some((revision, is_known)) = revisions.get_mut(&event.contract)
                    && revision.get() == 1
                    && !*is_known
                {
                    *is_known = true;
                    wanted.push((event.contract, event.place));
                }
            }
            What::Balance(..) | What::Pool(_) => {}
        }
    }
    Ok(wanted)
}

fn ask(
    node: &Node,
    tokens: &BTreeSet<Address>,
    from: BlockNumber,
    to: BlockNumber,
) -> Result<Logs, SyncError> {
    let filter = LogFilter {
        addresses: tokens.iter().copied().collect(),
        topics0: vec![TRANSFER, BalanceTransfer::TOPIC],
        ..LogFilter::default()
    };
    Ok(node.logs(&filter, from, to, None)?.logs)
}

/// Keeps what logs show, and leaves what they do not show.
fn settle(logs: &Logs, wanted: &mut Vec<(Address, LogPosition)>, facts: &mut NodeFacts) {
    wanted.retain(|(token, place)| {
        let shown = shown_by(logs, *token, Some(*place));
        if let Some(amount) = shown {
            facts.transfers.insert((*token, *place), amount);
        }
        shown.is_none()
    });
}

/// What the first transfer of a token shows that does so, from a place on if there is one.
fn shown_by(logs: &Logs, token: Address, from: Option<LogPosition>) -> Option<TransferAmount> {
    let mut before: Option<Log<'_>> = None;
    for log in logs.iter().filter(|log| log.address == token) {
        if log.topics.first() == Some(&TRANSFER) {
            before = Some(log);
            continue;
        }
        let Ok(transfer) = BalanceTransfer::decode(&log) else {
            continue;
        };
        let same = before.take().filter(|before| {
            before.transaction_hash == log.transaction_hash
                && before.topics.get(1..3) == log.topics.get(1..3)
        });
        let Some(word) = same.and_then(|same| <&[u8; 32]>::try_from(same.data).ok()) else {
            continue;
        };
        let first = U256(alloy_primitives::U256::from_be_bytes(*word));
        if from.is_none_or(|from| log.place >= from)
            && let Some(amount) = compared(first, transfer.value, transfer.index)
        {
            return Some(amount);
        }
    }
    None
}

/// Which of the two amounts of a transfer is the scaled one. `None` if both could be.
fn compared(of_transfer: U256, of_balance: U256, index: U256) -> Option<TransferAmount> {
    let scaled = |amount: U256| ray_div(amount, index, Rounding::HalfUp);
    match (
        scaled(of_transfer) == Some(of_balance),
        scaled(of_balance) == Some(of_transfer),
    ) {
        (true, false) => Some(TransferAmount::Scaled),
        (false, true) => Some(TransferAmount::Unscaled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_amount_is_the_one_that_the_index_gives() {
        let number = |text: &str| text.parse::<U256>().unwrap();
        let index = number("1100000000000000000000000000");
        let (amount, scaled) = (number("1100"), number("1000"));
        assert_eq!(
            compared(amount, scaled, index),
            Some(TransferAmount::Scaled)
        );
        assert_eq!(
            compared(scaled, amount, index),
            Some(TransferAmount::Unscaled)
        );
        let ray = number("1000000000000000000000000000");
        assert_eq!(compared(amount, amount, ray), None);
        assert_eq!(compared(number("0"), number("0"), index), None);
    }

    #[test]
    fn ranges_widen_and_have_each_block_once() {
        let block = |number| BlockNumber::new(number).unwrap();
        let ranges: Vec<_> = widening(block(7), block(20_000)).collect();
        assert_eq!(ranges.first(), Some(&(block(7), block(1_007))));
        assert_eq!(ranges.last().map(|(_, last)| *last), Some(block(20_000)));
        for pair in ranges.windows(2) {
            assert_eq!(pair[0].1.next(), pair[1].0);
        }
        assert_eq!(widening(block(5), block(5)).count(), 1);
        assert_eq!(widening(block(6), block(5)).count(), 0);
    }
}
