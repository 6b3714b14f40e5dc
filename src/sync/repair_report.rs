//! What a repair of pools did.

use std::time::Duration;

use crate::deployments::exchange_name::ExchangeName;
use crate::models::journal::undo::Undone;
use crate::node::statistics::NodeStatistics;
use crate::sync::report::Skipped;
use crate::sync::verify_report::PoolFinding;
use crate::types::integer::{BlockNumber, ChainId};

/// What a repair of a chain's pools did, also if it failed later.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PoolRepairReport {
    /// The chain.
    pub chain: ChainId,
    /// The exchanges whose pools were read from their events, in the order of their ids.
    pub exchanges: Vec<ExchangeRepair>,
    /// The exchanges that could not take part.
    pub skipped: Vec<Skipped>,
    /// The pools that were wrong or missing.
    pub findings: Vec<PoolFinding>,
    /// The pools that the exchanges have not created, or only after their block in the database. Only the former can be
    /// deleted.
    pub unknown: Vec<PoolFinding>,
    /// Pools whose rows were written anew.
    pub rewritten: u64,
    /// Pools that were missing and are there now.
    pub inserted: u64,
    /// Pools that no exchange has created, and that were deleted.
    pub deleted: u64,
    /// What was taken back for the repair: the last block that stayed, and what that undid.
    pub undone: Option<(BlockNumber, Undone)>,
    /// The block up to which it was taken in again.
    pub taken_in: Option<BlockNumber>,
    /// What the requests have cost.
    pub node: NodeStatistics,
    /// How long the repair took.
    pub elapsed: Duration,
}

/// How the pools of an exchange were repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeRepair {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The last block that was in the database.
    pub mark: BlockNumber,
    /// The pools that were compared.
    pub pools: u64,
}

impl PoolRepairReport {
    /// The report of a repair that has done nothing yet.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self {
            chain,
            exchanges: Vec::new(),
            skipped: Vec::new(),
            findings: Vec::new(),
            unknown: Vec::new(),
            rewritten: 0,
            inserted: 0,
            deleted: 0,
            undone: None,
            taken_in: None,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
        }
    }
}
