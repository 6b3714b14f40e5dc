//! Asks for the events of markets, and puts them in order.

use std::collections::BTreeSet;

use crate::events::aave_v3_addresses_provider::AddressId;
use crate::node::client::Node;
use crate::node::logs::filter::LogFilter;
use crate::sync::aave::market_event::{MarketEvent, RareEvent, topics};
use crate::sync::aave::market_scope::{ScopedMarket, WATCHED};
use crate::sync::aave::node_facts::NodeFacts;
use crate::sync::decode::{Decode, Gather, Which};
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::hash::BlockHash;
use crate::types::integer::BlockNumber;
use crate::types::log::Logs;

/// The events of some blocks, and what the node was asked about them.
#[derive(Debug, Default)]
pub(super) struct MarketChanges {
    /// In the order of the chain.
    pub(super) events: Vec<MarketEvent>,
    pub(super) facts: NodeFacts,
}

impl Gather for MarketChanges {
    fn append(&mut self, other: Self) {
        self.events.extend(other.events);
    }

    fn weight(&self) -> usize {
        self.events.len()
    }

    fn memory(&self) -> usize {
        self.events.capacity() * size_of::<MarketEvent>()
    }
}

/// The filter for the events of markets.
#[derive(Debug)]
pub(super) struct MarketDecoder {
    filter: LogFilter,
}

impl MarketDecoder {
    /// For these markets of a scope.
    pub(super) fn new(scope: &Scope<ScopedMarket>, members: &[usize]) -> Self {
        let markets = members
            .iter()
            .filter_map(|index| scope.exchanges.get(*index));
        let contracts: BTreeSet<_> = markets.flat_map(|market| &market.contracts).collect();
        Self {
            filter: LogFilter {
                addresses: contracts.into_iter().copied().collect(),
                topics0: topics(),
                ..LogFilter::default()
            },
        }
    }

    /// Asks for the events of contracts that a range shows for the first time, such as the tokens of a new reserve, until
    /// there are no more. Returns whether there were any.
    pub(super) fn complete(
        &self,
        node: &Node,
        (from, to): (BlockNumber, BlockNumber),
        last: BlockHash,
        changes: &mut MarketChanges,
    ) -> Result<bool, SyncError> {
        let mut known: BTreeSet<Address> = self.filter.addresses.iter().copied().collect();
        let mut is_widened = false;
        loop {
            let rare = changes.events.iter().filter_map(MarketEvent::rare);
            let new: BTreeSet<_> = rare
                .flat_map(new_contracts)
                .filter(|contract| *contract != Address::ZERO && !known.contains(contract))
                .collect();
            if new.is_empty() {
                return Ok(is_widened);
            }
            is_widened = true;
            let filter = LogFilter {
                addresses: new.iter().copied().collect(),
                ..self.filter.clone()
            };
            let answer = node.logs(&filter, from, to, Some(last))?;
            changes.append(decode(&answer.logs)?);
            changes.events.sort_by_key(|event| event.place);
            known.extend(new);
        }
    }
}

impl Decode for MarketDecoder {
    type Changes = MarketChanges;

    fn filter(&self, which: Which) -> Option<&LogFilter> {
        match which {
            Which::First => Some(&self.filter),
            Which::Second => None,
        }
    }

    fn decode(&self, _: Which, logs: &Logs) -> Result<MarketChanges, SyncError> {
        decode(logs)
    }
}

fn decode(logs: &Logs) -> Result<MarketChanges, SyncError> {
    let mut events = Vec::with_capacity(logs.len());
    for log in logs.iter() {
        events.extend(MarketEvent::decode(&log)?);
    }
    Ok(MarketChanges {
        events,
        facts: NodeFacts::default(),
    })
}

/// The contracts whose events count from now on, or whose earlier ones do.
pub(super) fn new_contracts(event: &RareEvent) -> Vec<Address> {
    let is_watched = |id: &AddressId| id.name().is_some_and(|name| WATCHED.contains(&name));
    match event {
        RareEvent::Initialized(event) => vec![event.a_token, event.variable_debt_token],
        RareEvent::Oracle(event) => vec![event.new_address],
        RareEvent::Proxy(event) if is_watched(&event.id) => vec![event.proxy_address],
        RareEvent::AddressSet(event) if is_watched(&event.id) => vec![event.new_address],
        _ => Vec::new(),
    }
}
