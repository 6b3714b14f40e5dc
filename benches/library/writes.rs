//! Benchmarks of writing: tick positions and new pools.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use degenbot::database::{Database, Error};
use degenbot::models::{
    Exchange, Fees, LiquidityPool, LiquidityUpdate, NewErc20Token, NewLiquidityPool, PoolFamily,
    PoolParameters, PoolUpdate, SyncCursor, TickLiquidity, UpdateReport, V2Parameters, V2Protocol,
};
use degenbot::schema::{erc20_tokens, pools};
use degenbot::types::{Address, BlockNumber, ChainId, FeeParts, I128, PoolKind, Tick, U128};
use diesel::prelude::*;

use crate::bare::{Bare, Value};
use crate::generator::random::Random;
use crate::{Limits, Result, Subject, median};

const ROUNDS: usize = 3;
const UPSERT: &str = "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (pool_id, tick) DO UPDATE SET \
     liquidity_net = excluded.liquidity_net, liquidity_gross = excluded.liquidity_gross";

/// The updates then lead from no mark to the first version, and from there to the next.
const WITHOUT_MARKS: &str = "UPDATE aerodrome_v3_pools SET liquidity_update_block = NULL, liquidity_update_log_index = NULL; \
     UPDATE pancakeswap_v3_pools SET liquidity_update_block = NULL, liquidity_update_log_index = NULL; \
     UPDATE sushiswap_v3_pools SET liquidity_update_block = NULL, liquidity_update_log_index = NULL; \
     UPDATE uniswap_v3_pools SET liquidity_update_block = NULL, liquidity_update_log_index = NULL";

pub fn bench(limits: &mut Limits, folder: &Path, tenth: &Subject, whole: &Subject) -> Result<()> {
    let empty = folder.join("empty.db");
    copy(&tenth.path, &empty)?;
    let bare = Bare::open(&empty);
    bare.execute(WITHOUT_MARKS);
    bare.execute("DELETE FROM liquidity_positions; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    drop(bare);
    upserts_into_empty(limits, folder, &empty)?;
    upserts_into_full(limits, whole)?;
    new_pools(limits, folder, &tenth.path)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for suffix in ["-wal", "-shm"] {
        let mut beside = to.as_os_str().to_owned();
        beside.push(suffix);
        let _ = std::fs::remove_file(beside);
    }
    std::fs::copy(from, to)?;
    Ok(())
}

/// Positions of many pools, with their values.
struct Positions {
    rows: Vec<(i64, i32, i128, u128)>,
    texts: Vec<(String, String)>,
    update: LiquidityUpdate,
}

impl Positions {
    /// Random positions at this number of ticks in each of these pools.
    fn of(pools: &[i64], ticks: usize, random: &mut Random) -> Self {
        let mut rows = Vec::new();
        for pool_id in pools {
            for place in 0..ticks {
                let amount = u128::from(random.below(u32::MAX)) * 10_u128.pow(random.below(14));
                let net = i128::try_from(amount).unwrap() * if place % 2 == 0 { 1 } else { -1 };
                rows.push((
                    *pool_id,
                    i32::try_from(place).unwrap() * 200 - 5_000,
                    net,
                    amount + 1,
                ));
            }
        }
        Self::from_rows(rows, SyncCursor::default(), version(0))
    }

    fn from_rows(rows: Vec<(i64, i32, i128, u128)>, from: SyncCursor, to: SyncCursor) -> Self {
        let mut pools: Vec<PoolUpdate> = Vec::new();
        let mut last = None;
        for (pool_id, tick, net, gross) in &rows {
            if last != Some(*pool_id) {
                pools.push(PoolUpdate::between(PoolFamily::Pools, *pool_id, from, to));
                last = Some(*pool_id);
            }
            pools
                .last_mut()
                .unwrap()
                .set_tick(TickLiquidity {
                    tick: Tick::new(*tick).unwrap(),
                    liquidity_net: I128(*net),
                    liquidity_gross: U128(*gross),
                })
                .unwrap();
        }
        let texts = rows
            .iter()
            .map(|(_, _, net, gross)| (net.to_string(), gross.to_string()))
            .collect();
        Self {
            rows,
            texts,
            update: LiquidityUpdate::new(pools, Vec::new()),
        }
    }

    /// The same positions with other liquidity, as this version, which follows the one before the last.
    fn changed(&self, by: u8) -> Self {
        let from = by.checked_sub(2).map_or_else(SyncCursor::default, version);
        let rows = self.rows.iter().map(|(pool_id, tick, net, gross)| {
            (
                *pool_id,
                *tick,
                *net + i128::from(by),
                *gross + 2 * u128::from(by),
            )
        });
        Self::from_rows(rows.collect(), from, version(by))
    }

    fn write_ours(&self, database: &Database) -> Result<UpdateReport> {
        Ok(
            database.write(|connection| -> std::result::Result<_, Error> {
                Ok(self.update.apply(connection)?)
            })?,
        )
    }

    fn write_bare(&self, bare: &Bare) {
        let upsert = bare.prepare(UPSERT);
        bare.execute("BEGIN IMMEDIATE");
        for ((pool_id, tick, ..), (net, gross)) in self.rows.iter().zip(&self.texts) {
            upsert.run(&[
                Value::Integer(*pool_id),
                Value::Integer((*tick).into()),
                Value::Text(net),
                Value::Text(gross),
            ]);
        }
        bare.execute("COMMIT");
    }
}

/// The mark of the pools at a version of their liquidity.
fn version(number: u8) -> SyncCursor {
    SyncCursor {
        block: BlockNumber::new(number.into()).ok(),
        log_index: None,
    }
}

/// The ids of this number of V3 pools, or of all if there are fewer.
fn v3_pools(path: &Path, count: usize) -> Result<Vec<i64>> {
    let mut session = Database::open(path)?.session()?;
    let ids: Vec<i64> = pools::table
        .filter(pools::kind.eq(PoolKind::UniswapV3))
        .order(pools::id)
        .limit(i64::try_from(count)?)
        .select(pools::id)
        .load(&mut *session)?;
    Ok(ids)
}

fn upserts_into_empty(limits: &mut Limits, folder: &Path, empty: &Path) -> Result<()> {
    let pools = v3_pools(empty, 4_000)?;
    let mut random = Random::new(7);
    let all = Positions::of(&pools, 250, &mut random);
    let part = Positions::of(&pools[..pools.len() / 10], 250, &mut random);
    // Each operation writes into a fresh copy, which is made before the clock starts.
    let fresh = |name: &str| -> Result<PathBuf> {
        let path = folder.join(name);
        copy(empty, &path)?;
        Ok(path)
    };
    let mut times: [Vec<Duration>; 5] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        let path = fresh("ours.db")?;
        let database = Database::open(&path)?;
        times[0].push(time(|| all.write_ours(&database).map(drop))?);
        times[1].push(time(|| {
            let report = all.write_ours(&database)?;
            assert_eq!((report.written, report.deleted), (0, 0));
            Ok(())
        })?);
        drop(database);
        let path = fresh("bare.db")?;
        let bare = Bare::open(&path);
        times[2].push(time(|| {
            all.write_bare(&bare);
            Ok(())
        })?);
        times[3].push(time(|| {
            all.write_bare(&bare);
            Ok(())
        })?);
        drop(bare);
        let path = fresh("ours.db")?;
        let database = Database::open(&path)?;
        times[4].push(time(|| part.write_ours(&database).map(drop))?);
    }
    let [ours, again, theirs, theirs_again, tenth] = times.map(median);
    let rows = all.rows.len();
    limits.ratio(
        &format!("{rows} ticks into an empty table"),
        ours,
        theirs,
        1.25,
    );
    limits.ratio("  the same again", again, theirs_again, 0.6);
    limits.ratio("  ten times the rows", ours, tenth, 11.0);
    Ok(())
}

