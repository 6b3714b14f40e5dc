//! Calls of contracts.

use degenbot::node::{BlockTag, Call, NodeError};
use serde_json::json;

use super::{chain, impatient, node};
use crate::support::fake_chain::{address, block_number};
use crate::support::node_faults::Faults;
use crate::support::node_server::NodeServer;

fn calls(number: u8) -> Vec<Call> {
    (0..number)
        .map(|index| Call {
            to: address(0).into(),
            data: vec![index],
        })
        .collect()
}

/// A node whose contract returns what it is given, and refuses odd numbers.
fn server() -> NodeServer {
    let mut chain = chain();
    chain.calls = |_, data, _| {
        if data[0] % 2 == 0 {
            Ok(data.to_vec())
        } else {
            Err("execution reverted: odd".to_owned())
        }
    };
    NodeServer::start(chain)
}

#[test]
fn a_refused_call_is_a_value_and_the_others_have_results() {
    let server = server();
    let node = node(&server, impatient().batch_size(30));
    let results = node.calls(&calls(100), BlockTag::Latest).unwrap();
    assert_eq!(results.len(), 100);
    for (index, result) in (0..100).zip(results) {
        match result {
            Ok(data) => assert_eq!(data, [index]),
            Err(failure) => {
                assert_eq!(index % 2, 1);
                assert_eq!(failure.message, "execution reverted: odd");
                assert_eq!(failure.data, Some(vec![8, 195, 121, 160]));
            }
        }
    }
    // The first message has the question for the chain as well, and so one message more is needed.
    assert_eq!(server.count(), 5);
}

#[test]
fn state_that_is_no_longer_there_is_an_error_that_names_the_block() {
    let server = server();
    server.chain(|chain| chain.pruned_before = 1050);
    let node = node(&server, impatient());
    let at = |number| BlockTag::Number(block_number(number));
    assert!(node.calls(&calls(2), at(1050)).is_ok());
    let error = node.calls(&calls(2), at(1049)).unwrap_err();
    assert!(
        matches!(&error, NodeError::Pruned { block, needed: "the state", .. } if block.get() == 1049),
        "{error}"
    );
    assert!(error.hint().contains("archive"), "{}", error.hint());
    let error = node.calls(&calls(2), at(1100)).unwrap_err();
    assert!(matches!(error, NodeError::Behind { .. }), "{error}");
}

#[test]
fn batches_that_are_too_large_are_made_smaller() {
    let server = server();
    server.set_faults(Faults {
        max_batch: Some(7),
        ..Faults::default()
    });
    let node = node(&server, impatient());
    let results = node.calls(&calls(100), BlockTag::Latest).unwrap();
    assert_eq!(results.len(), 100);
    assert!(results[98].is_ok());
}

#[test]
fn results_that_are_no_bytes_are_errors() {
    let server = server();
    let node = node(&server, impatient());
    for result in [json!(null), json!(7), json!("0x1"), json!("12"), json!({})] {
        server.set_faults(Faults::mutating(move |method, answer| {
            if method == "eth_call" {
                *answer = json!({"result": result});
            }
        }));
        let error = node.calls(&calls(1), BlockTag::Latest).unwrap_err();
        assert!(matches!(error, NodeError::Invalid { .. }), "{error}");
    }
}
