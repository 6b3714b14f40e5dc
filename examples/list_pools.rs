//! Prints every pool with its tokens and its ticks: `cargo run --example list_pools -- PATH`.

use std::error::Error;
use std::io::Write;

use degenbot::database::Database;
use degenbot::models::{
    Erc20Token, Exchange, LiquidityPosition, ManagedPoolLiquidityPosition, Pool, UniswapV4Pool,
};
use degenbot::schema::{
    erc20_tokens, exchanges, liquidity_positions, managed_pool_liquidity_positions, pools,
    uniswap_v4_pools,
};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: list_pools PATH")?;
    Database::open(path)?.read(|connection| list(connection, &mut std::io::stdout().lock()))
}

fn list(connection: &mut SqliteConnection, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let found = pools::table
        .inner_join(exchanges::table)
        .order(pools::id)
        .select((Pool::as_select(), Exchange::as_select()))
        .load(connection)?;
    for (pool, exchange) in found {
        writeln!(
            out,
            "{} {} on {} (chain {}): {} / {}",
            pool.kind,
            pool.address,
            exchange.name,
            pool.chain,
            symbol(connection, pool.token0_id)?,
            symbol(connection, pool.token1_id)?
        )?;
        let ticks: Vec<LiquidityPosition> = liquidity_positions::table
            .filter(liquidity_positions::pool_id.eq(pool.id))
            .order(liquidity_positions::tick)
            .select(LiquidityPosition::as_select())
            .load(connection)?;
        for tick in ticks {
            writeln!(out, "  {} {}", tick.tick, tick.liquidity_net)?;
        }
    }
    let managed: Vec<UniswapV4Pool> = uniswap_v4_pools::table
        .order(uniswap_v4_pools::managed_pool_id)
        .select(UniswapV4Pool::as_select())
        .load(connection)?;
    for pool in managed {
        writeln!(
            out,
            "uniswap_v4 {}: {} / {}",
            pool.pool_hash,
            symbol(connection, pool.currency0_id)?,
            symbol(connection, pool.currency1_id)?
        )?;
        let ticks: Vec<ManagedPoolLiquidityPosition> = managed_pool_liquidity_positions::table
            .filter(managed_pool_liquidity_positions::managed_pool_id.eq(pool.managed_pool_id))
            .order(managed_pool_liquidity_positions::tick)
            .select(ManagedPoolLiquidityPosition::as_select())
            .load(connection)?;
        for tick in ticks {
            writeln!(out, "  {} {}", tick.tick, tick.liquidity_net)?;
        }
    }
    Ok(())
}

fn symbol(connection: &mut SqliteConnection, id: i64) -> QueryResult<String> {
    let token: Erc20Token = erc20_tokens::table
        .find(id)
        .select(Erc20Token::as_select())
        .first(connection)?;
    Ok(token.symbol.unwrap_or_else(|| token.address.to_string()))
}
