//! Prints every row of every table, read through its row type, as one JSON object a line, sorted by table and
//! id: `cargo run --example dump -- PATH`.
//!
//! Numbers beyond 64 bits are decimal texts; addresses have their checksum. A row that cannot be read has its id
//! and `"unreadable": true`.

use std::error::Error;
use std::io::Write;

use degenbot::database::Database;
use degenbot::deployments::ExchangeKind;
use degenbot::types::{
    Address, BasisPoints, BinStep, BlockHash, BlockNumber, ChainId, CodeHash, Decimals,
    EModeCategoryId, FeeParts, I128, LogIndex, ManagedPoolKind, PoolHash, PoolKind,
    PoolManagerKind, Revision, Tick, TickSpacing, Timestamp, TransferAmount, U128, U256,
    WordPosition,
};
use degenbot::{models, schema};
use diesel::associations::HasTable;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: dump PATH")?;
    Database::open(path)?.read(|connection| dump(connection, &mut std::io::stdout().lock()))
}

/// The tables in the order of their names, each with its row type and that one's fields. A field that is
/// missing here is not printed; `scripts/python-interop` notices one that the Python package has.
macro_rules! tables {
    ($connection:ident, $out:ident; $($table:ident $row:ident { $id:ident $(, $field:ident)* $(,)? })+) => {
        $(
            let ids: Vec<i64> = schema::$table::table
                .select(schema::$table::$id)
                .order(schema::$table::$id)
                .load($connection)?;
            for id in ids {
                let read = models::$row::table()
                    .find(id)
                    .select(models::$row::as_select())
                    .first($connection);
                let mut object = Map::new();
                object.insert("table".to_owned(), stringify!($table).into());
                match read {
                    Ok(models::$row { $id, $($field,)* .. }) => {
                        object.insert(stringify!($id).to_owned(), $id.to_json());
                        $(object.insert(stringify!($field).to_owned(), $field.to_json());)*
                    }
                    Err(diesel::result::Error::DeserializationError(_)) => {
                        object.insert(stringify!($id).to_owned(), id.into());
                        object.insert("unreadable".to_owned(), true.into());
                    }
                    Err(error) => return Err(error.into()),
                }
                writeln!($out, "{}", Value::Object(object))?;
            }
        )+
    };
}

