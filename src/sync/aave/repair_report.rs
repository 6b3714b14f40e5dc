//! What a repair of markets did.

use std::time::Duration;

use crate::deployments::market_name::MarketName;
use crate::models::journal::undo::Undone;
use crate::node::statistics::NodeStatistics;
use crate::sync::aave::update::SkippedMarket;
use crate::sync::aave::verify_report::AaveFinding;
use crate::types::integer::{BlockNumber, ChainId};

/// What a repair of a chain's markets did, also if it failed later.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AaveRepairReport {
    /// The chain.
    pub chain: ChainId,
    /// The markets that were compared, in the order of their ids.
    pub markets: Vec<MarketRepair>,
    /// The markets that could not take part.
    pub skipped: Vec<SkippedMarket>,
    /// What was wrong, of the users and reserves that the repair is about.
    pub findings: Vec<AaveFinding>,
    /// Rows that were written.
    pub rows: u64,
    /// What was taken back for the repair: the last block that stayed, and what that undid.
    pub undone: Option<(BlockNumber, Undone)>,
    /// The block up to which it was taken in again.
    pub taken_in: Option<BlockNumber>,
    /// What the requests have cost.
    pub node: NodeStatistics,
    /// How long the repair took.
    pub elapsed: Duration,
}

/// How a market was repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MarketRepair {
    /// The market.
    pub market: MarketName,
    /// The last block that was in the database.
    pub mark: BlockNumber,
    /// The block whose state was written.
    pub block: BlockNumber,
    /// The users that were compared.
    pub users: u64,
}

impl AaveRepairReport {
    /// The report of a repair that has done nothing yet.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self {
            chain,
            markets: Vec::new(),
            skipped: Vec::new(),
            findings: Vec::new(),
            rows: 0,
            undone: None,
            taken_in: None,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
        }
    }
}
