//! The room on the disk that an update needs.

use std::path::Path;

use crate::database::files::database_file::DatabaseFile;
use crate::database::files::disk_space::free_bytes;
use crate::sync::changes::Changes;
use crate::sync::decode::Gather as _;
use crate::sync::estimate::{Estimate, real, whole};
use crate::sync::member::Member;
use crate::sync::pending::Batch;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;

/// The bytes of a pool with its rows and the tokens that come with it: at least, usually, at most. Measured with
/// `dbstat` in databases that updates have filled; a pool of Uniswap V4 takes the most.
const POOL: [f64; 3] = [400.0, 650.0, 900.0];

/// The bytes of ticks and bitmap words for each event of liquidity. Where each position is new, an event adds 0.9 ticks
/// of 90 bytes and 0.5 words of 115 bytes; where positions are alike, as in large pools, it adds next to nothing.
const EVENT: [f64; 3] = [5.0, 60.0, 150.0];

/// The bytes in the journal for each event of a block that can disappear.
const JOURNALED: [f64; 3] = [400.0, 1_000.0, 1_500.0];

/// The room on the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// By how many bytes the database grows.
    pub(super) growth: Estimate,
    /// How large its log becomes.
    pub(super) log: Estimate,
    /// What is free, if the file system says it.
    pub(super) free: Option<u64>,
}

impl Room {
    /// The room for new pools and events, some of which are journaled.
    pub(super) fn of(path: &Path, pools: Estimate, events: Estimate, journaled: u64) -> Self {
        /// How many events a transaction has at most, roughly.
        const OF_A_COMMIT: u64 = 300_000;
        /// An event changes a page or two, which the log holds once for each transaction.
        const PAGE: f64 = 4_120.0;
        let growth = pools
            .times(POOL)
            .plus(events.times(EVENT))
            .plus(Estimate::exact(journaled).times(JOURNALED));
        let file = DatabaseFile::at(path);
        let all = Estimate::exact(file.bytes()).plus(growth);
        let written = pools.plus(events).at_most(Estimate::exact(OF_A_COMMIT));
        Self {
            growth,
            log: written
                .times([PAGE / 16.0, PAGE / 2.0, 2.0 * PAGE])
                .at_most(all),
            free: free_bytes(file.real()),
        }
    }

    /// The bytes that are needed in all, as far as that can be said.
    pub(super) const fn needed(&self) -> u64 {
        self.growth.expected.saturating_add(self.log.expected)
    }
}

/// Fails if the disk has less room than is needed.
pub(super) fn require_room(path: &Path, room: Room) -> Result<(), SyncError> {
    match room.free {
        Some(available) if available < room.needed() => Err(SyncError::NotEnoughSpace {
            path: path.to_owned(),
            needed: room.needed(),
            available,
        }),
        _ => Ok(()),
    }
}

/// Whether an update takes in so much for the first time that it pays to estimate it first.
pub(super) fn is_long_first_sync<M: Member>(scope: &Scope<M>, target: BlockNumber) -> bool {
    const LONG: u64 = 100_000;
    let first = scope
        .exchanges
        .iter()
        .filter(|member| member.is_new())
        .map(Member::next)
        .min();
    first.is_some_and(|first| target.get().saturating_sub(first.get()) >= LONG)
}

/// Fails if the disk has no room for what is to be committed. What was committed before stays.
pub(super) fn require_bytes(path: &Path, needed: u64) -> Result<(), SyncError> {
    let available = free_bytes(DatabaseFile::at(path).real());
    match available {
        Some(available) if available < needed => Err(SyncError::NotEnoughSpace {
            path: path.to_owned(),
            needed,
            available,
        }),
        _ => Ok(()),
    }
}

/// The bytes that the pools and events of a batch need.
pub(super) fn bytes_for(batch: &Batch<Changes>) -> u64 {
    /// It goes to the log first, and from there to the database.
    const TWICE: f64 = 2.0;
    let (pools, events) = (batch.changes.new_pools(), batch.changes.weight());
    let an_event = if batch.end.is_final {
        EVENT[1]
    } else {
        JOURNALED[0]
    };
    let of = |number: usize, bytes: f64| real(u64::try_from(number).unwrap_or(u64::MAX)) * bytes;
    whole(TWICE * (of(pools, POOL[0]) + of(events, an_event)))
}
