//! What an update of markets needs: requests, time and room on the disk, estimated from a sample of events.

use std::path::Path;

use crate::database::files::database_file::DatabaseFile;
use crate::database::files::disk_space::free_bytes;
use crate::node::client::Node;
use crate::sync::aave::market_decoder::MarketDecoder;
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::decode::{Decode as _, Which};
use crate::sync::estimate::{Estimate, real, whole};
use crate::sync::member::Member as _;
use crate::sync::needs::milliseconds;
use crate::sync::room::Room;
use crate::sync::run_options::RunOptions;
use crate::sync::sample::sample;
use crate::sync::scope::{Group, Scope};
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;

/// What an update of markets would need. All of it is estimated from a few ranges of blocks, unless those were all blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveUpdateNeeds {
    /// The blocks whose events were asked for.
    pub sampled_blocks: u64,
    /// HTTP requests, or messages on a socket.
    pub requests: Estimate,
    /// Bytes of answers, decompressed.
    pub received_bytes: Estimate,
    /// Events.
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

/// The bytes that each event adds: at least, usually, at most. A new position with its user and indexes takes some 600;
/// one event in ten brings one where users come back, and nearly each third one in a young market.
const EVENT: [f64; 3] = [20.0, 100.0, 300.0];

/// The bytes in the journal for each event of a block that can disappear.
const JOURNALED: [f64; 3] = [400.0, 1_200.0, 2_400.0];

/// How many events a transaction has at most, roughly.
const OF_A_COMMIT: u64 = 200_000;

/// An event changes a page or two, which the log holds once for each transaction.
const PAGE: f64 = 4_120.0;

/// Estimates what markets need up to the target.
pub(super) fn estimate(
    path: &Path,
    node: &Node,
    scope: &Scope<ScopedMarket>,
    (target, final_block): (BlockNumber, BlockNumber),
    options: &RunOptions,
) -> Result<AaveUpdateNeeds, SyncError> {
    let filters = |group: &Group| {
        let decoder = MarketDecoder::new(scope, &group.members);
        decoder.filter(Which::First).cloned().into_iter().collect()
    };
    let sample = sample(node, scope, target, options.chunk, filters)?;
    let events = sample.changes();
    let unfinal = |market: &ScopedMarket| {
        let from = final_block.next().max(market.next()).get();
        (target.get() + 1).saturating_sub(from)
    };
    let unfinal: Vec<_> = scope.exchanges.iter().map(unfinal).collect();
    let requests = sample.log_requests().plus(beside(&unfinal));
    let most = unfinal.iter().copied().max().unwrap_or_default();
    let journaled = Estimate::exact(whole(sample.newest_changes() * real(most)));
    let growth = events.times(EVENT).plus(journaled.times(JOURNALED));
    let file = DatabaseFile::at(path);
    let all = Estimate::exact(file.bytes()).plus(growth);
    let written = events.at_most(Estimate::exact(OF_A_COMMIT));
    Ok(AaveUpdateNeeds {
        sampled_blocks: sample.blocks,
        requests,
        received_bytes: sample.bytes(),
        events,
        milliseconds: milliseconds(&sample, requests, node, options.concurrency),
        growth_bytes: growth,
        log_bytes: written.times([PAGE / 64.0, PAGE / 8.0, PAGE]).at_most(all),
        free_bytes: free_bytes(file.real()),
    })
}

/// Requests for the end of the chain, for the headers of the blocks of each market that can disappear, and for what no
/// event says.
fn beside(unfinal: &[u64]) -> Estimate {
    const BATCH: u64 = 100;
    let others = Estimate {
        low: 3,
        expected: 10,
        high: 60,
    };
    let headers = unfinal.iter().map(|blocks| blocks.div_ceil(BATCH));
    others.plus(Estimate::exact(headers.sum()))
}

impl AaveUpdateNeeds {
    /// The room on the disk.
    pub(super) const fn room(&self) -> Room {
        Room {
            growth: self.growth_bytes,
            log: self.log_bytes,
            free: self.free_bytes,
        }
    }
}
