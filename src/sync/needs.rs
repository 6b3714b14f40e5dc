//! What an update needs: requests, time and room on the disk, estimated from a sample of events.

use std::path::Path;

use crate::deployments::event_family::EventFamily;
use crate::node::client::Node;
use crate::sync::changes::Decoder;
use crate::sync::estimate::{Estimate, real, whole};
use crate::sync::room::Room;
use crate::sync::sample::{Sample, sample};
use crate::sync::scope::{Group, Scope, ScopedExchange};
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;

/// What an update would need. All of it is estimated from a few ranges of blocks, unless those were all blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateNeeds {
    /// The blocks whose events were asked for.
    pub sampled_blocks: u64,
    /// HTTP requests, or messages on a socket.
    pub requests: Estimate,
    /// Bytes of answers, decompressed.
    pub received_bytes: Estimate,
    /// New pools.
    pub pools: Estimate,
    /// Events of liquidity. Those of pools that no exchange knows count, because nodes send them.
    pub events: Estimate,
    /// The time, in milliseconds.
    pub milliseconds: Estimate,
    /// By how many bytes the database grows.
    pub growth_bytes: Estimate,
    /// How many bytes the largest transaction adds to the log (`-wal`) meanwhile.
    pub log_bytes: Estimate,
    /// The bytes that are free beside the database, if the file system says it.
    pub free_bytes: Option<u64>,
}

/// Estimates what the exchanges need up to the target. `chunk` and `concurrency` are how an update asks for events.
pub(super) fn estimate(
    path: &Path,
    node: &Node,
    scope: &Scope,
    (target, final_block): (BlockNumber, BlockNumber),
    chunk: u64,
    concurrency: usize,
) -> Result<UpdateNeeds, SyncError> {
    let filters = |group: &Group| {
        let decoder = Decoder::new(scope, &group.members);
        [Some(decoder.creations), decoder.liquidity]
            .into_iter()
            .flatten()
            .collect()
    };
    let sample = sample(node, scope, target, chunk, filters)?;
    let (pools, events, received_bytes) = (sample.pools(), sample.changes(), sample.bytes());
    let first = scope.exchanges.iter().map(ScopedExchange::next).min();
    let unfinal = first.map_or(0, |first| {
        let from = final_block.next().max(first).get();
        (target.get() + 1).saturating_sub(from)
    });
    let requests = requests(&sample, scope, unfinal);
    let journaled = whole(sample.newest_changes() * real(unfinal));
    let room = Room::of(path, pools, events, journaled);
    Ok(UpdateNeeds {
        sampled_blocks: sample.blocks,
        requests,
        received_bytes,
        pools,
        events,
        milliseconds: milliseconds(&sample, requests, node, concurrency),
        growth_bytes: room.growth,
        log_bytes: room.log,
        free_bytes: room.free,
    })
}

/// Requests for events, for the headers of blocks that can disappear, for fees that no event has, and for the end of the
/// chain.
fn requests(sample: &Sample, scope: &Scope, unfinal: u64) -> Estimate {
    const END: u64 = 3;
    const BATCH: u64 = 100;
    let asks_fees = |exchange: &ScopedExchange| {
        matches!(
            exchange.family,
            EventFamily::AerodromeV2 | EventFamily::AerodromeV3
        )
    };
    let fees = if scope.exchanges.iter().any(asks_fees) {
        let pools = sample.pools();
        Estimate {
            low: 0,
            expected: pools.expected.div_ceil(BATCH),
            high: pools.high,
        }
    } else {
        Estimate::default()
    };
    let headers = Estimate {
        low: 1,
        expected: END,
        high: END,
    };
    let headers = headers.plus(Estimate::exact(unfinal.div_ceil(BATCH)));
    sample.log_requests().plus(headers).plus(fees)
}

/// The time. At best the node answers several requests as fast as one. At worst it answers one after the other.
pub(super) fn milliseconds(
    sample: &Sample,
    requests: Estimate,
    node: &Node,
    concurrency: usize,
) -> Estimate {
    /// Rows of pools and events of liquidity that are written in a second, at worst.
    const WRITTEN: f64 = 20_000.0;
    /// A request for events has so many calls.
    const CALLS: f64 = 3.0;
    let (a_request, a_byte) = sample.seconds();
    let at_once = u64::try_from(concurrency.max(1)).unwrap_or(1);
    let bytes = sample.bytes();
    let seconds = |requests: u64, bytes: u64, at_once: f64| {
        let asking = (real(requests) * a_request + real(bytes) * a_byte) / at_once;
        let limited = match node.options().max_rate {
            Some(rate) => real(requests) * CALLS / rate,
            None => 0.0,
        };
        asking.max(limited)
    };
    let writing = sample.pools().plus(sample.changes());
    let at_once = real(at_once);
    let low = seconds(requests.low, bytes.low, at_once);
    let expected = seconds(requests.expected, bytes.expected, at_once.sqrt());
    let high = seconds(requests.high, bytes.high, 1.0) + real(writing.high) / WRITTEN;
    Estimate {
        low: whole(low * 1000.0),
        expected: whole(expected.clamp(low, high) * 1000.0),
        high: whole(high * 1000.0),
    }
}

impl UpdateNeeds {
    /// The room on the disk.
    pub(super) const fn room(&self) -> Room {
        Room {
            growth: self.growth_bytes,
            log: self.log_bytes,
            free: self.free_bytes,
        }
    }
}