fn upserts_into_full(limits: &mut Limits, whole: &Subject) -> Result<()> {
    let there = {
        let bare = Bare::open(&whole.path);
        // One pool in eight, spread over the table.
        let rows = bare.prepare(
            "SELECT pool_id, tick, liquidity_net, liquidity_gross FROM liquidity_positions \
             WHERE pool_id % 8 = 0 ORDER BY pool_id, tick LIMIT 1000000",
        );
        let mut found = Vec::new();
        while rows.step() {
            // Any amounts that differ from the stored ones.
            found.push((
                rows.integer(0),
                i32::try_from(rows.integer(1))?,
                i128::from(rows.integer(2)),
                u128::from(rows.integer(3).unsigned_abs())
                    + u128::from(rows.integer(2).unsigned_abs()),
            ));
        }
        bare.execute(WITHOUT_MARKS);
        Positions::from_rows(found, SyncCursor::default(), version(0))
    };
    let database = Database::open(&whole.path)?;
    let bare = Bare::open(&whole.path);
    let versions: Vec<_> = (0..2 * ROUNDS)
        .map(|by| there.changed(u8::try_from(by).unwrap()))
        .collect();
    let mut next = versions.iter();
    let mut rounds: [Vec<Duration>; 4] = std::array::from_fn(|_| Vec::new());
    while let (Some(for_ours), Some(for_bare)) = (next.next(), next.next()) {
        rounds[0].push(time(|| for_ours.write_ours(&database).map(drop))?);
        bare.execute("PRAGMA wal_checkpoint(TRUNCATE)");
        rounds[1].push(time(|| for_ours.write_ours(&database).map(drop))?);
        rounds[2].push(time(|| {
            for_bare.write_bare(&bare);
            Ok(())
        })?);
        bare.execute("PRAGMA wal_checkpoint(TRUNCATE)");
        rounds[3].push(time(|| {
            for_bare.write_bare(&bare);
            Ok(())
        })?);
        bare.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    let [ours, again, theirs, theirs_again] = rounds.map(median);
    let rows = there.rows.len();
    limits.ratio(
        &format!("{rows} ticks into a full table"),
        ours,
        theirs,
        1.25,
    );
    limits.ratio("  the same again", again, theirs_again, 0.6);
    Ok(())
}

fn new_pools(limits: &mut Limits, folder: &Path, tenth: &Path) -> Result<()> {
    const POOLS: usize = 100_000;
    let chain = ChainId::new(1)?;
    let mut session = Database::open(tenth)?.session()?;
    let exchange = Exchange::by_name(&mut session, chain, "uniswap_v2")?.ok_or("no exchange")?;
    let there: Vec<Address> = erc20_tokens::table
        .filter(erc20_tokens::chain.eq(chain))
        .order(erc20_tokens::id)
        .select(erc20_tokens::address)
        .load(&mut *session)?;
    drop(session);
    let mut random = Random::new(11);
    let parts = |number| FeeParts::new(number).unwrap();
    let new: Vec<_> = (0..POOLS)
        .map(|_| {
            // One existing token, mostly the same few, and one that is usually new.
            let one = if random.once_in(4) {
                *random.one_of(&there)
            } else {
                there[50]
            };
            let other = if random.once_in(4) {
                *random.one_of(&there)
            } else {
                Address::new(random.bytes())
            };
            let other = if one == other {
                Address::new(random.bytes())
            } else {
                other
            };
            let token = |address| NewErc20Token {
                chain,
                address,
                name: Some("A new token".to_owned()),
                symbol: Some("NEW".to_owned()),
                decimals: None,
            };
            NewLiquidityPool {
                address: Address::new(random.bytes()),
                chain,
                exchange_id: exchange.id,
                token0: token(one.min(other)),
                token1: token(one.max(other)),
                parameters: PoolParameters::V2(V2Parameters {
                    protocol: V2Protocol::Uniswap,
                    fees: Fees {
                        token0: parts(3),
                        token1: parts(3),
                        denominator: parts(1_000),
                    },
                }),
            }
        })
        .collect();
    let texts: Vec<[String; 3]> = new
        .iter()
        .map(|pool| {
            [pool.address, pool.token0.address, pool.token1.address]
                .map(|address| address.to_string())
        })
        .collect();
    let ours = folder.join("ours.db");
    let theirs = folder.join("bare.db");
    let mut times: [Vec<Duration>; 2] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        copy(tenth, &ours)?;
        let database = Database::open(&ours)?;
        times[0].push(time(|| {
            database.write(|connection| -> std::result::Result<_, Error> {
                Ok(LiquidityPool::insert_or_get(connection, &new)?)
            })?;
            Ok(())
        })?);
        copy(tenth, &theirs)?;
        let bare = Bare::open(&theirs);
        times[1].push(time(|| {
            insert_bare(&bare, exchange.id, &texts);
            Ok(())
        })?);
    }
    let [ours, theirs] = times.map(median);
    limits.ratio("100,000 new V2 pools with their tokens", ours, theirs, 1.1);
    Ok(())
}

