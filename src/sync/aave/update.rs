//! The update of the Aave V3 markets of a chain.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::deployments::market_name::MarketName;
use crate::models::journal::undo::Undone;
use crate::node::client::Node;
use crate::node::statistics::NodeStatistics;
use crate::setters::setters;
use crate::sqlite::lock_wait::LockWait;
use crate::sync::aave::markets::AaveMarkets;
use crate::sync::aave::takeover::{TakenOver, Takeover, take_over};
use crate::sync::block_target::BlockTarget;
use crate::sync::follow::follow;
use crate::sync::report::{MemberUpdate, UpdateReport};
use crate::sync::run_options::RunOptions;
use crate::sync::sync_error::SyncError;
use crate::sync::update::Updater;
use crate::sync::update_options::UpdateObserver;
use crate::types::hash::BlockHash;
use crate::types::integer::{BlockNumber, ChainId};

/// Options for an update of Aave's markets.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AaveUpdateOptions {
    /// The markets; all active ones of the chain if empty.
    pub markets: Vec<MarketName>,
    /// The block up to which the database is updated.
    pub to_block: BlockTarget,
    /// The number of blocks that are written in one transaction, at most.
    pub chunk: u64,
    /// The number of requests that are under way at once.
    pub concurrency: usize,
    /// The time to wait for a lock of the database.
    pub wait: Duration,
    /// Whether to fail if the disk has too little room for what is about to be written.
    pub check_space: bool,
    /// The time to wait for a node that lacks a block of the database.
    pub patience: Duration,
    /// The hash of a final block that counts if the node says it, although the database has another one
    /// ([`SyncError::FinalBlock`](crate::sync::SyncError::FinalBlock)).
    pub accept_hash: Option<BlockHash>,
    /// The token that cancels the update. The node has its own.
    pub cancel: CancelToken,
}

setters!(AaveUpdateOptions {
    markets: Vec<MarketName>,
    to_block: BlockTarget,
    chunk: u64,
    concurrency: usize,
    wait: Duration,
    check_space: bool,
    patience: Duration,
    accept_hash: Option<BlockHash>,
    cancel: CancelToken,
});

impl Default for AaveUpdateOptions {
    fn default() -> Self {
        Self {
            markets: Vec::new(),
            to_block: BlockTarget::DEFAULT,
            chunk: 100_000,
            concurrency: 4,
            wait: LOCK_TIMEOUT,
            check_space: true,
            patience: Duration::from_secs(60),
            accept_hash: None,
            cancel: CancelToken::new(),
        }
    }
}

impl From<&AaveUpdateOptions> for RunOptions {
    fn from(options: &AaveUpdateOptions) -> Self {
        let AaveUpdateOptions {
            markets: _,
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

/// What an update of the markets of a chain did, also if it failed later.
#[derive(Debug)]
#[non_exhaustive]
pub struct AaveUpdateReport {
    /// The chain.
    pub chain: ChainId,
    /// The block up to which the update was to go; `None` if it failed before that was known.
    pub target: Option<BlockNumber>,
    /// The newest block of the node.
    pub head: Option<BlockNumber>,
    /// The newest final block of the node, if it has one.
    pub finalized: Option<BlockNumber>,
    /// The markets that took part, in the order of their ids.
    pub markets: Vec<MarketUpdate>,
    /// The active markets that did not take part.
    pub skipped: Vec<SkippedMarket>,
    /// The markets whose update an error has ended while the others went on, without the last one, whose error is that of the
    /// update. What was committed of them stays.
    pub stopped: Vec<StoppedMarket>,
    /// The markets that another program had followed, and that were completed first.
    pub taken_over: Vec<TakenOver>,
    /// New positions.
    pub positions: u64,
    /// Events that were applied.
    pub events: u64,
    /// Rows that were inserted, updated or deleted.
    pub rows: u64,
    /// Blocks that were taken back because the chain no longer has them, and what that undid.
    pub undone: Option<(BlockNumber, Undone)>,
    /// What the requests have cost.
    pub node: NodeStatistics,
    /// How long the update took.
    pub elapsed: Duration,
}

/// What an update did for a market.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MarketUpdate {
    /// The market.
    pub market: MarketName,
    /// The first block that was missing.
    pub from: BlockNumber,
    /// The last block that is in the database now; `None` if there is none yet.
    pub to: Option<BlockNumber>,
    /// New positions.
    pub positions: u64,
}

/// An active market that did not take part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedMarket {
    /// The market.
    pub market: MarketName,
    /// The reason.
    pub reason: Cow<'static, str>,
}

/// A market whose update has ended early.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoppedMarket {
    /// The market.
    pub market: MarketName,
    /// What has ended it.
    pub error: SyncError,
}

