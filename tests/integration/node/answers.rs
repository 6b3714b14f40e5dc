//! Answers to questions for headers and events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use degenbot::node::{LogFilter, NodeError, NodeOptions};
use degenbot::types::BlockHash;
use serde_json::{Value, json};

use super::{all_places, chain, impatient, logs, node, places};
use crate::support::fake_chain::{address, block_number, topic};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

#[test]
fn a_range_is_one_request_with_its_headers() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    for requests in 1..=3 {
        let answer = logs(&node, 1000, 1099).unwrap();
        assert_eq!(
            places(&answer),
            server.chain(|chain| all_places(chain, 1000, 1099))
        );
        assert_eq!(answer.first.number, block_number(1000));
        assert_eq!(answer.last.hash, server.chain(|chain| chain.hash(1099)));
        assert_eq!(server.count(), requests);
    }
    // The chain is asked for once.
    let methods: Vec<_> = server.requests()[0]
        .iter()
        .map(|call| call.0.clone())
        .collect();
    let ends = "eth_getBlockByNumber";
    assert_eq!(methods, ["eth_chainId", "eth_getLogs", ends, ends]);
    assert_eq!(server.requests()[1].len(), 3);
    assert_eq!(server.connections(), 1);
    let statistics = node.statistics();
    assert_eq!(
        (statistics.requests, statistics.calls, statistics.retries),
        (3, 10, 0)
    );
}

#[test]
fn a_log_has_every_value() {
    let server = NodeServer::start(chain());
    let answer = logs(&node(&server, impatient()), 1007, 1007).unwrap();
    assert_eq!(answer.first, answer.last);
    let log = answer.logs.get(2).unwrap();
    assert_eq!(alloy_primitives::Address::from(log.address), address(2));
    assert_eq!(log.topics[0], topic(2));
    assert_eq!(log.topics.len(), 2);
    assert_eq!(log.data.len(), 32);
    assert_eq!(log.data[31], 2);
    assert_eq!(log.block_hash, server.chain(|chain| chain.hash(1007)));
}

#[test]
fn only_what_the_filter_asks_for_comes() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    let filter = LogFilter {
        addresses: vec![address(1).into(), address(0).into(), address(1).into()],
        topics0: vec![topic(1)],
        ..LogFilter::default()
    };
    let answer = node
        .logs(&filter, block_number(1000), block_number(1099), None)
        .unwrap();
    let expected: Vec<_> = (1001..1100).map(|block| (block, 1)).collect();
    assert_eq!(places(&answer), expected);
}

#[test]
fn events_are_sorted_whatever_their_order_in_the_answer() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults::mutating(|_, answer| {
        if let Some(logs) = answer["result"].as_array_mut() {
            logs.reverse();
        }
    }));
    let answer = logs(&node(&server, impatient()), 1000, 1099).unwrap();
    assert_eq!(
        places(&answer),
        server.chain(|chain| all_places(chain, 1000, 1099))
    );
}

#[test]
fn the_last_block_must_have_the_pinned_hash() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    let ask = |pinned| {
        let filter = LogFilter::default();
        node.logs(
            &filter,
            block_number(1000),
            block_number(1099),
            Some(pinned),
        )
    };
    assert!(ask(server.chain(|chain| chain.hash(1099))).is_ok());
    let error = ask(BlockHash::new([1; 32])).unwrap_err();
    assert!(matches!(error, NodeError::OtherBlock { .. }), "{error}");
}

#[test]
fn a_lagging_node_never_gives_a_part_for_the_whole() {
    let server = NodeServer::start(chain());
    // Every second answer is that of a node behind the same address that is 20 blocks back.
    server.set_faults(Faults::always([Incident::Lag(20), Incident::None]));
    let node = node(&server, NodeOptions::default());
    for from in [1000, 1050, 1099] {
        let answer = logs(&node, from, 1099).unwrap();
        assert_eq!(
            places(&answer),
            server.chain(|chain| all_places(chain, from, 1099))
        );
    }
    assert!(node.statistics().retries >= 3);
}

