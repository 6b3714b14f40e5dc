//! What an update of a chain did.

use std::borrow::Cow;
use std::time::Duration;

use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::undo::Undone;
use crate::node::statistics::NodeStatistics;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// What an update of a chain did, also if it failed later.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PoolUpdateReport {
    /// The chain.
    pub chain: ChainId,
    /// The block up to which the update was to go; `None` if it failed before that was known.
    pub target: Option<BlockNumber>,
    /// The newest block of the node.
    pub head: Option<BlockNumber>,
    /// The newest final block of the node, if it has one.
    pub finalized: Option<BlockNumber>,
    /// The exchanges that took part, in the order of their ids.
    pub exchanges: Vec<ExchangeUpdate>,
    /// The active exchanges that did not take part.
    pub skipped: Vec<Skipped>,
    /// New tokens and pools, and the liquidity events that were applied.
    pub pools: u64,
    /// Liquidity events that were applied.
    pub events: u64,
    /// Liquidity events that were in the database already.
    pub already_applied: u64,
    /// Rows of ticks, bitmap words and marks that were inserted, updated or deleted.
    pub rows: u64,
    /// Blocks that were taken back because the chain no longer has them, and what that undid.
    pub undone: Option<(BlockNumber, Undone)>,
    /// What the requests have cost.
    pub node: NodeStatistics,
    /// How long the update took.
    pub elapsed: Duration,
}

/// What an update did for an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeUpdate {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The first block that was missing.
    pub from: BlockNumber,
    /// The last block that is in the database now; `None` if there is none yet.
    pub to: Option<BlockNumber>,
    /// New pools.
    pub pools: u64,
    /// Pairs that the exchange's factory has numbered, but that the database lacks: an older update, such as one of
    /// the Python package, has lost them.
    pub missing_pairs: u64,
}

/// An active exchange that did not take part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The reason.
    pub reason: Cow<'static, str>,
    /// Whether it takes part by itself as soon as the reason is gone.
    pub is_for_now: bool,
}

/// How far an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateProgress {
    /// The chain.
    pub chain: ChainId,
    /// The blocks that are done, of all exchanges together.
    pub done: u64,
    /// The blocks that the update takes in.
    pub total: u64,
    /// The last block that is in the database.
    pub block: BlockNumber,
    /// The last block that the database has of all exchanges. While a chain is followed, some can be further.
    pub complete: BlockNumber,
    /// The newest block of the node when it was last asked.
    pub head: BlockNumber,
    /// The newest final block of the node, if it has one.
    pub finalized: Option<BlockNumber>,
    /// How many seconds lie between the times of the last block and the newest one.
    pub behind: u64,
    /// New pools so far; in an update of Aave's markets, new positions.
    pub created: u64,
    /// Events of liquidity or balances so far.
    pub events: u64,
    /// What the requests have cost so far.
    pub node: NodeStatistics,
}

/// What an update of anything did.
#[derive(Debug)]
pub(super) struct UpdateReport {
    pub(super) target: Option<BlockNumber>,
    pub(super) head: Option<BlockNumber>,
    pub(super) finalized: Option<BlockNumber>,
    pub(super) members: Vec<MemberUpdate>,
    pub(super) skipped: Vec<Skipped>,
    /// Those that an error has stopped while others went on.
    pub(super) stopped: Vec<(ExchangeName, SyncError)>,
    pub(super) created: u64,
    pub(super) events: u64,
    pub(super) already_applied: u64,
    pub(super) rows: u64,
    pub(super) undone: Option<(BlockNumber, Undone)>,
}

/// What an update did for an exchange or a market.
#[derive(Debug)]
pub(super) struct MemberUpdate {
    pub(super) name: ExchangeName,
    pub(super) from: BlockNumber,
    pub(super) to: Option<BlockNumber>,
    pub(super) created: u64,
    pub(super) missing: u64,
}

impl UpdateReport {
    pub(super) const fn new() -> Self {
        Self {
            target: None,
            head: None,
            finalized: None,
            members: Vec::new(),
            skipped: Vec::new(),
            stopped: Vec::new(),
            created: 0,
            events: 0,
            already_applied: 0,
            rows: 0,
            undone: None,
        }
    }
}

impl PoolUpdateReport {
    /// The report of an update of pools.
    pub(super) fn of(
        chain: ChainId,
        report: UpdateReport,
        node: NodeStatistics,
        elapsed: Duration,
    ) -> Self {
        let exchange = |member: MemberUpdate| ExchangeUpdate {
            exchange: member.name,
            from: member.from,
            to: member.to,
            pools: member.created,
            missing_pairs: member.missing,
        };
        Self {
            chain,
            target: report.target,
            head: report.head,
            finalized: report.finalized,
            exchanges: report.members.into_iter().map(exchange).collect(),
            skipped: report.skipped,
            pools: report.created,
            events: report.events,
            already_applied: report.already_applied,
            rows: report.rows,
            undone: report.undone,
            node,
            elapsed,
        }
    }

    /// The report of an update that has done nothing yet.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self {
            chain,
            target: None,
            head: None,
            finalized: None,
            exchanges: Vec::new(),
            skipped: Vec::new(),
            pools: 0,
            events: 0,
            already_applied: 0,
            rows: 0,
            undone: None,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
        }
    }
}
