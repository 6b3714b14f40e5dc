//! A chain of blocks with logs, which answers the questions that a node is asked.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bloom, BloomInput, Bytes, keccak256};
use degenbot::types::{BlockHash, BlockNumber};
use serde_json::{Value, json};

use super::contract_state;

/// A log of a block. Its place follows from where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeLog {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Vec<u8>,
}

/// A block.
#[derive(Debug, Clone)]
pub struct FakeBlock {
    pub number: u64,
    pub hash: B256,
    pub parent_hash: B256,
    pub timestamp: u64,
    pub logs: Vec<FakeLog>,
}

/// Answers `eth_call`: the contract, the data and the block to the result or a message.
pub type FakeCalls = fn(Address, &[u8], u64) -> Result<Vec<u8>, String>;

/// What a contract answers to a call, by the block since which it does.
pub type Answers = HashMap<(Address, Vec<u8>), BTreeMap<u64, Vec<u8>>>;

/// A chain.
#[derive(Debug, Clone)]
pub struct FakeChain {
    pub chain_id: u64,
    pub blocks: Vec<FakeBlock>,
    /// How far `finalized` is behind the head. `safe` is half as far.
    pub finality: u64,
    pub calls: FakeCalls,
    /// What contracts answer, before `calls` is asked.
    pub answers: Arc<Answers>,
    /// Whether the contracts answer calls as their events say; otherwise, and for other functions, `calls` does.
    pub has_contracts: bool,
    /// Blocks before this one have no events and no state any more.
    pub pruned_before: u64,
    /// Blocks before this one have no state any more.
    pub stateless_before: u64,
    /// Makes the hashes of later blocks differ from those of another branch.
    branch: u64,
}

impl FakeChain {
    /// A chain whose first block has this number, and no logs.
    pub fn new(chain_id: u64, first: u64) -> Self {
        let mut chain = Self {
            chain_id,
            blocks: Vec::new(),
            finality: 64,
            calls: |_, _, _| Ok(Vec::new()),
            answers: Arc::default(),
            has_contracts: false,
            stateless_before: 0,
            pruned_before: 0,
            branch: 0,
        };
        chain.push_at(first, B256::ZERO, time_of(first), Vec::new());
        chain
    }

    /// A chain of as many blocks, each with as many logs of [`log`] as the function says.
    pub fn with_logs(chain_id: u64, first: u64, blocks: u64, logs: impl Fn(u64) -> u64) -> Self {
        let mut chain = Self::new(chain_id, first);
        for block in 1..blocks {
            let number = first + block;
            chain.push((0..logs(number)).map(|index| log(number, index)).collect());
        }
        chain
    }

    /// Adds a block.
    pub fn push(&mut self, logs: Vec<FakeLog>) {
        self.push_with_time(time_of(self.head() + 1), logs);
    }

    /// Adds a block with this time.
    pub fn push_with_time(&mut self, timestamp: u64, logs: Vec<FakeLog>) {
        let head = self.blocks.last().unwrap();
        self.push_at(head.number + 1, head.hash, timestamp, logs);
    }

    fn push_at(&mut self, number: u64, parent_hash: B256, timestamp: u64, logs: Vec<FakeLog>) {
        let seed = format!(
            "{} {number} {parent_hash} {} {logs:?}",
            self.chain_id, self.branch
        );
        self.blocks.push(FakeBlock {
            number,
            hash: keccak256(seed),
            parent_hash,
            timestamp,
            logs,
        });
    }

    /// Replaces the last blocks by others.
    pub fn reorganise(&mut self, depth: usize, blocks: Vec<Vec<FakeLog>>) {
        self.fork(depth);
        for logs in blocks {
            self.push(logs);
        }
    }

    /// Forgets the last blocks. Those that come now have other hashes.
    pub fn fork(&mut self, depth: usize) {
        self.branch += 1;
        self.blocks.truncate(self.blocks.len() - depth);
    }

    /// The number of the newest block.
    pub fn head(&self) -> u64 {
        self.blocks.last().unwrap().number
    }

    pub fn first(&self) -> u64 {
        self.blocks[0].number
    }

    /// The chain as it is at a node that lags.
    pub fn behind(&self, blocks: u64) -> Self {
        let mut chain = self.clone();
        let kept = self.blocks.len() - usize::try_from(blocks).unwrap();
        chain.blocks.truncate(kept);
        chain
    }

    pub fn block(&self, number: u64) -> Option<&FakeBlock> {
        let index = number.checked_sub(self.first())?;
        self.blocks.get(usize::try_from(index).unwrap())
    }

    pub fn hash(&self, number: u64) -> BlockHash {
        BlockHash::new(self.block(number).unwrap().hash.0)
    }

