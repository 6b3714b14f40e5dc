//! Limits of ranges, sizes, batches and rates.

use std::sync::atomic::{AtomicUsize, Ordering};

use degenbot::node::{BlockTag, Call, LogFilter, NodeError, NodeOptions};
use serde_json::json;

use super::{all_places, chain, impatient, logs, node, places};
use crate::support::fake_chain::{FakeChain, address, block_number, topic};
use crate::support::node_faults::{Faults, Incident, Style};
use crate::support::node_server::NodeServer;

#[test]
fn every_limit_in_every_wording_gives_all_events() {
    let server = NodeServer::start(FakeChain::with_logs(1, 1000, 120, |block| block % 7));
    let expected = server.chain(|chain| all_places(chain, 1000, 1119));
    for style in Style::ALL {
        for (max_range, max_logs) in [(Some(12), None), (None, Some(24)), (Some(10), Some(9))] {
            server.set_faults(Faults {
                style: Some(style),
                max_range,
                max_logs,
                ..Faults::default()
            });
            let node = node(&server, NodeOptions::default());
            let answer = logs(&node, 1000, 1119).unwrap();
            assert_eq!(places(&answer), expected, "{style:?}");
            let statistics = node.statistics();
            assert_eq!(statistics.retries, 0, "{style:?}");
            // 10, 15 and 40 answers are needed at least.
            let most = match (max_range, max_logs) {
                (_, None) => 25,
                (None, _) => 45,
                _ => 150,
            };
            assert!(
                statistics.requests <= most,
                "{style:?} {max_logs:?}: {statistics:?}"
            );
        }
    }
}

#[test]
fn a_limit_of_ranges_is_learned_once() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults {
        style: Some(Style::Infura),
        max_range: Some(10),
        ..Faults::default()
    });
    let node = node(&server, impatient());
    let filter = LogFilter::default();
    assert_eq!(node.range_limit(&filter), None);
    logs(&node, 1000, 1099).unwrap();
    assert_eq!(node.range_limit(&filter), Some(10));
    assert_eq!((server.count(), node.statistics().splits), (11, 1));
    logs(&node, 1000, 1099).unwrap();
    assert_eq!((server.count(), node.statistics().splits), (21, 1));
}

#[test]
fn a_single_block_with_too_many_events_is_read_by_topic() {
    let server = NodeServer::start(FakeChain::with_logs(1, 1000, 3, |_| 12));
    server.set_faults(Faults {
        style: Some(Style::Geth),
        max_logs: Some(4),
        ..Faults::default()
    });
    let node = node(&server, impatient());
    let filter = LogFilter {
        addresses: Vec::new(),
        topics0: (0..3).map(topic).collect(),
        ..LogFilter::default()
    };
    let answer = node.logs(&filter, block_number(1000), block_number(1002), None);
    let expected = server.chain(|chain| all_places(chain, 1000, 1002));
    assert_eq!(places(&answer.unwrap()), expected);
    let error = logs(&node, 1000, 1002).unwrap_err();
    assert!(
        matches!(&error, NodeError::TooMuch { block, .. } if block.get() == 1001),
        "{error}"
    );
    // Or by contract.
    let filter = LogFilter {
        addresses: (0..4).map(|number| address(number).into()).collect(),
        topics0: Vec::new(),
        ..LogFilter::default()
    };
    let answer = node.logs(&filter, block_number(1000), block_number(1002), None);
    assert_eq!(places(&answer.unwrap()), expected);
}

#[test]
fn a_provider_without_batches_is_asked_for_the_header_before_and_after() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults {
        max_batch: Some(1),
        ..Faults::default()
    });
    let node = node(&server, impatient());
    let answer = logs(&node, 1000, 1099).unwrap();
    assert_eq!(
        places(&answer),
        server.chain(|chain| all_places(chain, 1000, 1099))
    );
    let methods: Vec<_> = server
        .requests()
        .iter()
        .rev()
        .take(4)
        .rev()
        .map(|calls| calls[0].0.clone())
        .collect();
    let header = "eth_getBlockByNumber";
    assert_eq!(methods, [header, "eth_getLogs", header, header]);
    let numbers: Vec<_> = (1000..1010).map(block_number).collect();
    assert_eq!(node.headers(&numbers).unwrap().len(), 10);
}

