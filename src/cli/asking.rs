//! How nodes are asked.

use clap::Args;

use crate::node::options::NodeOptions;

/// The nodes that are asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct Nodes {
    /// The node to ask instead of that in the config file; can be repeated
    ///
    /// Other users of this machine can see options: an address with a key is safer in the
    /// config file, or in DEGENBOT_RPC_HTTP_CHAINID_<ID> in the environment.
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) rpc: Vec<String>,
}

/// How nodes are asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct Asking {
    #[command(flatten)]
    pub(in crate::cli) nodes: Nodes,
    /// How many requests are under way to a node at once
    #[arg(long, value_name = "REQUESTS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(in crate::cli) concurrency: u16,
    /// How many calls a node gets in a second, at most
    #[arg(long, value_name = "CALLS", value_parser = rate)]
    max_rate: Option<f64>,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.01 => Ok(rate),
        _ => Err("it is not a number of at least 0.01".to_owned()),
    }
}

impl Asking {
    pub(in crate::cli) fn node_options(&self) -> NodeOptions {
        let options = NodeOptions::default().concurrency(self.concurrency.into());
        match self.max_rate {
            Some(rate) => options.max_rate(rate),
            None => options,
        }
    }
}
