//! The options that every update has.

use std::time::Duration;

use crate::cancel::CancelToken;
use crate::sync::block_target::BlockTarget;
use crate::sync::update_options::PoolUpdateOptions;
use crate::types::hash::BlockHash;

/// The options that every update has, whatever it is about.
#[derive(Debug, Clone)]
pub(super) struct RunOptions {
    /// The block up to which the database is updated.
    pub(super) to_block: BlockTarget,
    /// The number of blocks that are written in one transaction, at most.
    pub(super) chunk: u64,
    /// The number of requests that are under way at once.
    pub(super) concurrency: usize,
    /// The time to wait for a lock of the database.
    pub(super) wait: Duration,
    /// Whether to fail if the disk probably has too little room.
    pub(super) check_space: bool,
    /// The time to wait for a node that lacks a block of the database.
    pub(super) patience: Duration,
    /// The hash of a final block that counts if the node says it, although the database has another one.
    pub(super) accept_hash: Option<BlockHash>,
    /// The token that cancels the update.
    pub(super) cancel: CancelToken,
}

impl From<&PoolUpdateOptions> for RunOptions {
    fn from(options: &PoolUpdateOptions) -> Self {
        let PoolUpdateOptions {
            exchanges: _,
            to_block,
            chunk,
            concurrency,
            wait,
            check_space,
            patience,
            accept_hash,
            cancel,
        } = options.clone();
        Self {
            to_block,
            chunk,
            concurrency,
            wait,
            check_space,
            patience,
            accept_hash,
            cancel,
        }
    }
}
