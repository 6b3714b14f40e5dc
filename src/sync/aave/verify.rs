//! The comparison of Aave's markets with their contracts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::deployments::market_name::MarketName;
use crate::node::client::Node;
use crate::node::header::{BlockTag, Header};
use crate::setters::setters;
use crate::sync::aave::balance_mismatch::BalanceMismatch;
use crate::sync::aave::chain_values::{MarketValues, NotRead, provider_of};
use crate::sync::aave::comparison::{Comparison, Known, other_provider};
use crate::sync::aave::events_after::events_after;
use crate::sync::aave::market_event::MarketEvent;
use crate::sync::aave::market_scope::{NEVER_UPDATED, POOL, ScopedMarket};
use crate::sync::aave::market_state::{Context, MarketState};
use crate::sync::aave::markets::ask_facts;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::picture::{Markets, Picture, Users};
use crate::sync::aave::revisions::Upgrades;
use crate::sync::aave::update::SkippedMarket;
use crate::sync::aave::verify_report::{
    AaveFinding, AaveProgress, AaveSubject, AaveVerifyReport, MarketNotCompared, MarketVerification,
};
use crate::sync::at_block::{is_about_the_answer, lacks_state};
use crate::sync::chain_view::{Standing, look};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

/// How many users are compared at a time.
const TOGETHER: usize = 1_000;

/// Options for a comparison of markets with their chain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AaveVerifyOptions {
    /// The markets; all active ones of the chain if empty.
    pub markets: Vec<MarketName>,
    /// The users; if empty, a sample.
    pub users: Vec<Address>,
    /// How many users of each market are compared; `None` for all.
    pub sample: Option<usize>,
    /// The time to wait for a node that lacks a block of the database.
    pub patience: Duration,
    /// The token that cancels the comparison. The node has its own.
    pub cancel: CancelToken,
}

setters!(AaveVerifyOptions {
    markets: Vec<MarketName>,
    users: Vec<Address>,
    sample: Option<usize>,
    patience: Duration,
    cancel: CancelToken,
});

impl Default for AaveVerifyOptions {
    fn default() -> Self {
        Self {
            markets: Vec::new(),
            users: Vec::new(),
            sample: Some(100),
            patience: Duration::from_secs(60),
            cancel: CancelToken::new(),
        }
    }
}

/// Compares the markets of Aave V3 on a chain with what their contracts say: every reserve, with its configuration, its
/// indexes, its e-mode categories and the sums of all its balances; the contracts and the categories; and of some users,
/// or all, the scaled balances, the e-mode and the collateral.
///
/// It compares the state of the block up to which the market is in the database. If the node no longer has that state,
/// the events since then are added to what the database has, in memory, and the state of the newest block is compared.
///
/// It changes nothing, and reads one state of the database of each market, so that an update can run meanwhile. A block
/// that disappears from the chain in the middle makes it begin anew.
///
/// # Errors
///
/// See [`SyncError`]. What could not be compared, although the node answers, is in the report.
pub fn verify_aave_markets(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &AaveVerifyOptions,
    observe: &mut dyn FnMut(&AaveProgress),
) -> (AaveVerifyReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let mut report = AaveVerifyReport::new(chain);
    let result = verify(path, chain, node, options, observe, &mut report);
    report.node = node.statistics();
    report.elapsed = begin.elapsed();
    (report, result)
}

fn verify(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &AaveVerifyOptions,
    observe: &mut dyn FnMut(&AaveProgress),
    report: &mut AaveVerifyReport,
) -> Result<(), SyncError> {
    /// How often it begins anew if blocks disappear, or if others write.
    const TRIES: u32 = 3;
    let mut tries = 0;
    loop {
        let markets = Markets::read(path, chain, &options.markets)?;
        *report = AaveVerifyReport::new(chain);
        let (_, standing) = look(node, &markets.blocks, options.patience, &options.cancel)?;
        if let Standing::GoneAbove(keep) = standing {
            return Err(SyncError::MarketsReorganised { keep });
        }
        let skipped = markets.scope.skipped.iter();
        report.skipped.extend(skipped.map(|skipped| SkippedMarket {
            market: MarketName {
                chain,
                name: skipped.exchange.name.clone(),
            },
            reason: skipped.reason.clone(),
        }));
        let mut verification = Verification {
            path,
            node,
            options,
            observe,
            report,
            headers: BTreeMap::new(),
        };
        let compared = verification.run(&markets);
        let changed = verification.changed_block();
        tries += 1;
        match (compared, changed) {
            (Ok(true), Ok(None)) => return Ok(()),
            (Err(SyncError::Interrupted), _) => return Err(SyncError::Interrupted),
            // What was compared was of two branches.
            (_, Ok(Some(block))) | (Err(SyncError::Branches { block }), _) => {
                if tries == TRIES {
                    return Err(SyncError::Branches { block });
                }
            }
            (Ok(false), Ok(None)) => {
                if tries == TRIES {
                    return Err(SyncError::Unsettled {
                        reason: "another program has moved the marks",
                    });
                }
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        }
    }
}

struct Verification<'a> {
    path: &'a Path,
    node: &'a Node,
    options: &'a AaveVerifyOptions,
    observe: &'a mut dyn FnMut(&AaveProgress),
    report: &'a mut AaveVerifyReport,
    /// The blocks whose state counts.
    headers: BTreeMap<BlockNumber, Header>,
}

