//! The nodes that a command asks.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::failure::Failure;
use crate::cli::interrupt::cancel_token;
use crate::node::client::Node;
use crate::node::endpoint::Endpoint;
use crate::node::error::NodeError;
use crate::node::options::NodeOptions;
use crate::settings::environment::Environment;
use crate::settings::nodes_file::NodeSettings;
use crate::settings::resolve::Settings;
use crate::sync::sync_error::SyncError;
use crate::types::integer::ChainId;

/// What becomes of the nodes of `--rpc` that do not answer, so that their chain is not known.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum IfSilent {
    /// They are left out. If none answers, the command fails.
    Fail,
    /// They are taken for nodes of this chain, and waited for. Each is asked for its chain again before its first answer
    /// counts.
    Wait(ChainId),
    /// They would be waited for, but may be of any of several chains. They are left out; if none answers, the command
    /// fails.
    CannotWait,
}

/// The endpoints of each chain: those of `--rpc`, otherwise those of the settings.
pub(in crate::cli) struct Endpoints {
    given: BTreeMap<ChainId, Vec<Endpoint>>,
    settings: BTreeMap<ChainId, Vec<NodeSettings>>,
    options: NodeOptions,
}

impl Endpoints {
    /// Asks each endpoint of `--rpc` for its chain. If there are several, one that does not answer is left out with a
    /// warning.
    ///
    /// If the command is about one chain only, a single endpoint is taken for a node of that chain. It is asked together
    /// with the first question, which saves a request.
    pub(in crate::cli) fn new(
        settings: &Settings,
        given: &[String],
        options: &NodeOptions,
        chains: &BTreeSet<ChainId>,
    ) -> Result<Self, Failure> {
        Self::with_silent(settings, given, options, chains, IfSilent::Fail)
    }

    /// The same, with what becomes of those that do not answer.
    pub(in crate::cli) fn with_silent(
        settings: &Settings,
        given: &[String],
        options: &NodeOptions,
        chains: &BTreeSet<ChainId>,
        if_silent: IfSilent,
    ) -> Result<Self, Failure> {
        let parsed = given.iter().map(|address| parse(address));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let with = |given| Self {
            given,
            settings: settings.nodes.clone(),
            options: options.clone(),
        };
        if let (Some(chain), 1, 1) = (chains.first(), chains.len(), parsed.len()) {
            return Ok(with(BTreeMap::from([(*chain, parsed)])));
        }
        let asking = if parsed.len() > 1 || matches!(if_silent, IfSilent::Wait(_)) {
            options.clone().max_tries(2)
        } else {
            options.clone()
        };
        let mut endpoints: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut silent = Vec::new();
        for endpoint in parsed {
            // Nobody says for which chain it is, so the node is asked.
            let chain =
                Node::ask_chain_id(endpoint.clone(), asking.clone(), cancel_token().clone());
            match (chain, if_silent) {
                (Ok(chain), _) => endpoints.entry(chain).or_default().push(endpoint),
                (Err(NodeError::Interrupted), _) => return Err(NodeError::Interrupted.into()),
                (Err(error), IfSilent::Wait(chain)) if may_come_back(&error) => {
                    log::info!("{error}; it is taken for a node of chain {chain}");
                    endpoints.entry(chain).or_default().push(endpoint);
                }
                (Err(error), _) => silent.push(error),
            }
        }
        if endpoints.is_empty()
            && let Some(source) = silent.pop()
        {
            let cannot_wait = matches!(if_silent, IfSilent::CannotWait);
            return Err(if cannot_wait && may_come_back(&source) {
                Failure::SilentNode { source }
            } else {
                source.into()
            });
        }
        for error in silent {
            log::warn!("{error}; this node is left out");
        }
        Ok(with(endpoints))
    }

    /// The nodes of a chain. Of several in the settings, one whose address cannot be used is left out with a warning.
    pub(in crate::cli) fn node(&self, chain: ChainId) -> Result<Node, SyncError> {
        let endpoints = match (self.given.get(&chain), self.settings.get(&chain)) {
            (Some(given), _) => given.clone(),
            (None, Some(nodes)) => usable(nodes)?,
            (None, None) => return Err(SyncError::NoEndpoint { chain }),
        };
        Ok(Node::new(
            chain,
            endpoints,
            self.options.clone(),
            cancel_token().clone(),
        )?)
    }
}

/// Warns if no node of a chain is in the settings.
pub(in crate::cli) fn warn_without_endpoint(settings: &Settings, chain: ChainId) {
    if settings.nodes.contains_key(&chain) {
        return;
    }
    let file = match &settings.config_path {
        Some(path) => path.display().to_string(),
        None => "the config file".to_owned(),
    };
    log::warn!(
        "There is no RPC endpoint for chain ID {chain}, which updates need; add one to [rpc] or [nodes.http] in {file}"
    );
}

/// Whether a node that does not say its chain may do so later.
const fn may_come_back(error: &NodeError) -> bool {
    matches!(
        error,
        NodeError::Unreachable { .. } | NodeError::RateLimited { .. }
    )
}

/// The endpoints that can be used, or why none can.
fn usable(nodes: &[NodeSettings]) -> Result<Vec<Endpoint>, NodeError> {
    let mut endpoints = Vec::new();
    let mut unusable = Vec::new();
    for node in nodes {
        let endpoint = parse(&node.address).and_then(|endpoint| {
            node.headers
                .iter()
                .try_fold(endpoint, |endpoint, (name, value)| {
                    endpoint.with_header(name, value)
                })
        });
        match endpoint {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(error) => unusable.push(error),
        }
    }
    if endpoints.is_empty()
        && let Some(error) = unusable.pop()
    {
        return Err(error);
    }
    for error in unusable {
        log::warn!("{error}; this node is left out");
    }
    Ok(endpoints)
}

fn parse(address: &str) -> Result<Endpoint, NodeError> {
    let environment = Environment::from_process();
    let endpoint = Endpoint::parse(&environment.expand_home_of(address))?;
    if endpoint.is_cleartext() {
        log::warn!(
            "The node {endpoint} is asked without encryption: others can read the key and change the answers"
        );
    }
    Ok(endpoint)
}