/// The necessary statements: they look for a token, and insert it if there is none.
fn insert_bare(bare: &Bare, exchange_id: i64, texts: &[[String; 3]]) {
    let find = bare.prepare("SELECT id FROM erc20_tokens WHERE address = ?1 AND chain = ?2");
    let insert_token = bare.prepare(
        "INSERT INTO erc20_tokens (chain, address, name, symbol, decimals) \
         VALUES (?1, ?2, 'A new token', 'NEW', NULL)",
    );
    let insert_pool = bare.prepare(
        "INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id) \
         VALUES (?1, 1, 'uniswap_v2', ?2, ?3, ?4)",
    );
    let insert_details = bare.prepare(
        "INSERT INTO uniswap_v2_pools (pool_id, fee_token0, fee_token1, fee_denominator) \
         VALUES (?1, 3, 3, 1000)",
    );
    bare.execute("BEGIN IMMEDIATE");
    for [pool, token0, token1] in texts {
        let [token0_id, token1_id] = [token0, token1].map(|token| {
            find.bind(&[Value::Text(token), Value::Integer(1)]);
            let found = find.step().then(|| find.integer(0));
            find.reset();
            found.unwrap_or_else(|| {
                insert_token.run(&[Value::Integer(1), Value::Text(token)]);
                bare.last_insert_rowid()
            })
        });
        insert_pool.run(&[
            Value::Text(pool),
            Value::Integer(token0_id),
            Value::Integer(token1_id),
            Value::Integer(exchange_id),
        ]);
        insert_details.run(&[Value::Integer(bare.last_insert_rowid())]);
    }
    bare.execute("COMMIT");
}

fn time(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}
