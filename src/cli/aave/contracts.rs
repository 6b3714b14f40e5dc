//! Asking the contracts of a market, for its activation.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::endpoints::Endpoints;
use crate::cli::failure::Failure;
use crate::database::aave_markets::MarketFacts;
use crate::node::options::NodeOptions;
use crate::settings::resolve::Settings;
use crate::sync::market_facts::ask_market;
use crate::types::address::Address;
use crate::types::integer::ChainId;

/// The nodes that are asked.
#[derive(Debug, Args)]
pub(super) struct Nodes {
    /// The node to ask instead of that in the config file; can be repeated
    ///
    /// Other users of this machine can see options: an address with a key is safer in the
    /// config file, or in DEGENBOT_RPC_HTTP_CHAINID_<ID> in the environment.
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(long, value_name = "URL")]
    pub(super) rpc: Vec<String>,
}

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
