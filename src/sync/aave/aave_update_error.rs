//! Why an update of an Aave V3 market without a node cannot be made or written.

use crate::database::error::database_error::Error;
use crate::deployments::market_name::MarketName;
use crate::events::malformed_event::MalformedEvent;
use crate::models::access::row_error::RowError;
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;
use crate::types::sync_cursor::LogPosition;

/// Why an [`AaveUpdate`](crate::sync::AaveUpdate) cannot be made or written. Nothing is written then, once the transaction is
/// rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AaveUpdateError {
    /// There are no blocks.
    #[error("the update has no blocks")]
    NoBlocks,
    /// A block does not follow the one before it.
    #[error("block {0} does not follow the one before it")]
    Gap(BlockNumber),
    /// The time of a block is before that of the block before it, or no time in seconds.
    #[error("the time of block {0} is before that of the block before it, or no time in seconds")]
    Time(BlockNumber),
    /// An event is of none of the blocks, or not after the event before it.
    #[error("the event of {0} is of none of the blocks, or not after the one before it")]
    Place(LogPosition),
    /// An event of a contract of the market is not what its first topic says.
    #[error(transparent)]
    Malformed(#[from] MalformedEvent),
    /// The market is not in the database, or not active.
    #[error("the database has no active market {0}")]
    Unknown(MarketName),
    /// The market was never updated, or only another program has followed it, such as the Python package, which does not store
    /// all that is needed: [`update_aave_markets`](crate::sync::update_aave_markets) has to ask a node for it.
    #[error(
        "the database does not have all that is needed of {0}; 'degenbot aave update' asks a node for it"
    )]
    Incomplete(MarketName),
    /// Nothing notes that this program has moved the market's mark to where it is. So another one may have done so, which does
    /// not store all that is needed: [`update_aave_markets`](crate::sync::update_aave_markets) finds out, and takes the market
    /// over.
    #[error(
        "another program, such as the Python package, may have moved the mark of {0}: nothing notes that this one has; \
         'degenbot aave update' finds out, and takes the market over"
    )]
    MarkMoved(MarketName),
    /// Blocks between the market's mark and the first block of the update are missing.
    #[error("the market is at block {mark}, and the first block of the update is {first}")]
    Missing {
        /// The last block that the database has of the market.
        mark: BlockNumber,
        /// The first block of the update.
        first: BlockNumber,
    },
    /// The database has other blocks of these numbers, or before them: the chain was reorganised. An update with a node
    /// takes them back.
    #[error("the database has blocks of another branch of the chain")]
    OtherBranch,
    /// The bot has received the block before it was final, other updates of the chain have got to a final block beyond it, and
    /// the database does not have its hash. So only a node knows whether the chain still has it.
    #[error(
        "block {0} was received before it was final, and the chain may have replaced it since; a node has to be asked"
    )]
    Unproven(BlockNumber),
    /// The events were asked for before the market got a contract, such as the tokens of a new reserve, or with a narrower
    /// filter: some are missing.
    #[error("the events were asked for with a filter that leaves out some of {0}")]
    Filter(MarketName),
    /// An event does not say all that has to be known. An update with a node has to take in its block.
    #[error("the event of {0} does not say all that has to be known; a node has to be asked")]
    NodeNeeded(LogPosition),
    /// An event contradicts the database, or the database cannot be read or written.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl AaveUpdateError {
    /// Whether an update with a node, such as [`update_aave_markets`](crate::sync::update_aave_markets), takes these blocks
    /// in. Its usual target is 64 blocks below the newest one, so it needs another. The filter must be read again after it.
    #[must_use]
    pub const fn needs_node(&self) -> bool {
        matches!(
            self,
            Self::Incomplete(_)
                | Self::MarkMoved(_)
                | Self::Missing { .. }
                | Self::OtherBranch
                | Self::Unproven(_)
                | Self::Filter(_)
                | Self::NodeNeeded(_)
        )
    }
}

impl From<Error> for AaveUpdateError {
    fn from(error: Error) -> Self {
        Self::Sync(error.into())
    }
}

impl From<diesel::result::Error> for AaveUpdateError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Sync(error.into())
    }
}

impl From<RowError> for AaveUpdateError {
    fn from(error: RowError) -> Self {
        Self::Sync(error.into())
    }
}
