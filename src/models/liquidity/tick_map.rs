//! The liquidity of one V3 or V4 pool in memory: its ticks and its tick bitmap.

mod marks;
pub(crate) mod modify;
pub(crate) mod read;
#[cfg(feature = "sync")]
mod rewrite;

use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::types::decimal::U256;
use crate::types::integer::{Tick, WordPosition};
use crate::types::sync_cursor::SyncCursor;

/// The initialized ticks of a V3 or V4 pool and the words of its tick bitmap, each in ascending order, with
/// the pool's mark.
///
/// All are as stored. [`verify_sqlite_database`](crate::database::verify_sqlite_database) checks that they
/// agree. The default is the map of a pool without liquidity that no event has reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TickMap {
    ticks: Vec<TickLiquidity>,
    words: Vec<BitmapWord>,
    sync_cursor: SyncCursor,
}

impl TickMap {
    /// The initialized ticks.
    #[must_use]
    pub fn ticks(&self) -> &[TickLiquidity] {
        &self.ticks
    }

    /// The words of the bitmap that have an initialized tick.
    #[must_use]
    pub fn words(&self) -> &[BitmapWord] {
        &self.words
    }

    /// The mark: the last event that is in the map. It is the pool's mark when the map was read, and
    /// [`Self::modify_liquidity`] moves it.
    #[must_use]
    pub const fn sync_cursor(&self) -> SyncCursor {
        self.sync_cursor
    }

    /// Whether there is no liquidity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ticks.is_empty() && self.words.is_empty()
    }

    /// The liquidity at a tick, if it is initialized.
    #[must_use]
    pub fn tick(&self, tick: Tick) -> Option<&TickLiquidity> {
        let place = self.ticks.binary_search_by_key(&tick, |at| at.tick).ok()?;
        self.ticks.get(place)
    }

    /// A word of the bitmap; zero if none of its ticks is initialized.
    #[must_use]
    pub fn word(&self, word: WordPosition) -> U256 {
        self.words
            .binary_search_by_key(&word, |at| at.word)
            .map_or_else(|_| U256::default(), |place| self.words[place].bitmap)
    }
}
