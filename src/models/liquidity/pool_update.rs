//! Changes of one pool's liquidity, to write to the database.

use std::collections::BTreeMap;

use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_parameters::SyncCursor;
use crate::types::decimal::U256;
use crate::types::integer::{Tick, WordPosition};
use crate::types::invalid_value::InvalidValue;

/// Changes of one pool's liquidity: the new values of ticks and bitmap words, not differences. Applying the
/// same update twice is harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolUpdate {
    pub(super) family: PoolFamily,
    pub(super) pool_id: i64,
    pub(super) ticks: BTreeMap<Tick, TickLiquidity>,
    pub(super) words: BTreeMap<WordPosition, U256>,
    pub(super) sync_cursor: Option<SyncCursor>,
}

impl PoolUpdate {
    /// An update without changes, for the pool with an id in its family's table.
    #[must_use]
    pub const fn new(family: PoolFamily, pool_id: i64) -> Self {
        Self {
            family,
            pool_id,
            ticks: BTreeMap::new(),
            words: BTreeMap::new(),
            sync_cursor: None,
        }
    }

    /// Sets the liquidity at a tick. A gross liquidity of zero deletes the tick.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the gross liquidity is less than the net liquidity's absolute value.
    pub fn set_tick(&mut self, tick: TickLiquidity) -> Result<(), InvalidValue> {
        let (net, gross) = (tick.liquidity_net, tick.liquidity_gross);
        if net.0.unsigned_abs() > gross.0 {
            return Err(InvalidValue {
                expected: "gross liquidity of at least the net one's amount",
                found: format!("{gross} at tick {}, with {net} net", tick.tick),
            });
        }
        self.note_tick(tick);
        Ok(())
    }

    pub(super) fn note_tick(&mut self, tick: TickLiquidity) {
        self.ticks.insert(tick.tick, tick);
    }

    /// Sets a word of the bitmap. Zero deletes the word.
    pub fn set_word(&mut self, word: BitmapWord) {
        self.words.insert(word.word, word.bitmap);
    }

    /// Sets how far the pool's liquidity is synchronized.
    pub const fn set_sync_cursor(&mut self, cursor: SyncCursor) {
        self.sync_cursor = Some(cursor);
    }
}
