//! What the transfers of the first aTokens say, where their own logs do not show it.

use alloy_primitives::{Address, keccak256};
use degenbot::sync::SyncError;

use super::stored::rows;
use super::{Scene, assert_rows, reference, to_head};
use crate::support::aave_recording::recording;
use crate::support::fake_chain::{FakeChain, FakeLog};

/// The recorded market of Aave 3.0.0, without the ERC-20 transfers of some tokens: they say the other of the two amounts.
fn without_transfers(of: impl Fn(Address) -> bool) -> Scene {
    let transfer = keccak256("Transfer(address,address,uint256)");
    let is_kept = |log: &&FakeLog| log.topics[0] != transfer || !of(log.address);
    let scene = Scene::new("300", 0);
    scene.server.chain(|chain| {
        let before = chain.clone();
        *chain = FakeChain::new(before.chain_id, before.first());
        chain.calls = before.calls;
        chain.answers = before.answers;
        chain.finality = before.finality;
        for block in &before.blocks[1..] {
            let logs = block.logs.iter().filter(is_kept).cloned().collect();
            chain.push_with_time(block.timestamp, logs);
        }
    });
    scene
}

#[test]
fn other_tokens_show_what_the_transfers_of_a_token_say() {
    let recording = recording("300");
    let expected = recording.expected.values().last().unwrap();
    let head = recording.head();
    for reserve in &expected.reserves {
        let token: Address = reserve.a_token.parse().unwrap();
        let scene = without_transfers(|address| address == token);
        scene.update_to_head();
        assert_rows(&rows(&scene.path), &reference(recording, head));
    }
}

#[test]
fn market_in_which_no_transfer_shows_it_is_refused() {
    let scene = without_transfers(|_| true);
    let (_, result) = scene.update(&to_head());
    let error = result.unwrap_err();
    assert!(matches!(error, SyncError::Balance { .. }), "{error:?}");
}