#[test]
fn a_provider_without_batches_is_asked_for_its_chain_alone() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults {
        max_batch: Some(1),
        ..Faults::default()
    });
    let ask = || node(&server, impatient());
    assert!(ask().header(BlockTag::Latest).unwrap().is_some());
    let numbers: Vec<_> = (1000..1003).map(block_number).collect();
    for number in 1..=3 {
        assert_eq!(ask().headers(&numbers[..number]).unwrap().len(), number);
    }
    let call = Call {
        to: address(0).into(),
        data: Vec::new(),
    };
    assert_eq!(ask().calls(&[call], BlockTag::Latest).unwrap().len(), 1);
}

#[test]
fn a_reorganisation_between_the_two_headers_is_noticed() {
    let server = NodeServer::start(chain());
    let seen = AtomicUsize::new(0);
    server.set_faults(Faults {
        max_batch: Some(1),
        ..Faults::mutating(move |method, answer| {
            let is_first =
                method == "eth_getBlockByNumber" && seen.fetch_add(1, Ordering::Relaxed) == 0;
            if is_first {
                answer["result"]["hash"] = json!(format!("0x{}", "7".repeat(64)));
            }
        })
    });
    let node = node(&server, impatient());
    assert_eq!(logs(&node, 1099, 1099).unwrap().logs.len(), 3);
    assert_eq!(node.statistics().retries, 1);
}

#[test]
fn too_many_requests_are_waited_for_and_never_split() {
    let infura = json!({"jsonrpc": "2.0", "id": 1, "error": {
        "code": -32005,
        "message": "project ID request rate exceeded",
        "data": {"rate": {"backoff_seconds": 0}},
    }});
    let soon = || vec![("retry-after", "0".to_owned())];
    let server = NodeServer::start(chain());
    server.set_faults(Faults::next([
        Incident::Status(
            429,
            soon(),
            r#"{"error":{"code":429,"message":"slow down"}}"#.to_owned(),
        ),
        Incident::Status(429, soon(), "<html>Too Many Requests</html>".to_owned()),
        Incident::None,
        Incident::Body(infura.to_string().into_bytes()),
    ]));
    let node = node(&server, impatient());
    for _ in 0..2 {
        let answer = logs(&node, 1000, 1099).unwrap();
        assert_eq!(answer.logs.len(), 297);
    }
    let statistics = node.statistics();
    assert_eq!((statistics.rate_limits, statistics.splits), (3, 0));
    assert_eq!(statistics.requests, 5);
}

#[test]
fn a_batch_that_the_rate_never_allows_is_sent_in_parts() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    let refused = |answer: &str| {
        Incident::Status(
            429,
            vec![("retry-after", "0".to_owned())],
            answer.to_owned(),
        )
    };
    server.set_faults(Faults::next([refused(""), refused(""), refused("")]));
    let numbers: Vec<_> = (1000..1040).map(block_number).collect();
    assert_eq!(node.headers(&numbers).unwrap().len(), 40);
    assert!(node.statistics().splits > 0);
    // Later, whole batches are tried again.
    for _ in 0..64 {
        node.header(BlockTag::Latest).unwrap();
    }
    let before = server.count();
    assert_eq!(node.headers(&numbers).unwrap().len(), 40);
    assert_eq!(server.count() - before, 1);
}

#[test]
fn a_wait_beyond_the_patience_is_an_error_at_once() {
    let server = NodeServer::start(chain());
    let later = vec![("retry-after", "86400".to_owned())];
    server.set_faults(Faults::always([Incident::Status(
        429,
        later,
        "daily quota exceeded".to_owned(),
    )]));
    let error = logs(&node(&server, impatient()), 1000, 1099).unwrap_err();
    assert!(matches!(error, NodeError::RateLimited { .. }), "{error}");
    let told = error.to_string();
    assert!(
        told.ends_with(
            "refuses requests because there are too many: HTTP status 429: daily quota exceeded; it asks for a wait of 86400 s"
        ),
        "{told}"
    );
    assert!(!told.contains("still"), "{told}");
    assert_eq!(server.count(), 1);
}

#[test]
fn an_answer_that_is_too_large_is_asked_for_in_parts() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient().max_answer_bytes(40_000));
    let answer = logs(&node, 1000, 1099).unwrap();
    assert_eq!(
        places(&answer),
        server.chain(|chain| all_places(chain, 1000, 1099))
    );
    assert!(node.statistics().splits > 0);
}
