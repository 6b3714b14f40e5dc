//! What a comparison of markets with their chain found.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::deployments::market_name::MarketName;
use crate::node::statistics::NodeStatistics;
use crate::sync::aave::update::SkippedMarket;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId, EModeCategoryId};

/// What a comparison of a chain's markets found, also if it failed later.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AaveVerifyReport {
    /// The chain.
    pub chain: ChainId,
    /// The markets that were compared, in the order of their ids.
    pub markets: Vec<MarketVerification>,
    /// The markets that could not take part.
    pub skipped: Vec<SkippedMarket>,
    /// What differs.
    pub findings: Vec<AaveFinding>,
    /// What could not be compared.
    pub not_compared: Vec<MarketNotCompared>,
    /// The number of values that were compared.
    pub values: u64,
    /// What the requests have cost.
    pub node: NodeStatistics,
    /// How long the comparison took.
    pub elapsed: Duration,
}

/// How a market was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MarketVerification {
    /// The market.
    pub market: MarketName,
    /// The last block that is in the database.
    pub mark: BlockNumber,
    /// The block whose state was compared. It is later than `mark` if the node no longer has the state of that block:
    /// the events in between were then added to what the database has.
    pub compared_at: BlockNumber,
    /// The users that the database has.
    pub users: u64,
    /// The users that were compared.
    pub compared: u64,
    /// Those of them that the database does not have.
    pub unknown: u64,
    /// The positions that were compared.
    pub positions: u64,
}

/// Something that a database says otherwise than the contracts of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveFinding {
    /// The market.
    pub market: MarketName,
    /// The user; `None` if it is about the market or a reserve.
    pub user: Option<Address>,
    /// The aToken or the debt token of a balance, the underlying token of a reserve; `None` if it is about neither.
    pub token: Option<Address>,
    /// What differs.
    pub subject: AaveSubject,
    /// What the database has; `None` if it has nothing.
    pub database: Option<String>,
    /// What the chain has; `None` if it has nothing.
    pub chain: Option<String>,
}

/// What of a market can differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AaveSubject {
    /// The address of a contract.
    Contract(String),
    /// The revision of a contract.
    ContractRevision(&'static str),
    /// The name of the market.
    MarketName,
    /// The time of the last block of the market.
    MarketTime,
    /// The rows of a user: there are several.
    User,
    /// A reserve: one side lacks it.
    Reserve,
    /// A column of a reserve, or of its configuration.
    Column(&'static str),
    /// The e-mode category to which the row of a reserve refers.
    CategoryOfAsset,
    /// All scaled balances of a token, added up.
    ScaledTotalSupply,
    /// A column of an e-mode category.
    Category(EModeCategoryId, &'static str),
    /// Whether a reserve is in an e-mode category, and as what.
    Membership(EModeCategoryId, &'static str),
    /// The scaled balance of a user.
    ScaledBalance,
    /// The index at the last change of a balance.
    LastIndex,
    /// The e-mode category of a user.
    EMode,
    /// Whether a user has a reserve enabled as collateral.
    CollateralSwitch,
    /// An event after the database's block contradicts the balance, so that it was wrong before.
    Interest,
}

impl Display for AaveSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(name) => write!(f, "address of {name}"),
            Self::ContractRevision(name) => write!(f, "revision of {name}"),
            Self::MarketName => f.write_str("name of the market"),
            Self::MarketTime => f.write_str("time of the last block"),
            Self::User => f.write_str("rows of the user"),
            Self::Reserve => f.write_str("reserve"),
            Self::Column(name) => f.write_str(name),
            Self::CategoryOfAsset => f.write_str("e_mode_category_id of the asset"),
            Self::ScaledTotalSupply => f.write_str("scaled total supply"),
            Self::Category(number, column) => write!(f, "e-mode category {number}: {column}"),
            Self::Membership(number, flag) => write!(f, "{flag} in e-mode category {number}"),
            Self::ScaledBalance => f.write_str("scaled balance"),
            Self::LastIndex => f.write_str("last index"),
            Self::EMode => f.write_str("e-mode category"),
            Self::CollateralSwitch => f.write_str("enabled as collateral"),
            Self::Interest => f.write_str("interest at the next event"),
        }
    }
}

/// Something that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MarketNotCompared {
    /// The market.
    pub market: MarketName,
    /// The reason.
    pub reason: String,
}

/// How far a comparison or a repair is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveProgress {
    /// The market.
    pub market: MarketName,
    /// The users that are done.
    pub done: u64,
    /// All of them.
    pub total: u64,
}

impl AaveVerifyReport {
    /// The report of a comparison that has done nothing yet.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self {
            chain,
            markets: Vec::new(),
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
}
