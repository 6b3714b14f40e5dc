//! Four whole Aave V3 markets, recorded: `tests/aave-markets.zst`, a line of JSON for each.
//!
//! Each line has the times of all blocks, the events of the market's contracts, what its contracts answered, and what they
//! said of everything at some blocks.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use alloy_primitives::{Address as Contract, B256, Bytes};
use degenbot::models::LogPosition;
use degenbot::types::{Address, BlockHash, BlockNumber, Log, LogIndex};
use serde::Deserialize;

use super::fake_chain::{Answers, FakeChain, FakeLog};

const MARKETS: &[u8] = include_bytes!("../aave-markets.zst");

/// By token and holder, the scaled balance and the last index.
pub type Balances = BTreeMap<(String, Address), (String, String)>;

/// A recorded market.
pub struct Recording {
    /// The version of Aave: 300, 302, 36, or 302to36 for a market that was upgraded.
    pub name: String,
    /// The blocks, from the one before the market's first one.
    pub chain: FakeChain,
    pub provider: Address,
    pub first_block: u64,
    /// The blocks where something special happened, by what it was.
    pub special: BTreeMap<String, Vec<u64>>,
    /// Each token: its kind (`a`, `v` or `gho`), and its first revision.
    pub tokens: BTreeMap<String, (String, u32)>,
    /// The revision of each implementation of a token.
    pub revisions: BTreeMap<Address, u32>,
    pub logs: Vec<RecordedLog>,
    /// The balances that the events of each block changed, after it.
    pub after: BTreeMap<u64, Balances>,
    /// What the contracts said after a block.
    pub expected: BTreeMap<u64, Expected>,
}

/// An event of a recorded market.
#[derive(Deserialize)]
#[serde(from = "(u64, u32, String, Vec<String>, String, u32)")]
pub struct RecordedLog {
    pub block: u64,
    pub log_index: u32,
    /// The contract, as text with a checksum.
    pub contract: String,
    pub topics: Vec<B256>,
    pub data: Bytes,
    /// The place of the transaction in its block.
    pub transaction: u32,
}

/// What the contracts of a market said after a block.
#[derive(Deserialize)]
pub struct Expected {
    /// Each token, holder, scaled balance and last index; those without either are left out.
    pub balances: Vec<(String, String, String, String)>,
    pub reserves: Vec<ExpectedReserve>,
    /// Each user, its e-mode category and the assets that are its collateral; those without either are left out.
    pub users: Vec<(String, u32, Vec<String>)>,
    /// The address and the revision of each contract.
    pub contracts: BTreeMap<String, (String, Option<u32>)>,
}

/// What the contracts of a market said of a reserve.
#[derive(Deserialize)]
pub struct ExpectedReserve {
    pub underlying: String,
    pub a_token: String,
    pub v_token: String,
    pub a_token_revision: u32,
    pub v_token_revision: u32,
    pub liquidity_index: String,
    pub liquidity_rate: String,
    pub borrow_index: String,
    pub borrow_rate: String,
    /// The time of the last update.
    pub updated: String,
    /// The bits of `getConfiguration`.
    pub configuration: String,
    pub price_source: String,
    /// The e-mode categories that have the asset as collateral; before 3.2, its own one.
    pub categories: Vec<u32>,
}

#[derive(Deserialize)]
struct Line {
    run: String,
    chain_id: u64,
    provider: String,
    first_block: u64,
    tokens: Vec<Token>,
    revisions: BTreeMap<String, u32>,
    blocks: BTreeMap<String, Vec<u64>>,
    /// The time of the first block, and the seconds between each block and the one before.
    times: Vec<u64>,
    /// Each contract, the data of a call, the block since which the answer is given, and the answer.
    answers: Vec<(String, String, u64, String)>,
    logs: Vec<RecordedLog>,
    /// Each block, token, holder, scaled balance and last index.
    after: Vec<(u64, String, String, String, String)>,
    expected: BTreeMap<u64, Expected>,
}

#[derive(Deserialize)]
struct Token {
    address: String,
    kind: String,
    revision: u32,
}

type LogFields = (u64, u32, String, Vec<String>, String, u32);

impl From<LogFields> for RecordedLog {
    fn from((block, log_index, contract, topics, data, transaction): LogFields) -> Self {
        Self {
            block,
            log_index,
            contract,
            topics: topics.iter().map(|topic| parse(topic)).collect(),
            data: parse(&data),
            transaction,
        }
    }
}

impl RecordedLog {
    /// The event as a node has it, but for the hashes.
    pub fn log(&self) -> Log<'_> {
        Log {
            place: LogPosition {
                block: BlockNumber::new(self.block).unwrap(),
                log_index: LogIndex::new(self.log_index).unwrap(),
            },
            block_hash: BlockHash::new([0; 32]),
            transaction_hash: B256::ZERO,
            address: parse(&self.contract),
            topics: &self.topics,
            data: &self.data,
        }
    }
}

/// The recorded markets.
pub fn recordings() -> &'static [Recording] {
    static RECORDINGS: LazyLock<Vec<Recording>> = LazyLock::new(|| {
        let lines = String::from_utf8(zstd::decode_all(MARKETS).unwrap()).unwrap();
        lines.lines().map(Recording::read).collect()
    });
    &RECORDINGS
}

/// The recorded market of a version.
pub fn recording(name: &str) -> &'static Recording {
    let mut all = recordings().iter();
    all.find(|recording| recording.name == name).unwrap()
}

impl Recording {
    fn read(line: &str) -> Self {
        let line: Line = serde_json::from_str(line).unwrap();
        let mut chain = FakeChain::new(line.chain_id, line.first_block - 1);
        chain.calls = |_, _, _| Err("execution reverted".to_owned());
        chain.answers = Arc::new(answers(&line.answers));
        let mut logs = line.logs.iter().peekable();
        let mut time = 0;
        for (number, seconds) in (line.first_block..).zip(&line.times) {
            time += seconds;
            let mut of_block = Vec::new();
            while let Some(log) = logs.next_if(|log| log.block == number) {
                of_block.push(FakeLog {
                    address: parse(&log.contract),
                    topics: log.topics.clone(),
                    data: log.data.to_vec(),
                });
            }
            chain.push_with_time(time, of_block);
        }
        assert!(logs.next().is_none());
        let mut after: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (block, token, holder, scaled, index) in line.after {
            let of_block = after.entry(block).or_default();
            of_block.insert((token, parse(&holder)), (scaled, index));
        }
        let tokens = line.tokens.into_iter();
        let revisions = line.revisions.iter();
        Self {
            name: line.run,
            chain,
            provider: parse(&line.provider),
            first_block: line.first_block,
            special: line.blocks,
            tokens: tokens
                .map(|token| (token.address, (token.kind, token.revision)))
                .collect(),
            revisions: revisions
                .map(|(contract, revision)| (parse(contract), *revision))
                .collect(),
            logs: line.logs,
            after,
            expected: line.expected,
        }
    }

    /// The last recorded block.
    pub fn head(&self) -> u64 {
        self.chain.head()
    }

    /// The chain as it was when a block was its newest one.
    pub fn chain_at(&self, block: u64) -> FakeChain {
        self.chain.behind(self.head() - block)
    }
}

fn answers(lines: &[(String, String, u64, String)]) -> Answers {
    let mut answers = Answers::new();
    for (contract, data, block, answer) in lines {
        let contract: Contract = parse(contract);
        let [data, answer] = [data, answer].map(|bytes| parse::<Bytes>(bytes).to_vec());
        let of_call = answers.entry((contract, data)).or_default();
        of_call.insert(*block, answer);
    }
    answers
}

fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}
