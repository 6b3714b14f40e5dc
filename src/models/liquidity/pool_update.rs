//! Changes of one pool's liquidity, to write to the database.

use std::collections::BTreeMap;

use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::types::decimal::U256;
use crate::types::integer::{Tick, WordPosition};
use crate::types::invalid_value::InvalidValue;
use crate::types::sync_cursor::SyncCursor;

/// Changes of one pool's liquidity: the new values of ticks and bitmap words, not differences.
///
/// An update leads from one mark of the pool to another. [`LiquidityUpdate::apply`] writes it only to a pool
/// that has the first mark in the database, and moves the mark with it. So nothing is lost if others have
/// written meanwhile, and nothing is counted twice.
///
/// [`TickMap::modify_liquidity`] sets both marks: the first is that of the map before the first event that
/// the update records, the second is the place of the last one. [`PoolUpdate::between`] is for values that
/// come from elsewhere.
///
/// [`LiquidityUpdate::apply`]: crate::models::LiquidityUpdate::apply
/// [`TickMap::modify_liquidity`]: crate::models::TickMap::modify_liquidity
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolUpdate {
    pub(super) family: PoolFamily,
    pub(super) pool_id: i64,
    pub(super) ticks: BTreeMap<Tick, TickChange>,
    pub(super) words: BTreeMap<WordPosition, U256>,
    /// `None` until the first event is recorded.
    pub(super) marks: Option<Marks>,
}

/// The new liquidity at a tick, and that in the map before the first event, if events have changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TickChange {
    pub(super) before: Option<TickLiquidity>,
    pub(super) after: TickLiquidity,
}

/// The marks that an update leads from and to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) from: SyncCursor,
    pub(super) to: SyncCursor,
}

impl PoolUpdate {
    /// An update without changes, for the pool with an id in its family's table. It is for one write:
    /// after [`LiquidityUpdate::apply`](crate::models::LiquidityUpdate::apply), the next events go into a new
    /// one.
    #[must_use]
    pub const fn new(family: PoolFamily, pool_id: i64) -> Self {
        Self {
            family,
            pool_id,
            ticks: BTreeMap::new(),
            words: BTreeMap::new(),
            marks: None,
        }
    }

    /// An update for values that come from elsewhere, such as the state of a contract at a block. `from` is
    /// the mark that the pool must have in the database, [`SyncCursor::default`] if it has none, and `to` the
    /// mark that it gets: the place of the last event that is in the values.
    ///
    /// An event of amount zero does not move a mark; see [`SyncCursor`].
    #[must_use]
    pub const fn between(
        family: PoolFamily,
        pool_id: i64,
        from: SyncCursor,
        to: SyncCursor,
    ) -> Self {
        let mut update = Self::new(family, pool_id);
        update.marks = Some(Marks { from, to });
        update
    }

    /// The mark that the pool gets; `None` if no event is recorded yet.
    #[must_use]
    pub fn sync_cursor(&self) -> Option<SyncCursor> {
        self.marks.map(|marks| marks.to)
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
        self.note_tick(None, tick);
        Ok(())
    }

    pub(super) fn note_tick(&mut self, before: Option<TickLiquidity>, after: TickLiquidity) {
        self.ticks
            .entry(after.tick)
            .and_modify(|change| change.after = after)
            .or_insert(TickChange { before, after });
    }

    /// Sets a word of the bitmap. Zero deletes the word.
    pub fn set_word(&mut self, word: BitmapWord) {
        self.words.insert(word.word, word.bitmap);
    }
}
