//! Writes pools anew, as the events of their chain say.

use std::collections::BTreeSet;

use diesel::sqlite::SqliteConnection;

use crate::models::journal::release::PoolRow;
use crate::models::pools::liquidity_pool::LiquidityPool;
use crate::models::pools::liquidity_pool::rewrite::delete_pool;
use crate::models::pools::managed_liquidity_pool::ManagedLiquidityPool;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_parameters::PoolParameters;
use crate::sqlite::prepared::Statements;
use crate::sync::pool_facts::{Difference, Subject};
use crate::sync::pool_snapshot::Snapshot;
use crate::sync::replay::{NewPool, PoolKey, Replay, ReplayedPool};
use crate::sync::scope::ScopedExchange;
use crate::sync::stored_pools::{PoolId, StoredPool, named};
use crate::sync::sync_error::SyncError;
use crate::sync::verify_report::PoolFinding;

/// A pool that is not as the chain has it.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// The place of its exchange in the scope.
    pub(super) exchange: usize,
    /// `None` if the row names no pool.
    pub(super) key: Option<PoolKey>,
    /// `None` if the database lacks it.
    pub(super) id: Option<PoolId>,
    /// Whether the exchange has created it.
    pub(super) is_known: bool,
    /// Whether the exchange has created it after its block in the database.
    pub(super) is_later: bool,
    pub(super) finding: PoolFinding,
}

impl PoolId {
    /// The pool's place in the journal.
    pub(super) fn row(self) -> PoolRow {
        PoolRow {
            table: self.family.table(),
            key: self.family.key(),
            id: self.id,
        }
    }
}

/// The pools that differ from those that events have made. Of an exchange that is replayed as a whole, the missing ones
/// are among them. `later` has pools that were created after the blocks of the replay.
pub(super) fn faults(
    snapshot: &Snapshot,
    replay: &Replay,
    later: &BTreeSet<PoolKey>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut stored: BTreeSet<PoolKey> = BTreeSet::new();
    for (index, of_exchange) in &snapshot.pools {
        let Some(exchange) = snapshot.scope.exchanges.get(*index) else {
            continue;
        };
        let Some(mark) = exchange.mark else {
            continue;
        };
        for pool in &of_exchange.pools {
            let key = pool.chain_key(*index);
            let found = key.and_then(|key| replay.pools.get(&key));
            // One row is enough.
            let is_second = key.is_some_and(|key| !stored.insert(key));
            let is_later = !is_second && key.is_some_and(|key| later.contains(&key));
            let differences = match found.filter(|_| !is_second) {
                Some(replayed) => pool
                    .facts
                    .differences(&replayed.facts(replayed_exchange(snapshot, replayed, exchange))),
                None if is_later => vec![Difference::created_after(mark)],
                None => vec![unknown(pool)],
            };
            if !differences.is_empty() {
                faults.push(Fault {
                    exchange: *index,
                    key,
                    id: Some(pool.id),
                    is_known: found.is_some() && !is_second,
                    is_later: found.is_none() && is_later,
                    finding: PoolFinding {
                        exchange: exchange.name(),
                        pool: Some(pool.key.clone()),
                        id: Some(pool.id.id),
                        differences,
                    },
                });
            }
        }
    }
    for key in &replay.order {
        let Some(pool) = replay.pools.get(key).filter(|_| !stored.contains(key)) else {
            continue;
        };
        if let Some(exchange) = snapshot.scope.exchanges.get(pool.exchange) {
            faults.push(missing(*key, pool, exchange));
        }
    }
    faults
}

/// The id of the exchange that has created a pool.
fn replayed_exchange(snapshot: &Snapshot, replayed: &ReplayedPool, other: &ScopedExchange) -> i64 {
    let found = snapshot.scope.exchanges.get(replayed.exchange);
    found.unwrap_or(other).id
}

