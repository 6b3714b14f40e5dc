//! The rules about ticks and initialization maps.
//!
//! A pass reads both tables pool by pool, in the order of an index. It needs little memory for any number of rows. Each pass
//! is for a range of pools.

use std::cmp::Ordering;
use std::ffi::c_int;
use std::sync::atomic::Ordering::Relaxed;

use alloy_primitives::U256 as Word;
use diesel::prelude::*;

use crate::database::error::database_error::Error;
use crate::database::verification::checker::{Checker, divide};
use crate::database::verification::crew::Part;
use crate::database::verification::findings::Findings;
use crate::database::verification::plan::Plan;
use crate::database::verification::rule::Rule;
use crate::database::verification::values;
use crate::models::access::columns::Columns;
use crate::models::liquidity::tick_bitmap::bitmap_position;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::POOL_KIND_TABLES;
use crate::sqlite::prepared::{Bound, Statement};
use crate::types::decimal::{I128, U128, U256};
use crate::types::integer::{Tick, TickSpacing, WordPosition};
use crate::types::stored::{Decode, Stored};

/// The number of rows between two progress reports.
const ROWS: u64 = 16_384;

/// The ids of the pools of a part of the work.
#[derive(Debug, Clone, Copy)]
enum PoolIds {
    /// The rows without an id.
    None,
    /// The ids from the first on, before the second.
    Between(Option<i64>, Option<i64>),
}

impl PoolIds {
    /// The ids of the pools of a family, in ranges that together have every row, whatever its id is.
    fn ranges(plan: &Plan<'_, '_>, family: PoolFamily) -> Vec<Self> {
        const LEAST_WIDTH: u64 = 512;
        let ids = divide(plan.rowids(family.table()), LEAST_WIDTH);
        let between = ids.iter().map(|&(first, last)| {
            let first = (first != i64::MIN).then_some(first);
            Self::Between(first, last.checked_add(1))
        });
        std::iter::once(Self::None).chain(between).collect()
    }

    /// The condition for a column. `?1` is NULL: of a column that is declared as NOT NULL, SQLite would not look for a NULL
    /// that is written out.
    fn condition(self, column: &str) -> String {
        match self {
            Self::None => format!("{column} IS ?1"),
            Self::Between(None, None) => format!("{column} NOTNULL"),
            Self::Between(Some(first), None) => format!("{column} >= {first}"),
            Self::Between(None, Some(after)) => format!("{column} < {after}"),
            Self::Between(Some(first), Some(after)) => {
                format!("{column} >= {first} AND {column} < {after}")
            }
        }
    }
}

/// Plans the checks of the liquidity of both families of pools.
pub(super) fn plan(plan: &mut Plan<'_, '_>) {
    for family in PoolFamily::ALL {
        let (ticks, words) = (family.tick_columns().table, family.word_columns().table);
        plan.expect(ticks, ticks);
        if plan.catalogue.tables.contains_key(words) {
            plan.expect(ticks, words);
        }
        let suspicions: Vec<_> = [ticks, words]
            .iter()
            .filter_map(|table| plan.has_no_pool.get(table).cloned())
            .collect();
        for ids in PoolIds::ranges(plan, family) {
            let suspicions = suspicions.clone();
            plan.parts.push(Part::new(move |checker| {
                checker.attempt(Some(ticks), "liquidity", |checker| {
                    let has_pools = check_family(checker, family, ids);
                    if !matches!(has_pools, Ok(true)) {
                        for suspicion in &suspicions {
                            suspicion.store(true, Relaxed);
                        }
                    }
                    has_pools.map(drop)
                })
            }));
        }
    }
}

/// Returns whether each row refers to a pool.
fn check_family(
    checker: &mut Checker<'_>,
    family: PoolFamily,
    ids: PoolIds,
) -> Result<bool, Error> {
    let (ticks, words) = (family.tick_columns(), family.word_columns());
    let mut pass = Pass {
        family,
        pools: Pools::of(checker, family)?,
        ticks: Rows::of(checker, family, ids, ticks, "tick")?,
        words: None,
    };
    // Some releases have dropped the table of words and compute them.
    if checker.catalogue.tables.contains_key(words.table) {
        pass.words = Some(Rows::of(checker, family, ids, words, "word")?);
    }
    let mut told = 0;
    while let Some(pool_id) = pass.next_pool() {
        pass.check_pool(pool_id, &mut checker.findings)?;
        if pass.read() >= told + ROWS {
            checker.advance(ticks.table, pass.read() - told)?;
            told = pass.read();
        }
    }
    checker.advance(ticks.table, pass.read() - told)?;
    let rows = [Some(&pass.ticks), pass.words.as_ref()];
    let have_ids = rows.iter().flatten().all(|rows| !rows.has_no_id);
    Ok(have_ids && !pass.pools.is_missing)
}

