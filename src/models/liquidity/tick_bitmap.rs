//! Words of a tick bitmap, and the bit of a tick in them.

use crate::types::{Tick, TickSpacing, U256, WordPosition};

/// A word of a tick bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitmapWord {
    /// The word's position in the bitmap.
    pub word: WordPosition,
    /// One bit for each of the 256 ticks of the word, set where the tick is initialized.
    pub bitmap: U256,
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
