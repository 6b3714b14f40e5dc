//! The revision that a token had when it was listed.
//!
//! No event says it: a proxy tells only of its later implementations. The newest block has the revision of now. If an
//! upgrade came between, the first revision was lower, and it was that of the release that the market's Pool was of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::aave::token_rules::TokenKind;
use crate::events::aave_v3_token::Upgraded;
use crate::events::event::Event as _;
use crate::models::aave::position_writer::Side;
use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::BlockTag;
use crate::node::logs::filter::LogFilter;
use crate::sync::aave::contract_calls::{call, revision};
use crate::sync::aave::implementation::Implementation;
use crate::sync::aave::market_event::{MarketEvent, RareEvent};
use crate::sync::retry_wait::wait_after;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, Revision};

/// What the newest block shows of a token's first revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstRevision {
    /// The revision of now.
    pub(super) now: Revision,
    /// The revision of the first upgrade; `None` if there was none.
    pub(super) first_upgrade: Option<Revision>,
}

/// How often the revisions are read at most: the newest block can be replaced meanwhile, or a node lags.
const TRIES: u32 = 5;

/// The wait after a try, which doubles with each, and the longest one.
const WAITS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// The upgrades of tokens that were looked for, so that they are not looked for again.
#[derive(Debug, Default)]
pub(super) struct Upgrades {
    looked_for: BTreeSet<Address>,
    /// The block up to which they were looked for.
    until: Option<BlockNumber>,
    /// The implementation of the first upgrade of each token that has had one.
    first: BTreeMap<Address, Address>,
}

/// The revision that tokens have in the release that a Pool is of.
fn of_release(pool: Option<Revision>, kind: TokenKind) -> u32 {
    let (token, of_gho) = match pool.map_or(1, Revision::get) {
        0..=7 => (1, 1),
        8 => (3, 4),
        9 => (4, 5),
        _ => (5, 6),
    };
    match kind {
        TokenKind::GhoDebt => of_gho,
        _ => token,
    }
}

/// The revision that a token had when it was listed, while the Pool had this revision.
pub(super) fn first_revision(
    found: &FirstRevision,
    kind: TokenKind,
    pool: Option<Revision>,
) -> Revision {
    let Some(upgrade) = found.first_upgrade else {
        return found.now;
    };
    // An upgrade raises the revision.
    let below = upgrade.get().saturating_sub(1);
    let number = of_release(pool, kind).min(below).max(1);
    Revision::new(number).unwrap_or(found.now)
}

impl Upgrades {
    /// Finds out what the newest block shows of the first revisions of the tokens that events list, in the chain that has the
    /// last block of the events, `end`. `others` are contracts of the market that may be listed later: their upgrades are
    /// looked for at once.
    pub(super) fn find(
        &mut self,
        node: &Node,
        events: &[MarketEvent],
        others: &[Address],
        end: (BlockNumber, BlockHash),
    ) -> Result<BTreeMap<Address, FirstRevision>, SyncError> {
        let mut tokens: Vec<(Address, Side)> = Vec::new();
        let mut from: Option<BlockNumber> = None;
        for event in events {
            if let Some(RareEvent::Initialized(new)) = event.rare() {
                from.get_or_insert(event.place.block);
                tokens.push((new.a_token, Side::Collateral));
                tokens.push((new.variable_debt_token, Side::Debt));
            }
        }
        let Some(from) = from else {
            return Ok(BTreeMap::new());
        };
        let [first, longest] = WAITS;
        for tries in 0..TRIES {
            if tries > 0 {
                node.pause(wait_after(tries, first, longest))?;
            }
            let tags = [BlockTag::Latest, BlockTag::Number(end.0)];
            let mut headers = node.headers_at(&tags)?.into_iter().flatten();
            let (Some(head), Some(at_end)) = (headers.next(), headers.next()) else {
                continue;
            };
            if at_end.hash != end.1 || head.number < end.0 {
                continue;
            }
            match self.find_at(node, &tokens, others, from, [end, (head.number, head.hash)]) {
                // The chain was reorganised meanwhile, or the node that has the block is not asked.
                Err(SyncError::Node {
                    source: NodeError::OtherBlock { .. } | NodeError::Unlinked { .. },
                }) => self.forget(),
                found => return found,
            }
        }
        Err(SyncError::Unsettled {
            reason: "the node's newest block changes, or lags, while revisions are read",
        })
    }