/// A pass over both tables of a family, pool by pool.
struct Pass<'operation> {
    family: PoolFamily,
    pools: Pools<'operation>,
    ticks: Rows<'operation>,
    words: Option<Rows<'operation>>,
}

/// A word that is derived from the ticks.
struct Derived {
    position: WordPosition,
    bits: Word,
    /// The bits of ticks whose liquidity cannot be read, so that it is unknown whether they are initialized.
    unknown: Word,
}

/// The pool of a tick or a word, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Spaced(TickSpacing),
    WithoutTicks,
    /// The pool is missing, or other rules report it.
    Unknown,
}

/// The exact sum of the net liquidity of ticks: what is added and what is removed as the price rises.
#[derive(Default)]
struct Net {
    added: Word,
    removed: Word,
    is_incomplete: bool,
    /// The first tick at which the sum is below zero.
    below_zero: Option<Tick>,
}

impl Pass<'_> {
    /// The number of rows so far.
    fn read(&self) -> u64 {
        self.ticks.read + self.words.as_ref().map_or(0, |words| words.read)
    }

    fn next_pool(&self) -> Option<i64> {
        let words = self.words.as_ref().and_then(|words| words.pool_id);
        match (self.ticks.pool_id, words) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    fn check_pool(&mut self, pool_id: i64, findings: &mut Findings) -> Result<(), Error> {
        let pool = self.pools.find(pool_id)?;
        let mut net = Net::default();
        let mut derived: Option<Derived> = None;
        while self.ticks.pool_id == Some(pool_id) {
            let (tick, is_initialized) = self.check_tick(&mut net, findings);
            if pool == Pool::WithoutTicks {
                self.ticks.add(Rule::TickSpacing, findings, || {
                    format!("pool {pool_id} is of a kind without ticks")
                });
            }
            if let (Some(tick), Pool::Spaced(spacing)) = (tick, pool) {
                match bitmap_position(tick, spacing) {
                    None => self.ticks.add(Rule::TickSpacing, findings, || {
                        format!("tick {tick} is not a multiple of {spacing}")
                    }),
                    Some((position, bit)) => {
                        if let Some(before) = derived.take_if(|word| word.position != position) {
                            self.compare(pool_id, pool, Some(before), findings)?;
                        }
                        derived
                            .get_or_insert_with(|| Derived::new(position))
                            .take_in(bit, is_initialized);
                    }
                }
            }
            self.ticks.advance(findings)?;
        }
        if let Some(last) = derived {
            self.compare(pool_id, pool, Some(last), findings)?;
        }
        self.compare(pool_id, pool, None, findings)?;
        if pool != Pool::Unknown
            && let Some(detail) = net.fault()
        {
            let table = self.family.table();
            findings.add(Rule::LiquiditySum, Some(table), Some(pool_id), || detail);
        }
        Ok(())
    }

    /// The current row's tick, and whether it is initialized. Each is `None` if it cannot be read.
    fn check_tick(&self, net: &mut Net, findings: &mut Findings) -> (Option<Tick>, Option<bool>) {
        let tick = self.ticks.value::<Tick>(1, findings);
        let liquidity_net = self.ticks.value::<I128>(2, findings);
        let liquidity_gross = self.ticks.value::<U128>(3, findings);
        net.take_in(tick, liquidity_net);
        match (liquidity_net, liquidity_gross) {
            (_, Some(U128(0))) => self.ticks.add(Rule::LiquidityGross, findings, || {
                "liquidity_gross is 0".to_owned()
            }),
            (Some(net), Some(gross)) if net.0.unsigned_abs() > gross.0 => {
                self.ticks.add(Rule::LiquidityGross, findings, || {
                    format!("liquidity_gross {gross} is less than liquidity_net {net}")
                });
            }
            _ => {}
        }
        (tick, liquidity_gross.map(|gross| gross.0 > 0))
    }

    /// Compares a pool's stored words with the derived ones, up to and including `derived`. With `None`, it compares
    /// the rest.
    fn compare(
        &mut self,
        pool_id: i64,
        pool: Pool,
        derived: Option<Derived>,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let Some(words) = &mut self.words else {
            return Ok(());
        };
        let mut is_stored = false;
        while words.pool_id == Some(pool_id) {
            // This records no finding, because a later call may read the row again.
            let position: Option<WordPosition> = words.peek(1);
            let place = match (position, &derived) {
                (Some(position), Some(derived)) => position.cmp(&derived.position),
                _ => Ordering::Less,
            };
            if place == Ordering::Greater {
                break;
            }
            let expected = derived.as_ref().filter(|_| place == Ordering::Equal);
            is_stored |= expected.is_some();
            words.value::<WordPosition>(1, findings);
            let bitmap = words.value::<U256>(2, findings);
            match (pool, position, bitmap) {
                (Pool::Spaced(spacing), Some(position), Some(U256(stored))) => {
                    let (bits, unknown) = expected.map_or((Word::ZERO, Word::ZERO), |derived| {
                        (derived.bits, derived.unknown)
                    });
                    let wrong = (stored ^ bits) & !unknown;
                    if !wrong.is_zero() {
                        words.add(Rule::Bitmap, findings, || {
                            describe(wrong, stored, position, spacing)
                        });
                    }
                }
                (Pool::WithoutTicks, ..) => words.add(Rule::Bitmap, findings, || {
                    format!("pool {pool_id} is of a kind without ticks")
                }),
                _ => {}
            }
            words.advance(findings)?;
        }
        if let (Some(derived), Pool::Spaced(spacing), false) = (derived, pool, is_stored) {
            let wrong = derived.bits & !derived.unknown;
            if !wrong.is_zero() {
                let table = self.family.table();
                findings.add(Rule::Bitmap, Some(table), Some(pool_id), || {
                    let bits = describe(wrong, Word::ZERO, derived.position, spacing);
                    format!("the word is missing: {bits}")
                });
            }
        }
        Ok(())
    }
}

