//! What an update would need: the dry run of an update.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::recognition::recognise::recognise_connection;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::blocks::StoredBlock;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::node::statistics::NodeStatistics;
use crate::sync::chain_view::{ChainView, Standing, look};
use crate::sync::needs::{UpdateNeeds, estimate};
use crate::sync::preconditions::{
    require_accepted_writes, require_marks_in_chain, require_updatable,
};
use crate::sync::report::Skipped;
use crate::sync::room::require_room;
use crate::sync::scope::{Scope, ScopedExchange};
use crate::sync::sync_error::SyncError;
use crate::sync::update_options::PoolUpdateOptions;
use crate::types::integer::{BlockNumber, ChainId};

/// What an update of a chain would do and need. The numbers of requests, bytes, pools and events are estimates.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PoolUpdatePlan {
    /// The chain.
    pub chain: ChainId,
    /// The block up to which the update would go; `None` if the plan failed before that was known.
    pub target: Option<BlockNumber>,
    /// The newest block of the node.
    pub head: Option<BlockNumber>,
    /// The newest final block of the node, if it has one.
    pub finalized: Option<BlockNumber>,
    /// The block above which everything would be undone first: the chain was reorganised.
    pub undone_above: Option<BlockNumber>,
    /// The exchanges that would take part, in the order of their ids.
    pub exchanges: Vec<PlannedExchange>,
    /// The active exchanges that would not take part.
    pub skipped: Vec<Skipped>,
    /// The blocks to take in.
    pub blocks: u64,
    /// What that needs; `None` if the plan failed before that was known.
    pub needs: Option<UpdateNeeds>,
    /// What the requests of the plan itself have cost.
    pub node: NodeStatistics,
    /// How long the plan took.
    pub elapsed: Duration,
}

/// An exchange that would take part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedExchange {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The first block that is missing.
    pub from: BlockNumber,
    /// The number of blocks to take in.
    pub blocks: u64,
}

impl PoolUpdatePlan {
    /// A plan of which nothing is known yet.
    pub(crate) fn new(chain: ChainId) -> Self {
        Self {
            chain,
            target: None,
            head: None,
            finalized: None,
            undone_above: None,
            exchanges: Vec::new(),
            skipped: Vec::new(),
            blocks: 0,
            needs: None,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
        }
    }
}

/// Says what [`update_pools`](crate::sync::update_pools) would do with the same arguments, and what it would need. The
/// database is only read.
///
/// The node is asked for the end of its chain, and for the events of about eight ranges of blocks, from which the rest is
/// estimated. A range has at most 1,000 blocks; that at the end has as many as the update would ask for at once.
///
/// Returns what is known, also if the update would be refused.
///
/// # Errors
///
/// Those of [`update_pools`](crate::sync::update_pools) that show before it writes. Whether blocks that are gone from
/// the chain can be undone is not tried.
pub fn plan_update(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &PoolUpdateOptions,
) -> (PoolUpdatePlan, Result<(), SyncError>) {
    let begin = Instant::now();
    let mut plan = PoolUpdatePlan::new(chain);
    let result = fill(path, chain, node, options, &mut plan);
    plan.node = node.statistics();
    plan.elapsed = begin.elapsed();
    (plan, result)
}

fn fill(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &PoolUpdateOptions,
    plan: &mut PoolUpdatePlan,
) -> Result<(), SyncError> {
    require_updatable(path)?;
    require_accepted_writes(path, &options.cancel)?;
    let (mut scope, stored) = read_without_trace(path, |connection| {
        recognise_connection(connection)?.require_version(path)?;
        let scope = Scope::read(connection, chain, &options.exchanges)?;
        Ok((scope, StoredBlock::of_chain(connection, chain)?))
    })
    .map_err(|error: Error| error.at(path, "read the exchanges"))?;
    plan.skipped.clone_from(&scope.skipped);
    let (view, standing) = look(node, &stored, options.patience, &options.cancel)?;
    plan.head = Some(view.head.number);
    plan.finalized = view.finalized.as_ref().map(|header| header.number);
    if let Standing::GoneAbove(keep) = standing {
        plan.undone_above = Some(keep);
        let exchanges = scope.exchanges.iter_mut();
        let marks = exchanges.filter_map(|exchange| exchange.mark.as_mut());
        for mark in marks.chain(&mut scope.marks) {
            *mark = keep.min(*mark);
        }
    }
    let target = view.resolve(node, options.to_block)?;
    plan.target = Some(target);
    require_marks_in_chain(&scope, &view)?;
    require_furthest_mark(node, &scope, &stored, &view)?;
    let left = |exchange: &ScopedExchange| (target.get() + 1).saturating_sub(exchange.next().get());
    plan.exchanges = scope
        .exchanges
        .iter()
        .map(|exchange| PlannedExchange {
            exchange: exchange.name(),
            from: exchange.next(),
            blocks: left(exchange),
        })
        .collect();
    plan.blocks = scope.blocks(target);
    let final_block = view.final_block(&stored);
    let ends = (target, final_block);
    let (chunk, concurrency) = (options.chunk, options.concurrency);
    let needs = estimate(path, node, &scope, ends, chunk, concurrency)?;
    plan.needs = Some(needs);
    if options.check_space {
        require_room(path, needs.room())?;
    }
    Ok(())
}

/// Fails if the node lacks the block that another program has moved a mark to. An update begins its journal there.
fn require_furthest_mark(
    node: &Node,
    scope: &Scope,
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
