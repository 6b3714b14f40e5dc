//! What the followers tell the thread that started them.

use std::time::Duration;

use crate::cli::failure::with_causes;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::undo::Undone;
use crate::node::statistics::NodeStatistics;
use crate::sync::follow_event::{FollowEvent, FollowStatus};
use crate::sync::report::{Skipped, UpdateProgress};
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// What a follower tells.
#[derive(Debug)]
pub(super) enum News {
    Commit(UpdateProgress),
    UpToDate(FollowStatus),
    Exchanges {
        chain: ChainId,
        added: Vec<(ExchangeName, Option<BlockNumber>)>,
        removed: Vec<ExchangeName>,
        skipped: Vec<Skipped>,
    },
    Undone {
        chain: ChainId,
        above: BlockNumber,
        undone: Undone,
    },
    Waiting {
        chain: ChainId,
        reason: String,
    },
    Resumed {
        chain: ChainId,
        after: Duration,
    },
    Ended(Box<Ended>),
    /// The follower has panicked.
    Lost(ChainId),
}

/// What a follower has done, and why it has ended.
#[derive(Debug)]
pub(in crate::cli) struct Ended {
    pub(in crate::cli) chain: ChainId,
    /// New pools or positions.
    pub(in crate::cli) created: u64,
    pub(in crate::cli) events: u64,
    pub(in crate::cli) node: NodeStatistics,
    pub(in crate::cli) elapsed: Duration,
    pub(in crate::cli) result: Result<(), SyncError>,
}

impl Ended {
    /// A follower that has not begun.
    pub(super) fn at_once(chain: ChainId, error: SyncError) -> Self {
        Self {
            chain,
            created: 0,
            events: 0,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
            result: Err(error),
        }
    }
}

impl News {
    pub(super) fn of(event: &FollowEvent<'_>) -> Self {
        match *event {
            FollowEvent::UpToDate(status) => Self::UpToDate(status),
            FollowEvent::Exchanges {
                chain,
                added,
                removed,
                skipped,
            } => Self::Exchanges {
                chain,
                added: added.to_vec(),
                removed: removed.to_vec(),
                skipped: skipped.to_vec(),
            },
            FollowEvent::Undone {
                chain,
                above,
                undone,
            } => Self::Undone {
                chain,
                above,
                undone,
            },
            FollowEvent::Waiting { chain, error } => Self::Waiting {
                chain,
                reason: with_causes(&error),
            },
            FollowEvent::Resumed { chain, after } => Self::Resumed { chain, after },
        }
    }

    pub(super) fn chain(&self) -> ChainId {
        match self {
            Self::Commit(progress) => progress.chain,
            Self::UpToDate(status) => status.chain,
            Self::Exchanges { chain, .. }
            | Self::Undone { chain, .. }
            | Self::Waiting { chain, .. }
            | Self::Resumed { chain, .. }
            | Self::Lost(chain) => *chain,
            Self::Ended(ended) => ended.chain,
        }
    }
}
