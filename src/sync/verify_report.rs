//! What a comparison of pools with their chain found.

use std::time::Duration;

use crate::deployments::exchange_name::ExchangeName;
use crate::node::statistics::NodeStatistics;
use crate::sync::pool_facts::{Difference, Subject};
use crate::sync::report::Skipped;
use crate::types::integer::{BlockNumber, ChainId};

/// What a comparison of a chain's pools found, also if it failed later.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PoolVerifyReport {
    /// The chain.
    pub chain: ChainId,
    /// The exchanges whose pools were compared, in the order of their ids.
    pub exchanges: Vec<ExchangeVerification>,
    /// The exchanges that could not take part.
    pub skipped: Vec<Skipped>,
    /// The pools that differ.
    pub findings: Vec<PoolFinding>,
    /// What could not be compared.
    pub not_compared: Vec<NotCompared>,
    /// The number of values that were compared: columns, ticks and words, and pools that only one of both has.
    pub values: u64,
    /// What the requests have cost.
    pub node: NodeStatistics,
    /// How long the comparison took.
    pub elapsed: Duration,
}

/// How the pools of an exchange were compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeVerification {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The last block that is in the database.
    pub mark: BlockNumber,
    /// The block whose state was compared. It is later than `mark` if the node no longer has the state of that block:
    /// the events in between were then added to what the database has.
    pub compared_at: BlockNumber,
    /// The pools that the database has.
    pub pools: u64,
    /// The pools that were compared.
    pub compared: u64,
    /// The pools that the chain has; `None` if they were not counted.
    pub on_chain: Option<u64>,
}

/// A pool that differs from its chain, or an exchange whose number of pools does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolFinding {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The address of the pool, or its hash inside its manager; `None` if the finding is about the exchange.
    pub pool: Option<String>,
    /// The id of the pool in the database, if it is there.
    pub id: Option<i64>,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl PoolFinding {
    /// Whether the exchange has created the pool, but only after its block in the database. That block is too low: an update
    /// takes in the blocks after it, and keeps the pool.
    #[must_use]
    pub fn is_created_later(&self) -> bool {
        let mut differences = self.differences.iter();
        differences.any(|difference| difference.subject == Subject::Creation)
    }
}

/// Something that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotCompared {
    /// The exchange.
    pub exchange: ExchangeName,
    /// The pool; `None` for the whole exchange.
    pub pool: Option<String>,
    /// The reason.
    pub reason: String,
}

/// How far a comparison or a repair is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolProgress {
    /// The chain.
    pub chain: ChainId,
    /// What is going on, such as `comparing pools`.
    pub activity: &'static str,
    /// The pools or blocks that are done.
    pub done: u64,
    /// All of them.
    pub total: u64,
}

impl PoolVerifyReport {
    /// The report of a comparison that has done nothing yet.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self {
            chain,
            exchanges: Vec::new(),
            skipped: Vec::new(),
            findings: Vec::new(),
            not_compared: Vec::new(),
            values: 0,
            node: NodeStatistics::default(),
            elapsed: Duration::ZERO,
        }
    }

    /// Whether everything was compared, and nothing differs.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.not_compared.is_empty() && self.skipped.is_empty()
    }

    /// The number of differences.
    #[must_use]
    pub fn differences(&self) -> u64 {
        let count = |finding: &PoolFinding| finding.differences.len() as u64;
        self.findings.iter().map(count).sum()
    }
}
