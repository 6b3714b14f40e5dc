//! What no event of a market says: the node is asked for it before the events are written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::aave::pool_rules::PoolRules;
use crate::aave::token_rules::TokenKind;
use crate::models::aave::position_writer::Side;
use crate::models::rows::erc20_token::NewErc20Token;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sync::aave::contract_calls::{call, call_with, revision, word_of};
use crate::sync::aave::implementation::Implementation;
use crate::sync::aave::market_event::{MarketEvent, PoolEvent, RareEvent, What};
use crate::sync::aave::market_scope::{CONFIGURATOR, POOL, ScopedMarket};
use crate::sync::aave::revisions::{FirstRevision, first_revision};
use crate::sync::sync_error::SyncError;
use crate::sync::token_values;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId, Revision};
use crate::types::kind::TransferAmount;
use crate::types::sync_cursor::LogPosition;

/// What the node was asked for about some events.
#[derive(Debug, Default)]
pub(super) struct NodeFacts {
    /// The revisions of implementations.
    revisions: HashMap<(Address, Implementation), Revision>,
    /// The revisions that tokens had when they were listed, as far as the node's newest block shows it.
    pub(super) first_revisions: HashMap<Address, FirstRevision>,
    /// The debt tokens that are of GHO's own kind.
    pub(super) gho_debt: BTreeSet<Address>,
    tokens: HashMap<Address, Metadata>,
    /// The times of blocks whose headers the events did not come with.
    pub(super) times: BTreeMap<BlockNumber, u64>,
    /// What transfers say, at the first transfer that needs it.
    pub(super) transfers: HashMap<(Address, LogPosition), TransferAmount>,
    /// The price sources that oracles had for assets before their first event here.
    pub(super) sources: HashMap<(Address, Address), Address>,
}

#[derive(Debug, Clone, Default)]
struct Metadata {
    name: Option<String>,
    symbol: Option<String>,
    decimals: Option<crate::types::integer::Decimals>,
}

impl NodeFacts {
    /// Asks for the revisions of the implementations that events name. `side_of` finds the side of a token that was listed
    /// before or is listed in these events.
    pub(super) fn ask_revisions(
        &mut self,
        node: &Node,
        events: &[MarketEvent],
        side_of: impl Fn(Address) -> Option<Side>,
    ) -> Result<(), SyncError> {
        let mut needed = BTreeSet::new();
        for event in events {
            match event.rare() {
                Some(RareEvent::Proxy(proxy)) => match proxy.id.name() {
                    Some(POOL) => {
                        needed.insert((proxy.implementation_address, Implementation::Pool));
                    }
                    Some(CONFIGURATOR) => {
                        needed.insert((proxy.implementation_address, Implementation::Configurator));
                    }
                    _ => {}
                },
                Some(RareEvent::Pool(event)) => {
                    needed.insert((event.new_address, Implementation::Pool));
                }
                Some(RareEvent::Configurator(event)) => {
                    needed.insert((event.new_address, Implementation::Configurator));
                }
                Some(RareEvent::Upgraded(upgraded)) => {
                    if let Some(side) = side_of(event.contract) {
                        needed.insert((upgraded.implementation, Implementation::of(side)));
                    }
                }
                _ => {}
            }
        }
        let needed: Vec<_> = needed
            .into_iter()
            .filter(|key| !self.revisions.contains_key(key))
            .collect();
        self.ask_those(node, &needed)
    }

    fn ask_those(
        &mut self,
        node: &Node,
        needed: &[(Address, Implementation)],
    ) -> Result<(), SyncError> {
        if needed.is_empty() {
            return Ok(());
        }
        let calls: Vec<_> = needed
            .iter()
            .map(|(contract, kind)| call(*contract, kind.function()))
            .collect();
        let answers = node.calls(&calls, BlockTag::Latest)?;
        for (key, answer) in needed.iter().zip(answers) {
            if let Some(revision) = answer.ok().and_then(|answer| revision(&answer)) {
                self.revisions.insert(*key, revision);
            }
        }
        Ok(())
    }

