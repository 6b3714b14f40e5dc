//! Finds the users that the database has lost.
//!
//! All scaled balances of a token add up to its scaled total supply. Where those of the database do not, although its
//! users were compared, it lacks one, and the events of the token name everybody who ever got some of it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::U256;

use crate::events::aave_v3_token::{BalanceTransfer, Mint};
use crate::events::event::Event as _;
use crate::models::aave::position_writer::Side;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::node::logs::filter::LogFilter;
use crate::sync::aave::chain_values::{MarketValues, NotRead, side_index};
use crate::sync::aave::comparison::{Comparison, SIDES, token_of};
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::picture::{Picture, Totals};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::integer::BlockNumber;

/// How many users are asked about at a time.
const TOGETHER: usize = 1_000;

/// The blocks whose events are asked for first. Each further range is wider.
const FIRST_WIDTH: u64 = 10_000;

/// A token whose balances in the database do not add up to its total supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrongTotal {
    pub(super) token: Address,
    pub(super) database: U256,
    pub(super) chain: U256,
}

/// The tokens whose balances do not add up to their total supplies, by the places of their reserves.
pub(super) fn wrong_totals(
    state: &MarketState,
    values: &MarketValues,
    totals: &Totals,
) -> BTreeMap<(usize, Side), WrongTotal> {
    let mut wrong = BTreeMap::new();
    for (place, reserve) in state.reserves.iter().enumerate() {
        let Some(of_reserve) = values.reserves.get(&reserve.underlying) else {
            continue;
        };
        for side in SIDES {
            let database = totals.get(&(place, side)).copied().unwrap_or_default();
            let chain = of_reserve.totals.get(side_index(side));
            let chain = chain.map_or(database, |total| total.0);
            if database != chain {
                let token = token_of(of_reserve, side);
                let total = WrongTotal {
                    token,
                    database,
                    chain,
                };
                wrong.insert((place, side), total);
            }
        }
    }
    wrong
}

impl WrongTotal {
    /// Whether it stays wrong when what a comparison has found is made right.
    pub(super) fn stays(&self, comparison: &Comparison<'_>) -> bool {
        let missing = comparison.missing.get(&self.token);
        let missing = missing.copied().unwrap_or_default();
        self.database.wrapping_add(missing) != self.chain
    }

    /// The error of a total that nothing explains.
    pub(super) fn into_error(self, market: &ScopedMarket, block: BlockNumber) -> SyncError {
        SyncError::TotalDiffers {
            market: Box::new(market.name.clone()),
            token: self.token,
            database: self.database,
            chain: self.chain,
            block,
        }
    }
}

/// Looks for users that the database lacks, until all balances of each token add up to its total supply, and compares
/// them. The last events are asked for first.
///
/// # Errors
///
/// [`SyncError::TotalDiffers`] if the events do not name them.
pub(super) fn find_holders(
    node: &Node,
    (market, mark): (&ScopedMarket, BlockNumber),
    (picture, values): (&Picture, &MarketValues),
    mut wrong: Vec<WrongTotal>,
    comparison: &mut Comparison<'_>,
) -> Result<(), NotRead> {
    let begin = market.first_block.unwrap_or(BlockNumber::FIRST);
    let mut known: BTreeSet<Address> = picture.users.iter().copied().collect();
    let (mut end, mut width) = (Some(mark), FIRST_WIDTH);
    loop {
        wrong.retain(|total| total.stays(comparison));
        let Some(first) = wrong.first() else {
            return Ok(());
        };
        let Some(to) = end.filter(|to| *to >= begin) else {
            return Err(first.into_error(market, mark).into());
        };
        let from = BlockNumber::new(to.get().saturating_sub(width)).unwrap_or(begin);
        let from = from.max(begin);
        let tokens = wrong.iter().map(|total| total.token).collect();
        let mut holders = holders(node, tokens, from, to)?;
        holders.retain(|holder| known.insert(*holder));
        for users in holders.chunks(TOGETHER) {
            let at = BlockTag::Number(mark);
            comparison.users(node, picture, values, users, &|_, _| true, at)?;
        }
        end = from.previous();
        width = width.saturating_mul(4);
    }
}

/// Who got some of these tokens in a range of blocks.
fn holders(
    node: &Node,
    tokens: Vec<Address>,
    from: BlockNumber,
    to: BlockNumber,
) -> Result<Vec<Address>, SyncError> {
    let filter = LogFilter {
        addresses: tokens,
        topics0: vec![Mint::TOPIC, BalanceTransfer::TOPIC],
        ..LogFilter::default()
    };
    let answer = node.logs(&filter, from, to, None)?;
    let mut holders = Vec::new();
    for log in answer.logs.iter() {
        let holder = if log.topics.first() == Some(&Mint::TOPIC) {
            Mint::decode(&log)?.on_behalf_of
        } else {
            BalanceTransfer::decode(&log)?.to
        };
        holders.push(holder);
    }
    Ok(holders)
}