    fn forget(&mut self) {
        *self = Self::default();
    }

    /// Notes the first upgrade of each of these tokens between two blocks.
    fn look_for(
        &mut self,
        node: &Node,
        tokens: &BTreeSet<Address>,
        (from, to): (BlockNumber, BlockNumber),
        hash: BlockHash,
    ) -> Result<(), SyncError> {
        if tokens.is_empty() {
            return Ok(());
        }
        let filter = LogFilter {
            addresses: tokens.iter().copied().collect(),
            topics0: vec![Upgraded::TOPIC],
            ..LogFilter::default()
        };
        let answer = node.logs(&filter, from, to, Some(hash))?;
        for log in answer.logs.iter() {
            let upgraded = Upgraded::decode(&log)?;
            self.first
                .entry(log.address)
                .or_insert(upgraded.implementation);
        }
        Ok(())
    }

    /// The same of the chain that has two blocks, up to the second one. Logs and revisions must be of the same blocks: an
    /// upgrade between the two would count as the first revision.
    fn find_at(
        &mut self,
        node: &Node,
        tokens: &[(Address, Side)],
        others: &[Address],
        from: BlockNumber,
        blocks: [(BlockNumber, BlockHash); 2],
    ) -> Result<BTreeMap<Address, FirstRevision>, SyncError> {
        let [_, (head, hash)] = blocks;
        let mut found = BTreeMap::new();
        let unknown = |token: &&Address| !self.looked_for.contains(*token);
        let mut wanted: Vec<_> = tokens
            .iter()
            .map(|(token, _)| token)
            .filter(unknown)
            .collect();
        if !wanted.is_empty() {
            wanted.extend(others.iter().filter(unknown));
        }
        let wanted: BTreeSet<_> = wanted.into_iter().copied().collect();
        // Those that were looked for before may have been upgraded since.
        if let Some(until) = self.until.filter(|until| *until < head) {
            let known = self.looked_for.clone();
            self.look_for(node, &known, (until.next(), head), hash)?;
        }
        self.look_for(node, &wanted, (from, head), hash)?;
        self.looked_for.extend(wanted);
        self.until = self.until.max(Some(head));
        let first = |token: &Address| self.first.get(token).copied();
        let mut calls = Vec::new();
        for (token, side) in tokens {
            let function = Implementation::of(*side).function();
            calls.push(call(*token, function));
            calls.push(call(first(token).unwrap_or(*token), function));
        }
        let answers = node.calls_in_chain(&calls, BlockTag::Number(head), &blocks)?;
        let said: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.ok().and_then(|answer| revision(&answer)))
            .collect();
        for ((token, _), said) in tokens.iter().zip(said.chunks(2)) {
            if let [Some(now), Some(of_first)] = said {
                let of_token = FirstRevision {
                    now: *now,
                    first_upgrade: first(token).map(|_| *of_first),
                };
                found.insert(*token, of_token);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_revisions_are_those_of_the_release_unless_an_upgrade_says_less() {
        let revision = |number| Revision::new(number).unwrap();
        let first = |now, upgrade: Option<u32>, kind, pool| {
            let found = FirstRevision {
                now: revision(now),
                first_upgrade: upgrade.map(revision),
            };
            first_revision(&found, kind, Some(revision(pool))).get()
        };
        let (token, gho) = (TokenKind::AToken, TokenKind::GhoDebt);
        // Never upgraded.
        assert_eq!(first(4, None, token, 10), 4);
        // Listed with the first release, upgraded three times since.
        assert_eq!(first(5, Some(3), token, 1), 1);
        assert_eq!(first(6, Some(4), gho, 1), 1);
        // Listed with release 3.4 and 3.5.
        assert_eq!(first(5, Some(4), token, 8), 3);
        assert_eq!(first(5, Some(5), token, 9), 4);
        assert_eq!(first(6, Some(5), gho, 8), 4);
        // The first upgrade is to the revision of the release, so it began with less.
        assert_eq!(first(5, Some(5), token, 10), 4);
        assert_eq!(first(6, Some(6), gho, 10), 5);
        // Test contracts keep the number.
        assert_eq!(first(1, Some(1), token, 1), 1);
    }
}
