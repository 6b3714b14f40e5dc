//! Applies the liquidity events of many pools at once. Nothing is recorded: their blocks are final.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use diesel::prelude::*;

use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::liquidity::cursor_table::CursorTable;
use crate::models::liquidity::event_writer::{
    Applied, End, EventError, LiquidityEvent, changed, check,
};
use crate::models::liquidity::liquidity_update::scattered_rows::{ScatteredRows, Wanted};
use crate::models::liquidity::pool_update::Marks;
use crate::models::liquidity::tick_bitmap::{BitmapWord, bitmap_position};
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::liquidity::tick_map::modify::LiquidityError;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::decimal::{I128, U128, U256};
use crate::types::integer::{Tick, TickSpacing, WordPosition};

/// Applies events to the pools of one family: [`Self::add`] the events pool by pool, then [`Self::write`].
///
/// The rows are read and written in the order in which they lie in their tables ([`ScatteredRows`]), so the events of
/// all pools are looked at before any row is written. There are hundreds of thousands of them, so what is kept of each is
/// small.
pub(crate) struct BulkEventWriter<'connection, 'events> {
    statements: Statements<'connection>,
    family: PoolFamily,
    ticks: ScatteredRows<'connection, TickLiquidity>,
    words: ScatteredRows<'connection, BitmapWord>,
    has_ticks: Statement<'connection>,
    /// The tables of the kinds met so far.
    kinds: BTreeMap<&'static str, CursorTable<'connection>>,
    /// The pools with events that change something.
    pools: Vec<ChangedPool>,
    /// The ends of their positions: pool by pool, in the order of the ticks.
    ends: Vec<PositionEnd<'events>>,
}

/// A pool with events that change something.
#[derive(Debug, Clone, Copy)]
struct ChangedPool {
    id: i64,
    spacing: TickSpacing,
    /// The number of ends up to its last one.
    ends: u32,
}

/// An end of the position that an event changes.
#[derive(Debug, Clone, Copy)]
struct PositionEnd<'events> {
    event: &'events LiquidityEvent,
    is_upper: bool,
}

/// A bit of a word that is to be set or cleared.
#[derive(Debug, Clone, Copy)]
struct Flip {
    /// The number of the pool.
    pool: u32,
    word: WordPosition,
    bit: u32,
    is_set: bool,
}

impl PositionEnd<'_> {
    const fn tick(&self) -> Tick {
        if self.is_upper {
            self.event.upper
        } else {
            self.event.lower
        }
    }

    const fn change(&self) -> End {
        if self.is_upper {
            self.event.upper_end()
        } else {
            self.event.lower_end()
        }
    }
}

