//! The events of a [`Stream`], as a node answers them.

use degenbot::events::{Event, uniswap_v3, uniswap_v4};
use serde_json::{Value, json};

use crate::server::Chain;
use crate::stream::{Change, FIRST, MANAGED, Pool, Stream, TAIL};
use crate::wire::{log, padded, unsigned};

impl Chain for Stream {
    const FIRST: u64 = FIRST;
    const TAIL: u64 = TAIL as u64;

    fn head(&self) -> u64 {
        FIRST + u64::from(self.size.blocks - 1 + TAIL)
    }

    /// Those for the contracts of the exchanges, and for the pools, whose addresses are not known before.
    fn filters(&self) -> Vec<Value> {
        vec![json!({"address": []}), json!({})]
    }

    fn logs(&self, filter: &Value, from: u64, to: u64, out: &mut Vec<u8>) {
        logs(self, filter["address"].is_array(), from, to, out);
    }

    fn call(&self, _to: &str, _data: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Writes the logs of a range: those of the exchanges' contracts, or those of pools.
fn logs(stream: &Stream, of_exchanges: bool, from: u64, to: u64, out: &mut Vec<u8>) {
    let place = |number: u64| u32::try_from(number.saturating_sub(FIRST)).unwrap_or(u32::MAX);
    let (from, to) = (place(from), place(to));
    let changes = &stream.changes[usize::from(of_exchanges)];
    let first = changes.partition_point(|change| change.block < from);
    let mut changes = changes[first..]
        .iter()
        .take_while(|change| change.block <= to)
        .peekable();
    let first = stream.pools.partition_point(|pool| pool.created < from);
    let new = stream.pools[first..].iter().filter(|_| of_exchanges);
    let mut new = new.take_while(|pool| pool.created <= to).peekable();
    let mut index = Index::default();
    out.push(b'[');
    let mut comma = false;
    loop {
        let is_new = match (new.peek(), changes.peek()) {
            (Some(pool), Some(change)) => pool.created <= change.block,
            (pool, change) => {
                if pool.is_none() && change.is_none() {
                    break;
                }
                pool.is_some()
            }
        };
        if comma {
            out.push(b',');
        }
        comma = true;
        if is_new {
            if let Some(pool) = new.next() {
                creation(stream, pool, index.next(pool.created, 0), out);
            }
        } else if let Some(change) = changes.next() {
            // The events of a pool come after its creation, those of the other answer have other places.
            let base = if of_exchanges { 2_000 } else { 1_000 };
            let pool = &stream.pools[change.pool as usize];
            liquidity(stream, pool, change, index.next(change.block, base), out);
        }
    }
    out.push(b']');
}

/// Numbers the logs of each block.
#[derive(Default)]
struct Index {
    block: u32,
    used: u32,
}

impl Index {
    fn next(&mut self, block: u32, base: u32) -> u32 {
        if self.block != block {
            *self = Self { block, used: 0 };
        }
        self.used += 1;
        base + self.used
    }
}

fn creation(stream: &Stream, pool: &Pool, index: u32, out: &mut Vec<u8>) {
    let factory = stream.factories[pool.exchange].as_bytes();
    let number = FIRST + u64::from(pool.created);
    let tokens = pool.tokens.each_ref().map(|token| padded(token.as_bytes()));
    let (fee, spacing) = (unsigned(pool.fee.into()), signed(pool.spacing.into()));
    if pool.exchange == MANAGED {
        let topics = [
            uniswap_v4::Initialize::TOPIC.0,
            pool.key,
            tokens[0],
            tokens[1],
        ];
        let data = [fee, spacing, [0; 32], unsigned(1 << 96), [0; 32]];
        log(factory, &topics, &data, number, index, out);
    } else {
        let topics = [uniswap_v3::PoolCreated::TOPIC.0, tokens[0], tokens[1], fee];
        log(factory, &topics, &[spacing, pool.key], number, index, out);
    }
}

fn liquidity(stream: &Stream, pool: &Pool, change: &Change, index: u32, out: &mut Vec<u8>) {
    let owner = padded(&[0xc3; 20]);
    let [lower, upper] = [change.lower, change.upper].map(|tick| signed(tick.into()));
    let (number, delta) = (FIRST + u64::from(change.block), change.delta());
    let amounts = [0x1234_5678_9abc_def0, 0xfed_cba9_8765].map(unsigned);
    if pool.exchange == MANAGED {
        let topics = [uniswap_v4::ModifyLiquidity::TOPIC.0, pool.key, owner];
        let data = [lower, upper, signed(delta), amounts[0]];
        let manager = stream.factories[pool.exchange].as_bytes();
        log(manager, &topics, &data, number, index, out);
    } else if delta > 0 {
        let topics = [uniswap_v3::Mint::TOPIC.0, owner, lower, upper];
        let data = [owner, signed(delta), amounts[0], amounts[1]];
        log(&pool.key[12..], &topics, &data, number, index, out);
    } else {
        let topics = [uniswap_v3::Burn::TOPIC.0, owner, lower, upper];
        let data = [signed(-delta), amounts[0], amounts[1]];
        log(&pool.key[12..], &topics, &data, number, index, out);
    }
}

fn signed(number: i128) -> [u8; 32] {
    let mut word = [if number < 0 { 0xff } else { 0 }; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}
