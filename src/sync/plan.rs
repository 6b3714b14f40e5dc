//! What an update would need: the dry run of an update.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::deployments::exchange_name::ExchangeName;
use crate::node::client::Node;
use crate::node::statistics::NodeStatistics;
use crate::sync::needs::{UpdateNeeds, estimate};
use crate::sync::outline::{Outline, survey};
use crate::sync::pools::Pools;
use crate::sync::report::Skipped;
use crate::sync::room::require_room;
use crate::sync::run_options::RunOptions;
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
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self::of(chain, Outline::default())
    }

    fn of(chain: ChainId, outline: Outline) -> Self {
        let exchanges = outline.members.into_iter();
        Self {
            chain,
            target: outline.target,
            head: outline.head,
            finalized: outline.finalized,
            undone_above: outline.undone_above,
            exchanges: exchanges
                .map(|member| PlannedExchange {
                    exchange: member.name,
                    from: member.from,
                    blocks: member.blocks,
                })
                .collect(),
            skipped: outline.skipped,
            blocks: outline.blocks,
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
    let mut outline = Outline::default();
    let planned = plan(path, (chain, node), options, &mut outline);
    let mut plan = PoolUpdatePlan::of(chain, outline);
    let result = planned.and_then(|needs| {
        plan.needs = Some(needs);
        if options.check_space {
            require_room(path, needs.room())?;
        }
        Ok(())
    });
    plan.node = node.statistics();
    plan.elapsed = begin.elapsed();
    (plan, result)
}

fn plan(
    path: &Path,
    at: (ChainId, &Node),
    options: &PoolUpdateOptions,
    outline: &mut Outline,
) -> Result<UpdateNeeds, SyncError> {
    let run = RunOptions::from(options);
    let (scope, ends) = survey(&Pools(&options.exchanges), path, at, &run, outline)?;
    estimate(path, at.1, &scope, ends, run.chunk, run.concurrency)
}