#[test]
fn a_silent_block_is_asked_for_again_where_the_other_node_lags() {
    let server = NodeServer::start(chain());
    // Blocks have events of the contract and events of the topic, but no event of both.
    let filter = LogFilter {
        addresses: vec![address(1).into()],
        topics0: vec![topic(0)],
        ..LogFilter::default()
    };
    // The second request of an attempt, and the fourth, are for the events of a block by its hash. They would always
    // reach the node that does not have it.
    server.set_faults(Faults::always([Incident::None, Incident::Lag(60)]));
    let node = node(&server, impatient());
    let answer = node.logs(&filter, block_number(1050), block_number(1099), None);
    assert_eq!(places(&answer.unwrap()), []);
    assert_eq!((server.count(), node.statistics().retries), (5, 0));
    // A node that stays behind is an error.
    server.set_faults(Faults::next(
        [Incident::None]
            .into_iter()
            .chain(std::iter::repeat_n(Incident::Lag(60), 100)),
    ));
    let answer = node.logs(&filter, block_number(1050), block_number(1099), None);
    assert!(
        matches!(answer, Err(NodeError::Behind { .. })),
        "{answer:?}"
    );
}

#[test]
fn a_block_that_is_not_there_yet_is_named() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    let error = logs(&node, 1090, 1100).unwrap_err();
    assert!(
        matches!(&error, NodeError::Behind { block, .. } if *block == block_number(1100)),
        "{error}"
    );
    // Others say so with an error.
    server.set_faults(Faults::mutating(|method, answer| {
        if method == "eth_getLogs" {
            let message = "block range extends beyond current head block";
            *answer = json!({"error": {"code": -32602, "message": message}});
        }
    }));
    let error = logs(&node, 1090, 1099).unwrap_err();
    assert!(matches!(error, NodeError::Behind { .. }), "{error}");
}

#[test]
fn nodes_that_disagree_are_never_mixed() {
    let mut other = chain();
    let blocks = (0..50).map(|_| Vec::new()).collect();
    other.reorganise(50, blocks);
    let server = NodeServer::start(chain());
    server.set_faults(Faults {
        max_range: Some(7),
        other: Some(Arc::new(other.clone())),
        ..Faults::default()
    });
    let node = node(&server, NodeOptions::default().max_tries(4));
    let expected = [
        server.chain(|chain| all_places(chain, 1000, 1099)),
        all_places(&other, 1000, 1099),
    ];
    match logs(&node, 1000, 1099) {
        Ok(answer) => assert!(expected.contains(&places(&answer))),
        Err(error) => assert!(matches!(error, NodeError::Unlinked { .. }), "{error}"),
    }
}

#[test]
fn a_reorganisation_between_parts_is_read_again() {
    let server = NodeServer::start(chain());
    let mut other = chain();
    other.reorganise(50, (0..50).map(|_| Vec::new()).collect());
    // The first four parts are of the chain, all later ones of the other branch.
    server.set_faults(Faults {
        max_range: Some(20),
        ..Faults::default()
    });
    let node = node(&server, NodeOptions::default());
    let changing = std::thread::scope(|scope| {
        let asking = scope.spawn(|| logs(&node, 1000, 1099));
        server.wait_for_requests(4);
        server.chain(|chain| *chain = other.clone());
        asking.join().unwrap()
    });
    let answer = changing.unwrap();
    let expected = [
        all_places(&chain(), 1000, 1099),
        all_places(&other, 1000, 1099),
    ];
    assert!(expected.contains(&places(&answer)));
}

