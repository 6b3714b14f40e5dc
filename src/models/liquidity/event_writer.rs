//! Applies liquidity events to the database, and records their changes in the journal.
//!
//! A bot has the tick maps of its pools in memory, and applies events to those ([`TickMap`]). An update from a node
//! has the events of many pools. It reads and writes only the ticks and words that they change. Events of blocks that
//! are final need no journal: [`BulkEventWriter`] applies millions of them.
//!
//! [`TickMap`]: crate::models::TickMap
//! [`BulkEventWriter`]: crate::models::liquidity::bulk_event_writer::BulkEventWriter

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use diesel::prelude::*;

use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::journal::entries::JournalEntries;
use crate::models::liquidity::cursor_table::CursorTable;
use crate::models::liquidity::liquidity_update::UpdateReport;
use crate::models::liquidity::liquidity_update::liquidity_rows::LiquidityRowWriter;
use crate::models::liquidity::pool_update::Marks;
use crate::models::liquidity::tick_bitmap::{BitmapWord, bitmap_position};
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::liquidity::tick_map::modify::LiquidityError;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::decimal::{I128, U128, U256};
use crate::types::integer::{BlockNumber, Tick, TickSpacing, WordPosition};
use crate::types::sync_cursor::LogPosition;

/// A change of a position's liquidity: a `Mint`, `Burn` or `ModifyLiquidity` event of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiquidityEvent {
    /// The place of the event.
    pub place: LogPosition,
    /// The lower tick of the position.
    pub lower: Tick,
    /// The upper tick of the position.
    pub upper: Tick,
    /// The liquidity that is added, or removed if it is negative.
    pub delta: i128,
}

/// The error of applying events.
#[derive(Debug)]
pub(crate) enum EventError {
    /// A row is malformed, or a statement failed.
    Row(RowError),
    /// An event contradicts the pool or its liquidity.
    Liquidity {
        place: LogPosition,
        error: LiquidityError,
    },
}

impl From<RowError> for EventError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl From<diesel::result::Error> for EventError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Row(error.into())
    }
}

/// Applies events to the pools of one family. The changes of each block are recorded.
pub(crate) struct EventWriter<'connection> {
    statements: Statements<'connection>,
    family: PoolFamily,
    ticks: LiquidityRowWriter<'connection, TickLiquidity>,
    words: LiquidityRowWriter<'connection, BitmapWord>,
    has_ticks: Statement<'connection>,
    /// The tables of the kinds met so far.
    kinds: BTreeMap<&'static str, CursorTable<'connection>>,
    /// The bits of the words that are to be set and cleared. Reused as well.
    flips: Vec<Flips>,
    /// The ends of the positions that are being changed. Reused, to allocate less.
    ends: Vec<End>,
    /// The place of the last event in each block. Reused as well.
    places: Vec<LogPosition>,
}

/// Bits of a word that are to be set and cleared.
#[derive(Debug, Clone, Copy)]
struct Flips {
    word: WordPosition,
    /// The block that does it.
    block: BlockNumber,
    set: U256,
    clear: U256,
}

/// A change at one end of a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    tick: Tick,
    place: LogPosition,
    /// The change of the gross liquidity.
    gross: i128,
    /// The change of the net liquidity; `None` if it does not fit.
    net: Option<i128>,
}

impl LiquidityEvent {
    /// The change at the lower end.
    pub(super) const fn lower_end(&self) -> End {
        End {
            tick: self.lower,
            place: self.place,
            gross: self.delta,
            net: Some(self.delta),
        }
    }

    /// The change at the upper end.
    pub(super) const fn upper_end(&self) -> End {
        End {
            tick: self.upper,
            net: self.delta.checked_neg(),
            ..self.lower_end()
        }
    }
}

/// The number of events that were applied, and of those that were in the database already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) events: u64,
    pub(crate) skipped: u64,
    /// Rows of ticks, words and marks.
    pub(crate) rows: UpdateReport,
}

