//! What a refusal of a node means.
//!
//! Nodes and providers have one code for several things, and several codes for one thing. So the text counts first,
//! then the code, then the HTTP status.

use std::time::Duration;

use crate::node::message::ErrorParts;

/// What to do about a refusal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Class {
    /// There are too many requests: wait, and ask the same again.
    Rate {
        /// How long, if the node says so.
        wait: Option<Duration>,
    },
    /// The range has too many blocks, whatever is in them: ask for less, now and later.
    RangeTooWide {
        /// How many blocks the node allows, if it says so.
        limit: Option<u64>,
    },
    /// The answer would be too large or take too long: ask for less this time.
    TooMuch {
        /// The range that the node offers instead. Some offer the one that they refuse.
        offered: Option<(u64, u64)>,
    },
    /// The message has too many calls, or the node takes only one at a time.
    Batch,
    /// The node does not have the block yet: wait, or ask another node.
    Behind,
    /// The node no longer has the block: another node may.
    Pruned,
    /// Ask again.
    Transient,
    /// Asking again does not help.
    Refused,
}

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// How many blocks the range of `eth_getLogs` has; `None` for other methods.
    pub(super) blocks: Option<u64>,
    /// How many calls the message has.
    pub(super) calls: usize,
}

/// What an error means. `status` is the HTTP status.
pub(super) fn classify(status: u16, error: &ErrorParts, asked: Asked) -> Class {
    let text = error.message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let rate = || Class::Rate {
        wait: error.data.as_deref().and_then(backoff),
    };
    if asked.calls > 1 && has(&["batch"]) {
        return Class::Batch;
    }
    if has(RATE) {
        return rate();
    }
    if has(PRUNED) {
        return Class::Pruned;
    }
    if has(BEHIND) {
        return Class::Behind;
    }
    if let Some(blocks) = asked.blocks {
        if let Some(offered) = offered(&text) {
            return Class::TooMuch {
                offered: Some(offered),
            };
        }
        if has(SIZE) {
            return Class::TooMuch { offered: None };
        }
        if has(&["range", "blocks", "block limit"]) && has(LIMIT) {
            return too_wide(&text, blocks);
        }
    } else if asked.calls > 1 && has(SIZE) {
        return Class::Batch;
    }
    match error.code {
        Some(4444) => Class::Pruned,
        Some(429) => rate(),
        // "Limit exceeded": of size for logs, of rate for anything else.
        Some(-32005) if asked.blocks.is_some() => Class::TooMuch { offered: None },
        Some(-32005) => rate(),
        Some(-32003) if asked.blocks.is_some() => Class::TooMuch { offered: None },
        Some(-32701 | -32614 | 35) if asked.blocks.is_some() => Class::RangeTooWide { limit: None },
        Some(-32001) => Class::Behind,
        Some(-32700 | -32602 | -32601 | -32600 | -32004) => Class::Refused,
        _ if has(REFUSED) => Class::Refused,
        _ if status != 200 => of_status(status, asked),
        _ => Class::Transient,
    }
}

/// What an HTTP status means, if the body says nothing.
pub(super) const fn of_status(status: u16, asked: Asked) -> Class {
    match status {
        429 => Class::Rate { wait: None },
        // The answer is too large, or the time of a gateway is over, not that of the node.
        413 | 504 | 524 if asked.blocks.is_some() => Class::TooMuch { offered: None },
        413 if asked.calls > 1 => Class::Batch,
        200..=299 | 408 | 425 | 500.. => Class::Transient,
        _ => Class::Refused,
    }
}

const RATE: &[&str] = &[
    "rate limit",
    "rate-limit",
    "ratelimit",
    "rate exceeded",
    "request rate",
    "too many requests",
    "compute units",
    "capacity",
    "throughput",
    "per second",
    "requests/s",
    "quota",
    "daily request",
    "credits",
    "slow down",
    "concurrent requests",
];

const PRUNED: &[&str] = &[
    "pruned",
    "pruning",
    "missing trie node",
    "history unavailable",
    "history is not available",
    "history not available",
    "historical state",
    "state unavailable",
    "state is not available",
    "state not available",
    "no state available",
    "state histories",
    "archive",
    "not available on this node",
    "requested data is not available",
    "old data",
];

