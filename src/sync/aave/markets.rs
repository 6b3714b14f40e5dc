//! Updates of Aave's markets, as a domain.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::deployments::market_name::MarketName;
use crate::models::aave::position_writer::Side;
use crate::models::access::row_error::RowError;
use crate::models::journal::tables::UpdateOf;
use crate::models::rows::aave_v3_market::AaveV3Market;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sync::aave::contract_calls::{address_at, addresses, call, call_with, word_of};
use crate::sync::aave::market_commit::{MarketMemory, commit};
use crate::sync::aave::market_decoder::{MarketChanges, MarketDecoder};
use crate::sync::aave::market_event::{MarketEvent, RareEvent};
use crate::sync::aave::market_needs::estimate;
use crate::sync::aave::market_scope::{ScopedMarket, named};
use crate::sync::aave::market_state::MarketState;
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::aave::price_sources::find_sources;
use crate::sync::aave::revisions::Upgrades;
use crate::sync::aave::transfer_amounts::find_transfer_amounts;
use crate::sync::decode::Gather as _;
use crate::sync::domain::{Committed, Domain, Place};
use crate::sync::pending::Batch;
use crate::sync::report::Skipped;
use crate::sync::room::Room;
use crate::sync::run_options::RunOptions;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// The bytes of a position with its user and its indexes, and of what the journal has of a change.
const POSITION: u64 = 600;
const JOURNALED: u64 = 2_000;

/// Markets; all active ones if none is named.
#[derive(Debug)]
pub(super) struct AaveMarkets<'a> {
    names: &'a [MarketName],
    /// Markets that cannot be updated. `None` if nobody has tried to take markets over.
    failed: Option<&'a [(MarketName, SyncError)]>,
    /// The contracts that the newest block shows of markets that the database knows little of.
    contracts: HashMap<i64, Vec<Address>>,
    upgrades: Upgrades,
}

impl<'a> AaveMarkets<'a> {
    /// Markets as they are.
    pub(super) fn new(names: &'a [MarketName]) -> Self {
        Self {
            names,
            failed: None,
            contracts: HashMap::new(),
            upgrades: Upgrades::default(),
        }
    }

    /// Markets that were taken over, but for those where that has failed.
    pub(super) fn taken_over(
        names: &'a [MarketName],
        failed: &'a [(MarketName, SyncError)],
    ) -> Self {
        Self {
            failed: Some(failed),
            ..Self::new(names)
        }
    }
}

impl Domain for AaveMarkets<'_> {
    const UPDATE: UpdateOf = UpdateOf::AaveMarkets;
    const MARKS: &'static str = "aave_v3_markets";
    type Member = ScopedMarket;
    type Memory = MarketMemory;
    type Decoder<'scope> = MarketDecoder;
    type Changes = MarketChanges;

    fn read(
        &self,
        connection: &mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Scope<ScopedMarket>, RowError> {
        let mut scope = Scope::read_markets(connection, chain, self.names)?;
        if let Some(failed) = self.failed {
            leave_out(&mut scope, failed);
        }
        for market in &mut scope.exchanges {
            if let Some(found) = self.contracts.get(&market.id) {
                market.contracts.extend(found);
            }
        }
        Ok(scope)
    }

    fn exist(&self, connection: &mut SqliteConnection, chain: ChainId) -> Result<bool, RowError> {
        Ok(!AaveV3Market::of_chain(connection, chain)?.is_empty())
    }

    /// Asks for the contracts that markets have now, so that their events are among the first ones asked for.
    fn acquaint(&mut self, node: &Node, scope: &mut Scope<ScopedMarket>) -> Result<(), SyncError> {
        for market in &mut scope.exchanges {
            if market.is_known || self.contracts.contains_key(&market.id) {
                continue;
            }
            let found = contracts_of(node, market.provider)?;
            market.contracts.extend(&found);
            self.contracts.insert(market.id, found);
        }
        Ok(())
    }

    fn decoder(scope: &Scope<ScopedMarket>, members: &[usize]) -> MarketDecoder {
        MarketDecoder::new(scope, members)
    }

    fn complete(
        node: &Node,
        decoder: &MarketDecoder,
        range: (BlockNumber, BlockNumber),
        last: BlockHash,
        changes: &mut MarketChanges,
    ) -> Result<bool, SyncError> {
        decoder.complete(node, range, last, changes)
    }

    fn prepare(
        &mut self,
        node: &Node,
        (scope, members): (&Scope<ScopedMarket>, &[usize]),
        memory: &mut MarketMemory,
        connection: &mut SqliteConnection,
        batch: &mut Batch<MarketChanges>,
    ) -> Result<(), SyncError> {
        let end = (batch.end.number, batch.end.hash);
        let MarketChanges { events, facts } = &mut batch.changes;
        if events.is_empty() {
            return Ok(());
        }
        facts.ask_times(node, events, &batch.times)?;
        let markets = members
            .iter()
            .filter_map(|index| scope.exchanges.get(*index));
        for market in markets {
            let state = memory.market(connection, market)?;
            ask_facts(
                node,
                market,
                state,
                (events, end),
                &mut self.upgrades,
                facts,
            )?;
        }
        Ok(())
    }

    fn commit(
        place: Place<'_>,
        memory: &mut MarketMemory,
        scope: &Scope<ScopedMarket>,
        members: &[usize],
        batch: &mut Batch<MarketChanges>,
    ) -> Result<Committed, SyncError> {
        commit(place, memory, scope, members, batch)
    }

    fn room(
        path: &Path,
        node: &Node,
        scope: &Scope<ScopedMarket>,
        ends: (BlockNumber, BlockNumber),
        options: &RunOptions,
    ) -> Result<Room, SyncError> {
        Ok(estimate(path, node, scope, ends, options)?.room())
    }

    fn room_for(batch: &Batch<MarketChanges>) -> u64 {
        let events = u64::try_from(batch.changes.weight()).unwrap_or(u64::MAX);
        let an_event = if batch.end.is_final {
            POSITION
        } else {
            POSITION + JOURNALED
        };
        events.saturating_mul(an_event)
    }
}

