//! Applies liquidity events to a tick map in memory.

use super::TickMap;
use crate::models::liquidity::pool_update::{Marks, PoolUpdate};
use crate::models::liquidity::tick_bitmap::{BitmapWord, bitmap_position};
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::types::decimal::{I128, U128, U256};
use crate::types::integer::{Tick, TickSpacing};
use crate::types::sync_cursor::{LogPosition, SyncCursor};

/// The error of a liquidity event that contradicts the pool, its mark or its present liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiquidityError {
    /// The event is not after the map's mark: it is in the map already, or comes too late.
    #[error("the event at {place} is not after the pool's mark, {mark}")]
    NotAfterMark {
        /// The place of the event.
        place: LogPosition,
        /// The map's mark.
        mark: SyncCursor,
    },
    /// There is liquidity, but no mark, so nobody can say which events are in it.
    #[error("the pool has liquidity, but no mark that says which events are in it")]
    NoMark,
    /// The update records events that the map does not have, or the map has events that the update lacks.
    #[error("the map is at {map}, but the update at {update}")]
    OtherUpdate {
        /// The map's mark.
        map: SyncCursor,
        /// The mark that the update leads to.
        update: SyncCursor,
    },
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
    /// Applies the event at `place`: adds liquidity between two ticks, or removes it if `delta` is negative,
    /// as Uniswap's `Tick.update` and `TickBitmap.flipTick` do. The changed ticks and words are recorded in
    /// `update`, which [`LiquidityUpdate::apply`](crate::models::LiquidityUpdate::apply) writes to the
    /// database.
    ///
    /// The rules about places and marks:
    ///
    /// - Events come in the order of the chain, without gaps. An event that is not after the map's mark is
    ///   refused: it is in the map already. So a program that starts again can take all events from any older
    ///   block on, and skip those that are refused.
    /// - The event becomes the map's mark. If `delta` is zero, the event changes nothing, and the mark stays
    ///   where it is: a mark is the place of the last event that changed liquidity.
    /// - The first event of an update records where the map stood; that is the mark that the pool must still
    ///   have in the database when the update is applied. All events of an update come from one map.
    /// - A map without liquidity and without a mark takes any event as its first one. A map with liquidity,
    ///   but without a mark, takes none, because nobody can say which events are in it already. Only databases
    ///   from before the Python package kept marks have such pools. A
    ///   [`PoolUpdate::between`](crate::models::PoolUpdate::between) without ticks, from no mark to a known
    ///   one, gives such a pool its mark.
    ///
    /// The example at [`LiquidityUpdate`](crate::models::LiquidityUpdate) follows a chain.
    ///
    /// # Errors
    ///
    /// [`LiquidityError`]; the map and the update are unchanged then.
    pub fn modify_liquidity(
        &mut self,
        update: &mut PoolUpdate,
        spacing: TickSpacing,
        place: LogPosition,
        lower: Tick,
        upper: Tick,
        delta: i128,
    ) -> Result<(), LiquidityError> {
        let mark = self.sync_cursor;
        if !mark.is_before(place) {
            return Err(LiquidityError::NotAfterMark { place, mark });
        }
        if mark.block.is_none() && !self.is_empty() {
            return Err(LiquidityError::NoMark);
        }
        let from = match update.marks {
            Some(marks) if marks.to != mark => {
                return Err(LiquidityError::OtherUpdate {
                    map: mark,
                    update: marks.to,
                });
            }
            Some(marks) => marks.from,
            None => mark,
        };
        if lower >= upper {
            return Err(LiquidityError::TickOrder { lower, upper });
        }
        let ends = [
            self.changed(lower, spacing, delta, Some(delta))?,
            self.changed(upper, spacing, delta, delta.checked_neg())?,
        ];
        if delta == 0 {
            return Ok(());
        }
        for tick in ends {
            let before = self.set_tick(tick);
            update.note_tick(Some(before), tick);
            let word = self.flip_if_needed(tick, spacing);
            if let Some(word) = word {
                update.set_word(word);
            }
        }
        self.sync_cursor = place.into();
        update.marks = Some(Marks {
            from,
            to: self.sync_cursor,
        });
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

    /// Returns the liquidity at the tick before.
    fn set_tick(&mut self, tick: TickLiquidity) -> TickLiquidity {
        let place = self.ticks.binary_search_by_key(&tick.tick, |at| at.tick);
        let none = TickLiquidity {
            liquidity_net: I128(0),
            liquidity_gross: U128(0),
            ..tick
        };
        match (place, tick.liquidity_gross.0) {
            (Ok(place), 0) => self.ticks.remove(place),
            (Err(_), 0) => none,
            (Ok(place), _) => std::mem::replace(&mut self.ticks[place], tick),
            (Err(place), _) => {
                self.ticks.insert(place, tick);
                none
            }
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