impl<'connection> EventWriter<'connection> {
    pub(crate) fn new(
        statements: Statements<'connection>,
        family: PoolFamily,
    ) -> QueryResult<Self> {
        let ticks = family.tick_columns();
        Ok(Self {
            statements,
            family,
            has_ticks: statements.prepare(&format!(
                "SELECT 1 FROM {} WHERE {} = ?1 LIMIT 1",
                ticks.table,
                family.key()
            ))?,
            ticks: LiquidityRowWriter::new(statements, family, &ticks)?,
            words: LiquidityRowWriter::new(statements, family, &family.word_columns())?,
            kinds: BTreeMap::new(),
            flips: Vec::new(),
            ends: Vec::new(),
            places: Vec::new(),
        })
    }

    /// Applies events of one pool, in the order of the chain, to the rows in the database. `kind_table` is the table
    /// of the pool's kind, which has its mark and its tick spacing. Events that are not after the pool's mark are in
    /// the database already; they are skipped. Runs in the caller's transaction, which must be rolled back after an
    /// error.
    ///
    /// The change of each row by each block is recorded in the journal. The caller ends with [`Self::delete_rows`].
    ///
    /// The rules are those of [`TickMap::modify_liquidity`](crate::models::TickMap::modify_liquidity).
    pub(crate) fn apply(
        &mut self,
        pool_id: i64,
        kind_table: &'static str,
        events: &[LiquidityEvent],
        applied: &mut Applied,
        journal: &mut JournalEntries,
    ) -> Result<(), EventError> {
        let family = self.family;
        let (mark, spacing) = self.kind(kind_table)?.read(family, pool_id)?;
        self.ends.clear();
        self.places.clear();
        for event in events {
            if !mark.is_before(event.place) {
                applied.skipped += 1;
                continue;
            }
            applied.events += 1;
            check(event, spacing)?;
            if event.delta == 0 {
                continue;
            }
            match self.places.last_mut() {
                Some(last) if last.block == event.place.block => *last = event.place,
                _ => self.places.push(event.place),
            }
            self.ends.extend([event.lower_end(), event.upper_end()]);
        }
        let Some(last) = self.places.last().copied() else {
            return Ok(());
        };
        let pool = [Bound::Integer(pool_id)];
        if mark.block.is_none() && self.has_ticks.first_integer(&pool)?.is_some() {
            return Err(EventError::Liquidity {
                place: last,
                error: LiquidityError::NoMark,
            });
        }
        self.write_ticks(pool_id, spacing, applied, journal)?;
        self.write_words(pool_id, applied, journal)?;
        let marks = Marks {
            from: mark,
            to: last.into(),
        };
        // The mark was read in this transaction.
        let advanced = self.kind(kind_table)?.advance(pool_id, marks)?;
        require_written(advanced.into(), kind_table)?;
        applied.rows.written += 1;
        let places = std::mem::take(&mut self.places);
        let pool = (family.key(), pool_id);
        self.kind(kind_table)?.record(pool, mark, &places, journal);
        self.places = places;
        Ok(())
    }

    /// Deletes the rows that are gone.
    pub(crate) fn delete_rows(&mut self, applied: &mut Applied) -> Result<(), RowError> {
        self.ticks.delete_rows(&mut applied.rows)?;
        self.words.delete_rows(&mut applied.rows)
    }

