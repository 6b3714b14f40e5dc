//! Benchmarks of reading: tick maps, pools and single rows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use degenbot::database::{Database, Error};
use degenbot::models::{ChainPools, LiquidityPool, LiquidityPosition, PoolFamily, TickMaps};
use degenbot::schema::{liquidity_positions, pools};
use degenbot::types::{Address, ChainId};
use diesel::prelude::*;

use crate::bare::{Bare, Value};
use crate::{Limits, ROUNDS, Result, Subject, medians};

pub const TICKS: &str = "SELECT r.id, r.tick, r.liquidity_net, r.liquidity_gross, p.id \
     FROM pools AS p CROSS JOIN liquidity_positions AS r WHERE p.chain = 1 AND p.kind IN \
     ('aerodrome_v3', 'pancakeswap_v3', 'sushiswap_v3', 'uniswap_v3') AND r.pool_id = p.id \
     ORDER BY p.id, r.tick";
const WORDS: &str = "SELECT r.id, r.word, r.bitmap, p.id \
     FROM pools AS p CROSS JOIN initialization_maps AS r WHERE p.chain = 1 AND p.kind IN \
     ('aerodrome_v3', 'pancakeswap_v3', 'sushiswap_v3', 'uniswap_v3') AND r.pool_id = p.id \
     ORDER BY p.id, r.word";

/// The queries that read all tables of a chain's pools, with the types of their columns.
const POOLS: [(&str, &str); 14] = [
    (
        "SELECT id, address, chain, kind, token0_id, token1_id, exchange_id FROM pools WHERE chain = 1",
        "ititiii",
    ),
    (
        "SELECT pool_id, stable, fee_token0, fee_token1, fee_denominator FROM aerodrome_v2_pools",
        "iiiii",
    ),
    (
        "SELECT pool_id, fee_token0, fee_token1, fee_denominator FROM camelot_v2_pools",
        "iiii",
    ),
    (
        "SELECT pool_id, fee_token0, fee_token1, fee_denominator FROM pancakeswap_v2_pools",
        "iiii",
    ),
    (
        "SELECT pool_id, fee_token0, fee_token1, fee_denominator FROM sushiswap_v2_pools",
        "iiii",
    ),
    (
        "SELECT pool_id, fee_token0, fee_token1, fee_denominator FROM swapbased_v2_pools",
        "iiii",
    ),
    (
        "SELECT pool_id, fee_token0, fee_token1, fee_denominator FROM uniswap_v2_pools",
        "iiii",
    ),
    (
        "SELECT pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0, fee_token1, fee_denominator FROM aerodrome_v3_pools",
        "iiiiiii",
    ),
    (
        "SELECT pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0, fee_token1, fee_denominator FROM pancakeswap_v3_pools",
        "iiiiiii",
    ),
    (
        "SELECT pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0, fee_token1, fee_denominator FROM sushiswap_v3_pools",
        "iiiiiii",
    ),
    (
        "SELECT pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0, fee_token1, fee_denominator FROM uniswap_v3_pools",
        "iiiiiii",
    ),
    ("SELECT id, kind, manager_id FROM managed_pools", "iti"),
    (
        "SELECT managed_pool_id, pool_hash, hooks, currency0_id, currency1_id, fee_currency0, fee_currency1, fee_denominator, tick_spacing, liquidity_update_block, liquidity_update_log_index FROM uniswap_v4_pools",
        "ittiiiiiiii",
    ),
    (
        "SELECT id, chain, address, name, symbol, decimals FROM erc20_tokens NOT INDEXED WHERE chain = 1",
        "iittti",
    ),
];

pub fn bench(limits: &mut Limits, tenth: &Subject, whole: &Subject) -> Result<()> {
    let chain = ChainId::new(1)?;
    let database = Database::open(&whole.path)?;
    let small = Database::open(&tenth.path)?;
    let bare = Bare::open(&whole.path);

    let [ours, two, theirs, part] = medians(
        ROUNDS,
        [
            &mut || stream(&database, chain).map(drop),
            &mut || stream_in_two(&database, chain),
            &mut || {
                let ticks = bare.prepare(TICKS).read_all("iitti");
                let words = bare.prepare(WORDS).read_all("iiti");
                std::hint::black_box((ticks, words));
                Ok(())
            },
            &mut || stream(&small, chain).map(drop),
        ],
    )?;
    limits.ratio("V3 tick maps of a chain", ours, theirs, 1.3);
    limits.ratio("  with two connections", two, theirs, 0.8);
    limits.ratio("  ten times the rows", ours, part, 11.0);
    let [diesel] = medians(1, [&mut || load_with_diesel(&database)])?;
    println!("  Diesel, ordered, without words               {diesel:.2?}");

    let [ours, one, theirs, part] = medians(
        ROUNDS,
        [
            &mut || load_pools(&database, chain),
            &mut || load_pools_with_one_connection(&database, chain),
            &mut || {
                for (query, columns) in POOLS {
                    std::hint::black_box(bare.prepare(query).read_all(columns));
                }
                Ok(())
            },
            &mut || load_pools(&small, chain),
        ],
    )?;
    limits.ratio("all pools with tokens and exchanges", ours, theirs, 1.5);
    limits.ratio("  with one connection", one, theirs, 1.2);
    limits.ratio("  ten times the rows", ours, part, 11.0);
    one_pool(limits, &database, &bare, chain)?;
    connections(limits, &database)
}

