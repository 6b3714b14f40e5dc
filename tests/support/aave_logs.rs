//! The recorded events of two Aave V3 markets, `tests/aave-logs.zst`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use alloy_primitives::{B256, hex};
use degenbot::models::LogPosition;
use degenbot::types::{Address, BlockNumber, Log, LogIndex, Logs};
use serde::Deserialize;

/// A market with all events of its contracts.
pub struct RecordedMarket {
    /// The version of Aave: 3.0.2 or 3.6.0.
    pub version: String,
    pub addresses_provider: Address,
    pub pool: Address,
    pub pool_configurator: Address,
    pub oracle: Address,
    /// The tokens of the three reserves, in the order of the reserves.
    pub a_tokens: Vec<Address>,
    pub variable_debt_tokens: Vec<Address>,
    pub underlying_tokens: Vec<Address>,
    /// The events, in their order on the chain.
    pub logs: Logs,
    /// The times of the blocks that have events.
    pub timestamps: BTreeMap<BlockNumber, u64>,
}

#[derive(Deserialize)]
struct MarketRecord {
    version: String,
    addresses_provider: String,
    pool: String,
    pool_configurator: String,
    oracle: String,
    a_tokens: Vec<String>,
    variable_debt_tokens: Vec<String>,
    underlying_tokens: Vec<String>,
    logs: Vec<LogRecord>,
}

/// A log as `eth_getLogs` has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord {
    address: String,
    topics: Vec<String>,
    data: String,
    block_number: String,
    block_hash: String,
    block_timestamp: String,
    transaction_hash: String,
    log_index: String,
}

/// The market of Aave 3.0.2, then that of Aave 3.6.0.
pub fn recorded_markets() -> [RecordedMarket; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aave-logs.zst");
    let json = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let records: [MarketRecord; 2] = serde_json::from_slice(&json).unwrap();
    records.map(RecordedMarket::new)
}

impl RecordedMarket {
    fn new(record: MarketRecord) -> Self {
        let addresses = |texts: Vec<String>| texts.iter().map(|text| address(text)).collect();
        let mut logs = Logs::new();
        let mut timestamps = BTreeMap::new();
        for log in record.logs {
            let block = BlockNumber::new(number(&log.block_number)).unwrap();
            let log_index = number(&log.log_index).try_into().unwrap();
            let topics: Vec<B256> = log
                .topics
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
            timestamps.insert(block, number(&log.block_timestamp));
            logs.push(Log {
                place: LogPosition::new(block, LogIndex::new(log_index).unwrap()),
                block_hash: log.block_hash.parse().unwrap(),
                transaction_hash: log.transaction_hash.parse().unwrap(),
                address: address(&log.address),
                topics: &topics,
                data: &hex::decode(log.data).unwrap(),
            });
        }
        Self {
            version: record.version,
            addresses_provider: address(&record.addresses_provider),
            pool: address(&record.pool),
            pool_configurator: address(&record.pool_configurator),
            oracle: address(&record.oracle),
            a_tokens: addresses(record.a_tokens),
            variable_debt_tokens: addresses(record.variable_debt_tokens),
            underlying_tokens: addresses(record.underlying_tokens),
            logs,
            timestamps,
        }
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn number(text: &str) -> u64 {
    u64::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap()
}
