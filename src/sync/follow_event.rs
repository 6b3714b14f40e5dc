//! What happens while a chain is followed.

use std::time::Duration;

use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::undo::Undone;
use crate::node::statistics::NodeStatistics;
use crate::sync::report::Skipped;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// What happens while a chain is followed, apart from commits.
#[derive(Debug)]
#[non_exhaustive]
pub enum FollowEvent<'a> {
    /// Other exchanges take part than before.
    Exchanges {
        /// The chain.
        chain: ChainId,
        /// Those that take part from now on, and the block that each is at.
        added: &'a [(ExchangeName, Option<BlockNumber>)],
        /// Those that no longer take part.
        removed: &'a [ExchangeName],
        /// The active exchanges that cannot take part.
        skipped: &'a [Skipped],
    },
    /// Blocks are gone from the chain, and what they had changed is undone.
    Undone {
        /// The chain.
        chain: ChainId,
        /// The last block that is left.
        above: BlockNumber,
        /// What was undone.
        undone: Undone,
    },
    /// The node was asked, and the database has everything up to the target. This comes after each poll.
    UpToDate(FollowStatus),
    /// Nothing can be taken in at the moment. It is tried again until it works.
    Waiting {
        /// The chain.
        chain: ChainId,
        /// The reason.
        error: &'a SyncError,
    },
    /// What was waited for is over.
    Resumed {
        /// The chain.
        chain: ChainId,
        /// How long it has taken.
        after: Duration,
    },
}

/// How far the database and the chain are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FollowStatus {
    /// The chain.
    pub chain: ChainId,
    /// The number of exchanges that take part.
    pub exchanges: usize,
    /// The newest block of the node; `None` if no exchange takes part, so that it is not asked.
    pub head: Option<BlockNumber>,
    /// The newest final block of the node, if it has one.
    pub finalized: Option<BlockNumber>,
    /// The last block that the database has of all exchanges.
    pub block: Option<BlockNumber>,
    /// How many seconds lie between the times of that block and of the newest one, if both are known.
    pub behind: Option<u64>,
    /// What the requests have cost so far.
    pub node: NodeStatistics,
}
