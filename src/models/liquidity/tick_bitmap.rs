//! Words of a tick bitmap, and the position of a tick's bit.

use crate::types::decimal::U256;
use crate::types::integer::{Tick, TickSpacing, WordPosition};

/// A word of a tick bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitmapWord {
    /// The word's position in the bitmap.
    pub word: WordPosition,
    /// One bit for each of the word's 256 ticks, set if the tick is initialized.
    pub bitmap: U256,
}

/// The position of a tick's bit in a pool's bitmap: the word, and the bit within it.
///
/// This is Uniswap's `TickBitmap.position` of the tick divided by the spacing. `None` if the tick is not a
/// multiple of the spacing, or beyond the last word.
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
