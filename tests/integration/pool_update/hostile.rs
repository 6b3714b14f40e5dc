//! A node that turns hostile at any request of an update.

use std::time::Duration;

use degenbot::database::CancelToken;
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::update_pools;
use degenbot::types::ChainId;

use super::model::{FIRST, creation, liquidity};
use super::{Scene, assert_rows, rows, to_head};
use crate::support::content::{connect, integrity, lines};
use crate::support::node_faults::{Faults, Incident, gzip_bomb};
use crate::support::node_server::NodeServer;

/// A chain of Base, on which an update asks all kinds of questions: headers at the end and of blocks that are not final,
/// events of factories and of pools, and fees.
fn scene() -> Scene {
    let blocks: Vec<_> = (0..10_u8)
        .map(|number| {
            vec![
                creation(usize::from(number), number),
                liquidity(4, 1, 0, 2, 100),
            ]
        })
        .collect();
    Scene::with(ChainId::BASE, 4, &blocks)
}

fn node(server: &NodeServer) -> Node {
    let options = NodeOptions::default()
        .max_tries(2)
        .max_answer_bytes(1 << 20)
        .timeout(Duration::from_millis(250));
    let endpoints = vec![server.endpoint()];
    Node::new(ChainId::BASE, endpoints, options, CancelToken::new()).unwrap()
}

fn incidents(elsewhere: &NodeServer) -> Vec<Incident> {
    let redirect = vec![("location", elsewhere.url())];
    let page = "<html>".repeat(100);
    vec![
        Incident::Hang,
        Incident::Endless,
        Incident::Drip,
        Incident::Close,
        Incident::Cut,
        Incident::Body("[".repeat(100_000).into_bytes()),
        Incident::Body("[{\"id\":1,\"result\":".repeat(20_000).into_bytes()),
        Incident::Body(b"null".to_vec()),
        Incident::Body(vec![0xff; 1000]),
        Incident::Gzip(gzip_bomb(1 << 26)),
        Incident::Status(307, redirect, String::new()),
        Incident::Status(200, Vec::new(), page.clone()),
        Incident::Status(500, Vec::new(), page),
    ]
}

#[test]
fn node_that_turns_hostile_leaves_whole_blocks() {
    let elsewhere = NodeServer::start(scene().server.chain(|chain| chain.clone()));
    let options = to_head().chunk(3).concurrency(1);
    let update = |scene: &Scene| {
        let node = node(&scene.server);
        update_pools(&scene.path, ChainId::BASE, &node, &options, &mut ()).1
    };
    let good = scene();
    update(&good).unwrap();
    let methods: Vec<String> = good
        .server
        .requests()
        .iter()
        .flatten()
        .map(|(method, _)| method.clone())
        .collect();
    for method in [
        "eth_getLogs",
        "eth_getBlockByNumber",
        "eth_call",
        "eth_chainId",
    ] {
        assert!(methods.iter().any(|asked| asked == method), "{method}");
    }
    let requests = good.server.count();
    for (number, incident) in incidents(&elsewhere).into_iter().enumerate() {
        // Each incident at some of the requests, all of them together at each.
        for at in (number % 3..requests).step_by(3) {
            let scene = scene();
            scene.server.set_faults(Faults {
                next: vec![Incident::None; at].into(),
                always: vec![incident.clone()],
                ..Faults::default()
            });
            let error = update(&scene).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.len() < 4_000, "{incident:?} at {at}: {text}");
            assert_eq!(integrity(&scene.path), ["ok"]);
            let sql = "SELECT DISTINCT coalesce(last_update_block, 0) AS line FROM exchanges \
                       WHERE chain_id = 8453";
            let marks = lines(&mut connect(&scene.path), sql);
            assert_eq!(marks.len(), 1, "{incident:?} at {at}: {marks:?}");
            let mark: u64 = marks[0].parse().unwrap();
            let expected = scene.model.rows(|_| (mark >= FIRST).then_some(mark));
            assert_rows(&rows(&scene.path), &expected);
            scene.server.set_faults(Faults::default());
            scene.update_to_head();
        }
    }
    assert_eq!(elsewhere.count(), 0);
}
