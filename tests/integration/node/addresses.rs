//! Filters with many addresses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use degenbot::node::{LogFilter, NodeError};
use degenbot::types::Address;

use super::{all_places, impatient, node, places};
use crate::support::fake_chain::{FakeChain, FakeLog, block_number, topic};
use crate::support::node_faults::Faults;
use crate::support::node_server::NodeServer;

/// The contracts of all events.
const CONTRACTS: [[u8; 20]; 3] = [[0x11; 20], [0x77; 20], [0xee; 20]];

/// An event of each contract.
fn block() -> Vec<FakeLog> {
    let log = |contract: [u8; 20]| FakeLog {
        address: contract.into(),
        topics: vec![topic(0)],
        data: Vec::new(),
    };
    CONTRACTS.map(log).to_vec()
}

/// A chain of 100 blocks, numbered from 1000.
fn chain() -> FakeChain {
    let mut chain = FakeChain::new(1, 1000);
    for _ in 1..100 {
        chain.push(block());
    }
    chain
}

/// A filter with 2,500 addresses, so many that each contract is in another question.
fn filter() -> LogFilter {
    let other = |number: u16| {
        let mut bytes = [0x99; 20];
        bytes[..2].copy_from_slice(&(number * 26).to_be_bytes());
        Address::new(bytes)
    };
    let others = (0..2_497).map(other);
    LogFilter {
        addresses: others.chain(CONTRACTS.map(Address::new)).collect(),
        ..LogFilter::default()
    }
}

fn limited() -> Faults {
    Faults {
        max_addresses: Some(1_000),
        ..Faults::default()
    }
}

#[test]
fn addresses_that_are_too_many_for_a_filter_are_asked_for_in_parts() {
    let server = NodeServer::start(chain());
    server.set_faults(limited());
    let node = node(&server, impatient());
    let (first, last) = (block_number(1000), block_number(1099));
    let answer = node.logs(&filter(), first, last, None).unwrap();
    assert_eq!(places(&answer), all_places(&chain(), 1000, 1099));
    assert_eq!(server.count(), 3);
    // A limit of blocks on top of it.
    server.set_faults(Faults {
        max_range: Some(30),
        ..limited()
    });
    let answer = node.logs(&filter(), first, last, None).unwrap();
    assert_eq!(places(&answer), all_places(&chain(), 1000, 1099));
    let pinned = Some(answer.last.hash);
    assert_eq!(node.logs(&filter(), first, last, pinned), Ok(answer));
}

#[test]
fn parts_of_the_addresses_are_of_one_branch() {
    let server = Arc::new(NodeServer::start(chain()));
    for (reorganised, pins) in [(0, false), (1, false), (2, false), (1, true)] {
        let pinned = pins.then(|| server.chain(|chain| chain.hash(1099)));
        let changing = Mutex::new(Some(Arc::downgrade(&server)));
        let asked = AtomicUsize::new(0);
        let mut faults = Faults::mutating(move |method, _| {
            if method == "eth_getLogs" && asked.fetch_add(1, Ordering::Relaxed) == reorganised {
                let server = changing.lock().unwrap().take().unwrap();
                let server = server.upgrade().unwrap();
                server.chain(|chain| {
                    chain.reorganise(2, vec![block(), [block(), block()].concat()]);
                });
            }
        });
        faults.max_addresses = Some(1_000);
        server.set_faults(faults);
        let node = node(&server, impatient());
        let (first, last) = (block_number(1000), block_number(1099));
        let before = server.chain(|chain| chain.clone());
        let answer = node.logs(&filter(), first, last, pinned);
        let now = server.chain(|chain| chain.clone());
        match answer {
            Ok(answer) if !pins => {
                // The last part is answered before the chain changes.
                let chain = if reorganised == 2 { before } else { now };
                assert_eq!(answer.last.hash, chain.hash(1099));
                assert_eq!(places(&answer), all_places(&chain, 1000, 1099));
            }
            Err(NodeError::OtherBlock { .. }) if pins => {}
            answer => panic!("{answer:?}"),
        }
    }
}
