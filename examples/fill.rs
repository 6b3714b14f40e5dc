//! Inserts an exchange and a pool with its tokens and its ticks into an empty database:
//! `cargo run -- --database PATH database reset`, then `cargo run --example fill -- PATH`.

use std::error::Error;
use std::path::Path;

use degenbot::database::Database;
use degenbot::models::{
    Exchange, ExchangeUpdate, Fees, LiquidityPool, LiquidityUpdate, LogPosition, NewErc20Token,
    NewExchange, NewLiquidityPool, PoolFamily, PoolParameters, PoolUpdate, SyncCursor, TickMap,
    V3Parameters, V3Protocol,
};
use degenbot::schema::exchanges;
use degenbot::types::{BlockNumber, ChainId, Decimals, FeeParts, LogIndex, Tick, TickSpacing};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: fill PATH")?;
    fill(Path::new(&path))
}

/// Fills a database without rows.
pub(crate) fn fill(path: &Path) -> Result<(), Box<dyn Error>> {
    let database = Database::open(path).map_err(|error| format!("{error}. {}", error.hint()))?;
    database.write(insert)
}

/// Inserts WETH, USDC and their 0.05 % pool on Uniswap V3, with liquidity over the whole range.
fn insert(connection: &mut SqliteConnection) -> Result<(), Box<dyn Error>> {
    let chain = ChainId::ETHEREUM;
    let block = BlockNumber::new(23_000_000)?;
    let exchange = diesel::insert_into(exchanges::table)
        .values(NewExchange {
            chain_id: chain,
            name: "uniswap_v3".to_owned(),
            active: true,
            last_update_block: None,
            factory: "0x1F98431c8aD98523631AE4a59f267346ea31F984".parse()?,
            deployer: None,
        })
        .returning(Exchange::as_returning())
        .get_result(connection)?;
    let tick_spacing = TickSpacing::new(10)?;
    let pool = NewLiquidityPool {
        address: "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640".parse()?,
        chain,
        exchange_id: exchange.id,
        token0: token("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USDC", 6)?,
        token1: token("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "WETH", 18)?,
        parameters: PoolParameters::V3(V3Parameters {
            protocol: V3Protocol::Uniswap,
            fees: Fees {
                token0: FeeParts::new(500)?,
                token1: FeeParts::new(500)?,
                denominator: FeeParts::new(1_000_000)?,
            },
            tick_spacing,
            sync_cursor: SyncCursor::default(),
        }),
    };
    let ids = LiquidityPool::insert_or_get(connection, &[pool])?;

    // The pool's first event. The map and the update keep ticks, bitmap and mark in step.
    let mut map = TickMap::default();
    let mut update = PoolUpdate::new(PoolFamily::Pools, ids[0]);
    let place = LogPosition::new(block, LogIndex::new(7)?);
    let (lower, upper) = (Tick::new(-887_270)?, Tick::new(887_270)?);
    map.modify_liquidity(&mut update, tick_spacing, place, lower, upper, 1_000_000)?;
    let exchange = ExchangeUpdate::new(exchange.id, None, block);
    LiquidityUpdate::new(vec![update], vec![exchange]).apply(connection)?;
    Ok(())
}

fn token(address: &str, symbol: &str, decimals: u8) -> Result<NewErc20Token, Box<dyn Error>> {
    Ok(NewErc20Token {
        chain: ChainId::ETHEREUM,
        address: address.parse()?,
        name: None,
        symbol: Some(symbol.to_owned()),
        decimals: Some(Decimals::new(decimals)?),
    })
}
