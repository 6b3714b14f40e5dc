//! The liquidity of one V3 or V4 pool in memory: its ticks and its tick bitmap.

pub(crate) mod modify;
pub(crate) mod read;

use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::types::decimal::U256;
use crate::types::integer::{Tick, WordPosition};

/// The initialized ticks of a V3 or V4 pool, and the words of its tick bitmap, each in ascending order.
///
/// Both are as stored. [`verify_sqlite_database`](crate::database::verify_sqlite_database) checks that they
/// agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TickMap {
    ticks: Vec<TickLiquidity>,
    words: Vec<BitmapWord>,
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