const BEHIND: &[&str] = &[
    "beyond current head",
    "beyond the current head",
    "beyond head",
    "beyond latest",
    "beyond the latest",
    "beyond the head",
    "greater than latest",
    "greater than the latest",
    "higher than latest",
    "after last accepted block",
    "in the future",
    "header not found",
    "unknown block",
    "block not found",
    "block out of range",
    "block number out of range",
    "blockoutofrange",
    "block height is",
    "could not find block",
    "unable to find block",
    "cannot query unfinalized",
    "invalid block range params",
    "not yet available",
    "is not synced",
    "still syncing",
];

/// Words about the size of an answer, or the time that it takes.
const SIZE: &[&str] = &[
    "returned more than",
    "returns more than",
    "returns too many",
    "too many results",
    "too many logs",
    "too many events",
    "max results",
    "max logs",
    "maximum number of logs",
    "logs matched",
    "matching logs",
    "response size",
    "response is too",
    "response too",
    "result is too",
    "result too",
    "results exceed",
    "query result",
    "result set",
    "exceeds max response",
    "allowed number of requested",
    "timeout",
    "timed out",
    "time out",
    "time limit",
    "deadline exceeded",
    "execution aborted",
];

/// Words about a limit.
const LIMIT: &[&str] = &[
    "exceed",
    "limit",
    "too wide",
    "too large",
    "too big",
    "too long",
    "too many",
    "too high",
    "max",
    "larger than",
    "greater than",
    "more than",
    "less than",
    "at most",
    "over ",
    "up to",
    "reduce",
    "narrow",
    "smaller",
    "restricted",
];

const REFUSED: &[&str] = &[
    "does not exist",
    "not supported",
    "unsupported",
    "not allowed",
    "not available for method",
    "method not found",
    "unauthorized",
    "forbidden",
    "invalid api key",
    "invalid key",
    "must be authenticated",
    "authenticate",
    "payment",
    "suspended",
    "disabled",
];

/// The range in a text that offers one: `[0x1, 0x2]`, or `range 1-2`.
fn offered(text: &str) -> Option<(u64, u64)> {
    text.match_indices('[')
        .find_map(|(at, _)| {
            let inside = text[at + 1..].split(']').next()?;
            let (from, to) = inside.split_once(',')?;
            Some((block(from)?, block(to)?))
        })
        .or_else(|| {
            text.match_indices("range").find_map(|(at, word)| {
                let rest = text[at + word.len()..].trim_start();
                let (from, rest) = rest.split_once('-')?;
                let to: String = rest
                    .trim_start()
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                Some((block(from)?, block(&to)?))
            })
        })
}

fn block(text: &str) -> Option<u64> {
    let text = text.trim().trim_matches('"');
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// What a text about a limit of blocks says about a range of as many blocks.
fn too_wide(text: &str, blocks: u64) -> Class {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ',' || c == '_'));
    let numbers = words.filter_map(|word| {
        let word = word.replace([',', '_'], "");
        let (digits, unit) = match word.strip_suffix('k') {
            Some(digits) => (digits.to_owned(), 1000),
            None => (word, 1),
        };
        digits.parse::<u64>().ok()?.checked_mul(unit)
    });
    let numbers: Vec<_> = numbers.filter(|number| *number > 0).collect();
    // The last number that is smaller than the range. A node that counts the distance, not the blocks, names one
    // block less than it refuses.
    let limit = numbers
        .iter()
        .rfind(|number| number.saturating_add(1) < blocks);
    match limit {
        Some(limit) => Class::RangeTooWide {
            limit: Some(*limit),
        },
        // The limit is not that of the width: some have one text for both.
        None if blocks > 1 && numbers.iter().any(|number| *number > blocks) => {
            Class::TooMuch { offered: None }
        }
        None => Class::RangeTooWide { limit: None },
    }
}

/// Infura's `data.rate.backoff_seconds`.
fn backoff(data: &str) -> Option<Duration> {
    let (_, rest) = data.split_once("\"backoff_seconds\"")?;
    let number: String = rest
        .trim_start_matches([' ', ':', '\t', '\n', '\r', '"'])
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    Duration::try_from_secs_f64(number.parse().ok()?).ok()
}

#[cfg(test)]
mod tests;
