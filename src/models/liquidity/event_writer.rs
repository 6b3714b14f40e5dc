//! Applies liquidity events to the database.
//!
//! A bot has the tick maps of its pools in memory, and applies events to those ([`TickMap`]). An update from a node
//! has millions of events of many pools. It reads and writes only the ticks and words that they change.
//!
//! [`TickMap`]: crate::models::TickMap

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use diesel::prelude::*;

use crate::models::access::row_error::RowError;
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
use crate::types::integer::{Tick, TickSpacing, WordPosition};
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

/// Applies events to the pools of one family.
pub(crate) struct EventWriter<'connection> {
    statements: Statements<'connection>,
    family: PoolFamily,
    ticks: LiquidityRowWriter<'connection, TickLiquidity>,
    words: LiquidityRowWriter<'connection, BitmapWord>,
    has_ticks: Statement<'connection>,
    /// The tables of the kinds met so far.
    kinds: BTreeMap<&'static str, CursorTable<'connection>>,
    /// The bits of the words that are to be set and cleared. Reused as well.
    flips: Vec<(WordPosition, U256, U256)>,
    /// The ends of the positions that are being changed. Reused, to allocate less.
    ends: Vec<End>,
}

/// A change at one end of a position.
#[derive(Debug, Clone, Copy)]
struct End {
    tick: Tick,
    place: LogPosition,
    /// The change of the gross liquidity.
    gross: i128,
    /// The change of the net liquidity; `None` if it does not fit.
    net: Option<i128>,
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
        })
    }

    /// Applies events of one pool, in the order of the chain, to the rows in the database. `kind_table` is the table
    /// of the pool's kind, which has its mark and its tick spacing. Events that are not after the pool's mark are in
    /// the database already; they are skipped. Runs in the caller's transaction, which must be rolled back after an
    /// error.
    ///
    /// The rules are those of [`TickMap::modify_liquidity`](crate::models::TickMap::modify_liquidity).
    pub(crate) fn apply(
        &mut self,
        pool_id: i64,
        kind_table: &'static str,
        events: &[LiquidityEvent],
        applied: &mut Applied,
    ) -> Result<(), EventError> {
        let family = self.family;
        let (mark, spacing) = self.kind(kind_table)?.read(family, pool_id)?;
        self.ends.clear();
        let mut last = None;
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
            last = Some(event.place);
            let end = |tick, net| End {
                tick,
                place: event.place,
                gross: event.delta,
                net,
            };
            self.ends.push(end(event.lower, Some(event.delta)));
            self.ends.push(end(event.upper, event.delta.checked_neg()));
        }
        let Some(last) = last else {
            return Ok(());
        };
        let pool = [Bound::Integer(pool_id)];
        if mark.block.is_none() && self.has_ticks.first_integer(&pool)?.is_some() {
            return Err(EventError::Liquidity {
                place: last,
                error: LiquidityError::NoMark,
            });
        }
        self.write_ticks(pool_id, spacing, applied)?;
        let mut flips = self.flips.iter();
        self.words.modify(
            pool_id,
            flips.clone().map(|(word, ..)| *word),
            |word, stored| -> Result<BitmapWord, RowError> {
                let bitmap = stored.map_or_else(U256::default, |stored| stored.bitmap);
                let (set, clear) = flips
                    .next()
                    .map_or_else(Default::default, |(_, set, clear)| (*set, *clear));
                Ok(BitmapWord {
                    word,
                    bitmap: U256((bitmap.0 | set.0) & !clear.0),
                })
            },
            &mut applied.rows,
        )?;
        let marks = Marks {
            from: mark,
            to: last.into(),
        };
        if self.kind(kind_table)?.advance(pool_id, marks)? {
            applied.rows.written += 1;
        }
        Ok(())
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
            |tick, stored| {
                let ends = by_tick.next().unwrap_or_default();
                let before = stored.unwrap_or(TickLiquidity {
                    tick,
                    liquidity_net: I128(0),
                    liquidity_gross: U128(0),
                });
                let after = changed(before, ends)?;
                let is_initialized = after.liquidity_gross.0 != 0;
                if is_initialized != (before.liquidity_gross.0 != 0)
                    && let Some((word, bit)) = bitmap_position(tick, spacing)
                {
                    // The words of ascending ticks are ascending.
                    if flips.last().is_none_or(|(last, ..)| *last != word) {
                        flips.push((word, U256::default(), U256::default()));
                    }
                    if let Some((_, set, clear)) = flips.last_mut() {
                        let mask = if is_initialized { set } else { clear };
                        mask.0.set_bit(bit, true);
                    }
                }
                Ok::<_, EventError>(after)
            },
            &mut applied.rows,
        )
    }
}

fn check(event: &LiquidityEvent, spacing: TickSpacing) -> Result<(), EventError> {
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
fn changed(mut liquidity: TickLiquidity, ends: &[End]) -> Result<TickLiquidity, EventError> {
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