fn missing(key: PoolKey, pool: &ReplayedPool, exchange: &ScopedExchange) -> Fault {
    Fault {
        exchange: pool.exchange,
        key: Some(key),
        id: None,
        is_known: true,
        is_later: false,
        finding: PoolFinding {
            exchange: exchange.name(),
            pool: Some(pool.new.name()),
            id: None,
            differences: vec![Difference {
                subject: Subject::Pool,
                database: None,
                chain: Some("created".to_owned()),
            }],
        },
    }
}

fn unknown(pool: &StoredPool) -> Difference {
    let kind = pool.facts.columns.get("kind");
    Difference {
        subject: Subject::Pool,
        database: Some(kind.cloned().unwrap_or_default()),
        chain: Some("the exchange has not created it".to_owned()),
    }
}

/// What was done to pools.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// The pools whose rows were written anew.
    pub(super) rewritten: u64,
    /// The pools that were missing.
    pub(super) inserted: u64,
    /// The pools that no exchange has created.
    pub(super) deleted: u64,
}

/// Makes pools as their events say. A pool that no exchange has created is deleted if `deletes_unknown`. Runs in the
/// caller's transaction.
pub(super) fn mend(
    connection: &mut SqliteConnection,
    snapshot: &Snapshot,
    replay: &Replay,
    faults: &[Fault],
    deletes_unknown: bool,
) -> Result<Mended, SyncError> {
    let mut mended = Mended::default();
    for fault in faults {
        let Some(exchange) = snapshot.scope.exchanges.get(fault.exchange) else {
            continue;
        };
        let replayed = fault.key.and_then(|key| replay.pools.get(&key));
        match (fault.id, replayed) {
            (Some(id), _) if !fault.is_known => {
                if deletes_unknown && !fault.is_later {
                    delete_pool(Statements::of(connection)?, id.family, id.id)?;
                    mended.deleted += 1;
                }
            }
            (id, Some(replayed)) => match write(connection, exchange, id, replayed)? {
                Some(Wrote::Rewritten) => mended.rewritten += 1,
                Some(Wrote::Inserted) => mended.inserted += 1,
                None => {}
            },
            (_, None) => {}
        }
    }
    Ok(mended)
}

/// How a pool was written.
enum Wrote {
    Rewritten,
    Inserted,
}

/// Writes a pool. `None` if it can have no row: a pool inside a manager that the database lacks.
fn write(
    connection: &mut SqliteConnection,
    exchange: &ScopedExchange,
    id: Option<PoolId>,
    replayed: &ReplayedPool,
) -> Result<Option<Wrote>, SyncError> {
    let liquidity = &replayed.liquidity;
    let (family, id, wrote) = match &replayed.new {
        NewPool::Own(pool) => {
            let mut pool = pool.clone();
            if let PoolParameters::V3(parameters) = &mut pool.parameters {
                parameters.sync_cursor = liquidity.sync_cursor();
            }
            // The row may be there as one of another exchange.
            let others = named(
                Statements::of(connection)?,
                pool.chain,
                &replayed.new.name(),
            )?;
            let (id, wrote) = if let Some(id) = id.or_else(|| others.first().copied()) {
                LiquidityPool::rewrite(connection, id.id, &pool)?;
                (Some(id.id), Wrote::Rewritten)
            } else {
                let ids = LiquidityPool::insert_or_get(connection, &[pool])?;
                (ids.last().copied(), Wrote::Inserted)
            };
            (PoolFamily::Pools, id, wrote)
        }
        NewPool::Managed(pool) => {
            let mut pool = pool.clone();
            pool.sync_cursor = liquidity.sync_cursor();
            let Some(manager) = &exchange.manager else {
                return Ok(None);
            };
            let (id, wrote) = if let Some(id) = id {
                ManagedLiquidityPool::rewrite(connection, manager, id.id, &pool)?;
                (Some(id.id), Wrote::Rewritten)
            } else {
                let ids = ManagedLiquidityPool::insert_or_get(connection, manager, &[pool])?;
                (ids.last().copied(), Wrote::Inserted)
            };
            (PoolFamily::ManagedPools, id, wrote)
        }
    };
    let Some(id) = id else { return Ok(None) };
    liquidity.rewrite(Statements::of(connection)?, family, id)?;
    Ok(Some(wrote))
}
