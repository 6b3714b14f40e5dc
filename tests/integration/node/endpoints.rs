//! Several endpoints of one chain, and what is sent to them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use degenbot::database::CancelToken;
use degenbot::node::{BlockTag, Endpoint, Node, NodeError, NodeOptions};
use degenbot::types::ChainId;

use super::{all_places, chain, impatient, logs, places};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

fn node_of(servers: &[&NodeServer], options: NodeOptions) -> Node {
    let endpoints = servers.iter().map(|server| server.endpoint()).collect();
    Node::new(ChainId::ETHEREUM, endpoints, options, CancelToken::new()).unwrap()
}

#[test]
fn endpoints_are_asked_in_turn() {
    let servers = [NodeServer::start(chain()), NodeServer::start(chain())];
    let node = node_of(&[&servers[0], &servers[1]], impatient());
    for _ in 0..10 {
        logs(&node, 1000, 1099).unwrap();
    }
    assert_eq!((servers[0].count(), servers[1].count()), (5, 5));
    for server in servers {
        assert_eq!(server.requests()[0][0].0, "eth_chainId");
    }
}

#[test]
fn a_bad_endpoint_is_left_out() {
    for incident in [
        Incident::Close,
        Incident::Status(503, Vec::new(), String::new()),
        Incident::Status(403, Vec::new(), String::new()),
        Incident::Status(429, vec![("retry-after", "3600".to_owned())], String::new()),
        Incident::Status(302, Vec::new(), String::new()),
        Incident::Lag(50),
    ] {
        let (good, bad) = (NodeServer::start(chain()), NodeServer::start(chain()));
        bad.set_faults(Faults::always([incident.clone()]));
        let node = node_of(&[&bad, &good], NodeOptions::default());
        for _ in 0..4 {
            let answer = logs(&node, 1090, 1099).unwrap();
            assert_eq!(answer.logs.len(), 30, "{incident:?}");
        }
        assert_eq!(good.count(), 4);
    }
}

#[test]
fn history_that_one_endpoint_lacks_comes_from_another() {
    let (full, pruned) = (NodeServer::start(chain()), NodeServer::start(chain()));
    pruned.chain(|chain| chain.pruned_before = 1090);
    let node = node_of(&[&pruned, &full], impatient());
    for _ in 0..2 {
        assert!(logs(&node, 1000, 1099).is_ok());
    }
    full.chain(|chain| chain.pruned_before = 1095);
    let error = logs(&node, 1000, 1099).unwrap_err();
    assert!(matches!(error, NodeError::Pruned { .. }), "{error}");
}

#[test]
fn an_endpoint_of_another_chain_ends_the_run() {
    let (good, other) = (NodeServer::start(chain()), NodeServer::start(chain()));
    other.chain(|chain| chain.chain_id = 8453);
    let node = node_of(&[&good, &other], impatient());
    let results: Vec<_> = (0..2).map(|_| logs(&node, 1000, 1099)).collect();
    assert!(results[0].is_ok());
    assert!(matches!(results[1], Err(NodeError::OtherChain { .. })));
}

#[test]
fn endpoints_with_different_limits_give_one_answer() {
    let (narrow, wide) = (NodeServer::start(chain()), NodeServer::start(chain()));
    narrow.set_faults(Faults {
        max_range: Some(7),
        ..Faults::default()
    });
    wide.set_faults(Faults {
        max_range: Some(40),
        ..Faults::default()
    });
    let node = node_of(&[&narrow, &wide], impatient());
    let answer = logs(&node, 1000, 1099).unwrap();
    assert_eq!(places(&answer), all_places(&chain(), 1000, 1099));
}

#[test]
fn a_chain_needs_an_endpoint() {
    let none = Vec::new();
    let error = Node::new(ChainId::BASE, none, impatient(), CancelToken::new()).unwrap_err();
    assert!(error.to_string().contains("chain 8453"), "{error}");
}

#[test]
fn threads_share_connections_and_keep_to_the_concurrency() {
    let server = NodeServer::start(chain());
    let node = node_of(&[&server], NodeOptions::default().concurrency(2));
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(logs(&node, 1090, 1099).unwrap().logs.len(), 30);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 40);
    assert!(server.connections() <= 2, "{}", server.connections());
}

#[test]
fn headers_and_users_of_an_endpoint_are_sent() {
    let server = NodeServer::start(chain());
    let url = server.url().replace("http://", "http://me:secret@");
    let endpoint = Endpoint::parse(&format!("{url}/path?key=1"))
        .unwrap()
        .with_header("X-Api-Key", "letmein")
        .unwrap();
    let endpoints = vec![endpoint];
    let node = Node::new(
        ChainId::ETHEREUM,
        endpoints,
        impatient(),
        CancelToken::new(),
    )
    .unwrap();
    node.header(BlockTag::Latest).unwrap();
    let headers = &server.headers()[0];
    assert_eq!(headers[0], "post /path?key=1 http/1.1");
    for header in [
        "x-api-key: letmein",
        "authorization: basic bwu6c2vjcmv0",
        "accept-encoding: gzip",
        "content-type: application/json",
    ] {
        assert!(
            headers.iter().any(|line| line == header),
            "{header}: {headers:?}"
        );
    }
}
