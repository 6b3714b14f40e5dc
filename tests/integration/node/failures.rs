//! Nodes that fail, for a moment or for good.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use degenbot::database::CancelToken;
use degenbot::node::{BlockTag, Endpoint, Node, NodeError, NodeOptions};
use degenbot::types::ChainId;
use serde_json::json;

use super::{all_places, chain, impatient, logs, node, places};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

fn page() -> String {
    "<html><head><title>503 Service Unavailable</title></head></html>".to_owned()
}

#[test]
fn what_passes_is_tried_again() {
    let server = NodeServer::start(chain());
    let expected = server.chain(|chain| all_places(chain, 1000, 1099));
    for incident in [
        Incident::Status(503, Vec::new(), page()),
        Incident::Status(502, Vec::new(), String::new()),
        Incident::Status(
            500,
            Vec::new(),
            r#"{"error":{"code":-32603,"message":"internal error"}}"#.to_owned(),
        ),
        Incident::Body(page().into_bytes()),
        Incident::Body(Vec::new()),
        Incident::Body(br#"{"jsonrpc":"2.0","id":7,"result":[]}"#.to_vec()),
        Incident::Body(br#"[{"jsonrpc":"2.0","id":1,"result":[]}]"#.to_vec()),
        Incident::Body(vec![0xff; 100]),
        Incident::Gzip(vec![1, 2, 3]),
        Incident::Cut,
        Incident::Half,
        Incident::Close,
    ] {
        let node = node(&server, impatient());
        // The second request goes over a connection that is in use already.
        for incidents in [
            vec![incident.clone()],
            vec![Incident::None, incident.clone()],
        ] {
            server.set_faults(Faults::next(incidents.clone()));
            for _ in &incidents {
                let answer = logs(&node, 1000, 1099).unwrap();
                assert_eq!(places(&answer), expected, "{incident:?}");
            }
        }
    }
}

#[test]
fn nothing_is_tried_for_ever() {
    let server = NodeServer::start(chain());
    for (incident, detail) in [
        (
            Incident::Status(503, Vec::new(), page()),
            "HTTP status 503: 503 Service Unavailable",
        ),
        (Incident::Body(page().into_bytes()), "the answer is broken"),
        (Incident::Half, "the answer is broken"),
        (Incident::Cut, "No usable answer"),
        (Incident::Close, "No usable answer"),
    ] {
        let before = server.count();
        server.set_faults(Faults::always([incident]));
        let error = logs(&node(&server, impatient()), 1000, 1099).unwrap_err();
        assert!(
            matches!(error, NodeError::Unreachable { tries: 2, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(detail), "{error}");
        assert!(server.count() - before >= 2);
    }
}

#[test]
fn a_node_that_is_not_there_is_named() {
    let endpoint = {
        let server = NodeServer::start(chain());
        server.endpoint()
    };
    let error = Node::ask_chain_id(endpoint, impatient(), CancelToken::new()).unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[test]
fn a_silent_node_is_asked_for_less_and_then_given_up() {
    let server = NodeServer::start(chain());
    let options = impatient().timeout(Duration::from_millis(200));
    server.set_faults(Faults::next([Incident::Hang]));
    let asking = node(&server, options.clone());
    let answer = logs(&asking, 1000, 1099).unwrap();
    assert_eq!(
        places(&answer),
        server.chain(|chain| all_places(chain, 1000, 1099))
    );
    server.set_faults(Faults::always([Incident::Hang]));
    let error = logs(&node(&server, options), 1000, 1099).unwrap_err();
    assert!(matches!(error, NodeError::Unreachable { .. }), "{error}");
}

#[test]
fn what_does_not_pass_is_an_error_at_once() {
    let server = NodeServer::start(chain());
    server.chain(|chain| chain.pruned_before = 1050);
    let asking = node(&server, NodeOptions::default());
    let error = logs(&asking, 1000, 1099).unwrap_err();
    assert!(
        matches!(&error, NodeError::Pruned { block, .. } if block.get() == 1000),
        "{error}"
    );
    assert_eq!(server.count(), 1);

    for (incident, detail) in [
        (
            Incident::Status(401, Vec::new(), "Must be authenticated!".to_owned()),
            "authenticated",
        ),
        (Incident::Status(404, Vec::new(), page()), "HTTP status 404"),
        (
            Incident::Body(
                br#"{"id":null,"error":{"code":-32601,"message":"Method not found"}}"#.to_vec(),
            ),
            "Method not found",
        ),
    ] {
        let before = server.count();
        server.set_faults(Faults::always([incident]));
        let error = logs(&node(&server, NodeOptions::default()), 1000, 1099).unwrap_err();
        assert!(matches!(error, NodeError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(detail), "{error}");
        assert_eq!(server.count() - before, 1);
    }
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = NodeServer::start(chain());
    let server = NodeServer::start(chain());
    for status in [301, 302, 307, 308] {
        let to = format!("{}/SECRETKEY", elsewhere.url());
        let headers = vec![("location", to)];
        server.set_faults(Faults::always([Incident::Status(
            status,
            headers,
            String::new(),
        )]));
        let error = logs(&node(&server, NodeOptions::default()), 1000, 1099).unwrap_err();
        assert!(matches!(error, NodeError::Redirected { .. }), "{error}");
        assert!(!error.to_string().contains("SECRETKEY"), "{error}");
    }
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn a_node_of_another_chain_is_refused() {
    let server = NodeServer::start(chain());
    server.chain(|chain| chain.chain_id = 8453);
    let error = logs(&node(&server, impatient()), 1000, 1099).unwrap_err();
    let NodeError::OtherChain {
        found, expected, ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((found, expected), (ChainId::BASE, ChainId::ETHEREUM));
    let asked = Node::ask_chain_id(server.endpoint(), impatient(), CancelToken::new());
    assert_eq!(asked, Ok(ChainId::BASE));
}

#[test]
fn a_node_that_comes_back_is_asked_for_its_chain_again() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    assert!(logs(&node, 1000, 1099).is_ok());
    server.set_faults(Faults::next([Incident::Close]));
    server.chain(|chain| chain.chain_id = 8453);
    let error = logs(&node, 1000, 1099).unwrap_err();
    assert!(matches!(error, NodeError::OtherChain { .. }), "{error}");
}

#[test]
fn a_cancelled_wait_for_an_answer_ends() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults::always([Incident::Hang]));
    let cancel = CancelToken::new();
    let endpoints = vec![server.endpoint()];
    let node = Node::new(ChainId::ETHEREUM, endpoints, impatient(), cancel.clone()).unwrap();
    let node = Arc::new(node);
    let asking = {
        let node = Arc::clone(&node);
        thread::spawn(move || logs(&node, 1000, 1099))
    };
    server.wait_for_requests(1);
    cancel.cancel();
    assert_eq!(asking.join().unwrap(), Err(NodeError::Interrupted));
    assert_eq!(logs(&node, 1000, 1099), Err(NodeError::Interrupted));
}

#[test]
fn a_cancelled_wait_for_the_rate_ends() {
    let server = NodeServer::start(chain());
    let later = vec![("retry-after", "100".to_owned())];
    server.set_faults(Faults::always([Incident::Status(
        429,
        later,
        String::new(),
    )]));
    let cancel = CancelToken::new();
    let endpoints = vec![server.endpoint()];
    let node = Node::new(ChainId::ETHEREUM, endpoints, impatient(), cancel.clone()).unwrap();
    thread::scope(|scope| {
        let asking = scope.spawn(|| logs(&node, 1000, 1099));
        server.wait_for_requests(1);
        cancel.cancel();
        assert_eq!(asking.join().unwrap(), Err(NodeError::Interrupted));
    });
}

#[test]
fn texts_of_nodes_are_shown_without_keys_and_escaped() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults::mutating(|_, answer| {
        let message = "\u{1b}[2J key 0123456789abcdef of http://u:0123456789abcdef@h.example/0123456789abcdef is forbidden";
        *answer = json!({"error": {"code": -32000, "message": message}});
    }));
    let url = format!("{}/v2/0123456789abcdef", server.url());
    let endpoint = Endpoint::parse(&url).unwrap();
    let endpoints = vec![endpoint];
    let node = Node::new(
        ChainId::ETHEREUM,
        endpoints,
        impatient(),
        CancelToken::new(),
    )
    .unwrap();
    for error in [
        logs(&node, 1000, 1099).unwrap_err(),
        node.header(BlockTag::Latest).unwrap_err(),
    ] {
        let text = format!("{error} {error:?} {}", error.hint());
        assert!(text.contains("is forbidden"), "{text}");
        assert!(!text.contains("0123456789abcdef"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    assert!(!format!("{node:?}").contains("0123456789abcdef"));
}