/// Describes the wrong bits of a stored word.
fn describe(wrong: Word, stored: Word, position: WordPosition, spacing: TickSpacing) -> String {
    let bit = wrong.trailing_zeros();
    let compressed = i64::from(position.get()) * 256 + i64::try_from(bit).unwrap_or_default();
    let tick = compressed * i64::from(spacing.get());
    let (is_set, is_initialized) = if stored.bit(bit) {
        ("set", "not initialized")
    } else {
        ("not set", "initialized")
    };
    let others = match wrong.count_ones() - 1 {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    format!("bit {bit} of word {position} is {is_set}, tick {tick} is {is_initialized}{others}")
}

impl Derived {
    const fn new(position: WordPosition) -> Self {
        Self {
            position,
            bits: Word::ZERO,
            unknown: Word::ZERO,
        }
    }

    fn take_in(&mut self, bit: usize, is_initialized: Option<bool>) {
        match is_initialized {
            Some(is_initialized) => self.bits.set_bit(bit, is_initialized),
            None => self.unknown.set_bit(bit, true),
        }
    }
}

impl Net {
    /// The problem of the sum after the last tick, if there is one.
    fn fault(&self) -> Option<String> {
        if self.is_incomplete {
            return None;
        }
        if self.added != self.removed {
            let sum = self.added.abs_diff(self.removed);
            let sign = if self.added < self.removed { "-" } else { "" };
            return Some(format!(
                "the net liquidity of its ticks adds up to {sign}{sum}"
            ));
        }
        let tick = self.below_zero?;
        Some(format!(
            "the net liquidity of its ticks is below zero at tick {tick}"
        ))
    }

    fn take_in(&mut self, tick: Option<Tick>, net: Option<I128>) {
        match net {
            Some(I128(net)) if net < 0 => self.removed += Word::from(net.unsigned_abs()),
            Some(I128(net)) => self.added += Word::from(net.unsigned_abs()),
            None => self.is_incomplete = true,
        }
        if self.added < self.removed {
            self.below_zero = self.below_zero.or(tick);
        }
    }
}

/// Finds pools by id.
struct Pools<'operation> {
    statement: Statement<'operation>,
    /// Whether one was not there.
    is_missing: bool,
}

