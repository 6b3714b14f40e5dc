//! What is known of a pool, in the form in which the database stores it, and how two such descriptions differ.
//!
//! Texts are compared, not numbers: a value that no program could have written is a difference as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use alloy_primitives::U256;

use crate::models::liquidity::event_writer::LiquidityEvent;
use crate::models::liquidity::tick_bitmap::bitmap_position;
use crate::models::liquidity::tick_map::TickMap;
use crate::models::pools::liquidity_pool::insert::NewLiquidityPool;
use crate::models::pools::managed_liquidity_pool::insert::NewManagedLiquidityPool;
use crate::models::pools::pool_parameters::{Fees, PoolParameters, V2Protocol};
use crate::types::integer::{BlockNumber, Tick, TickSpacing};
use crate::types::kind::ManagedPoolKind;
use crate::types::sync_cursor::{LogPosition, SyncCursor};

/// The name of the two columns with the place of the last event.
pub(super) const MARK: &str = "mark";

/// The text of a mark without an event.
pub(super) const NO_MARK: &str = "none";

/// What is known of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PoolFacts {
    /// The values of columns. The tokens are `token0` and `token1` for both families.
    pub(super) columns: BTreeMap<&'static str, String>,
    /// The net and the gross liquidity of each initialized tick.
    pub(super) ticks: BTreeMap<i64, [String; 2]>,
    /// The words of the bitmap.
    pub(super) words: BTreeMap<i64, String>,
}

/// Something that a database says otherwise than its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What differs.
    pub subject: Subject,
    /// What the database has; `None` if it has nothing.
    pub database: Option<String>,
    /// What the chain has; `None` if it has nothing.
    pub chain: Option<String>,
}

/// What of a pool can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subject {
    /// The pool itself: one side lacks it.
    Pool,
    /// The block of the pool's creation: the exchange has created it after its block in the database.
    Creation,
    /// The number of pools of an exchange.
    PoolCount,
    /// The value of a column, or the `mark`.
    Column(&'static str),
    /// The net and the gross liquidity at a tick.
    Tick(i64),
    /// A word of the bitmap.
    Word(i64),
}

impl Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool => f.write_str("pool"),
            Self::Creation => f.write_str("creation"),
            Self::PoolCount => f.write_str("number of pools"),
            Self::Column(name) => f.write_str(name),
            Self::Tick(tick) => write!(f, "tick {tick}"),
            Self::Word(word) => write!(f, "word {word}"),
        }
    }
}

impl Difference {
    /// A pool that its exchange has created only after its block in the database.
    pub(super) fn created_after(mark: BlockNumber) -> Self {
        Self {
            subject: Subject::Creation,
            database: Some(format!("by block {mark}")),
            chain: Some(format!("after block {mark}")),
        }
    }
}

impl PoolFacts {
    /// What a database must have of a pool that an event has created.
    pub(super) fn of_new(pool: &NewLiquidityPool, liquidity: &TickMap) -> Self {
        let mut facts = Self::default();
        facts.set("kind", pool.parameters.kind().as_str());
        facts.set("exchange_id", pool.exchange_id);
        facts.set("token0", pool.token0.address);
        facts.set("token1", pool.token1.address);
        match &pool.parameters {
            PoolParameters::V2(parameters) => {
                facts.set_fees(["fee_token0", "fee_token1"], &parameters.fees);
                if let V2Protocol::Aerodrome { stable } = parameters.protocol {
                    facts.set("stable", u8::from(stable));
                }
            }
            PoolParameters::V3(parameters) => {
                facts.set_fees(["fee_token0", "fee_token1"], &parameters.fees);
                facts.set("tick_spacing", parameters.tick_spacing);
                facts.set_liquidity(liquidity);
            }
            PoolParameters::LiquidityBook(parameters) => {
                facts.set("bin_step", parameters.bin_step);
            }
        }
        facts
    }

    /// The same for a pool inside a manager.
    pub(super) fn of_new_managed(
        pool: &NewManagedLiquidityPool,
        exchange_id: i64,
        liquidity: &TickMap,
    ) -> Self {
        let mut facts = Self::default();
        facts.set("kind", ManagedPoolKind::UniswapV4.as_str());
        facts.set("exchange_id", exchange_id);
        facts.set("token0", pool.currency0.address);
        facts.set("token1", pool.currency1.address);
        facts.set("hooks", pool.hooks);
        facts.set_fees(["fee_currency0", "fee_currency1"], &pool.fees);
        facts.set("tick_spacing", pool.tick_spacing);
        facts.set_liquidity(liquidity);
        facts
    }

    pub(super) fn set(&mut self, column: &'static str, value: impl Display) {
        self.columns.insert(column, value.to_string());
    }