/// What came of a try to compare a market at a block.
enum Tried {
    Compared,
    /// The node lacks the state of the block.
    NoState,
    /// Another program has written.
    Moved,
}

impl Verification<'_> {
    /// Returns whether the database stayed as it was.
    fn run(&mut self, markets: &Markets) -> Result<bool, SyncError> {
        for (index, market) in markets.scope.exchanges.iter().enumerate() {
            let Some(mark) = market.last_block() else {
                self.report.skipped.push(SkippedMarket {
                    market: market.name.clone(),
                    reason: NEVER_UPDATED.into(),
                });
                continue;
            };
            let at_mark = self.header(mark)?;
            let mut tried = self.compare(markets, index, &at_mark)?;
            if matches!(tried, Tried::NoState) {
                log::info!(
                    "{}: the node has no state of block {mark}; the newest block is compared",
                    market.name
                );
                let head = self.node.header(BlockTag::Latest)?;
                let head = head.map_or(mark, |head| head.number);
                if head > mark {
                    let at = self.header(head)?;
                    tried = self.compare(markets, index, &at)?;
                }
            }
            match tried {
                Tried::Compared => {}
                Tried::NoState => self.report.not_compared.push(MarketNotCompared {
                    market: market.name.clone(),
                    reason: format!("the node has no state of block {mark}"),
                }),
                Tried::Moved => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The header of a block, which is looked at again in the end.
    fn header(&mut self, number: BlockNumber) -> Result<Header, SyncError> {
        if let Some(header) = self.headers.get(&number) {
            return Ok(header.clone());
        }
        let Some(header) = self.node.header(BlockTag::Number(number))? else {
            let head = self.node.header(BlockTag::Latest)?;
            return Err(SyncError::Behind {
                block: number,
                head: head.map_or(BlockNumber::FIRST, |head| head.number),
            });
        };
        self.headers.insert(number, header.clone());
        Ok(header)
    }

    /// The first of the blocks that has another hash by now.
    fn changed_block(&self) -> Result<Option<BlockNumber>, SyncError> {
        let numbers: Vec<_> = self.headers.keys().copied().collect();
        let headers = self.node.headers(&numbers)?;
        let changed = self
            .headers
            .values()
            .zip(&headers)
            .find(|(before, now)| now.as_ref().is_none_or(|now| now.hash != before.hash));
        Ok(changed.map(|(before, _)| before.number))
    }

    fn compare(
        &mut self,
        markets: &Markets,
        index: usize,
        at: &Header,
    ) -> Result<Tried, SyncError> {
        let Some(market) = markets.scope.exchanges.get(index) else {
            return Ok(Tried::Moved);
        };
        let mark = market.mark.unwrap_or(at.number);
        let at_mark = self.header(mark)?;
        let events = events_after(self.node, &markets.scope, index, mark, at)?;
        let users = Users {
            named: &self.options.users,
            sample: self.options.sample,
        };
        let Some(mut picture) = Picture::read(self.path, market, users, &events)? else {
            return Ok(Tried::Moved);
        };
        let tag = BlockTag::Number(at.number);
        let state = &picture.state;
        let provider = market.provider;
        // A node that lacks the state says so before the events are applied.
        let values = match MarketValues::read(self.node, provider, &state.asked(), tag) {
            Ok(values) => values,
            Err(not_read) => return self.without_values(market, state, not_read, tag),
        };
        let mismatches = take_in(self.node, market, &mut picture, &events, at)?;
        let values = if events.is_empty() {
            Ok(values)
        } else {
            MarketValues::read(self.node, provider, &picture.state.asked(), tag)
        };
        let mut comparison = Comparison::new(&market.name);
        let compared = values.and_then(|values| {
            let of_market = (&picture.state, &values);
            let known = Known::read(self.node, market, of_market, &at_mark, tag)?;
            comparison.market(&picture.state, &values, &known);
            comparison.totals(&picture.state, &values, &picture.totals);
            self.users(&mut comparison, &picture, &values, tag)
        });
        if let Err(not_read) = compared {
            return self.not_read(market, not_read);
        }
        let Comparison {
            mut findings,
            values,
            positions,
            ..
        } = comparison;
        findings.extend(mismatches.into_iter().map(of_mismatch));
        let report = &mut *self.report;
        report.values += values;
        report.findings.append(&mut findings);
        report.markets.push(MarketVerification {
            market: market.name.clone(),
            mark,
            compared_at: at.number,
            users: picture.count,
            compared: u64::try_from(picture.users.len()).unwrap_or(u64::MAX),
            unknown: u64::try_from(picture.unknown).unwrap_or(u64::MAX),
            positions,
        });
        Ok(Tried::Compared)
    }

    fn users(
        &mut self,
        comparison: &mut Comparison<'_>,
        picture: &Picture,
        values: &MarketValues,
        at: BlockTag,
    ) -> Result<(), NotRead> {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let is_whole = !self.options.users.is_empty();
        for (number, users) in picture.users.chunks(TOGETHER).enumerate() {
            if self.options.cancel.is_cancelled() {
                return Err(SyncError::Interrupted.into());
            }
            (self.observe)(&AaveProgress {
                market: comparison.market.clone(),
                done: count(number * TOGETHER),
                total: count(picture.users.len()),
            });
            comparison.users(self.node, picture, values, users, &|_, _| is_whole, at)?;
        }
        Ok(())
    }

    /// The provider does not answer as one of Aave, perhaps because the market has another one.
    fn without_values(
        &mut self,
        market: &ScopedMarket,
        state: &MarketState,
        not_read: NotRead,
        at: BlockTag,
    ) -> Result<Tried, SyncError> {
        if matches!(not_read, NotRead::Answer(_))
            && let Ok(Some(provider)) = provider_of(self.node, state.contract(POOL), at)
            && provider != market.provider
        {
            self.report.values += 1;
            self.report.findings.push(other_provider(market, provider));
            return Ok(Tried::Compared);
        }
        self.not_read(market, not_read)
    }

    fn not_read(&mut self, market: &ScopedMarket, not_read: NotRead) -> Result<Tried, SyncError> {
        let reason = match not_read {
            NotRead::Node(SyncError::Node { source }) if lacks_state(&source) => {
                return Ok(Tried::NoState);
            }
            NotRead::Node(SyncError::Node { source }) if is_about_the_answer(&source) => {
                source.to_string()
            }
            NotRead::Node(error) => return Err(error),
            NotRead::Answer(reason) => reason,
        };
        self.report.not_compared.push(MarketNotCompared {
            market: market.name.clone(),
            reason,
        });
        Ok(Tried::Compared)
    }
}

/// Applies the events after the mark. Those that contradict a balance are left out.
fn take_in(
    node: &Node,
    market: &ScopedMarket,
    picture: &mut Picture,
    events: &[MarketEvent],
    at: &Header,
) -> Result<Vec<BalanceMismatch>, SyncError> {
    let mut mismatches = Vec::new();
    if events.is_empty() {
        return Ok(mismatches);
    }
    picture.state.require_known_revisions(market)?;
    let times = BTreeMap::new();
    let mut facts = NodeFacts::default();
    facts.ask_times(node, events, &times)?;
    let state = &mut picture.state;
    ask_facts(
        node,
        market,
        state,
        (events, (at.number, at.hash)),
        &mut Upgrades::default(),
        &mut facts,
    )?;
    let before = state.balances.totals();
    let context = Context {
        market,
        facts: &facts,
        times: &times,
    };
    for event in events {
        match state.apply(event, &context) {
            Ok(_) => {}
            Err(SyncError::Balance { mismatch }) => mismatches.push(*mismatch),
            Err(error) => return Err(error),
        }
    }
    for (key, after) in state.balances.totals() {
        let total = picture.totals.entry(key).or_default();
        let before = before.get(&key).copied().unwrap_or_default();
        *total = total.wrapping_sub(before).wrapping_add(after);
    }
    for (user, place, is_enabled) in state.balances.switched() {
        picture.switches.insert((*user, *place), *is_enabled);
    }
    Ok(mismatches)
}

fn of_mismatch(mismatch: BalanceMismatch) -> AaveFinding {
    AaveFinding {
        market: mismatch.market,
        user: Some(mismatch.user),
        token: Some(mismatch.token),
        subject: AaveSubject::Interest,
        database: None,
        chain: Some(format!("at {}: {}", mismatch.place, mismatch.error)),
    }
}