impl<'connection, 'events> BulkEventWriter<'connection, 'events> {
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
            ticks: ScatteredRows::new(statements, family, &ticks)?,
            words: ScatteredRows::new(statements, family, &family.word_columns())?,
            kinds: BTreeMap::new(),
            pools: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// Adds events of one pool, in the order of the chain, and moves its mark. `kind_table` is the table of the pool's
    /// kind, which has its mark and its tick spacing. Events that are not after the mark are in the database already; they
    /// are skipped. Runs in the caller's transaction, which must be rolled back after an error.
    pub(crate) fn add(
        &mut self,
        pool_id: i64,
        kind_table: &'static str,
        events: impl Iterator<Item = &'events LiquidityEvent>,
        applied: &mut Applied,
    ) -> Result<(), EventError> {
        let family = self.family;
        let (mark, spacing) = self.kind(kind_table)?.read(family, pool_id)?;
        let first = self.ends.len();
        for event in events {
            if !mark.is_before(event.place) {
                applied.skipped += 1;
                continue;
            }
            applied.events += 1;
            check(event, spacing)?;
            if event.delta != 0 {
                let end = |is_upper| PositionEnd { event, is_upper };
                self.ends.extend([false, true].map(end));
            }
        }
        let Some(last) = self.ends.get(first..).and_then(<[_]>::last) else {
            return Ok(());
        };
        let last = last.event.place;
        let pool = [Bound::Integer(pool_id)];
        if mark.block.is_none() && self.has_ticks.first_integer(&pool)?.is_some() {
            return Err(EventError::Liquidity {
                place: last,
                error: LiquidityError::NoMark,
            });
        }
        let marks = Marks {
            from: mark,
            to: last.into(),
        };
        // The mark was read in this transaction.
        let advanced = self.kind(kind_table)?.advance(pool_id, marks)?;
        require_written(advanced.into(), kind_table)?;
        applied.rows.written += 1;
        self.find_ticks(first, pool_id, spacing)?;
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

    /// Looks for the ticks at the ends of one pool's positions, which begin at a place in the list of all.
    fn find_ticks(&mut self, first: usize, pool_id: i64, spacing: TickSpacing) -> QueryResult<()> {
        let pool = small(self.pools.len());
        let ends = u32::try_from(self.ends.len())
            .map_err(|error| diesel::result::Error::QueryBuilderError(error.into()))?;
        self.pools.push(ChangedPool {
            id: pool_id,
            spacing,
            ends,
        });
        let mut row = small(first);
        let ends = &mut self.ends[first..];
        // Stable: the changes of one tick stay in the order of the chain.
        ends.sort_by_key(PositionEnd::tick);
        let by_tick = ends.chunk_by(|one, other| one.tick() == other.tick());
        let wanted = by_tick.map(|ends| {
            let wanted = Wanted { pool, row };
            row += small(ends.len());
            (ends[0].tick(), wanted)
        });
        self.ticks.find(pool_id, wanted)
    }

    /// Writes the ticks and the words of all pools that were added.
    pub(crate) fn write(&mut self, applied: &mut Applied) -> Result<(), EventError> {
        let (pools, ends) = (&self.pools, &self.ends);
        let ends_of = |Wanted { pool, row }| {
            let ends = &ends[large(row)..large(pools[large(pool)].ends)];
            let tick = ends[0].tick();
            let others = ends.iter().position(|end| end.tick() != tick);
            &ends[..others.unwrap_or(ends.len())]
        };
        let mut flips = Vec::new();
        self.ticks.modify(
            |wanted| (pools[large(wanted.pool)].id, ends_of(wanted)[0].tick()),
            |wanted, tick, stored| {
                let before = stored.unwrap_or(TickLiquidity {
                    tick,
                    liquidity_net: I128(0),
                    liquidity_gross: U128(0),
                });
                let changes = ends_of(wanted).iter().map(PositionEnd::change);
                let after = changed(before, changes)?;
                let is_set = after.liquidity_gross.0 != 0;
                let spacing = pools[large(wanted.pool)].spacing;
                if is_set != (before.liquidity_gross.0 != 0)
                    && let Some((word, bit)) = bitmap_position(tick, spacing)
                {
                    flips.push(Flip {
                        pool: wanted.pool,
                        word,
                        bit: small(bit),
                        is_set,
                    });
                }
                Ok::<_, EventError>(after)
            },
            &mut applied.rows,
        )?;
        self.write_words(flips, applied)?;
        self.pools.clear();
        self.ends.clear();
        Ok(())
    }

    /// Writes the words with the bits that are to be set and cleared.
    fn write_words(&mut self, mut flips: Vec<Flip>, applied: &mut Applied) -> Result<(), RowError> {
        flips.sort_unstable_by_key(|flip| (flip.pool, flip.word));
        let is_same_word =
            |one: &Flip, other: &Flip| (one.pool, one.word) == (other.pool, other.word);
        let pools = &self.pools;
        let mut row = 0;
        for flips in flips.chunk_by(|one, other| one.pool == other.pool) {
            let pool = flips[0].pool;
            let wanted = flips.chunk_by(is_same_word).map(|flips| {
                let wanted = Wanted { pool, row };
                row += small(flips.len());
                (flips[0].word, wanted)
            });
            self.words.find(pools[large(pool)].id, wanted)?;
        }
        let flips_of = |wanted: Wanted| {
            let mut by_word = flips[large(wanted.row)..].chunk_by(is_same_word);
            by_word.next().unwrap_or_default()
        };
        self.words.modify(
            |wanted| (pools[large(wanted.pool)].id, flips_of(wanted)[0].word),
            |wanted, word, stored: Option<BitmapWord>| {
                let mut bitmap = stored.map_or_else(U256::default, |stored| stored.bitmap);
                for flip in flips_of(wanted) {
                    bitmap.0.set_bit(large(flip.bit), flip.is_set);
                }
                Ok::<_, RowError>(BitmapWord { word, bitmap })
            },
            &mut applied.rows,
        )
    }
}

/// The number of a pool, an end, a flip or a bit.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`find_ticks` checks the largest, the number of ends"
)]
const fn small(number: usize) -> u32 {
    number as u32
}

const fn large(number: u32) -> usize {
    number as usize
}
