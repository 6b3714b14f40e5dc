//! Two nodes of one chain ID whose chains differ: no market gets its events from one, and its revisions from the other.

use std::sync::Arc;

use alloy_primitives::keccak256;
use degenbot::node::BlockTag;

use super::{Scene, assert_rows, at, reference, rows, to_head};
use crate::support::aave_recording::recording;
use crate::support::content::{connect, lines};
use crate::support::fake_chain::FakeChain;
use crate::support::node_faults::Faults;

/// The chain of other hashes, on which the tokens have another revision from the beginning.
fn other(chain: &FakeChain) -> FakeChain {
    let mut other = chain.clone();
    other.fork(chain.blocks.len() - 1);
    for block in &chain.blocks[1..] {
        other.push_with_time(block.timestamp, block.logs.clone());
    }
    let functions = ["ATOKEN_REVISION()", "DEBT_TOKEN_REVISION()"];
    let calls = functions.map(|function| keccak256(function)[..4].to_vec());
    let mut answers = (*chain.answers).clone();
    for ((_, data), of_call) in &mut answers {
        if calls.contains(data) {
            for answer in of_call.values_mut() {
                *answer.last_mut().unwrap() = 3;
            }
        }
    }
    other.answers = Arc::new(answers);
    other
}

#[test]
fn revisions_are_of_the_chain_that_the_events_are_of() {
    let mut done = 0;
    for before in 0..6 {
        for block in [20, 60] {
            let scene = Scene::new("302", 10);
            let block = scene.percent(block);
            let chain = scene.server.chain(|chain| chain.clone());
            scene.server.set_faults(Faults {
                other: Some(Arc::new(other(&chain))),
                ..Faults::default()
            });
            let node = scene.node();
            for _ in 0..before {
                node.header(BlockTag::Latest).unwrap();
            }
            let options = to_head().to_block(at(block)).concurrency(1);
            if scene.update(&options).1.is_err() {
                continue;
            }
            let sql = "SELECT hash AS line FROM chain_blocks WHERE is_final";
            let hash = lines(&mut connect(&scene.path), sql);
            if hash == [chain.hash(block).to_string()] {
                done += 1;
                scene.server.set_faults(Faults::default());
                scene.update_to_head();
                assert_rows(
                    &rows(&scene.path),
                    &reference(recording("302"), chain.head()),
                );
            }
        }
    }
    println!("{done} updates went through");
}
