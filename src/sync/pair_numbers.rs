//! The numbers that V2 factories give their pools, by which missing ones are noticed.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::models::pools::liquidity_pool::LiquidityPool;
use crate::models::pools::liquidity_pool::insert::NewLiquidityPool;
use crate::schema::pools;
use crate::sync::changes::NewPoolFacts;
use crate::sync::scope::{Scope, ScopedExchange};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;

/// The last numbers of the pools that are in the database, by exchange.
#[derive(Debug, Default)]
pub(super) struct PairNumbers {
    last: HashMap<i64, Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    number: u64,
    /// The pool whose event has the number; `None` if the number is that of the rows.
    pool: Option<Address>,
    /// Whether a gap behind it is an error: all events up to it are known.
    is_certain: bool,
    /// Whether another connection may have changed the database since.
    is_old: bool,
}

/// Pairs that an older update has lost, by the exchange's place in the scope.
pub(super) type Lost = HashMap<usize, u64>;

impl PairNumbers {
    /// Looks again whether the last pools are in the database, before their numbers count.
    pub(super) fn clear(&mut self) {
        for last in self.last.values_mut() {
            last.is_old = true;
        }
    }

    /// Checks the numbers of new pools, in the order of their creation, before they are inserted.
    ///
    /// A gap behind a pool whose event this run has seen is an error of the node's answer. So is one in an exchange
    /// that this run takes in from its first block. Any other gap is the loss of an older update.
    pub(super) fn check(
        &mut self,
        connection: &mut SqliteConnection,
        scope: &Scope,
        new: &[NewLiquidityPool],
        facts: &[NewPoolFacts],
    ) -> Result<Lost, SyncError> {
        let mut lost = Lost::new();
        for (pool, facts) in new.iter().zip(facts) {
            let (Some(number), Some(exchange)) =
                (facts.number, scope.exchanges.get(facts.exchange))
            else {
                continue;
            };
            let before = self.last(connection, exchange)?;
            let expected = before.number + 1;
            if number > expected {
                if before.is_certain {
                    return Err(SyncError::MissingPairs {
                        exchange: Box::new(exchange.name()),
                        place: facts.place,
                        expected,
                        found: number,
                    });
                }
                *lost.entry(facts.exchange).or_default() += number - expected;
            }
            self.last.insert(
                exchange.id,
                Last {
                    number,
                    pool: Some(pool.address),
                    is_certain: true,
                    is_old: false,
                },
            );
        }
        Ok(lost)
    }

    /// Remembers that an exchange which had no mark before is taken in from its first block on, also if no pool has
    /// come yet.
    pub(super) fn begin(
        &mut self,
        connection: &mut SqliteConnection,
        exchange: &ScopedExchange,
    ) -> Result<(), SyncError> {
        if exchange.mark.is_none() && !self.last.contains_key(&exchange.id) {
            let last = self.last(connection, exchange)?;
            self.last.insert(exchange.id, last);
        }
        Ok(())
    }

    fn last(
        &self,
        connection: &mut SqliteConnection,
        exchange: &ScopedExchange,
    ) -> Result<Last, SyncError> {
        if let Some(last) = self.last.get(&exchange.id) {
            let chain = exchange.deployment.chain;
            let is_there = match last.pool {
                _ if !last.is_old => true,
                Some(pool) => LiquidityPool::by_address(connection, chain, pool)?.is_some(),
                None => false,
            };
            if is_there {
                return Ok(*last);
            }
        }
        Ok(Last {
            number: count(connection, exchange.id)?,
            pool: None,
            is_certain: exchange.mark.is_none(),
            is_old: false,
        })
    }
}

fn count(connection: &mut SqliteConnection, exchange_id: i64) -> QueryResult<u64> {
    let count: i64 = pools::table
        .filter(pools::exchange_id.eq(exchange_id))
        .count()
        .get_result(connection)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