impl AaveUpdateReport {
    /// The report of an update that has done nothing.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self::of(
            chain,
            UpdateReport::new(),
            NodeStatistics::default(),
            Duration::ZERO,
        )
    }

    fn of(chain: ChainId, report: UpdateReport, node: NodeStatistics, elapsed: Duration) -> Self {
        let market = |name: String| MarketName { chain, name };
        let of_member = |member: MemberUpdate| MarketUpdate {
            market: market(member.name.name),
            from: member.from,
            to: member.to,
            positions: member.created,
        };
        Self {
            chain,
            target: report.target,
            head: report.head,
            finalized: report.finalized,
            markets: report.members.into_iter().map(of_member).collect(),
            skipped: report
                .skipped
                .into_iter()
                .map(|skipped| SkippedMarket {
                    market: market(skipped.exchange.name),
                    reason: skipped.reason,
                })
                .collect(),
            stopped: report
                .stopped
                .into_iter()
                .map(|(name, error)| StoppedMarket {
                    market: market(name.name),
                    error,
                })
                .collect(),
            taken_over: Vec::new(),
            positions: report.created,
            events: report.events,
            rows: report.rows,
            undone: report.undone,
            node,
            elapsed,
        }
    }
}

/// Updates the active markets of Aave V3 on a chain from a node: their contracts, reserves, e-mode categories, users and
/// positions.
///
/// It takes in every block from each market's mark to the target. The rows and the marks of some blocks are committed
/// together, so an update that ends in the middle is continued by the next one. Blocks that can disappear from the chain
/// are kept in the chain's journal, which the updates of pools use as well.
///
/// Every event of a token repeats the interest of the balance that it changes. If that is not the interest which the
/// balance in the database has, nothing of these blocks is written.
///
/// One market goes after the other. What concerns one of them, such as an unknown revision of a token, ends the update of
/// this market only; the others are updated, and then the error is returned ([`AaveUpdateReport::stopped`]).
///
/// A market that the Python package has followed is continued from its mark. What the package does not store is read from
/// the contracts first ([`TakenOver`]).
///
/// Returns what was done, also if the update failed later; what was committed stays.
///
/// # Errors
///
/// See [`SyncError`].
pub fn update_aave_markets(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &AaveUpdateOptions,
    observer: &mut dyn UpdateObserver,
) -> (AaveUpdateReport, Result<(), SyncError>) {
    run(path, (chain, node), options, |domain, report| {
        let at = (chain, node);
        Updater::open(domain, path, at, options.into(), observer, report)?.run()
    })
}

/// Updates the markets of a chain as [`update_aave_markets`] does, and goes on, as
/// [`follow_pools`](crate::sync::follow_pools) does: it asks the node for new blocks every `poll`. A market that an error
/// stops while others go on is tried again from time to time.
///
/// # Errors
///
/// See [`SyncError`]. What passes does not end it.
pub fn follow_aave_markets(
    path: &Path,
    chain: ChainId,
    node: &Node,
    options: &AaveUpdateOptions,
    poll: Duration,
    observer: &mut dyn UpdateObserver,
) -> (AaveUpdateReport, Result<(), SyncError>) {
    run(path, (chain, node), options, |domain, report| {
        let at = (chain, node);
        follow(domain, path, at, options.into(), poll, (observer, report))
    })
}

/// Takes markets over, and then runs an update of those that are complete.
fn run(
    path: &Path,
    at: (ChainId, &Node),
    options: &AaveUpdateOptions,
    update: impl FnOnce(AaveMarkets<'_>, &mut UpdateReport) -> Result<(), SyncError>,
) -> (AaveUpdateReport, Result<(), SyncError>) {
    let begin = Instant::now();
    let _waiting = LockWait::begin(options.wait, Some(options.cancel.clone()));
    let (chain, node) = at;
    let mut report = UpdateReport::new();
    let mut takeover = Takeover::default();
    let taken_over = take_over(path, at, &options.markets, &options.into(), &mut takeover);
    let mut result = taken_over.and_then(|()| {
        let domain = AaveMarkets::taken_over(&options.markets, &takeover.failed);
        update(domain, &mut report)
    });
    let mut report = AaveUpdateReport::of(chain, report, node.statistics(), begin.elapsed());
    report.taken_over = takeover.done;
    let failed = takeover.failed.into_iter();
    let failed = failed.map(|(market, error)| StoppedMarket { market, error });
    report.stopped.splice(0..0, failed);
    let is_stopped = |market: &MarketName| report.stopped.iter().any(|it| it.market == *market);
    report
        .skipped
        .retain(|skipped| !is_stopped(&skipped.market));
    if result.is_ok()
        && let Some(last) = report.stopped.pop()
    {
        result = Err(last.error);
    }
    (report, result)
}
