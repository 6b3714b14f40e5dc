//! What every part of a comparison needs: the exchange, the node, and the block.

use crate::cancel::CancelToken;
use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::Header;
use crate::sync::replay::{Parts, Range, Replay, Wanted};
use crate::sync::scope::{Scope, ScopedExchange};
use crate::types::integer::BlockNumber;

/// How many blocks are asked for at a time.
const SCANNED: u64 = 10_000;

/// An exchange, and the block at which its pools are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtBlock<'a> {
    pub(super) node: &'a Node,
    pub(super) scope: &'a Scope,
    /// The place of the exchange in the scope.
    pub(super) index: usize,
    pub(super) exchange: &'a ScopedExchange,
    /// The block that the database is at.
    pub(super) mark: &'a Header,
    /// The block whose state is compared: the same, or a later one.
    pub(super) at: &'a Header,
    pub(super) threads: usize,
    pub(super) cancel: &'a CancelToken,
    /// All pools that the exchange has created, if that was asked for.
    pub(super) creations: Option<&'a Replay>,
}

impl<'a> AtBlock<'a> {
    /// A range of the exchange's events.
    pub(super) fn range<'b>(
        &self,
        members: &'b [usize; 1],
        wanted: &'b Wanted,
        parts: Parts,
        from: BlockNumber,
        to: &'b Header,
    ) -> Range<'b>
    where
        'a: 'b,
    {
        Range {
            node: self.node,
            scope: self.scope,
            members,
            wanted,
            from,
            to,
            parts,
            threads: self.threads,
            chunk: SCANNED,
            cancel: self.cancel,
        }
    }

    /// The first block of the exchange.
    pub(super) fn first_block(&self) -> BlockNumber {
        let first = self.exchange.deployment.first_block;
        first.unwrap_or(BlockNumber::FIRST)
    }
}

/// Whether a node no longer has the state of a block that it knows. Some say that there is no such block.
pub(super) const fn lacks_state(error: &NodeError) -> bool {
    matches!(error, NodeError::Pruned { .. } | NodeError::Behind { .. })
}

/// Whether a node can answer other questions, but not this one.
pub(super) const fn is_about_the_answer(error: &NodeError) -> bool {
    matches!(
        error,
        NodeError::Pruned { .. }
            | NodeError::Behind { .. }
            | NodeError::Refused { .. }
            | NodeError::Invalid { .. }
            | NodeError::TooMuch { .. }
            | NodeError::TooLarge { .. }
    )
}
