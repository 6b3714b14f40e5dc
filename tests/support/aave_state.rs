//! A small Aave V3 market, recorded: `tests/aave-state.zst` has its blocks with their events, and what its contracts said at
//! three of them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::Deserialize;

use super::fake_chain::{Answers, FakeChain, FakeLog};

const STATE: &[u8] = include_bytes!("../aave-state.zst");

/// The blocks whose state is recorded: one that is final, the last final one, and the newest one.
pub const BLOCKS: [u64; 3] = [16_291_217, 16_291_253, 16_291_317];

#[derive(Deserialize)]
struct State {
    chain_id: u64,
    first_block: u64,
    /// Of the block before the first one, and of all blocks after it.
    times: Vec<u64>,
    /// Each block, contract, topics and data.
    logs: Vec<(u64, String, Vec<String>, String)>,
    /// Each contract, the data of a call, the block, and the answer.
    calls: Vec<(String, String, u64, String)>,
}

/// The chain of the market. It is known as `ethereum_aave_v3`.
pub fn chain() -> FakeChain {
    let state: State = serde_json::from_slice(&zstd::decode_all(STATE).unwrap()).unwrap();
    let mut chain = FakeChain::new(state.chain_id, state.first_block - 1);
    chain.calls = |_, data, _| unrecorded(data);
    let mut answers = Answers::new();
    for (contract, data, block, answer) in &state.calls {
        let [data, answer] = [data, answer].map(|bytes| parse::<Bytes>(bytes).to_vec());
        let of_call: &mut BTreeMap<_, _> = answers.entry((parse(contract), data)).or_default();
        of_call.insert(*block, answer);
    }
    // Only what `tests/aave-state.zst` was recorded for was asked.
    for (block, contract, topics, _) in &state.logs {
        if let [event, id, _, new] = topics.as_slice()
            && parse::<B256>(event) == keccak256("AddressSet(bytes32,address,address)")
        {
            let data = [
                &selector("getAddress(bytes32)")[..],
                parse::<B256>(id).as_slice(),
            ]
            .concat();
            let of_call: &mut BTreeMap<_, _> = answers.entry((parse(contract), data)).or_default();
            of_call.insert(*block, parse::<B256>(new).to_vec());
        }
    }
    chain.answers = Arc::new(answers);
    let mut logs = state.logs.iter().peekable();
    for (number, time) in (state.first_block..).zip(&state.times[1..]) {
        let mut of_block = Vec::new();
        while let Some((_, contract, topics, data)) = logs.next_if(|(block, ..)| *block == number) {
            of_block.push(FakeLog {
                address: parse::<Address>(contract),
                topics: topics.iter().map(|topic| parse::<B256>(topic)).collect(),
                data: parse::<Bytes>(data).to_vec(),
            });
        }
        chain.push_with_time(*time, of_block);
    }
    assert!(logs.next().is_none());
    assert_eq!(chain.head(), BLOCKS[2]);
    chain
}

/// The selector of a function.
pub fn selector(function: &str) -> [u8; 4] {
    keccak256(function)[..4].try_into().unwrap()
}

/// What is answered to other calls: there is no such contract, and no such e-mode category.
fn unrecorded(data: &[u8]) -> Result<Vec<u8>, String> {
    let is = |function| data.starts_with(&selector(function));
    let word = |number: u64| U256::from(number).to_be_bytes::<32>();
    if is("getEModeCategoryData(uint8)") {
        return Ok([32, 0, 0, 0, 0, 160, 0].map(word).concat());
    }
    let is_zero = is("getAddress(bytes32)")
        || is("getEModeCategoryCollateralBitmap(uint8)")
        || is("getEModeCategoryBorrowableBitmap(uint8)")
        || is("getEModeCategoryLtvzeroBitmap(uint8)");
    if is_zero {
        return Ok(word(0).to_vec());
    }
    Err("execution reverted".to_owned())
}

fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}