    pub(super) fn set_fees(&mut self, [one, other]: [&'static str; 2], fees: &Fees) {
        self.set(one, fees.token0);
        self.set(other, fees.token1);
        self.set("fee_denominator", fees.denominator);
    }

    fn set_liquidity(&mut self, liquidity: &TickMap) {
        self.set(MARK, mark_text(liquidity.sync_cursor()));
        for at in liquidity.ticks() {
            let texts = [
                at.liquidity_net.0.to_string(),
                at.liquidity_gross.0.to_string(),
            ];
            self.ticks.insert(at.tick.get().into(), texts);
        }
        for word in liquidity.words() {
            let bitmap = word.bitmap.0.to_string();
            self.words.insert(word.word.get().into(), bitmap);
        }
    }

    /// The tick spacing, if it is one.
    pub(super) fn tick_spacing(&self) -> Option<TickSpacing> {
        let number = self.columns.get("tick_spacing")?.parse().ok()?;
        TickSpacing::new(number).ok()
    }

    /// The block of the mark, if it has one.
    pub(super) fn marked_block(&self) -> Option<BlockNumber> {
        let (block, _) = self
            .columns
            .get(MARK)?
            .strip_prefix("block ")?
            .split_once(',')?;
        BlockNumber::new(block.parse().ok()?).ok()
    }

    /// Applies events to the ticks and words. What is no number stays as it is.
    pub(super) fn apply(&mut self, events: &[LiquidityEvent]) {
        let Some(spacing) = self.tick_spacing() else {
            return;
        };
        for event in events.iter().filter(|event| event.delta != 0) {
            for (tick, sign) in [(event.lower, 1), (event.upper, -1)] {
                let before = self.ticks.get(&tick.get().into());
                let [net, gross] = before.map_or_else(
                    || [Some(0), Some(0)],
                    |texts| texts.each_ref().map(|text| text.parse::<i128>().ok()),
                );
                let (Some(net), Some(gross)) = (net, gross) else {
                    continue;
                };
                let net = net.wrapping_add(event.delta.wrapping_mul(sign));
                let gross = gross.wrapping_add(event.delta);
                let key = i64::from(tick.get());
                if gross == 0 {
                    self.ticks.remove(&key);
                } else {
                    self.ticks.insert(key, [net.to_string(), gross.to_string()]);
                }
                self.set_bit(tick, spacing, gross != 0);
            }
        }
    }

    fn set_bit(&mut self, tick: Tick, spacing: TickSpacing, is_set: bool) {
        let Some((word, bit)) = bitmap_position(tick, spacing) else {
            return;
        };
        let key = i64::from(word.get());
        let stored = self.words.get(&key).map_or("0", String::as_str);
        let Ok(mut bitmap) = stored.parse::<U256>() else {
            return;
        };
        bitmap.set_bit(bit, is_set);
        if bitmap == U256::ZERO {
            self.words.remove(&key);
        } else {
            self.words.insert(key, bitmap.to_string());
        }
    }

    /// How the database, which has `self`, differs from the chain. Columns of which the chain's description says nothing
    /// are not compared.
    pub(super) fn differences(&self, chain: &Self) -> Vec<Difference> {
        let mut differences = self.differences_of_columns(chain);
        differences.extend(self.differences_of_liquidity(chain));
        differences
    }

    pub(super) fn differences_of_columns(&self, chain: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (name, expected) in &chain.columns {
            let found = self.columns.get(name);
            // The letters of an address have no meaning.
            if found.is_none_or(|found| !found.eq_ignore_ascii_case(expected)) {
                differences.push(Difference {
                    subject: Subject::Column(name),
                    database: found.cloned(),
                    chain: Some(expected.clone()),
                });
            }
        }
        differences
    }

    pub(super) fn differences_of_liquidity(&self, chain: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut add = |subject, database: Option<String>, chain: Option<String>| {
            differences.push(Difference {
                subject,
                database,
                chain,
            });
        };
        for tick in keys(&self.ticks, &chain.ticks) {
            let (found, expected) = (self.ticks.get(&tick), chain.ticks.get(&tick));
            if found != expected {
                let shown = |[net, gross]: &[String; 2]| format!("net {net}, gross {gross}");
                add(Subject::Tick(tick), found.map(shown), expected.map(shown));
            }
        }
        for word in keys(&self.words, &chain.words) {
            let (found, expected) = (self.words.get(&word), chain.words.get(&word));
            if found != expected {
                add(Subject::Word(word), found.cloned(), expected.cloned());
            }
        }
        differences
    }

    /// How the mark differs from the last event that changed liquidity, if there is one from the marked block on.
    pub(super) fn difference_of_mark(&self, last: Option<LogPosition>) -> Option<Difference> {
        let stored = self.columns.get(MARK);
        let is_none = stored.is_some_and(|stored| stored == NO_MARK);
        let chain = match last {
            Some(place) => mark_text(place.into()),
            None if is_none && self.ticks.is_empty() => return None,
            None if is_none => "an event before the liquidity".to_owned(),
            None => "no such event".to_owned(),
        };
        (stored != Some(&chain)).then(|| Difference {
            subject: Subject::Column(MARK),
            database: stored.cloned(),
            chain: Some(chain),
        })
    }
}

fn keys<T>(one: &BTreeMap<i64, T>, other: &BTreeMap<i64, T>) -> BTreeSet<i64> {
    one.keys().chain(other.keys()).copied().collect()
}

/// A mark as it is compared and shown.
pub(super) fn mark_text(mark: SyncCursor) -> String {
    match (mark.block, mark.log_index) {
        (None, None) => NO_MARK.to_owned(),
        (block, index) => {
            let text = |number: Option<String>| number.unwrap_or_else(|| "NULL".to_owned());
            let block = block.map(|block| block.to_string());
            let index = index.map(|index| index.to_string());
            format!("block {}, log {}", text(block), text(index))
        }
    }
}
