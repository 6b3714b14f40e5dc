//! The comparison of an exchange's pools with the state of their contracts at one block.

use std::collections::BTreeSet;

use alloy_primitives::U256;

use crate::deployments::event_family::EventFamily;
use crate::node::header::BlockTag;
use crate::sync::at_block::{AtBlock, is_about_the_answer, lacks_state};
use crate::sync::chain_state::{
    Holder, Item, Value, ask, plain_call, ticks_of_word, word, word_range,
};
use crate::sync::events_since::Events;
use crate::sync::pool_columns::Columns;
use crate::sync::pool_facts::{Difference, PoolFacts, Subject};
use crate::sync::pool_snapshot::PoolsOfExchange;
use crate::sync::replay::PoolKey;
use crate::sync::stored_pools::StoredPool;
use crate::sync::sync_error::SyncError;
use crate::sync::verify_report::{NotCompared, PoolFinding};

/// How many items are asked for before their pools are compared, roughly.
const ITEMS: usize = 20_000;

/// A comparison of the pools of one exchange.
pub(super) struct Comparison<'a> {
    pub(super) block: AtBlock<'a>,
    pub(super) findings: Vec<PoolFinding>,
    pub(super) not_compared: Vec<NotCompared>,
    /// How many values were compared.
    pub(super) values: u64,
}

