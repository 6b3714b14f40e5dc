//! The update of an exchange: the blocks that are taken in.

use crate::types::integer::BlockNumber;

/// That an update takes in the blocks of an exchange after one, up to another.
///
/// The block of an exchange, `last_update_block`, says that every event up to it is in the database. A pool's mark says
/// only where its own last event is. So a pool whose events are missing looks like one that has none, and the block of its
/// exchange is what shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeUpdate {
    /// The id of the exchange.
    pub exchange_id: i64,
    /// The block up to which the program has everything without this update: that of the exchange when it was loaded, or
    /// the one that the update before led to. `None` if that is no block at all.
    pub from: Option<BlockNumber>,
    /// The block up to which everything is in the database afterwards.
    pub to: BlockNumber,
}

impl ExchangeUpdate {
    /// An update from one block to another.
    #[must_use]
    pub const fn new(exchange_id: i64, from: Option<BlockNumber>, to: BlockNumber) -> Self {
        Self {
            exchange_id,
            from,
            to,
        }
    }
}
