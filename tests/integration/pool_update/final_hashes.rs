//! The hashes of final blocks, which later blocks are compared with: a wrong one would end all updates.

use std::sync::atomic::{AtomicUsize, Ordering};

use degenbot::sync::{BlockTarget, PoolUpdateOptions, SyncError};
use degenbot::types::{BlockHash, ChainId};
use serde_json::json;

use super::model::{creation, liquidity};
use super::properties::at;
use super::verify::{all, exchange, verify};
use super::{Scene, execute, to_head};
use crate::support::content::{connect, lines};
use crate::support::node_faults::Faults;

const FALSE: [u8; 32] = [0x5a; 32];

fn scene(finality: u64) -> Scene {
    let blocks: Vec<_> = (0..8_u8)
        .map(|number| vec![creation(0, number), liquidity(3, number, 0, 1, 5)])
        .collect();
    Scene::with(ChainId::ETHEREUM, finality, &blocks)
}

/// The stored hash of a block.
fn stored(scene: &Scene, block: u64) -> String {
    let sql = format!("SELECT hash AS line FROM chain_blocks WHERE number = {block}");
    lines(&mut connect(&scene.path), &sql).concat()
}

fn to(block: BlockTarget) -> PoolUpdateOptions {
    // Only one filter: no second answer has the last block.
    to_head()
        .exchanges(vec![exchange("uniswap_v2")])
        .to_block(block)
}

#[test]
fn false_hash_of_one_answer_is_not_stored() {
    // With blocks after it, and where it is the newest one.
    for (finality, block) in [(3, 1_004), (0, 1_006), (0, 1_008)] {
        for max_batch in [None, Some(3), Some(1)] {
            // The answers before it are about the end of the chain, and may be about the same block.
            for number in 0..4 {
                let scene = scene(finality);
                let count = AtomicUsize::new(0);
                let mut faults = Faults::mutating(move |method, answer| {
                    let is_asked = method == "eth_getBlockByNumber"
                        && answer["result"]["number"] == format!("{block:#x}");
                    if is_asked && count.fetch_add(1, Ordering::Relaxed) == number {
                        answer["result"]["hash"] = json!(BlockHash::new(FALSE).to_string());
                    }
                });
                faults.max_batch = max_batch;
                scene.server.set_faults(faults);
                let _ = scene.update(&to(at(block)));
                scene.server.set_faults(Faults::default());
                assert!(!stored(&scene, block).contains("5a5a5a"));
                scene.update(&to(BlockTarget::LATEST)).1.unwrap();
                scene.update_to_head();
            }
        }
    }
}

#[test]
fn wrong_hash_of_a_final_block_is_replaced_if_the_user_accepts_the_one_of_the_node() {
    for later in 0..2 {
        let mut scene = scene(0);
        scene.update_to_head();
        let block = scene.head();
        let right = stored(&scene, block);
        execute(
            &scene.path,
            &format!("UPDATE chain_blocks SET hash = '{}'", BlockHash::new(FALSE)),
        );
        scene.push(&vec![vec![creation(1, 9)]; later]);
        let told = scene.refused(&to_head());
        assert!(told.contains(&right) && told.contains("5a5a5a"), "{told}");
        let error = verify(&scene, &all()).1.unwrap_err();
        assert!(error.hint().contains(&format!("--accept-hash {right}")));
        // Another hash is accepted than that of the node.
        scene.refused(&to_head().accept_hash(Some(BlockHash::new([1; 32]))));
        let accepted = to_head().accept_hash(Some(right.parse().unwrap()));
        scene.update(&accepted).1.unwrap();
        assert!(!stored(&scene, scene.head()).contains("5a5a5a"));
        scene.assert_at(scene.head());
        scene.push(&[vec![creation(1, 7)]]);
        scene.update_to_head();
    }
}

#[test]
fn several_blocks_that_the_chain_lacks_are_no_wrong_hash() {
    let mut scene = scene(3);
    scene.update_to_head();
    scene.reorganise(6, &vec![vec![creation(2, 9)]; 7]);
    let (_, result) = scene.update(&to_head().accept_hash(Some(BlockHash::new(FALSE))));
    let error = result.unwrap_err();
    assert!(matches!(error, SyncError::Journal { .. }), "{error}");
    let hint = error.hint();
    assert!(hint.starts_with("Ask another node first"), "{hint}");
    assert!(
        hint.contains("nothing of the chain is after block 1004,"),
        "{hint}"
    );
}
