//! Nodes that mean harm, or send garbage.

use std::sync::Mutex;
use std::time::Duration;

use degenbot::database::CancelToken;
use degenbot::node::{BlockTag, Call, Endpoint, Node, NodeError, NodeOptions};
use proptest::prelude::*;
use serde_json::Value;

use super::{chain, impatient, logs, node, places};
use crate::support::fake_chain::{FakeChain, address};
use crate::support::node_faults::{Faults, Incident, gzip_bomb};
use crate::support::node_server::NodeServer;

#[test]
fn a_small_answer_that_becomes_a_large_one_is_cut() {
    let bomb = gzip_bomb(1 << 30);
    assert!(bomb.len() < 8 << 20);
    let server = NodeServer::start(chain());
    server.set_faults(Faults::always([Incident::Gzip(bomb)]));
    let node = node(&server, impatient().max_answer_bytes(1 << 20));
    let error = node.header(BlockTag::Latest).unwrap_err();
    assert!(
        matches!(
            error,
            NodeError::TooLarge { .. } | NodeError::Unreachable { .. }
        ),
        "{error}"
    );
    assert!(node.statistics().bytes < 1 << 20);
}

#[test]
fn deep_answers_are_errors() {
    let server = NodeServer::start(chain());
    for open in [
        "[",
        "{\"a\":",
        "[{\"id\":1,\"result\":[[",
        "{\"id\":1,\"error\":[",
    ] {
        let body = open.repeat(200_000).into_bytes();
        server.set_faults(Faults::always([Incident::Body(body)]));
        let error = logs(&node(&server, impatient()), 1000, 1099).unwrap_err();
        assert!(error.to_string().len() < 1000, "{error}");
    }
}

#[test]
fn answers_without_an_end_are_cut_by_size_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let servers = [
        NodeServer::start(chain()),
        NodeServer::start_on_socket(chain(), &folder.path().join("node.ipc")),
    ];
    for server in servers {
        for incident in [Incident::Endless, Incident::Drip] {
            server.set_faults(Faults::always([incident.clone()]));
            let options = impatient()
                .max_answer_bytes(1 << 20)
                .timeout(Duration::from_millis(500));
            let error = logs(&node(&server, options), 1000, 1099).unwrap_err();
            let is_cut = matches!(
                error,
                NodeError::TooLarge { .. } | NodeError::Unreachable { .. }
            );
            assert!(is_cut, "{incident:?}: {error}");
        }
    }
}

#[test]
fn server_without_tls_is_an_error_that_says_so() {
    let server = NodeServer::start(chain());
    let address = server.url().replace("http://", "https://") + "/v2/0123456789abcdef";
    let endpoint = Endpoint::parse(&address).unwrap();
    let error = Node::ask_chain_id(endpoint, impatient(), CancelToken::new()).unwrap_err();
    assert!(matches!(error, NodeError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("0123456789abcdef"), "{error}");
    assert_eq!(server.count(), 0);
}

#[test]
fn long_errors_are_cut() {
    let server = NodeServer::start(chain());
    let message = "x<y> ".repeat(1_000_000);
    server.set_faults(Faults::mutating(move |_, answer| {
        *answer = serde_json::json!({"error": {"code": -1, "message": message, "data": message}});
    }));
    let error = logs(&node(&server, impatient()), 1000, 1099).unwrap_err();
    assert!(error.to_string().len() < 1000, "{error}");
}

/// A chain of five blocks.
fn short_chain() -> FakeChain {
    FakeChain::with_logs(1, 1095, 5, |_| 3)
}

/// Changes a value somewhere inside an answer.
fn change(value: &mut Value, path: &[usize], new: &Value) {
    match (path, value) {
        ([first, rest @ ..], Value::Array(items)) if !items.is_empty() => {
            let index = first % items.len();
            change(&mut items[index], rest, new);
        }
        ([first, rest @ ..], Value::Object(fields)) if !fields.is_empty() => {
            let index = first % fields.len();
            let field = fields.values_mut().nth(index).unwrap();
            change(field, rest, new);
        }
        (_, value) => *value = new.clone(),
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(0x)?[0-9a-fA-F]{0,70}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!([[[]]])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_changed_answer_is_an_error_or_harmless(
        path in prop::collection::vec(0..12_usize, 0..6),
        value in values(),
        method in prop::sample::select(vec!["eth_chainId", "eth_getLogs", "eth_getBlockByNumber", "eth_call"]),
    ) {
        let server = NodeServer::start(short_chain());
        let (path, changed) = (Mutex::new(path), value.clone());
        server.set_faults(Faults::mutating(move |asked, answer| {
            if asked == method {
                change(answer, &path.lock().unwrap(), &changed);
            }
        }));
        let node = node(&server, NodeOptions::default().max_tries(1));
        if let Ok(answer) = logs(&node, 1095, 1099) {
            prop_assert_eq!(places(&answer).len(), 12);
        }
        let _ = node.header(BlockTag::Latest);
        let call = Call { to: address(0).into(), data: Vec::new() };
        let _ = node.calls(&[call.clone(), call], BlockTag::Latest);
    }

    #[test]
    fn broken_bytes_never_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let server = NodeServer::start(short_chain());
        let asking = node(&server, NodeOptions::default().max_tries(1));
        // What a right answer looks like.
        let chain = short_chain();
        let range = serde_json::json!([{"fromBlock": "0x447", "toBlock": "0x44b"}]);
        let results = [
            chain.answer("eth_chainId", &Value::Null),
            chain.answer("eth_getLogs", &range),
            chain.answer("eth_getBlockByNumber", &serde_json::json!(["0x44b"])),
            chain.answer("eth_getBlockByNumber", &serde_json::json!(["0x447"])),
        ];
        let answers: Vec<_> = (1..).zip(results)
            .map(|(id, result)| serde_json::json!({"id": id, "result": result.unwrap()}))
            .collect();
        let right = Value::from(answers).to_string().into_bytes();
        server.set_faults(Faults::next([Incident::Body(right.clone())]));
        prop_assert_eq!(logs(&asking, 1095, 1099).unwrap().logs.len(), 12);
        let mut bytes = right;
        for (at, byte, kind) in cuts {
            let at = at.index(bytes.len().max(1));
            match kind {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        server.set_faults(Faults::always([Incident::Body(bytes)]));
        let asking = node(&server, NodeOptions::default().max_tries(1));
        let _ = logs(&asking, 1095, 1099);
    }
}