#[test]
fn answers_that_cannot_be_right_are_errors_that_quote_them() {
    type Change = fn(&mut Value);
    fn log(answer: &mut Value) -> &mut Value {
        &mut answer["result"][4]
    }
    let changes: &[(Change, &str)] = &[
        (
            |answer| log(answer)["blockNumber"] = json!("0x3e7"),
            "outside the range",
        ),
        (
            |answer| log(answer)["address"] = json!(format!("0x{}", "9".repeat(40))),
            "not asked for",
        ),
        (
            |answer| log(answer)["topics"] = json!([]),
            "topic that was not asked for",
        ),
        (|answer| log(answer)["removed"] = json!(true), "removed"),
        (
            |answer| log(answer)["logIndex"] = json!("0x0"),
            "two events have one place",
        ),
        (
            |answer| log(answer)["blockHash"] = json!(format!("0x{}", "9".repeat(64))),
            "two hashes",
        ),
        (
            |answer| log(answer)["blockHash"] = json!("0x12"),
            "another form",
        ),
        (
            |answer| log(answer)["data"] = json!("0x123"),
            "another form",
        ),
        (
            |answer| log(answer)["logIndex"] = json!("0xffffffffff"),
            "another form",
        ),
        (
            |answer| log(answer)["blockNumber"] = Value::Null,
            "no list of events",
        ),
        (
            |answer| log(answer)["topics"] = json!(["0x", "0x", "0x", "0x", "0x"]),
            "no list of events",
        ),
        (|answer| *log(answer) = json!(7), "no list of events"),
        (|answer| answer["result"] = json!({}), "no list of events"),
        (|answer| answer["result"] = Value::Null, "no list of events"),
    ];
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    let filter = LogFilter {
        addresses: (0..4).map(|number| address(number).into()).collect(),
        topics0: (0..3).map(topic).collect(),
        ..LogFilter::default()
    };
    for (change, expected) in changes {
        server.set_faults(Faults::mutating(|method, answer| {
            if method == "eth_getLogs" {
                change(answer);
            }
        }));
        let answer = node.logs(&filter, block_number(1000), block_number(1099), None);
        let error = answer.unwrap_err();
        assert!(matches!(error, NodeError::Invalid { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn events_must_have_the_hash_of_the_header() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults::mutating(|method, answer| {
        if method == "eth_getBlockByNumber" {
            answer["result"]["hash"] = json!(format!("0x{}", "7".repeat(64)));
        }
    }));
    let error = logs(&node(&server, impatient()), 1099, 1099).unwrap_err();
    assert!(
        error.to_string().contains("its event another one"),
        "{error}"
    );
}

#[test]
fn missing_events_of_the_last_block_are_noticed() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults::mutating(|method, answer| {
        if method == "eth_getLogs" {
            let logs = answer["result"].as_array_mut().unwrap();
            logs.retain(|log| log["blockNumber"] != "0x44b");
        }
    }));
    let node = node(&server, impatient());
    let filter = LogFilter {
        addresses: vec![address(1).into()],
        topics0: vec![topic(1)],
        ..LogFilter::default()
    };
    for filter in [LogFilter::default(), filter] {
        let answer = node.logs(&filter, block_number(1090), block_number(1099), None);
        let error = answer.unwrap_err();
        assert!(
            error.to_string().contains("block 1099 has events"),
            "{error}"
        );
    }
}

#[test]
fn a_block_that_only_looks_as_if_it_had_events_is_no_error() {
    // The address and the topic are in the block, but in different events.
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    let filter = LogFilter {
        addresses: vec![address(1).into()],
        topics0: vec![topic(2)],
        ..LogFilter::default()
    };
    let answer = node.logs(&filter, block_number(1099), block_number(1099), None);
    assert!(answer.unwrap().logs.is_empty());
    let last = server.requests().pop().unwrap();
    assert!(last[0].1[0]["blockHash"].is_string());
}

#[test]
fn a_node_without_filters_in_its_headers_is_not_doubted() {
    let server = NodeServer::start(chain());
    let bloom = format!("0x{}", "0".repeat(512));
    for bloom in [json!(bloom), Value::Null] {
        server.set_faults(Faults::mutating(move |method, answer| {
            if method == "eth_getBlockByNumber" {
                answer["result"]["logsBloom"] = bloom.clone();
            }
        }));
        let node = node(&server, impatient());
        assert_eq!(logs(&node, 1000, 1099).unwrap().logs.len(), 297);
    }
}

#[test]
fn a_doubtful_answer_is_asked_for_again() {
    let server = NodeServer::start(chain());
    let seen = AtomicUsize::new(0);
    server.set_faults(Faults::mutating(move |method, answer| {
        if method == "eth_getLogs" && seen.fetch_add(1, Ordering::Relaxed) == 0 {
            answer["result"][0]["removed"] = json!(true);
        }
    }));
    assert!(logs(&node(&server, impatient()), 1000, 1099).is_ok());
}

#[test]
fn an_empty_range_is_refused() {
    let server = NodeServer::start(chain());
    let error = logs(&node(&server, impatient()), 1001, 1000).unwrap_err();
    assert!(matches!(error, NodeError::EmptyRange { .. }), "{error}");
    assert_eq!(server.count(), 0);
}
