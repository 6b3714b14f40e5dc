//! Finds out what the transfers of aTokens of revision 1 say: the scaled amount, or the amount itself.
//!
//! Aave 3.0.0 and 3.0.1 both call their tokens revision 1. A transfer emits a `Transfer` before its `BalanceTransfer`. One of
//! the two has the scaled amount: the second since 3.0.1, the first in 3.0.0. Which one it is shows as soon as the index
//! makes a difference. Where no transfer shows it, the contract does: only since 3.0.1 does a transfer set the indexes of
//! its sender and its receiver.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy_primitives::{B256, b256};

use crate::aave::ray_math::{RAY, Rounding, ray_div};
use crate::events::aave_v3_token::{BalanceTransfer, Upgraded};
use crate::events::event::Event as _;
use crate::models::aave::position_writer::Side;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::node::logs::filter::LogFilter;
use crate::sync::aave::contract_calls::{call_with, number_at, word_of};
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
    let mut from = wanted.iter().map(|(_, place)| place.block).min();
    if from.is_none() {
        return Ok(());
    }
    let Some(head) = node.header(BlockTag::Latest)?.map(|header| header.number) else {
        return Ok(());
    };
    let mut touches = Touches::default();
    let mut width = 1_000;
    while let Some(first) = from.filter(|first| *first <= head) {
        let last = BlockNumber::new(first.get().saturating_add(width)).unwrap_or(head);
        let last = last.min(head);
        let tokens = wanted.iter().map(|(token, _)| *token).collect();
        let logs = ask(node, &tokens, first, last)?;
        settle(&logs, &mut wanted, facts);
        touches.note(&logs);
        from = (!wanted.is_empty() && last < head).then(|| last.next());
        width *= 4;
    }
    for (token, place) in wanted {
        let mut amount = shown_by_contract(node, token, head, &touches)?;
        if amount.is_none() {
            amount = shown_by_others(node, state, (place.block, head), facts)?;
        }
        if let Some(amount) = amount {
            facts.transfers.insert((token, place), amount);
        }
    }
    Ok(())
}

/// What the transfers of the market's other aTokens of revision 1 show. All of them have the code that the market was
/// deployed with, unless both kinds are there.
fn shown_by_others(
    node: &Node,
    state: &MarketState,
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
    let tokens: BTreeSet<_> = of_revision.map(|reserve| reserve.a_token).collect();
    let mut next = (!tokens.is_empty()).then_some(from);
    let mut width = 1_000;
    while let Some(first) = next.filter(|first| *first <= head) {
        let last = BlockNumber::new(first.get().saturating_add(width)).unwrap_or(head);
        let last = last.min(head);
        let logs = ask(node, &tokens, first, last)?;
        let shown = tokens
            .iter()
            .find_map(|token| shown_by(&logs, *token, None));
        if shown.is_some() {
            return Ok(shown);
        }
        next = (last < head).then(|| last.next());
        width *= 4;
    }
    Ok(None)
}

/// What has touched the users of tokens last.
#[derive(Debug, Default)]
struct Touches {
    /// By the token and the user: the index of a transfer; `None` for an event that sets the user's index in each version.
    by_user: BTreeMap<(Address, Address), Option<U256>>,
    /// The tokens whose code was replaced: later transfers say nothing about earlier ones.
    upgraded: BTreeSet<Address>,
}

impl Touches {
    fn note(&mut self, logs: &Logs) {
        for log in logs.iter() {
            let token = log.address;
            if log.topics.first() == Some(&Upgraded::TOPIC) {
                self.upgraded.insert(token);
            } else if let Ok(transfer) = BalanceTransfer::decode(&log) {
                for user in [transfer.from, transfer.to] {
                    self.by_user.insert((token, user), Some(transfer.index));
                }
            } else if let Some([from, to]) = ends_of(&log)
                && let Some(user) = [(from, to), (to, from)]
                    .into_iter()
                    .find_map(|(one, other)| (one == Address::ZERO).then_some(other))
            {
                // It comes with a Mint or a Burn.
                self.by_user.insert((token, user), None);
            }
        }
    }

    /// The users of a token that a transfer has touched last, and its index.
    fn of(&self, token: Address) -> Vec<(Address, U256)> {
        if self.upgraded.contains(&token) {
            return Vec::new();
        }
        let of_token = self.by_user.iter().filter(|((of, _), _)| *of == token);
        of_token
            .filter_map(|((_, user), index)| index.map(|index| (*user, index)))
            .collect()
    }
}

/// The sender and the receiver that a `Transfer` has.
fn ends_of(log: &Log<'_>) -> Option<[Address; 2]> {
    let [topic, from, to, ..] = log.topics else {
        return None;
    };
    let address = |word: &B256| Address::new(*word.0.last_chunk().unwrap_or(&[0; 20]));
    (*topic == TRANSFER).then(|| [from, to].map(address))
}

/// What the indexes show that a token has of the users of its transfers.
fn shown_by_contract(
    node: &Node,
    token: Address,
    head: BlockNumber,
    touches: &Touches,
) -> Result<Option<TransferAmount>, SyncError> {
    /// How many users are asked about, at most. One is nearly always enough.
    const USERS: usize = 100;
    let mut users = touches.of(token);
    users.truncate(USERS);
    let question = |(user, _): &(Address, U256)| {
        call_with(token, "getPreviousIndex(address)", &[word_of(*user)])
    };
    let calls: Vec<_> = users.iter().map(question).collect();
    if calls.is_empty() {
        return Ok(None);
    }
    let answers = node.calls(&calls, BlockTag::Number(head))?;
    let indexes = users
        .iter()
        .zip(answers)
        .filter_map(|((_, index), answer)| {
            let stored = number_at(&answer.ok()?, 0)?;
            Some((*index, stored))
        });
    Ok(shown_by_indexes(indexes))
}

/// What the indexes of transfers show, beside those that the contract has of the users that they have touched last.
fn shown_by_indexes(indexes: impl Iterator<Item = (U256, U256)>) -> Option<TransferAmount> {
    let mut shown = None;
    for (of_transfer, stored) in indexes {
        if of_transfer != stored {
            return Some(TransferAmount::Unscaled);
        }
        // Without interest, all indexes are the same.
        if of_transfer != RAY {
            shown = Some(TransferAmount::Scaled);
        }
    }
    shown
}

/// The first transfer of each aToken of revision 1 of which nobody knows what it says.
fn unknown_transfers(
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
        topics0: vec![TRANSFER, BalanceTransfer::TOPIC, Upgraded::TOPIC],
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
    fn transfer_sets_the_indexes_of_its_users_since_3_0_1() {
        let number = |text: &str| text.parse::<U256>().unwrap();
        let (ray, zero) = (RAY, number("0"));
        let old = number("1000000000000000000000000003");
        let new = number("1000000000000000000000000005");
        let shown = |indexes: &[(U256, U256)]| shown_by_indexes(indexes.iter().copied());
        assert_eq!(shown(&[(new, new)]), Some(TransferAmount::Scaled));
        assert_eq!(shown(&[(new, old)]), Some(TransferAmount::Unscaled));
        assert_eq!(shown(&[(ray, ray)]), None);
        assert_eq!(
            shown(&[(ray, ray), (ray, zero)]),
            Some(TransferAmount::Unscaled)
        );
        assert_eq!(shown(&[]), None);
    }
}