    fn kind(&mut self, table: &'static str) -> QueryResult<&mut CursorTable<'connection>> {
        match self.kinds.entry(table) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let key = self.family.key();
                Ok(entry.insert(CursorTable::new(self.statements, table, key)?))
            }
        }
    }

    /// Writes the ticks. Leaves the bits of the words that are to be set and cleared in `flips`.
    fn write_ticks(
        &mut self,
        pool_id: i64,
        spacing: TickSpacing,
        applied: &mut Applied,
        journal: &mut JournalEntries,
    ) -> Result<(), EventError> {
        // Stable: the changes of one tick stay in the order of the chain.
        self.ends.sort_by_key(|end| end.tick);
        let flips = &mut self.flips;
        flips.clear();
        let mut by_tick = self.ends.chunk_by(|one, other| one.tick == other.tick);
        let ticks = by_tick.clone();
        self.ticks.modify(
            pool_id,
            ticks.filter_map(|ends| ends.first().map(|end| end.tick)),
            |tick, stored, steps| {
                let ends = by_tick.next().unwrap_or_default();
                let mut is_there = stored.is_some();
                let mut liquidity = stored.unwrap_or(TickLiquidity {
                    tick,
                    liquidity_net: I128(0),
                    liquidity_gross: U128(0),
                });
                let is_together = |one: &End, other: &End| one.place.block == other.place.block;
                for ends in ends.chunk_by(is_together) {
                    let before = liquidity;
                    liquidity = changed(before, ends.iter().copied())?;
                    let Some(block) = ends.first().map(|end| end.place.block) else {
                        continue;
                    };
                    let is_initialized = liquidity.liquidity_gross.0 != 0;
                    if is_initialized != (before.liquidity_gross.0 != 0)
                        && let Some((word, bit)) = bitmap_position(tick, spacing)
                    {
                        let mut mask = U256::default();
                        mask.0.set_bit(bit, true);
                        let (set, clear) = if is_initialized {
                            (mask, U256::default())
                        } else {
                            (U256::default(), mask)
                        };
                        match flips.last_mut() {
                            // The words of ascending ticks are ascending.
                            Some(last) if last.word == word && last.block == block => {
                                last.set.0 |= set.0;
                                last.clear.0 |= clear.0;
                            }
                            _ => flips.push(Flips {
                                word,
                                block,
                                set,
                                clear,
                            }),
                        }
                    }
                    if liquidity != before || is_there != is_initialized {
                        steps.push((block, liquidity));
                        is_there = is_initialized;
                    }
                }
                Ok::<_, EventError>(())
            },
            &mut applied.rows,
            journal,
        )
    }

    /// Writes the words whose bits are in `flips`.
    fn write_words(
        &mut self,
        pool_id: i64,
        applied: &mut Applied,
        journal: &mut JournalEntries,
    ) -> Result<(), EventError> {
        self.flips.sort_by_key(|flips| (flips.word, flips.block));
        let mut by_word = self.flips.chunk_by(|one, other| one.word == other.word);
        let words = by_word.clone();
        self.words.modify(
            pool_id,
            words.filter_map(|flips| flips.first().map(|flips| flips.word)),
            |word, stored, steps| {
                let mut is_there = stored.is_some();
                let mut bitmap = stored.map_or_else(U256::default, |stored| stored.bitmap);
                for flips in by_word.next().unwrap_or_default() {
                    let before = bitmap;
                    bitmap = U256((bitmap.0 | flips.set.0) & !flips.clear.0);
                    let is_left = !bitmap.0.is_zero();
                    if bitmap != before || is_there != is_left {
                        steps.push((flips.block, BitmapWord { word, bitmap }));
                        is_there = is_left;
                    }
                }
                Ok::<_, RowError>(())
            },
            &mut applied.rows,
            journal,
        )?;
        Ok(())
    }
}

/// Fails if an event is impossible for a pool.
pub(super) fn check(event: &LiquidityEvent, spacing: TickSpacing) -> Result<(), EventError> {
    let LiquidityEvent {
        place,
        lower,
        upper,
        ..
    } = *event;
    let failed = |error| Err(EventError::Liquidity { place, error });
    if lower >= upper {
        return failed(LiquidityError::TickOrder { lower, upper });
    }
    for tick in [lower, upper] {
        if bitmap_position(tick, spacing).is_none() {
            return failed(LiquidityError::TickSpacing { tick, spacing });
        }
    }
    Ok(())
}

/// The liquidity at a tick after changes, each of which must be possible.
pub(super) fn changed(
    mut liquidity: TickLiquidity,
    ends: impl Iterator<Item = End>,
) -> Result<TickLiquidity, EventError> {
    for end in ends {
        let net = end
            .net
            .and_then(|delta| liquidity.liquidity_net.0.checked_add(delta));
        let gross = liquidity.liquidity_gross.0.checked_add_signed(end.gross);
        match (net, gross) {
            // The net liquidity is the difference of two parts of the gross liquidity.
            (Some(net), Some(gross)) if net.unsigned_abs() <= gross => {
                liquidity.liquidity_net = I128(net);
                liquidity.liquidity_gross = U128(gross);
            }
            _ => {
                return Err(EventError::Liquidity {
                    place: end.place,
                    error: LiquidityError::Amount {
                        tick: end.tick,
                        delta: end.gross,
                    },
                });
            }
        }
    }
    Ok(liquidity)
}