/// Leaves out the markets that were to be taken over: where that has failed, and where another program has moved the mark
/// since. An update takes markets over before it begins, not while it goes on.
fn leave_out(scope: &mut Scope<ScopedMarket>, failed: &[(MarketName, SyncError)]) {
    let Scope {
        exchanges, skipped, ..
    } = scope;
    exchanges.retain(|market| {
        let exchange = named(&market.name);
        let error = failed.iter().find(|(name, _)| *name == market.name);
        let reason = match error {
            Some((_, error)) => error.without_market(&exchange).into(),
            None if !market.is_complete => {
                "another program has moved its mark since, and it is not taken over yet".into()
            }
            None => return true,
        };
        skipped.push(Skipped {
            exchange,
            reason,
            is_for_now: true,
        });
        false
    });
}

/// Asks for what no event says, so that events can be applied to a market. They come with the last block of their range.
pub(super) fn ask_facts(
    node: &Node,
    market: &ScopedMarket,
    state: &MarketState,
    (events, end): (&[MarketEvent], (BlockNumber, BlockHash)),
    upgrades: &mut Upgrades,
    facts: &mut NodeFacts,
) -> Result<(), SyncError> {
    let mut listed: HashMap<Address, Side> = HashMap::new();
    for event in events {
        if let Some(RareEvent::Initialized(new)) = event.rare() {
            listed.insert(new.a_token, Side::Collateral);
            listed.insert(new.variable_debt_token, Side::Debt);
        }
    }
    let side_of = |token: Address| {
        let stored = state.of_token(token).map(|(_, side)| side);
        stored.or_else(|| listed.get(&token).copied())
    };
    facts.ask_revisions(node, events, side_of)?;
    if !listed.is_empty() {
        facts.ask_tokens(node, market, events)?;
        let first = upgrades.find(node, events, &market.contracts, end)?;
        facts.first_revisions.extend(first);
    }
    find_sources(node, market, state, events, facts)?;
    find_transfer_amounts(node, market, state, events, facts)
}

/// The contracts that a market has at the newest block. Those that do not answer are left out: the events say all of them
/// in time.
fn contracts_of(node: &Node, provider: Address) -> Result<Vec<Address>, SyncError> {
    let functions = ["getPool()", "getPoolConfigurator()", "getPriceOracle()"];
    let calls = functions.map(|function| call(provider, function));
    let answers = node.calls(&calls, BlockTag::Latest)?;
    let answered: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.ok().and_then(|answer| address_at(&answer, 0)))
        .collect();
    let mut found: BTreeSet<Address> = answered.iter().copied().flatten().collect();
    if let Some(Some(pool)) = answered.first() {
        let calls = [call(*pool, "getReservesList()")];
        let answers = node.calls(&calls, BlockTag::Latest)?;
        let listed = answers.into_iter().next().and_then(Result::ok);
        let listed = listed
            .and_then(|answer| addresses(&answer))
            .unwrap_or_default();
        let data =
            |asset: &Address| call_with(*pool, "getReserveData(address)", &[word_of(*asset)]);
        let calls: Vec<_> = listed.iter().map(data).collect();
        for answer in node.calls(&calls, BlockTag::Latest)?.into_iter().flatten() {
            // The places of the aToken and of the variable debt token, in every release.
            found.extend(
                [8, 10]
                    .into_iter()
                    .filter_map(|word| address_at(&answer, word)),
            );
        }
    }
    found.remove(&Address::ZERO);
    Ok(found.into_iter().collect())
}
