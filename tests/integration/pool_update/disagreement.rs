//! Two nodes of one chain that disagree: the database is what one of them has, or the update ends in an error.

use degenbot::database::CancelToken;
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::{SyncError, update_pools};
use degenbot::types::ChainId;
use proptest::prelude::*;
use serde_json::json;

use super::model::{FIRST, Happening, any_block, creation, liquidity};
use super::{Scene, rows, to_head};
use crate::support::content::{connect, lines};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

/// How the second node differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    /// It has other last blocks.
    Branch,
    /// It lacks the last blocks.
    Behind,
    /// It leaves out all events.
    Silent,
    /// It leaves out the first event of each answer.
    Forgetful,
    /// It is of another chain.
    Foreign,
    /// It answers nothing.
    Dead,
}

const OTHERS: [Other; 6] = [
    Other::Branch,
    Other::Behind,
    Other::Silent,
    Other::Forgetful,
    Other::Foreign,
    Other::Dead,
];

/// Blocks whose events show if one is missing: pairs have numbers, and what is removed was added before.
fn telling(first: u8) -> Vec<Vec<Happening>> {
    let block = |number: u8| {
        vec![
            creation(4, number),
            liquidity(5, 1, 0, 2, 100),
            liquidity(5, 1, 0, 2, -100),
        ]
    };
    (first..first + 6).map(block).collect()
}

/// The second node, and the scene of its chain.
fn second(
    other: Other,
    finality: u64,
    common: &[Vec<Happening>],
    depth: u64,
) -> (NodeServer, Scene) {
    let mut scene = Scene::with(ChainId::ETHEREUM, finality, common);
    match other {
        Other::Branch => scene.push(&telling(6)),
        _ => scene.push(&telling(0)),
    }
    let server = NodeServer::start(scene.server.chain(|chain| match other {
        Other::Behind => chain.behind(depth),
        _ => chain.clone(),
    }));
    match other {
        Other::Branch | Other::Behind => {}
        Other::Silent => server.set_faults(Faults::mutating(|method, answer| {
            if method == "eth_getLogs" {
                answer["result"] = json!([]);
            }
        })),
        Other::Forgetful => server.set_faults(Faults::mutating(|method, answer| {
            if method == "eth_getLogs"
                && let Some(logs) = answer["result"].as_array_mut()
                && !logs.is_empty()
            {
                logs.remove(0);
            }
        })),
        Other::Foreign => server.chain(|chain| chain.chain_id = 10),
        Other::Dead => server.set_faults(Faults::always([Incident::Close])),
    }
    (server, scene)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn nodes_that_disagree_in_any_way_never_give_a_mixture(
        other in prop::sample::select(&OTHERS[..]),
        before in prop::collection::vec(any_block(), 0..8),
        finality in 0..12_u64,
        depth in 1..6_u64,
        chunk in prop::sample::select(&[1, 2, 5, 10_000][..]),
        concurrency in 1..4_usize,
        is_first in any::<bool>(),
    ) {
        // What a node leaves out shows only in some blocks.
        let before = match other {
            Other::Silent | Other::Forgetful => Vec::new(),
            _ => before,
        };
        let mut scene = Scene::with(ChainId::ETHEREUM, finality, &before);
        scene.push(&telling(0));
        let (server, branch) = second(other, finality, &before, depth);
        let mut endpoints = vec![scene.server.endpoint(), server.endpoint()];
        if is_first {
            endpoints.reverse();
        }
        let options = NodeOptions::default().max_tries(3);
        let node = Node::new(ChainId::ETHEREUM, endpoints, options, CancelToken::new()).unwrap();
        let options = to_head().chunk(chunk).concurrency(concurrency);
        let result = update_pools(&scene.path, ChainId::ETHEREUM, &node, &options, &mut ()).1;
        let sql = "SELECT DISTINCT coalesce(last_update_block, 0) AS line FROM exchanges WHERE chain_id = 1";
        let marks = lines(&mut connect(&scene.path), sql);
        prop_assert_eq!(marks.len(), 1);
        let mark: u64 = marks[0].parse().unwrap();
        let found = rows(&scene.path);
        let is_of = |scene: &Scene| found == scene.model.rows(|_| (mark >= FIRST).then_some(mark));
        // A pair that is left out shows when the next one comes, which may be after a commit.
        let may_lack = other == Other::Forgetful && result.is_err();
        prop_assert!(may_lack || is_of(&scene) || is_of(&branch), "{other:?} at {mark}: {result:?}");
        match result {
            Ok(()) => prop_assert!(mark + depth >= scene.head(), "{other:?} at {mark}"),
            Err(SyncError::Interrupted | SyncError::Database { .. }) => prop_assert!(false),
            Err(_) => {}
        }
    }
}
