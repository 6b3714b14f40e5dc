//! The liquidity of one concentrated-liquidity pool by ticks, as a bot computes with it.

pub(crate) mod modify;
pub(crate) mod read;

use crate::types::{I128, Tick, TickSpacing, U128, U256, WordPosition};

/// The liquidity that begins or ends at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickLiquidity {
    /// The tick.
    pub tick: Tick,
    /// The liquidity added when the price crosses the tick upwards.
    pub liquidity_net: I128,
    /// The liquidity that refers to the tick, from either side.
    pub liquidity_gross: U128,
}

/// A word of a tick bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitmapWord {
    /// The word's position in the bitmap.
    pub word: WordPosition,
    /// One bit for each of the 256 ticks of the word, set where the tick is initialized.
    pub bitmap: U256,
}

/// The initialized ticks of a V3 or V4 pool, and the words of its tick bitmap, each in ascending order.
///
/// Both are what the database holds; that they agree is for
/// [`verify_sqlite_database`](crate::database::verify_sqlite_database) to say.
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

    /// The words of the bitmap, as far as any of their ticks is initialized.
    #[must_use]
    pub fn words(&self) -> &[BitmapWord] {
        &self.words
    }

    /// Whether there is no liquidity at all.
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

    /// A word of the bitmap: zero where none of its ticks is initialized.
    #[must_use]
    pub fn word(&self, word: WordPosition) -> U256 {
        self.words
            .binary_search_by_key(&word, |at| at.word)
            .map_or_else(|_| U256::default(), |place| self.words[place].bitmap)
    }
}

/// Where the bit of a tick is in a pool's bitmap: the word, and the bit's number in it.
///
/// Uniswap's `TickBitmap.position` of the tick divided by the spacing, rounded down. `None` for a tick that
/// is not a multiple of the spacing, and for one so far out that no word has it.
#[must_use]
pub fn bitmap_position(tick: Tick, spacing: TickSpacing) -> Option<(WordPosition, usize)> {
    let (tick, spacing) = (tick.get(), spacing.get());
    if tick % spacing != 0 {
        return None;
    }
    let compressed = tick / spacing;
    let word = i16::try_from(compressed >> 8)
        .ok()
        .and_then(|word| WordPosition::new(word).ok())?;
    Some((word, usize::try_from(compressed & 0xff).ok()?))
}
