//! What an update would take in: the part of a plan that needs no estimate.

use std::path::Path;

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::recognition::recognise::recognise_connection;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::blocks::StoredBlock;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sync::chain_view::{ChainView, Standing, look};
use crate::sync::domain::Domain;
use crate::sync::member::Member;
use crate::sync::preconditions::{
    require_accepted_writes, require_marks_in_chain, require_updatable,
};
use crate::sync::report::Skipped;
use crate::sync::run_options::RunOptions;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// What an update would take in, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) target: Option<BlockNumber>,
    pub(super) head: Option<BlockNumber>,
    pub(super) finalized: Option<BlockNumber>,
    pub(super) undone_above: Option<BlockNumber>,
    /// In the order of their ids.
    pub(super) members: Vec<PlannedMember>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) blocks: u64,
}

/// An exchange or a market that would take part.
#[derive(Debug)]
pub(super) struct PlannedMember {
    pub(super) name: ExchangeName,
    /// The first block that is missing.
    pub(super) from: BlockNumber,
    pub(super) blocks: u64,
}

/// What an estimate is made for: who takes part, the target, and the newest final block.
pub(super) type Extent<M> = (Scope<M>, (BlockNumber, BlockNumber));

/// Finds out what an update would take in. The database is only read.
pub(super) fn survey<D: Domain>(
    domain: &D,
    path: &Path,
    (chain, node): (ChainId, &Node),
    options: &RunOptions,
    outline: &mut Outline,
) -> Result<Extent<D::Member>, SyncError> {
    require_updatable(path)?;
    require_accepted_writes(path, D::MARKS, &options.cancel)?;
    let (mut scope, stored) = read_without_trace(path, |connection| {
        recognise_connection(connection)?.require_version(path)?;
        let scope = domain.read(connection, chain)?;
        Ok((scope, StoredBlock::of_chain(connection, chain)?))
    })
    .map_err(|error: Error| error.at(path, "read the marks"))?;
    outline.skipped.clone_from(&scope.skipped);
    let (view, standing) = look(node, &stored, options.patience, &options.cancel)?;
    outline.head = Some(view.head.number);
    outline.finalized = view.finalized.as_ref().map(|header| header.number);
    if let Standing::GoneAbove(keep) = standing {
        outline.undone_above = Some(keep);
        for member in &mut scope.exchanges {
            if let Some(mark) = member.mark() {
                member.advance(keep.min(mark));
            }
        }
        for mark in &mut scope.marks {
            *mark = keep.min(*mark);
        }
    }
    let target = view.resolve(node, options.to_block)?;
    outline.target = Some(target);
    require_marks_in_chain(&scope, &view)?;
    require_furthest_mark(node, &scope, &stored, &view)?;
    let planned = |member: &D::Member| PlannedMember {
        name: member.name(),
        from: member.next(),
        blocks: (target.get() + 1).saturating_sub(member.next().get()),
    };
    outline.members = scope.exchanges.iter().map(planned).collect();
    outline.blocks = scope.blocks(target);
    let final_block = view.final_block(&stored);
    Ok((scope, (target, final_block)))
}

/// Fails if the node lacks the block that another program has moved a mark to. An update begins its journal there.
fn require_furthest_mark<M>(
    node: &Node,
    scope: &Scope<M>,
    stored: &[StoredBlock],
    view: &ChainView,
) -> Result<(), SyncError> {
    let top = stored.first().map(|block| block.number);
    let marks = scope.marks.iter().copied();
    let furthest = marks.filter(|mark| *mark <= view.head.number).max();
    let Some(block) = furthest.filter(|mark| Some(*mark) > top) else {
        return Ok(());
    };
    match node.header(BlockTag::Number(block))? {
        Some(_) => Ok(()),
        None => Err(SyncError::Behind {
            block,
            head: view.head.number,
        }),
    }
}
