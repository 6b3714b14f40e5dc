//! What an update of pools is told, and who hears how far it is.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::deployments::exchange_name::ExchangeName;
use crate::setters::setters;
use crate::sync::block_target::BlockTarget;
use crate::sync::follow_event::FollowEvent;
use crate::sync::report::UpdateProgress;
use crate::types::hash::BlockHash;

/// Options for an update of pools.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolUpdateOptions {
    /// The exchanges; all active ones of the chain if empty.
    pub exchanges: Vec<ExchangeName>,
    /// The block up to which the database is updated.
    pub to_block: BlockTarget,
    /// The number of blocks that are written in one transaction, at most.
    pub chunk: u64,
    /// The number of requests that are under way at once.
    pub concurrency: usize,
    /// The time to wait for a lock of the database.
    pub wait: Duration,
    /// Whether to fail if the disk probably has too little room. A first sync of many blocks estimates that with a few
    /// requests.
    pub check_space: bool,
    /// The time to wait for a node that lacks a block of the database.
    pub patience: Duration,
    /// The hash of a final block that counts if the node says it, although the database has another one
    /// ([`SyncError::FinalBlock`](crate::sync::SyncError::FinalBlock)).
    pub accept_hash: Option<BlockHash>,
    /// The token that cancels the update. The node has its own.
    pub cancel: CancelToken,
}

setters!(PoolUpdateOptions {
    exchanges: Vec<ExchangeName>,
    to_block: BlockTarget,
    chunk: u64,
    concurrency: usize,
    wait: Duration,
    check_space: bool,
    patience: Duration,
    accept_hash: Option<BlockHash>,
    cancel: CancelToken,
});

impl Default for PoolUpdateOptions {
    fn default() -> Self {
        Self {
            exchanges: Vec::new(),
            to_block: BlockTarget::DEFAULT,
            chunk: 500_000,
            concurrency: 4,
            wait: LOCK_TIMEOUT,
            check_space: true,
            patience: Duration::from_secs(60),
            accept_hash: None,
            cancel: CancelToken::new(),
        }
    }
}

/// Receives the progress of an update.
pub trait UpdateObserver {
    /// Receives a progress report, after each commit. If it returns `Break`, the update ends before the next one.
    fn progress(&mut self, progress: &UpdateProgress) -> ControlFlow<()>;

    /// Receives what else happens while a chain is followed. If it returns `Break`, the follower ends.
    fn event(&mut self, _event: &FollowEvent<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Ignores every report.
impl UpdateObserver for () {
    fn progress(&mut self, _: &UpdateProgress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
