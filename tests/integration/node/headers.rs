//! Headers of blocks.

use degenbot::node::{BlockTag, NodeError, NodeOptions};
use serde_json::json;

use super::{chain, impatient, node};
use crate::support::fake_chain::{FakeChain, block_number};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

#[test]
fn tags_and_missing_blocks_of_headers() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient());
    let number = |at| node.header(at).unwrap().map(|header| header.number.get());
    assert_eq!(number(BlockTag::Latest), Some(1099));
    assert_eq!(number(BlockTag::Safe), Some(1067));
    assert_eq!(number(BlockTag::Finalized), Some(1035));
    assert_eq!(number(BlockTag::Earliest), Some(1000));
    assert_eq!(number(BlockTag::Number(block_number(1001))), Some(1001));
    assert_eq!(number(BlockTag::Number(block_number(1100))), None);
    server.chain(|chain| *chain = FakeChain::new(1, 5));
    assert_eq!(number(BlockTag::Finalized), None);
    // Some nodes say it with an error.
    server.set_faults(Faults::mutating(|_, answer| {
        *answer = json!({"error": {"code": -39001, "message": "Unknown block"}});
    }));
    assert_eq!(number(BlockTag::Finalized), None);
}

#[test]
fn headers_come_in_batches_and_in_order() {
    let server = NodeServer::start(chain());
    let node = node(&server, impatient().batch_size(40));
    let numbers: Vec<_> = (1000..=1100).rev().map(block_number).collect();
    let headers = node.headers(&numbers).unwrap();
    assert_eq!(headers[0], None);
    for (number, header) in numbers.iter().zip(&headers).skip(1) {
        let header = header.as_ref().unwrap();
        assert_eq!(header.number, *number);
        assert_eq!(header.hash, server.chain(|chain| chain.hash(number.get())));
    }
    // The chain is one call more.
    assert_eq!(server.count(), 4);
}

#[test]
fn node_that_lacks_the_header_of_a_block_of_the_chain_is_behind() {
    let server = NodeServer::start(chain());
    let numbers: Vec<_> = (1090..1100).map(block_number).collect();
    server.set_faults(Faults::next([Incident::Lag(5), Incident::Lag(1)]));
    let patient = node(&server, NodeOptions::default());
    let headers = patient.existing_headers(&numbers).unwrap();
    assert!(headers.iter().map(|header| header.number).eq(numbers));
    let error = node(&server, impatient())
        .existing_headers(&[block_number(1100)])
        .unwrap_err();
    assert!(matches!(error, NodeError::Behind { .. }), "{error}");
}

#[test]
fn another_block_than_asked_for_is_an_error() {
    let server = NodeServer::start(chain());
    server.set_faults(Faults::mutating(|method, answer| {
        if method == "eth_getBlockByNumber" {
            answer["result"]["number"] = json!("0x3e8");
        }
    }));
    let node = node(&server, impatient());
    let error = node
        .header(BlockTag::Number(block_number(1001)))
        .unwrap_err();
    assert!(
        error.to_string().contains("block 1000 is not block 1001"),
        "{error}"
    );
}