    /// Asks about reserves that events list: the names of the tokens, and whether a debt token is of GHO's own kind.
    pub(super) fn ask_tokens(
        &mut self,
        node: &Node,
        market: &ScopedMarket,
        events: &[MarketEvent],
    ) -> Result<(), SyncError> {
        const FUNCTIONS: [&str; 3] = ["name()", "symbol()", "decimals()"];
        /// What some old tokens have instead.
        const CAPITALS: [&str; 3] = ["NAME()", "SYMBOL()", "DECIMALS()"];
        let mut tokens = Vec::new();
        let mut debt_of_gho = Vec::new();
        for event in events {
            if let Some(RareEvent::Initialized(new)) = event.rare() {
                tokens.extend([new.asset, new.a_token, new.variable_debt_token]);
                if market.gho == Some(new.asset) {
                    debt_of_gho.push(new.variable_debt_token);
                }
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        if tokens.is_empty() {
            return Ok(());
        }
        let of_functions = |functions: [&'static str; 3]| {
            let calls = |token: &Address| functions.map(|function| call(*token, function));
            tokens.iter().flat_map(calls).collect::<Vec<_>>()
        };
        let mut calls = of_functions(FUNCTIONS);
        calls.extend(of_functions(CAPITALS));
        // Up to revision 3, the token says who gets discounts. Later ones still have the function that stkAAVE calls.
        let zero = [0; 32];
        for token in &debt_of_gho {
            calls.push(call(*token, "getDiscountToken()"));
            calls.push(call_with(
                *token,
                "updateDiscountDistribution(address,address,uint256,uint256,uint256)",
                &[
                    word_of(Address::ZERO),
                    word_of(Address::ZERO),
                    zero,
                    zero,
                    zero,
                ],
            ));
        }
        let answers = node.calls(&calls, BlockTag::Latest)?;
        let answers: Vec<_> = answers.into_iter().map(Result::ok).collect();
        let own = tokens.len() * FUNCTIONS.len();
        let said = |token: usize, function: usize| {
            let index = token * FUNCTIONS.len() + function;
            let answer = |index: usize| answers.get(index).cloned().flatten();
            let is_empty = |answer: &Vec<u8>| answer.is_empty();
            answer(index)
                .filter(|found| !is_empty(found))
                .or_else(|| answer(own + index))
        };
        for (place, token) in tokens.iter().enumerate() {
            let metadata = Metadata {
                name: said(place, 0).and_then(|answer| token_values::text(&answer)),
                symbol: said(place, 1).and_then(|answer| token_values::text(&answer)),
                decimals: said(place, 2).and_then(|answer| token_values::decimals(&answer)),
            };
            self.tokens.insert(*token, metadata);
        }
        let probes = answers.get(2 * own..).unwrap_or_default();
        for (token, probe) in debt_of_gho.iter().zip(probes.chunks(2)) {
            if probe.iter().any(Option::is_some) {
                self.gho_debt.insert(*token);
            }
        }
        Ok(())
    }

    /// Asks for the times of the blocks that count: of the last update of each reserve, and of those between which an index
    /// moves without an event.
    pub(super) fn ask_times(
        &mut self,
        node: &Node,
        events: &[MarketEvent],
        known: &BTreeMap<BlockNumber, u64>,
    ) -> Result<(), SyncError> {
        let mut last: HashMap<Address, BlockNumber> = HashMap::new();
        let mut needed = BTreeSet::new();
        for event in events {
            let block = event.place.block;
            match &event.what {
                What::Pool(PoolEvent::Data(data)) => {
                    last.insert(data.reserve, block);
                }
                What::Pool(PoolEvent::Liquidation(liquidation)) if liquidation.receive_a_token => {
                    needed.insert(block);
                    needed.extend(last.insert(liquidation.collateral_asset, block));
                }
                _ => {}
            }
        }
        needed.extend(last.into_values());
        let numbers: Vec<_> = needed
            .into_iter()
            .filter(|block| !known.contains_key(block))
            .collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let headers = node.existing_headers(&numbers)?;
        let times = headers
            .iter()
            .map(|header| (header.number, header.timestamp));
        self.times.extend(times);
        Ok(())
    }

    /// A token, with what the node says of it.
    pub(super) fn token(&self, chain: ChainId, address: Address) -> NewErc20Token {
        let said = self.tokens.get(&address).cloned().unwrap_or_default();
        NewErc20Token {
            chain,
            address,
            name: said.name,
            symbol: said.symbol,
            decimals: said.decimals,
        }
    }

    fn revision(
        &self,
        market: &ScopedMarket,
        contract: Address,
        kind: Implementation,
    ) -> Result<Revision, SyncError> {
        let found = self.known_revision(contract, kind);
        found.ok_or_else(|| no_answer(market, contract, kind.function()))
    }

    pub(super) fn known_revision(
        &self,
        contract: Address,
        kind: Implementation,
    ) -> Option<Revision> {
        self.revisions.get(&(contract, kind)).copied()
    }

    /// The revision of an implementation of the Pool.
    pub(super) fn pool_revision(
        &self,
        market: &ScopedMarket,
        implementation: Address,
    ) -> Result<Revision, SyncError> {
        let revision = self.revision(market, implementation, Implementation::Pool)?;
        match PoolRules::new(revision) {
            Ok(_) => Ok(revision),
            Err(unknown) => Err(SyncError::UnknownPoolRevision {
                market: Box::new(market.name.clone()),
                revision: unknown.0,
            }),
        }
    }

    /// The revision of an implementation of the configurator, which nothing depends on.
    pub(super) fn configurator_revision(&self, implementation: Address) -> Option<Revision> {
        self.known_revision(implementation, Implementation::Configurator)
    }

    /// The revision of an implementation of a token.
    pub(super) fn token_revision(
        &self,
        market: &ScopedMarket,
        implementation: Address,
        side: Side,
    ) -> Result<Revision, SyncError> {
        self.revision(market, implementation, Implementation::of(side))
    }

    /// The revision that a token had when it was listed, while the Pool had this revision.
    pub(super) fn first_revision(
        &self,
        market: &ScopedMarket,
        token: Address,
        (side, debt_kind): (Side, TokenKind),
        pool: Option<Revision>,
    ) -> Result<Revision, SyncError> {
        let found = self.first_revisions.get(&token);
        let found =
            found.ok_or_else(|| no_answer(market, token, Implementation::of(side).function()))?;
        let kind = match side {
            Side::Collateral => TokenKind::AToken,
            Side::Debt => debt_kind,
        };
        Ok(first_revision(found, kind, pool))
    }
}

fn no_answer(market: &ScopedMarket, contract: Address, function: &'static str) -> SyncError {
    SyncError::NoRevision {
        market: Box::new(market.name.clone()),
        contract,
        function,
    }
}
