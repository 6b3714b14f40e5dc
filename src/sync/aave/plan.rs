//! What an update of markets would need: the dry run of an update.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::deployments::market_name::MarketName;
use crate::node::client::Node;
use crate::node::statistics::NodeStatistics;
use crate::sync::aave::market_needs::{AaveUpdateNeeds, estimate};
use crate::sync::aave::markets::AaveMarkets;
use crate::sync::aave::update::{AaveUpdateOptions, SkippedMarket};
use crate::sync::domain::Domain as _;
use crate::sync::outline::{Outline, survey};
use crate::sync::room::require_room;
use crate::sync::run_options::RunOptions;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};

/// What an update of the markets of a chain would do and need. The numbers of requests, bytes and events are estimates.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AaveUpdatePlan {
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
    /// The markets that would take part, in the order of their ids.
    pub markets: Vec<PlannedMarket>,
    /// The active markets that would not take part.
    pub skipped: Vec<SkippedMarket>,
    /// The blocks to take in.
    pub blocks: u64,
    /// What that needs; `None` if the plan failed before that was known.
    pub needs: Option<AaveUpdateNeeds>,
    /// What the requests of the plan itself have cost.
    pub node: NodeStatistics,
    /// How long the plan took.
    pub elapsed: Duration,
}

/// A market that would take part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedMarket {
    /// The market.
    pub market: MarketName,
    /// The first block that is missing.
    pub from: BlockNumber,
    /// The number of blocks to take in.
    pub blocks: u64,
}

impl AaveUpdatePlan {
    /// A plan of which nothing is known yet.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self::of(chain, Outline::default())
    }

    fn of(chain: ChainId, outline: Outline) -> Self {
        let market = |name: String| MarketName { chain, name };
        let markets = outline.members.into_iter();
        let skipped = outline.skipped.into_iter();
        Self {
            chain,
            target: outline.target,
            head: outline.head,
            finalized: outline.finalized,
            undone_above: outline.undone_above,
            markets: markets
                .map(|member| PlannedMarket {
                    market: market(member.name.name),
                    from: member.from,
                    blocks: member.blocks,
                })
                .collect(),
            skipped: skipped
                .map(|skipped| SkippedMarket {
                    market: market(skipped.exchange.name),
                    reason: skipped.reason,
                })
                .collect(),
            blocks: outline.blocks,
            needs: None,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
        }
    }
}

/// Says what [`update_aave_markets`](crate::sync::update_aave_markets) would do with the same arguments, and what it would
/// need. The database is only read.
///
/// The node is asked for the end of its chain, for the contracts of markets that the database knows little of, and for the
/// events of about eight ranges of blocks, from which the rest is estimated.
///
/// Returns what is known, also if the update would be refused.
///
/// # Errors
///
/// Those of [`update_aave_markets`](crate::sync::update_aave_markets) that show before it writes.
pub fn plan_aave_update(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &AaveUpdateOptions,
) -> (AaveUpdatePlan, Result<(), SyncError>) {
    let begin = Instant::now();
    let mut outline = Outline::default();
    let planned = plan(path, (chain, node), options, &mut outline);
    let mut plan = AaveUpdatePlan::of(chain, outline);
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
    (chain, node): (ChainId, &Node),
    options: &AaveUpdateOptions,
    outline: &mut Outline,
) -> Result<AaveUpdateNeeds, SyncError> {
    let mut domain = AaveMarkets::new(&options.markets);
    let options = RunOptions::from(options);
    let (mut scope, ends) = survey(&domain, path, (chain, node), &options, outline)?;
    if scope.next_group(ends.0).is_some() {
        domain.acquaint(node, &mut scope)?;
    }
    estimate(path, node, &scope, ends, &options)
}