fn dump(connection: &mut SqliteConnection, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    tables! { connection, out;
        aave_gho_tokens AaveGhoToken {
            id, token_id, v_token_id, v_gho_discount_rate_strategy, v_gho_discount_token,
        }
        aave_v3_asset_configs AaveV3AssetConfig {
            id, asset_id, ltv, liquidation_threshold, liquidation_bonus, e_mode_category_id,
            borrowing_enabled, stable_borrowing_enabled, flash_loan_enabled, isolation_mode,
            debt_ceiling, borrowable_in_isolation,
        }
        aave_v3_asset_facts AaveV3AssetFacts {
            id, asset_id, last_update_time, transfer_amount,
        }
        aave_v3_assets AaveV3Asset {
            id, market_id, underlying_asset_id, a_token_id, a_token_revision, v_token_id,
            v_token_revision, last_update_block, liquidity_index, liquidity_rate, borrow_index,
            borrow_rate, e_mode_category_id, price_source,
        }
        aave_v3_collateral_positions AaveV3CollateralPosition {
            id, user_id, asset_id, balance, last_index,
        }
        aave_v3_contracts AaveV3Contract { id, market_id, name, address, revision }
        aave_v3_debt_positions AaveV3DebtPosition { id, user_id, asset_id, balance, last_index }
        aave_v3_emode_assets AaveV3EModeAsset {
            id, asset_id, category_id, is_collateral, is_borrowable, is_ltv_zero,
        }
        aave_v3_emode_categories AaveV3EModeCategory {
            id, market_id, category_id, label, ltv, liquidation_threshold, liquidation_bonus,
            price_source,
        }
        aave_v3_market_facts AaveV3MarketFacts {
            id, market_id, name, first_block, last_update_time,
        }
        aave_v3_markets AaveV3Market { id, chain_id, name, active, last_update_block }
        aave_v3_user_collateral_configs AaveV3UserCollateralConfig {
            id, user_id, asset_id, enabled,
        }
        aave_v3_users AaveV3User {
            id, market_id, address, e_mode, gho_discount, stk_aave_balance,
            isolation_mode_collateral_asset_id, isolation_mode_debt,
        }
        aerodrome_v2_pools AerodromeV2Pool {
            pool_id, stable, fee_token0, fee_token1, fee_denominator,
        }
        aerodrome_v3_pools AerodromeV3Pool {
            pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0,
            fee_token1, fee_denominator,
        }
        camelot_v2_pools CamelotV2Pool { pool_id, fee_token0, fee_token1, fee_denominator }
        chain_blocks ChainBlock { id, chain_id, number, hash, is_final }
        chain_journal ChainJournalEntry {
            id, chain_id, block, table_name, row_id, old_values, new_values,
        }
        erc20_tokens Erc20Token { id, chain, address, name, symbol, decimals }
        exchange_deployments ExchangeDeployment {
            id, exchange_id, kind, first_block, init_code_hash,
        }
        exchanges Exchange { id, chain_id, name, active, last_update_block, factory, deployer }
        initialization_maps InitializationMap { id, pool_id, word, bitmap }
        lfj_pools LfjPool { pool_id, bin_step }
        liquidity_positions LiquidityPosition {
            id, pool_id, tick, liquidity_net, liquidity_gross,
        }
        managed_pool_initialization_maps ManagedPoolInitializationMap {
            id, managed_pool_id, word, bitmap,
        }
        managed_pool_liquidity_positions ManagedPoolLiquidityPosition {
            id, managed_pool_id, tick, liquidity_net, liquidity_gross,
        }
        managed_pools ManagedPool { id, kind, manager_id }
        pancakeswap_v2_pools PancakeswapV2Pool { pool_id, fee_token0, fee_token1, fee_denominator }
        pancakeswap_v3_pools PancakeswapV3Pool {
            pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0,
            fee_token1, fee_denominator,
        }
        pool_managers PoolManager { id, address, chain, kind, state_view, exchange_id }
        pools Pool { id, address, chain, kind, token0_id, token1_id, exchange_id }
        retired_ids RetiredId { id, table_name, last_id }
        sushiswap_v2_pools SushiswapV2Pool { pool_id, fee_token0, fee_token1, fee_denominator }
        sushiswap_v3_pools SushiswapV3Pool {
            pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0,
            fee_token1, fee_denominator,
        }
        swapbased_v2_pools SwapbasedV2Pool { pool_id, fee_token0, fee_token1, fee_denominator }
        uniswap_v2_pools UniswapV2Pool { pool_id, fee_token0, fee_token1, fee_denominator }
        uniswap_v3_pools UniswapV3Pool {
            pool_id, tick_spacing, liquidity_update_block, liquidity_update_log_index, fee_token0,
            fee_token1, fee_denominator,
        }
        uniswap_v4_pools UniswapV4Pool {
            managed_pool_id, pool_hash, hooks, currency0_id, currency1_id, fee_currency0,
            fee_currency1, fee_denominator, tick_spacing, liquidity_update_block,
            liquidity_update_log_index,
        }
    }
    Ok(())
}

trait ToJson {
    fn to_json(&self) -> Value;
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }
}

macro_rules! to_json {
    ($($type:ty)+, $value:ident => $json:expr) => {
        $(
            impl ToJson for $type {
                fn to_json(&self) -> Value {
                    let $value = self;
                    $json
                }
            }
        )+
    };
}

to_json!(i64 bool String, value => json!(value));
to_json!(
    BasisPoints BinStep BlockNumber ChainId Decimals EModeCategoryId FeeParts LogIndex Revision Tick
    TickSpacing Timestamp WordPosition,
    number => json!(number.get())
);
to_json!(
    Address BlockHash CodeHash ExchangeKind I128 ManagedPoolKind PoolHash PoolKind PoolManagerKind TransferAmount
    U128 U256,
    value => json!(value.to_string())
);
