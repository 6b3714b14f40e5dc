//! Inserts two tokens, an exchange and a pool with its ticks into a database:
//! `cargo run --example fill -- PATH`.

use std::error::Error;

use degenbot::database::Database;
use degenbot::models::{
    Erc20Token, Exchange, NewErc20Token, NewExchange, NewInitializationMap, NewLiquidityPosition,
    NewPool, Pool, UniswapV3Pool,
};
use degenbot::schema::{
    erc20_tokens, exchanges, initialization_maps, liquidity_positions, pools, uniswap_v3_pools,
};
use degenbot::types::{
    BlockNumber, ChainId, Decimals, FeeParts, I128, LogIndex, PoolKind, Tick, TickSpacing, U128,
    U256, WordPosition,
};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: fill PATH")?;
    Database::open(path)?.write(insert)
}

/// Inserts WETH, USDC and their 0.05 % pool on Uniswap V3, with liquidity over the whole range.
fn insert(connection: &mut SqliteConnection) -> Result<(), Box<dyn Error>> {
    let mainnet = ChainId::new(1)?;
    let block = BlockNumber::new(23_000_000)?;
    let exchange = diesel::insert_into(exchanges::table)
        .values(NewExchange {
            chain_id: mainnet,
            name: "uniswap_v3".to_owned(),
            active: true,
            last_update_block: Some(block),
            factory: "0x1F98431c8aD98523631AE4a59f267346ea31F984".parse()?,
            deployer: None,
        })
        .returning(Exchange::as_returning())
        .get_result(connection)?;
    let usdc = insert_token(
        connection,
        "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        "USDC",
        6,
    )?;
    let weth = insert_token(
        connection,
        "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
        "WETH",
        18,
    )?;
    let pool = diesel::insert_into(pools::table)
        .values(NewPool {
            address: "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640".parse()?,
            chain: mainnet,
            kind: PoolKind::UniswapV3,
            token0_id: usdc.id,
            token1_id: weth.id,
            exchange_id: exchange.id,
        })
        .returning(Pool::as_returning())
        .get_result(connection)?;
    let tick_spacing = TickSpacing::new(10)?;
    diesel::insert_into(uniswap_v3_pools::table)
        .values(UniswapV3Pool {
            pool_id: pool.id,
            tick_spacing,
            liquidity_update_block: Some(block),
            liquidity_update_log_index: Some(LogIndex::new(7)?),
            fee_token0: FeeParts::new(500)?,
            fee_token1: FeeParts::new(500)?,
            fee_denominator: FeeParts::new(1_000_000)?,
        })
        .execute(connection)?;
    for (tick, liquidity_net) in [(-887_270, 1_000_000), (887_270, -1_000_000_i128)] {
        diesel::insert_into(liquidity_positions::table)
            .values(NewLiquidityPosition {
                pool_id: pool.id,
                tick: Tick::new(tick)?,
                liquidity_net: I128(liquidity_net),
                liquidity_gross: U128(liquidity_net.unsigned_abs()),
            })
            .execute(connection)?;
        let compressed = tick.div_euclid(tick_spacing.get());
        let mut bitmap = alloy_primitives::U256::ZERO;
        bitmap.set_bit(usize::try_from(compressed & 255)?, true);
        diesel::insert_into(initialization_maps::table)
            .values(NewInitializationMap {
                pool_id: pool.id,
                word: WordPosition::new(i16::try_from(compressed >> 8)?)?,
                bitmap: U256(bitmap),
            })
            .execute(connection)?;
    }
    Ok(())
}

fn insert_token(
    connection: &mut SqliteConnection,
    address: &str,
    symbol: &str,
    decimals: u8,
) -> Result<Erc20Token, Box<dyn Error>> {
    Ok(diesel::insert_into(erc20_tokens::table)
        .values(NewErc20Token {
            chain: ChainId::new(1)?,
            address: address.parse()?,
            name: None,
            symbol: Some(symbol.to_owned()),
            decimals: Some(Decimals::new(decimals)?),
        })
        .returning(Erc20Token::as_returning())
        .get_result(connection)?)
}
