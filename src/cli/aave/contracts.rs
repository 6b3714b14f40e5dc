//! Asking the contracts of a market, for its activation.

use std::collections::BTreeSet;

use crate::cli::asking::Nodes;
use crate::cli::endpoints::Endpoints;
use crate::cli::failure::Failure;
use crate::database::aave_markets::MarketFacts;
use crate::node::options::NodeOptions;
use crate::settings::resolve::Settings;
use crate::sync::market_facts::ask_market;
use crate::types::address::Address;
use crate::types::integer::ChainId;

impl Nodes {
    /// What the contracts of a market say.
    pub(super) fn ask(
        &self,
        settings: &Settings,
        chain: ChainId,
        provider: Address,
        gho: Option<Address>,
    ) -> Result<MarketFacts, Failure> {
        let chains = BTreeSet::from([chain]);
        let endpoints = Endpoints::new(settings, &self.rpc, &NodeOptions::default(), &chains)?;
        let node = endpoints.node(chain).map_err(|error| Failure::Sync {
            chain,
            error: Box::new(error),
        })?;
        ask_market(&node, chain, provider, gho)?.ok_or(Failure::NotAProvider { chain, provider })
    }
}