    /// Answers a question with a result or an error.
    pub fn answer(&self, method: &str, params: &Value) -> Result<Value, Value> {
        let error = |code: i64, message: &str| Err(json!({"code": code, "message": message}));
        match method {
            "eth_chainId" => Ok(json!(hex(self.chain_id))),
            "eth_blockNumber" => Ok(json!(hex(self.head()))),
            "eth_getBlockByNumber" => {
                let block = self
                    .number(&params[0])
                    .and_then(|number| self.block(number));
                Ok(block.map_or(Value::Null, Self::header))
            }
            "eth_getLogs" => match self.blocks_of(&params[0]) {
                Ok(blocks) => {
                    let filter = &params[0];
                    let logs = blocks.iter().flat_map(|block| logs_of(block, filter));
                    Ok(logs.collect())
                }
                Err(refusal) => Err(refusal),
            },
            "eth_call" => {
                let block = self
                    .number(&params[1])
                    .filter(|number| self.block(*number).is_some());
                let Some(block) = block else {
                    return error(-32000, "header not found");
                };
                if block < self.pruned_before.max(self.stateless_before) {
                    return error(
                        -32000,
                        "missing trie node 00 (path ) state is not available",
                    );
                }
                let to = params[0]["to"].as_str().unwrap().parse().unwrap();
                let data: Bytes = params[0]["data"].as_str().unwrap().parse().unwrap();
                let of_contract = self
                    .has_contracts
                    .then(|| contract_state::answer(self, to, &data, block))
                    .flatten();
                let answer = of_contract.or_else(|| self.recorded(to, &data, block));
                match answer.map_or_else(|| (self.calls)(to, &data, block), Ok) {
                    Ok(result) => Ok(json!(Bytes::from(result).to_string())),
                    Err(message) => {
                        Err(json!({"code": 3, "message": message, "data": "0x08c379a0"}))
                    }
                }
            }
            _ => error(
                -32601,
                &format!("the method {method} does not exist/is not available"),
            ),
        }
    }

    fn recorded(&self, to: Address, data: &[u8], block: u64) -> Option<Vec<u8>> {
        let answers = self.answers.get(&(to, data.to_vec()))?;
        let (_, answer) = answers.range(..=block).next_back()?;
        Some(answer.clone())
    }

    /// The blocks that a filter of `eth_getLogs` is about.
    pub fn range(&self, filter: &Value) -> Option<RangeInclusive<u64>> {
        Some(self.number(&filter["fromBlock"])?..=self.number(&filter["toBlock"])?)
    }

    fn blocks_of(&self, filter: &Value) -> Result<Vec<&FakeBlock>, Value> {
        if let Some(hash) = filter["blockHash"].as_str() {
            let block = self
                .blocks
                .iter()
                .find(|block| block.hash.to_string() == hash);
            return match block {
                Some(block) => Ok(vec![block]),
                None => Err(json!({"code": -32000, "message": "unknown block"})),
            };
        }
        let Some(range) = self.range(filter) else {
            return Ok(Vec::new());
        };
        if *range.start() < self.pruned_before {
            return Err(json!({"code": 4444, "message": "pruned history unavailable"}));
        }
        // A node that lags answers with what it has.
        let is_in = |block: &&FakeBlock| range.contains(&block.number);
        Ok(self.blocks.iter().filter(is_in).collect())
    }

    fn number(&self, tag: &Value) -> Option<u64> {
        let below_head = |distance| self.head().checked_sub(distance);
        let number = match tag.as_str()? {
            "latest" | "pending" => self.head(),
            "earliest" => self.first(),
            "safe" => below_head(self.finality / 2)?,
            "finalized" => below_head(self.finality)?,
            number => u64::from_str_radix(number.strip_prefix("0x")?, 16).ok()?,
        };
        Some(number)
    }

    fn header(block: &FakeBlock) -> Value {
        let mut bloom = Bloom::ZERO;
        for log in &block.logs {
            bloom.accrue(BloomInput::Raw(log.address.as_slice()));
            for topic in &log.topics {
                bloom.accrue(BloomInput::Raw(topic.as_slice()));
            }
        }
        json!({
            "number": hex(block.number),
            "hash": block.hash.to_string(),
            "parentHash": block.parent_hash.to_string(),
            "timestamp": hex(block.timestamp),
            "logsBloom": bloom.to_string(),
            "transactions": ["0x00"],
            "uncles": [],
        })
    }
}

fn logs_of(block: &FakeBlock, filter: &Value) -> Vec<Value> {
    let has = |list: &Value, text: &str| match list.as_array() {
        Some(list) => list.iter().any(|item| item == text),
        None => true,
    };
    let wanted = |log: &FakeLog| {
        let topic = |place: usize| log.topics.get(place).map(ToString::to_string);
        has(&filter["address"], &log.address.to_string().to_lowercase())
            && (0..4).all(|place| {
                let asked = &filter["topics"][place];
                has(asked, &topic(place).unwrap_or_default())
            })
    };
    block
        .logs
        .iter()
        .enumerate()
        .filter(|(_, log)| wanted(log))
        .map(|(index, log)| {
            json!({
                "address": log.address.to_string().to_lowercase(),
                "topics": log.topics.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "data": Bytes::from(log.data.clone()).to_string(),
                "blockNumber": hex(block.number),
                "blockHash": block.hash.to_string(),
                "transactionHash": B256::left_padding_from(&block.number.to_be_bytes()).to_string(),
                "transactionIndex": "0x0",
                "logIndex": hex(index as u64),
                "removed": false,
            })
        })
        .collect()
}

/// A log that says where it is, of one of four contracts and with one of three first topics.
pub fn log(block: u64, index: u64) -> FakeLog {
    FakeLog {
        address: address(index % 4),
        topics: vec![
            topic(index % 3),
            B256::left_padding_from(&block.to_be_bytes()),
        ],
        data: [[0; 24].as_slice(), &index.to_be_bytes()].concat(),
    }
}

pub fn address(number: u64) -> Address {
    Address::left_padding_from(&(0xa0 + number).to_be_bytes())
}

pub fn topic(number: u64) -> B256 {
    keccak256(format!("Event{number}()"))
}

pub fn block_number(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap()
}

/// The time of a block, unless it has another one.
const fn time_of(number: u64) -> u64 {
    1_700_000_000 + 12 * number
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}
