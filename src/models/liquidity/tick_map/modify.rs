//! Applies liquidity events to a tick map in memory.

use super::TickMap;
use crate::models::liquidity::pool_update::PoolUpdate;
use crate::models::liquidity::tick_bitmap::{BitmapWord, bitmap_position};
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::types::decimal::{I128, U128, U256};
use crate::types::integer::{Tick, TickSpacing};

/// The error of a liquidity event that contradicts the pool or its present liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiquidityError {
    /// The lower tick is not below the upper one.
    #[error("the position's lower tick {lower} is not below its upper tick {upper}")]
    TickOrder {
        /// The lower tick.
        lower: Tick,
        /// The upper tick.
        upper: Tick,
    },
    /// The pool cannot initialize the tick.
    #[error("tick {tick} is not a multiple of the tick spacing {spacing}")]
    TickSpacing {
        /// The tick.
        tick: Tick,
        /// The pool's tick spacing.
        spacing: TickSpacing,
    },
    /// The event removes more liquidity than there is, or adds more than fits 128 bits.
    #[error("a change of {delta} does not fit the liquidity at tick {tick}")]
    Amount {
        /// The tick.
        tick: Tick,
        /// The change.
        delta: i128,
    },
}

impl TickMap {
    /// Adds liquidity between two ticks, or removes it if `delta` is negative, as Uniswap's `Tick.update` and
    /// `TickBitmap.flipTick` do. The changed ticks and words are recorded in `update`, which writes them to
    /// the database.
    ///
    /// # Errors
    ///
    /// [`LiquidityError`]; the map and the update are unchanged then.
    pub fn modify_liquidity(
        &mut self,
        update: &mut PoolUpdate,
        spacing: TickSpacing,
        lower: Tick,
        upper: Tick,
        delta: i128,
    ) -> Result<(), LiquidityError> {
        if lower >= upper {
            return Err(LiquidityError::TickOrder { lower, upper });
        }
        let ends = [
            self.changed(lower, spacing, delta, Some(delta))?,
            self.changed(upper, spacing, delta, delta.checked_neg())?,
        ];
        for tick in ends {
            self.set_tick(tick);
            update.note_tick(tick);
            let word = self.flip_if_needed(tick, spacing);
            if let Some(word) = word {
                update.set_word(word);
            }
        }
        Ok(())
    }

    /// The liquidity at a tick after the change. A tick with a gross liquidity of zero is no longer
    /// initialized.
    fn changed(
        &self,
        tick: Tick,
        spacing: TickSpacing,
        delta: i128,
        net_delta: Option<i128>,
    ) -> Result<TickLiquidity, LiquidityError> {
        if bitmap_position(tick, spacing).is_none() {
            return Err(LiquidityError::TickSpacing { tick, spacing });
        }
        let (net, gross) = self.tick(tick).map_or((0, 0), |at| {
            (at.liquidity_net.into(), at.liquidity_gross.into())
        });
        let net: Option<i128> = net_delta.and_then(|delta| i128::checked_add(net, delta));
        let gross = u128::checked_add_signed(gross, delta);
        match (net, gross) {
            // The net liquidity is the difference of two parts of the gross liquidity.
            (Some(net), Some(gross)) if net.unsigned_abs() <= gross => Ok(TickLiquidity {
                tick,
                liquidity_net: I128(net),
                liquidity_gross: U128(gross),
            }),
            _ => Err(LiquidityError::Amount { tick, delta }),
        }
    }

    fn set_tick(&mut self, tick: TickLiquidity) {
        let place = self.ticks.binary_search_by_key(&tick.tick, |at| at.tick);
        match (place, tick.liquidity_gross.0) {
            (Ok(place), 0) => {
                self.ticks.remove(place);
            }
            (Err(_), 0) => {}
            (Ok(place), _) => self.ticks[place] = tick,
            (Err(place), _) => self.ticks.insert(place, tick),
        }
    }

    /// Sets or clears the tick's bit; returns the word if it changed.
    fn flip_if_needed(&mut self, tick: TickLiquidity, spacing: TickSpacing) -> Option<BitmapWord> {
        let (word, bit) = bitmap_position(tick.tick, spacing)?;
        let mut bitmap = self.word(word).0;
        let initialized = tick.liquidity_gross.0 != 0;
        if bitmap.bit(bit) == initialized {
            return None;
        }
        bitmap.set_bit(bit, initialized);
        let changed = BitmapWord {
            word,
            bitmap: U256(bitmap),
        };
        let place = self.words.binary_search_by_key(&word, |at| at.word);
        match place {
            Ok(place) if bitmap.is_zero() => {
                self.words.remove(place);
            }
            Ok(place) => self.words[place] = changed,
            Err(place) => self.words.insert(place, changed),
        }
        Some(changed)
    }
}
