//! What an update moves the mark of: an exchange, or one of Aave's markets.

use std::fmt::Debug;

use crate::deployments::exchange_name::ExchangeName;
use crate::types::integer::BlockNumber;

/// What has a mark of its own.
pub(super) trait Member: Clone + Debug {
    /// Whether each member takes its blocks in by itself, so that an error of one does not stop the others. Otherwise members
    /// that are at the same block go together, because their events come with the same questions.
    const STANDS_ALONE: bool;

    /// The name on its chain.
    fn name(&self) -> ExchangeName;

    /// The last block that is in the database.
    fn mark(&self) -> Option<BlockNumber>;

    /// Whether nothing of it is in the database.
    fn is_new(&self) -> bool {
        self.mark().is_none()
    }

    /// The first block that is not in the database.
    fn next(&self) -> BlockNumber;

    /// Notes that the database has the blocks up to this one.
    fn advance(&mut self, mark: BlockNumber);
}
