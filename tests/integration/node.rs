//! The client for nodes, against a node of the tests' own.

mod addresses;
mod answers;
mod calls;
mod endpoints;
mod failures;
mod headers;
mod hostile;
mod limits;
mod sockets;

use degenbot::database::CancelToken;
use degenbot::node::{LogAnswer, LogFilter, Node, NodeError, NodeOptions};
use degenbot::types::ChainId;

use crate::support::fake_chain::{FakeChain, block_number};
use crate::support::node_server::NodeServer;

/// Options with which a failure does not take long.
fn impatient() -> NodeOptions {
    NodeOptions::default().max_tries(2)
}

fn node(server: &NodeServer, options: NodeOptions) -> Node {
    let endpoints = vec![server.endpoint()];
    Node::new(ChainId::ETHEREUM, endpoints, options, CancelToken::new()).unwrap()
}

/// A chain of 100 blocks, numbered from 1000, with three logs in each block but the first.
fn chain() -> FakeChain {
    FakeChain::with_logs(1, 1000, 100, |_| 3)
}

/// Blocks and log indices of an answer.
fn places(answer: &LogAnswer) -> Vec<(u64, u32)> {
    let place = |log: degenbot::types::Log<'_>| (log.place.block.get(), log.place.log_index.get());
    answer.logs.iter().map(place).collect()
}

/// The places of all logs of these blocks of a chain.
fn all_places(chain: &FakeChain, from: u64, to: u64) -> Vec<(u64, u32)> {
    (from..=to)
        .flat_map(|block| {
            let logs = u32::try_from(chain.block(block).unwrap().logs.len()).unwrap();
            (0..logs).map(move |index| (block, index))
        })
        .collect()
}

fn logs(node: &Node, from: u64, to: u64) -> Result<LogAnswer, NodeError> {
    node.logs(
        &LogFilter::default(),
        block_number(from),
        block_number(to),
        None,
    )
}
