//! The limits and faults of nodes and providers.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::fake_chain::FakeChain;

/// How a provider words its limits of `eth_getLogs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Alchemy,
    Infura,
    QuickNode,
    Geth,
    Public,
    Reth,
    /// Offers the range that it refuses.
    RethOld,
    Erigon,
    Plain,
}

impl Style {
    pub const ALL: [Self; 9] = [
        Self::Alchemy,
        Self::Infura,
        Self::QuickNode,
        Self::Geth,
        Self::Public,
        Self::Reth,
        Self::RethOld,
        Self::Erigon,
        Self::Plain,
    ];

    pub fn too_wide(self, limit: u64) -> Value {
        let (code, message) = match self {
            Self::Alchemy => (
                -32600,
                format!(
                    "Under the Free tier plan, you can make eth_getLogs requests with up to a {limit} block range."
                ),
            ),
            Self::Infura => (-32602, format!("range exceeds limit of {limit}")),
            Self::QuickNode => (-32614, format!("eth_getLogs is limited to a {limit} range")),
            Self::Geth => (-32602, format!("exceed maximum block range: {limit}")),
            Self::Public => (-32701, format!("exceed maximum block range: {limit}")),
            Self::Reth | Self::RethOld => {
                (-32602, format!("query exceeds max block range {limit}"))
            }
            Self::Erigon => (
                -32602,
                format!("query block range exceeds server limit, narrow your filter: {limit}"),
            ),
            Self::Plain => (-32000, "block range too large".to_owned()),
        };
        json!({"code": code, "message": message})
    }