impl<'operation> Pools<'operation> {
    fn of(checker: &Checker<'operation>, family: PoolFamily) -> QueryResult<Self> {
        let spacings: Vec<_> = POOL_KIND_TABLES
            .iter()
            .filter(|kind| kind.family == family && kind.has_ticks())
            .filter(|kind| checker.catalogue.tables.contains_key(kind.table))
            .map(|kind| {
                format!(
                    "WHEN '{}' THEN (SELECT s.tick_spacing FROM {} AS s WHERE s.{} = p.id)",
                    kind.name,
                    kind.table,
                    family.key()
                )
            })
            .collect();
        let sql = format!(
            "SELECT p.kind, CASE p.kind {} END FROM {} AS p WHERE p.id = ?1",
            spacings.join(" "),
            family.table()
        );
        Ok(Self {
            statement: checker.statements.prepare(&sql)?,
            is_missing: false,
        })
    }

    fn find(&mut self, id: i64) -> QueryResult<Pool> {
        self.statement.query(&[Bound::Integer(id)])?;
        if !self.statement.step()? {
            self.is_missing = true;
            return Ok(Pool::Unknown);
        }
        let has_no_ticks = |name: Stored<'_>| {
            POOL_KIND_TABLES
                .iter()
                .any(|kind| !kind.has_ticks() && name == Stored::Text(kind.name.as_bytes()))
        };
        Ok(match TickSpacing::decode(self.statement.column(1)) {
            Ok(spacing) => Pool::Spaced(spacing),
            Err(_) if has_no_ticks(self.statement.column(0)) => Pool::WithoutTicks,
            Err(_) => Pool::Unknown,
        })
    }
}

/// The rows of a table, ordered by pool.
struct Rows<'operation> {
    statement: Statement<'operation>,
    columns: Columns,
    key: &'static str,
    /// The current row's pool, or `None` after the last row.
    pool_id: Option<i64>,
    /// Whether a row has no id of a pool.
    has_no_id: bool,
    read: u64,
}

impl<'operation> Rows<'operation> {
    fn of(
        checker: &mut Checker<'operation>,
        family: PoolFamily,
        ids: PoolIds,
        columns: Columns,
        order: &str,
    ) -> QueryResult<Self> {
        let key = family.key();
        let sql = format!(
            "SELECT {}, r.{key} FROM {} AS r WHERE {} ORDER BY r.{key}, r.{order}",
            columns.of("r"),
            columns.table,
            ids.condition(&format!("r.{key}"))
        );
        let mut statement = checker.statements.prepare(&sql)?;
        if matches!(ids, PoolIds::None) {
            statement.query(&[Bound::Null])?;
        }
        let mut rows = Self {
            statement,
            columns,
            key,
            pool_id: None,
            has_no_id: false,
            read: 0,
        };
        rows.advance(&mut checker.findings)?;
        Ok(rows)
    }

    /// Advances to the next row with a pool's id. Rows without one are checked on the way.
    fn advance(&mut self, findings: &mut Findings) -> QueryResult<()> {
        loop {
            if !self.statement.step()? {
                self.pool_id = None;
                return Ok(());
            }
            self.read += 1;
            let pool_id = self.statement.column(self.columns.end());
            self.pool_id = pool_id.as_integer();
            if self.pool_id.is_some() {
                return Ok(());
            }
            self.add_fault(self.key, pool_id, findings);
            self.add_faults(findings);
            self.has_no_id = true;
        }
    }

    /// Records the invalid values of a row without a pool.
    fn add_faults(&self, findings: &mut Findings) {
        for (index, column) in (0..).zip(self.columns.names) {
            let stored = self.statement.column(self.columns.offset + index);
            self.add_fault(column, stored, findings);
        }
    }

    /// The value of a column, or `None` if it is invalid.
    fn peek<T: Decode>(&self, index: c_int) -> Option<T> {
        T::decode(self.statement.column(self.columns.offset + index)).ok()
    }

    /// The value of a column. An invalid one is recorded.
    fn value<T: Decode>(&self, index: c_int, findings: &mut Findings) -> Option<T> {
        let value = self.peek(index);
        if value.is_none()
            && let Some(column) = usize::try_from(index)
                .ok()
                .and_then(|index| self.columns.names.get(index))
        {
            let stored = self.statement.column(self.columns.offset + index);
            self.add_fault(column, stored, findings);
        }
        value
    }

    fn add_fault(&self, column: &str, stored: Stored<'_>, findings: &mut Findings) {
        if let Some((rule, detail)) = values::fault(self.columns.table, column, stored) {
            self.add(rule, findings, || detail);
        }
    }

    /// Records a violation of the current row.
    #[cold]
    fn add(&self, rule: Rule, findings: &mut Findings, detail: impl FnOnce() -> String) {
        let id = self.columns.get(&self.statement, 0).ok();
        findings.add(rule, Some(self.columns.table), id, detail);
    }
}
