//! Takes blocks in again that were taken back for a repair.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::rows::exchange::Exchange;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sync::block_target::BlockTarget;
use crate::sync::sync_error::SyncError;
use crate::sync::update::update_pools;
use crate::sync::update_options::PoolUpdateOptions;
use crate::types::integer::{BlockNumber, ChainId};

/// How blocks are taken in again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retake<'a> {
    pub(super) path: &'a Path,
    pub(super) chain: ChainId,
    pub(super) node: &'a Node,
    pub(super) concurrency: usize,
    pub(super) wait: Duration,
    pub(super) patience: Duration,
    pub(super) cancel: &'a CancelToken,
}

/// The blocks up to which marks are taken in again, the lowest first: those above `keep` that the node still has.
pub(super) fn ends(
    node: &Node,
    marks: impl Iterator<Item = BlockNumber>,
    keep: BlockNumber,
) -> Result<BTreeSet<BlockNumber>, SyncError> {
    let head = node.header(BlockTag::Latest)?;
    let head = head.map_or(BlockNumber::FIRST, |head| head.number);
    Ok(marks
        .map(|mark| mark.min(head))
        .filter(|mark| *mark > keep)
        .collect())
}

/// The active exchanges of a chain that have a mark.
pub(super) fn active_marks(
    connection: &mut SqliteConnection,
    chain: ChainId,
) -> Result<Vec<(ExchangeName, BlockNumber)>, SyncError> {
    let exchanges = Exchange::of_chain(connection, chain)?.into_iter();
    let active = exchanges.filter(|exchange| exchange.active);
    Ok(active
        .filter_map(|exchange| {
            let mark = exchange.last_update_block?;
            let name = exchange.name;
            Some((ExchangeName { chain, name }, mark))
        })
        .collect())
}

impl Retake<'_> {
    /// Takes in the pools of exchanges up to the marks that they had. Returns the last block.
    pub(super) fn pools(
        &self,
        marks: &[(ExchangeName, BlockNumber)],
        keep: BlockNumber,
    ) -> Result<Option<BlockNumber>, SyncError> {
        let ends = ends(self.node, marks.iter().map(|(_, mark)| *mark), keep)?;
        let mut taken_in = None;
        for end in ends {
            let exchanges = marks.iter().filter(|(_, mark)| *mark >= end);
            let options = PoolUpdateOptions::default()
                .exchanges(exchanges.map(|(name, _)| name.clone()).collect())
                .to_block(BlockTarget::from(end))
                .concurrency(self.concurrency)
                .wait(self.wait)
                .patience(self.patience)
                .cancel(self.cancel.clone());
            let (_, result) = update_pools(self.path, self.chain, self.node, &options, &mut ());
            result?;
            taken_in = Some(end);
        }
        Ok(taken_in)
    }
}