impl Comparison<'_> {
    /// Compares the pools, and their number. Returns the number that the chain has, if it is known. `progress` gets the
    /// number of pools that are done.
    pub(super) fn run(
        &mut self,
        of_exchange: &PoolsOfExchange,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Option<u64>, SyncError> {
        // Asked first, so that a node without the state says so at once.
        let on_chain = if of_exchange.is_whole {
            self.count(of_exchange.count)?
        } else {
            None
        };
        let pools = &of_exchange.pools;
        let events = self.events(pools)?;
        let mut done = 0;
        while let Some(rest) = pools.get(done..).filter(|rest| !rest.is_empty()) {
            if self.block.cancel.is_cancelled() {
                return Err(SyncError::Interrupted);
            }
            let mut items = 0;
            let part = rest
                .iter()
                .take_while(|pool| {
                    let is_first = items == 0;
                    items += self.words_of(pool).len() + pool.facts.ticks.len() + 4;
                    is_first || items <= ITEMS
                })
                .count();
            self.part(&rest[..part], &events)?;
            done += part;
            progress(done);
        }
        Ok(on_chain)
    }

    /// Compares the number of pools with that of the factory.
    fn count(&mut self, stored: usize) -> Result<Option<u64>, SyncError> {
        let stored = stored as u64;
        let function = match self.block.exchange.family {
            EventFamily::UniswapV2 => "allPairsLength()",
            EventFamily::AerodromeV2 | EventFamily::AerodromeV3 => "allPoolsLength()",
            EventFamily::UniswapV3 | EventFamily::UniswapV4 => {
                // They do not count. Where all pools are compared, the missing ones are named.
                return Ok(self
                    .block
                    .creations
                    .map(|creations| creations.order.len() as u64));
            }
        };
        let call = plain_call(self.block.exchange.deployment.factory, function);
        // At the block of the database: of the newest one, nobody knows which pools are new.
        let answers = match self
            .block
            .node
            .calls(&[call], BlockTag::Number(self.block.mark.number))
        {
            Err(error) if lacks_state(&error) && self.block.at.number > self.block.mark.number => {
                return Ok(self
                    .block
                    .creations
                    .map(|creations| creations.order.len() as u64));
            }
            answers => answers?,
        };
        let counted = match answers.first() {
            Some(Ok(answer)) => word(answer).and_then(|count| u64::try_from(count).ok()),
            _ => None,
        };
        let Some(counted) = counted else {
            if self.block.creations.is_none() {
                self.not_compared.push(NotCompared {
                    exchange: self.block.exchange.name(),
                    pool: None,
                    reason: format!("its factory does not say how many pools it has ({function})"),
                });
            }
            return Ok(self
                .block
                .creations
                .map(|creations| creations.order.len() as u64));
        };
        self.values += 1;
        if counted != stored {
            self.findings.push(PoolFinding {
                exchange: self.block.exchange.name(),
                pool: None,
                id: None,
                differences: vec![Difference {
                    subject: Subject::PoolCount,
                    database: Some(stored.to_string()),
                    chain: Some(counted.to_string()),
                }],
            });
        }
        Ok(Some(counted))
    }

    /// The words of a pool's bitmap that are asked for.
    fn words_of(&self, pool: &StoredPool) -> BTreeSet<i64> {
        match pool.facts.tick_spacing() {
            Some(spacing) if self.has_ticks() => word_range(spacing).collect(),
            _ => BTreeSet::new(),
        }
    }

    pub(super) fn has_ticks(&self) -> bool {
        !matches!(
            self.block.exchange.family,
            EventFamily::UniswapV2 | EventFamily::AerodromeV2
        )
    }

    fn holder(&self, key: PoolKey) -> Holder {
        match key {
            PoolKey::Address(pool) => Holder::Pool(pool),
            PoolKey::Hash(_, hash) => Holder::Manager(self.block.exchange.deployment.factory, hash),
        }
    }

    fn part(&mut self, pools: &[StoredPool], events: &Events) -> Result<(), SyncError> {
        let keys: Vec<_> = pools
            .iter()
            .map(|pool| (pool, pool.chain_key(self.block.index)))
            .collect();
        let columns = Columns::ask(&self.block, &keys)?;
        let liquidity = self.liquidity(&keys)?;
        for (((pool, key), columns), liquidity) in keys.into_iter().zip(columns).zip(liquidity) {
            let Some(key) = key else {
                self.values += 1;
                self.found(pool, vec![unknown(pool, "no valid address or hash")]);
                continue;
            };
            let mut differences = match columns {
                Columns::Found(chain) => {
                    self.values += chain.columns.len() as u64;
                    pool.facts.differences_of_columns(&chain)
                }
                Columns::Unknown => {
                    self.values += 1;
                    self.found(pool, vec![unknown(pool, "there is no such pool")]);
                    continue;
                }
                Columns::Differ(differences) => {
                    self.values += differences.len() as u64;
                    differences
                }
                Columns::NotCompared(reason) => {
                    self.not_compared(pool, reason);
                    Vec::new()
                }
            };
            let of_pool = events.of_pools.get(&key);
            match liquidity {
                Some(Ok(chain)) => {
                    let mut database = pool.facts.clone();
                    if let Some(of_pool) = of_pool {
                        database.apply(&of_pool.later);
                    }
                    self.values += chain.asked;
                    differences.extend(database.differences_of_liquidity(&chain.facts));
                }
                Some(Err(reason)) => self.not_compared(pool, reason),
                None => {}
            }
            if self.has_ticks() && events.are_complete {
                self.values += 1;
                let last = of_pool.map(|of_pool| of_pool.last);
                differences.extend(pool.facts.difference_of_mark(last.flatten()));
            }
            self.found(pool, differences);
        }
        Ok(())
    }

    /// The ticks and words of pools; `None` for one without ticks.
    fn liquidity(
        &self,
        pools: &[(&StoredPool, Option<PoolKey>)],
    ) -> Result<Vec<Option<Result<Liquidity, String>>>, SyncError> {
        let at = BlockTag::Number(self.block.at.number);
        let asked = |items: &[Vec<Item>]| -> Result<Vec<Result<Vec<Value>, String>>, SyncError> {
            let (mut calls, mut ranges) = (Vec::new(), Vec::new());
            for ((_, key), items) in pools.iter().zip(items) {
                let begin = calls.len();
                if let Some(key) = key {
                    calls.extend(self.holder(*key).calls(items));
                }
                ranges.push(begin..calls.len());
            }
            let answers = ask(self.block.node, self.block.threads, &calls, at)?;
            let of_pools = pools.iter().zip(items).zip(ranges);
            Ok(of_pools
                .map(|(((_, key), items), range)| {
                    let answers = answers.get(range).unwrap_or_default();
                    match key {
                        Some(key) => self.holder(*key).values(items, answers),
                        None => Ok(Vec::new()),
                    }
                })
                .collect())
        };
        let words: Vec<Vec<Item>> = pools
            .iter()
            .map(|(pool, _)| {
                let stored = pool.facts.words.keys().copied();
                let stored = stored.filter(|word| i16::try_from(*word).is_ok());
                let words: BTreeSet<i64> = self.words_of(pool).into_iter().chain(stored).collect();
                words.into_iter().map(Item::Word).collect()
            })
            .collect();
        let found_words = asked(&words)?;
        let ticks: Vec<Vec<Item>> = pools
            .iter()
            .zip(&words)
            .zip(&found_words)
            .map(|(((pool, _), items), values)| {
                let stored = pool.facts.ticks.keys().copied();
                // The contract takes 24 bits.
                let mut ticks: BTreeSet<i64> = stored
                    .filter(|tick| tick.unsigned_abs() < 1 << 23)
                    .collect();
                let Some(spacing) = pool.facts.tick_spacing() else {
                    return Vec::new();
                };
                for (item, value) in items.iter().zip(values.iter().flatten()) {
                    if let (Item::Word(word), Value::Word(bitmap)) = (item, value) {
                        ticks.extend(ticks_of_word(*word, *bitmap, spacing));
                    }
                }
                ticks.into_iter().map(Item::Tick).collect()
            })
            .collect();
        let found_ticks = asked(&ticks)?;
        let mut liquidity = Vec::with_capacity(pools.len());
        let of_pools = words
            .iter()
            .zip(found_words)
            .zip(ticks.iter().zip(found_ticks));
        for ((words, found_words), (ticks, found_ticks)) in of_pools {
            liquidity.push(if self.has_ticks() {
                Some(
                    found_words.and_then(|values| {
                        Ok(Liquidity::new(words, &values, ticks, &found_ticks?))
                    }),
                )
            } else {
                None
            });
        }
        Ok(liquidity)
    }

    pub(super) fn found(&mut self, pool: &StoredPool, differences: Vec<Difference>) {
        if !differences.is_empty() {
            self.findings.push(PoolFinding {
                exchange: self.block.exchange.name(),
                pool: Some(pool.key.clone()),
                id: Some(pool.id.id),
                differences,
            });
        }
    }

    fn not_compared(&mut self, pool: &StoredPool, reason: String) {
        self.not_compared.push(NotCompared {
            exchange: self.block.exchange.name(),
            pool: Some(pool.key.clone()),
            reason,
        });
    }

    /// The events that tell the marks, and what has happened since the block of the database.
    fn events(&mut self, pools: &[StoredPool]) -> Result<Events, SyncError> {
        if !self.has_ticks() {
            return Ok(Events::default());
        }
        match Events::read(&self.block, pools) {
            Err(SyncError::Node { source })
                if is_about_the_answer(&source)
                    && self.block.at.number == self.block.mark.number =>
            {
                self.not_compared.push(NotCompared {
                    exchange: self.block.exchange.name(),
                    pool: None,
                    reason: format!("the marks of its pools: {source}"),
                });
                Ok(Events::default())
            }
            result => result,
        }
    }
}

/// A pool that the chain does not have.
fn unknown(pool: &StoredPool, why: &str) -> Difference {
    let kind = pool.facts.columns.get("kind");
    Difference {
        subject: Subject::Pool,
        database: Some(kind.cloned().unwrap_or_default()),
        chain: Some(why.to_owned()),
    }
}

/// The liquidity of a pool on its chain.
struct Liquidity {
    facts: PoolFacts,
    asked: u64,
}

impl Liquidity {
    fn new(words: &[Item], bitmaps: &[Value], ticks: &[Item], liquidity: &[Value]) -> Self {
        let mut facts = PoolFacts::default();
        for (item, value) in words.iter().zip(bitmaps) {
            if let (Item::Word(word), Value::Word(bitmap)) = (item, value)
                && *bitmap != U256::ZERO
            {
                facts.words.insert(*word, bitmap.to_string());
            }
        }
        for (item, value) in ticks.iter().zip(liquidity) {
            if let (Item::Tick(tick), Value::Tick { net, gross }) = (item, value)
                && *gross != 0
            {
                let texts = [net.to_string(), gross.to_string()];
                facts.ticks.insert(*tick, texts);
            }
        }
        Self {
            facts,
            asked: (words.len() + ticks.len()) as u64,
        }
    }
}