/// The number of ticks.
pub fn stream(database: &Database, chain: ChainId) -> Result<u64> {
    database.read(|connection| {
        let mut ticks = 0;
        for map in TickMaps::of_chain(connection, PoolFamily::Pools, chain)? {
            ticks += map?.tick_map.ticks().len() as u64;
        }
        Ok(ticks)
    })
}

fn stream_in_two(database: &Database, chain: ChainId) -> Result<()> {
    let ticks = AtomicU64::new(0);
    database.for_each_tick_map(
        PoolFamily::Pools,
        chain,
        2,
        |map| -> std::result::Result<_, Error> {
            ticks.fetch_add(map?.tick_map.ticks().len() as u64, Ordering::Relaxed);
            Ok(())
        },
    )?;
    Ok(())
}

fn load_with_diesel(database: &Database) -> Result<()> {
    database.read(|connection| {
        let rows = liquidity_positions::table
            .order((liquidity_positions::pool_id, liquidity_positions::tick))
            .select(LiquidityPosition::as_select())
            .load_iter(connection)?;
        for row in rows {
            std::hint::black_box(row?);
        }
        Ok(())
    })
}

fn load_pools(database: &Database, chain: ChainId) -> Result<()> {
    std::hint::black_box(database.chain_pools(chain)?.pools().len());
    Ok(())
}

fn load_pools_with_one_connection(database: &Database, chain: ChainId) -> Result<()> {
    let pools = database.read(|connection| -> std::result::Result<_, Error> {
        Ok(ChainPools::load(connection, chain)?)
    })?;
    std::hint::black_box(pools.pools().len());
    Ok(())
}

fn one_pool(limits: &mut Limits, database: &Database, bare: &Bare, chain: ChainId) -> Result<()> {
    const LOOKUPS: usize = 100_000;
    let mut session = database.session()?;
    let addresses: Vec<Address> = pools::table
        .filter(pools::chain.eq(chain))
        .filter(pools::kind.eq(degenbot::types::PoolKind::UniswapV2))
        .select(pools::address)
        .load(&mut *session)?;
    // The pools are spread over the table; consecutive ones are far apart.
    let wanted: Vec<_> = (0..LOOKUPS)
        .map(|place| addresses[place * 7_919 % addresses.len()])
        .collect();
    let texts: Vec<_> = wanted.iter().map(Address::to_string).collect();
    let by_address = bare.prepare(
        "SELECT id, address, chain, kind, token0_id, token1_id, exchange_id FROM pools \
         WHERE address = ?1 AND chain = ?2 LIMIT 1",
    );
    let details = bare.prepare(
        "SELECT pool_id, fee_token0, fee_token1, fee_denominator FROM uniswap_v2_pools \
         WHERE pool_id = ?1 LIMIT 1",
    );
    let [ours, theirs] = medians(
        ROUNDS,
        [
            &mut || {
                session.read(|connection| {
                    for address in &wanted {
                        let pool = LiquidityPool::by_address(connection, chain, *address)?;
                        assert!(pool.is_some());
                    }
                    Ok(())
                })
            },
            &mut || {
                bare.execute("BEGIN");
                for text in &texts {
                    by_address.bind(&[Value::Text(text), Value::Integer(1)]);
                    assert!(by_address.step());
                    let id = by_address.integer(0);
                    std::hint::black_box(
                        by_address.text(1)
                            + by_address.integer(2)
                            + by_address.text(3)
                            + by_address.integer(4)
                            + by_address.integer(5)
                            + by_address.integer(6),
                    );
                    by_address.reset();
                    details.bind(&[Value::Integer(id)]);
                    assert!(details.step());
                    std::hint::black_box((0..4).map(|column| details.integer(column)).sum::<i64>());
                    details.reset();
                }
                bare.execute("COMMIT");
                Ok(())
            },
        ],
    )?;
    limits.ratio("100,000 pools by their addresses", ours, theirs, 1.3);
    Ok(())
}

fn connections(limits: &mut Limits, database: &Database) -> Result<()> {
    const TIMES: u32 = 100_000;
    drop(database.session()?);
    let began = Instant::now();
    for _ in 0..TIMES {
        drop(database.session()?);
    }
    let each = began.elapsed() / TIMES;
    let microseconds = each.as_secs_f64() * 1e6;
    limits.check("a connection of the pool, in µs", microseconds, 6.0, "");
    Ok(())
}
