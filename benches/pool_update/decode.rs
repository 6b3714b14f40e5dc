//! What decoding costs at least: one scan of an answer, with borrowed texts, that turns every field into its value.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use alloy_primitives::hex;
use serde::Deserialize;

use crate::Result;
use crate::cpu::thread_time;
use crate::server::Chain;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    address: &'a str,
    #[serde(borrow)]
    topics: Vec<&'a str>,
    data: &'a str,
    block_number: &'a str,
    block_hash: &'a str,
    transaction_hash: &'a str,
    log_index: &'a str,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Vec<Event<'a>>,
    #[serde(borrow)]
    #[expect(dead_code, reason = "part of every answer")]
    jsonrpc: Cow<'a, str>,
}

/// The seconds of CPU that it takes to decode the events of a range, in answers about as many blocks.
pub fn decode(chain: &impl Chain, range: RangeInclusive<u64>, blocks: u64) -> Result<f64> {
    let mut seconds = 0.0;
    let mut body = Vec::new();
    let (mut from, end) = range.into_inner();
    while from <= end {
        let to = (from + blocks - 1).min(end);
        for filter in chain.filters() {
            body.clear();
            body.extend_from_slice(br#"{"jsonrpc":"2.0","id":1,"result":"#);
            chain.logs(&filter, from, to, &mut body);
            body.push(b'}');
            let before = thread_time();
            let seen = decode_one(&body)?;
            seconds += thread_time() - before;
            std::hint::black_box(seen);
        }
        from = to + 1;
    }
    Ok(seconds)
}

fn decode_one(body: &[u8]) -> Result<u64> {
    let answer: Answer<'_> = serde_json::from_str(std::str::from_utf8(body)?)?;
    let mut seen = 0_u64;
    let mut data = [0; 512];
    for log in &answer.result {
        let mut word = [0; 32];
        hex::decode_to_slice(log.address, &mut word[..20])?;
        seen = seen.wrapping_add(word[19].into());
        for text in log
            .topics
            .iter()
            .chain([&log.block_hash, &log.transaction_hash])
        {
            hex::decode_to_slice(text, &mut word)?;
            seen = seen.wrapping_add(word[31].into());
        }
        let data = &mut data[..(log.data.len() - 2) / 2];
        hex::decode_to_slice(log.data, data)?;
        seen = seen.wrapping_add(data.len() as u64);
        for number in [log.block_number, log.log_index] {
            seen = seen.wrapping_add(u64::from_str_radix(&number[2..], 16)?);
        }
    }
    Ok(seen)
}