    /// `last` is the last block up to which the logs are few enough.
    pub fn too_many(self, limit: usize, from: u64, to: u64, last: u64) -> Value {
        let (code, message) = match self {
            Self::Alchemy => (
                -32602,
                format!(
                    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of {limit} logs in the response. Based on your parameters and the response size limit, this block range should work: [{from:#x}, {last:#x}]"
                ),
            ),
            Self::Infura => (
                -32005,
                format!(
                    "query returned more than {limit} results. Try with this block range [{from:#x}, {last:#x}]."
                ),
            ),
            Self::QuickNode => (
                -32614,
                "eth_getLogs is limited to a 10,000 range".to_owned(),
            ),
            Self::Geth => (-32003, "response too large".to_owned()),
            Self::Public => (-32600, "block range is too wide".to_owned()),
            Self::Reth => (
                -32602,
                format!("query exceeds max results {limit}, retry with the range {from}-{last}"),
            ),
            Self::RethOld => (
                -32602,
                format!("query exceeds max results {limit}, retry with the range {from}-{to}"),
            ),
            Self::Erigon => (
                -32602,
                format!("query returns too many logs, narrow your filter: {limit}"),
            ),
            Self::Plain => (-32005, format!("query returned more than {limit} results")),
        };
        json!({"code": code, "message": message})
    }
}

/// What happens to one HTTP request.
#[derive(Debug, Clone)]
pub enum Incident {
    /// Nothing: it is answered.
    None,
    /// Another status, with headers and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// Another body.
    Body(Vec<u8>),
    /// A body that is compressed already.
    Gzip(Vec<u8>),
    /// The connection ends in the middle of the answer.
    Cut,
    /// Half of the answer, as if it were all.
    Half,
    /// The connection ends before the answer.
    Close,
    /// No answer ever.
    Hang,
    /// An answer without an end.
    Endless,
    /// An answer that comes byte by byte, without an end.
    Drip,
    /// The answer of a node that is as many blocks behind.
    Lag(u64),
}

/// Changes the result or the error of a call: the method, and the answer.
pub type Mutation = Arc<dyn Fn(&str, &mut Value) + Send + Sync>;

/// What is wrong with a node.
#[derive(Clone, Default)]
pub struct Faults {
    pub style: Option<Style>,
    pub max_range: Option<u64>,
    pub max_logs: Option<usize>,
    /// How many addresses a filter has at most.
    pub max_addresses: Option<usize>,
    /// How many calls a batch has at most.
    pub max_batch: Option<usize>,
    /// Happens to the next requests, one after the other.
    pub next: VecDeque<Incident>,
    /// Happens to all requests after those, again and again in this order.
    pub always: Vec<Incident>,
    /// Answers every second request.
    pub other: Option<Arc<FakeChain>>,
    pub mutation: Option<Mutation>,
}

impl Faults {
    /// The faults of a node whose answers are changed.
    pub fn mutating(mutation: impl Fn(&str, &mut Value) + Send + Sync + 'static) -> Self {
        Self {
            mutation: Some(Arc::new(mutation)),
            ..Self::default()
        }
    }

    /// The faults of a node to which these incidents happen, one a request.
    pub fn next(incidents: impl IntoIterator<Item = Incident>) -> Self {
        Self {
            next: incidents.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The faults of a node to which these incidents happen again and again.
    pub fn always(incidents: impl IntoIterator<Item = Incident>) -> Self {
        Self {
            always: incidents.into_iter().collect(),
            ..Self::default()
        }
    }

    /// What happens to the request of this number, counted from 0.
    pub fn incident(&mut self, number: usize) -> Incident {
        self.next.pop_front().unwrap_or_else(|| {
            let all = self.always.len().max(1);
            self.always
                .get(number % all)
                .cloned()
                .unwrap_or(Incident::None)
        })
    }

    /// The answer to one call.
    pub fn answer(&self, chain: &FakeChain, method: &str, params: &Value) -> Value {
        let mut answer = match self.refusal(chain, method, params) {
            Some(error) => json!({"error": error}),
            None => match chain.answer(method, params) {
                Ok(result) => json!({"result": result}),
                Err(error) => json!({"error": error}),
            },
        };
        if let Some(mutation) = &self.mutation {
            mutation(method, &mut answer);
        }
        answer
    }

    fn refusal(&self, chain: &FakeChain, method: &str, params: &Value) -> Option<Value> {
        let style = self.style.unwrap_or(Style::Plain);
        if method != "eth_getLogs" || params[0]["blockHash"].is_string() {
            return None;
        }
        let addresses = params[0]["address"].as_array().map_or(0, Vec::len);
        if self.max_addresses.is_some_and(|most| addresses > most) {
            let message = "exceed max addresses or topics per search position";
            return Some(json!({"code": -32602, "message": message}));
        }
        let range = chain.range(&params[0])?;
        let (from, to) = (*range.start(), *range.end());
        if let Some(limit) = self.max_range.filter(|limit| to - from + 1 > *limit) {
            return Some(style.too_wide(limit));
        }
        let limit = self.max_logs?;
        let logs = chain.answer(method, params).ok()?;
        let beyond = logs.as_array()?.get(limit)?["blockNumber"].as_str()?;
        let beyond = u64::from_str_radix(&beyond[2..], 16).ok()?;
        Some(style.too_many(limit, from, to, from.max(beyond - 1)))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("style", &self.style)
            .field("next", &self.next)
            .field("always", &self.always)
            .finish_non_exhaustive()
    }
}

/// A gzip stream of as many bytes, all spaces, in a thousandth of the space.
pub fn gzip_bomb(bytes: usize) -> Vec<u8> {
    // Bits of deflate, the lowest first. Codes of Huffman come with their highest bit first.
    let mut bits = Vec::new();
    let mut put = |value: u32, length: u32, is_code: bool| {
        for at in 0..length {
            let at = if is_code { length - 1 - at } else { at };
            bits.push(value >> at & 1 == 1);
        }
    };
    // The last block, with fixed codes.
    put(1, 1, false);
    put(1, 2, false);
    // The literal 32.
    put(0x30 + 32, 8, true);
    for _ in 0..bytes / 258 {
        // The length 258 at the distance 1.
        put(0b1100_0101, 8, true);
        put(0, 5, true);
    }
    put(0, 7, true);
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(bits.chunks(8).map(|bits| {
        bits.iter()
            .enumerate()
            .fold(0_u8, |byte, (at, bit)| byte | u8::from(*bit) << at)
    }));
    gzip.extend([0; 8]);
    gzip
}
