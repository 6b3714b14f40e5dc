//! Rows, pools, liquidity and Aave accounts: typed reads and writes of the database's tables.
//!
//! The fields of a row type have the names of the table's columns, and the checked types of [`crate::types`].
//! A `New…` type is the same row without an id, which the database assigns. A row type can be inserted as
//! well: that copies a row, with its id, into another database.
//!
//! Select columns by name (`Row::as_select()`). The order of columns in a database that was upgraded to a
//! version differs from that in one created at it.

pub(crate) mod aave;
pub(crate) mod access;
pub(crate) mod liquidity;
pub(crate) mod pools;
pub(crate) mod rows;

pub use crate::types::sync_cursor::{LogPosition, SyncCursor};
pub use aave::account::read::AaveV3Accounts;
pub use aave::account::{AaveV3Account, AaveV3Collateral, AaveV3Debt};
pub use aave::reserve::AaveV3Reserve;
pub use access::row_error::RowError;
pub use liquidity::liquidity_update::{LiquidityUpdate, UpdateReport};
pub use liquidity::pool_update::PoolUpdate;
pub use liquidity::tick_bitmap::{BitmapWord, bitmap_position};
pub use liquidity::tick_liquidity::TickLiquidity;
pub use liquidity::tick_map::TickMap;
pub use liquidity::tick_map::modify::LiquidityError;
pub use liquidity::tick_map::read::{PoolTickMap, TickMaps};
pub use pools::chain_pools::{ChainManagedPool, ChainPool, ChainPools};
pub use pools::liquidity_pool::insert::NewLiquidityPool;
pub use pools::liquidity_pool::read::LiquidityPools;
pub use pools::liquidity_pool::{BasePool, LiquidityBookPool, LiquidityPool, V2Pool, V3Pool};
pub use pools::managed_liquidity_pool::insert::NewManagedLiquidityPool;
pub use pools::managed_liquidity_pool::{ManagedLiquidityPool, ManagedLiquidityPools};
pub use pools::pool_family::PoolFamily;
pub use pools::pool_parameters::{
    Fees, LiquidityBookParameters, PoolParameters, V2Parameters, V2Protocol, V3Parameters,
    V3Protocol,
};
pub use rows::aave_gho_token::{AaveGhoToken, NewAaveGhoToken};
pub use rows::aave_v3_asset::{
    AaveV3Asset, AaveV3AssetConfig, NewAaveV3Asset, NewAaveV3AssetConfig,
};
pub use rows::aave_v3_emode_category::{AaveV3EModeCategory, NewAaveV3EModeCategory};
pub use rows::aave_v3_market::{AaveV3Contract, AaveV3Market, NewAaveV3Contract, NewAaveV3Market};
pub use rows::aave_v3_position::{
    AaveV3CollateralPosition, AaveV3DebtPosition, NewAaveV3CollateralPosition,
    NewAaveV3DebtPosition,
};
pub use rows::aave_v3_user::{
    AaveV3User, AaveV3UserCollateralConfig, NewAaveV3User, NewAaveV3UserCollateralConfig,
};
pub use rows::erc20_token::{Erc20Token, NewErc20Token};
pub use rows::exchange::{Exchange, NewExchange};
pub use rows::initialization_map::{
    InitializationMap, ManagedPoolInitializationMap, NewInitializationMap,
    NewManagedPoolInitializationMap,
};
pub use rows::lfj_pool::LfjPool;
pub use rows::liquidity_position::{
    LiquidityPosition, ManagedPoolLiquidityPosition, NewLiquidityPosition,
    NewManagedPoolLiquidityPosition,
};
pub use rows::managed_pool::{ManagedPool, NewManagedPool};
pub use rows::pool::{NewPool, Pool};
pub use rows::pool_manager::{NewPoolManager, PoolManager};
pub use rows::uniswap_v4_pool::UniswapV4Pool;
pub use rows::v2_pool::{
    AerodromeV2Pool, CamelotV2Pool, PancakeswapV2Pool, SushiswapV2Pool, SwapbasedV2Pool,
    UniswapV2Pool,
};
pub use rows::v3_pool::{AerodromeV3Pool, PancakeswapV3Pool, SushiswapV3Pool, UniswapV3Pool};
