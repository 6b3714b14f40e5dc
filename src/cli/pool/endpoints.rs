//! The nodes that a command asks.

use std::collections::BTreeMap;

use crate::cli::failure::Failure;
use crate::cli::interrupt::cancel_token;
use crate::node::client::Node;
use crate::node::endpoint::Endpoint;
use crate::node::options::NodeOptions;
use crate::settings::environment::Environment;
use crate::settings::resolve::Settings;
use crate::types::integer::ChainId;

/// The endpoints of each chain: those of `--rpc`, otherwise that of the settings.
pub(in crate::cli) fn endpoints(
    settings: &Settings,
    given: &[String],
    options: &NodeOptions,
) -> Result<BTreeMap<ChainId, Vec<Endpoint>>, Failure> {
    let mut endpoints: BTreeMap<ChainId, Vec<Endpoint>> = BTreeMap::new();
    for address in given {
        let endpoint = parse(address)?;
        // Nobody says for which chain it is, so the node is asked.
        let chain = Node::ask_chain_id(endpoint.clone(), options.clone(), cancel_token().clone())?;
        endpoints.entry(chain).or_default().push(endpoint);
    }
    for (chain, address) in &settings.rpc {
        if !endpoints.contains_key(chain) {
            endpoints.insert(*chain, vec![parse(address)?]);
        }
    }
    Ok(endpoints)
}

fn parse(address: &str) -> Result<Endpoint, Failure> {
    let environment = Environment::from_process();
    let endpoint = Endpoint::parse(&environment.expand_home_of(address))?;
    if endpoint.is_cleartext() {
        log::warn!(
            "The node {endpoint} is asked without encryption: others can read the key and change the answers"
        );
    }
    Ok(endpoint)
}
