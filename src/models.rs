//! The rows of the database, one table family a file.
//!
//! A row type names a column as the table does and reads through the checked types of
//! [`crate::types`]; a `New…` type is the same row before the database has given it an id. A row can
//! itself be inserted, id and all, into another database. Queries select by name (`Row::as_select()`), because the order of columns differs between a database
//! created at a version and one that was upgraded to it.

mod aave_gho_token;
mod aave_v3_account;
mod aave_v3_asset;
mod aave_v3_emode_category;
mod aave_v3_market;
mod aave_v3_position;
mod aave_v3_reserve;
mod aave_v3_user;
mod chain_pools;
mod erc20_token;
mod exchange;
mod initialization_map;
mod lfj_pool;
mod liquidity_pool;
mod liquidity_position;
mod liquidity_update;
mod managed_liquidity_pool;
mod managed_pool;
mod point;
mod pool;
mod pool_family;
mod pool_manager;
mod reading;
mod record;
mod row;
mod tick_map;
mod uniswap_v4_pool;
mod v2_pool;
mod v3_pool;
mod writing;

pub use aave_gho_token::{AaveGhoToken, NewAaveGhoToken};
pub use aave_v3_account::{AaveV3Account, AaveV3Accounts, AaveV3Collateral, AaveV3Debt};
pub use aave_v3_asset::{AaveV3Asset, AaveV3AssetConfig, NewAaveV3Asset, NewAaveV3AssetConfig};
pub use aave_v3_emode_category::{AaveV3EModeCategory, NewAaveV3EModeCategory};
pub use aave_v3_market::{AaveV3Contract, AaveV3Market, NewAaveV3Contract, NewAaveV3Market};
pub use aave_v3_position::{
    AaveV3CollateralPosition, AaveV3DebtPosition, NewAaveV3CollateralPosition,
    NewAaveV3DebtPosition,
};
pub use aave_v3_reserve::AaveV3Reserve;
pub use aave_v3_user::{
    AaveV3User, AaveV3UserCollateralConfig, NewAaveV3User, NewAaveV3UserCollateralConfig,
};
pub use chain_pools::{ChainManagedPool, ChainPool, ChainPools};
pub(crate) use chain_pools::{ReferredRows, UnplacedPools};
pub use erc20_token::{Erc20Token, NewErc20Token};
pub use exchange::{Exchange, NewExchange};
pub use initialization_map::{
    InitializationMap, ManagedPoolInitializationMap, NewInitializationMap,
    NewManagedPoolInitializationMap,
};
pub use lfj_pool::LfjPool;
pub(crate) use liquidity_pool::detail_columns;
pub use liquidity_pool::{
    BasePool, Fees, LiquidityBookPool, LiquidityBookTerms, LiquidityPool, LiquidityPools,
    NewLiquidityPool, PoolTerms, UpdateMark, V2Pool, V2Protocol, V2Terms, V3Pool, V3Protocol,
    V3Terms,
};
pub use liquidity_position::{
    LiquidityPosition, ManagedPoolLiquidityPosition, NewLiquidityPosition,
    NewManagedPoolLiquidityPosition,
};
pub use liquidity_update::{LiquidityUpdate, PoolUpdate, UpdateReport};
pub(crate) use managed_liquidity_pool::managed_detail_columns;
pub use managed_liquidity_pool::{
    ManagedLiquidityPool, ManagedLiquidityPools, NewManagedLiquidityPool,
};
pub use managed_pool::{ManagedPool, NewManagedPool};
pub use pool::{NewPool, Pool};
pub use pool_family::PoolFamily;
pub use pool_manager::{NewPoolManager, PoolManager};
pub(crate) use row::Columns;
pub use row::RowError;
pub use tick_map::{
    BitmapWord, LiquidityError, PoolTickMap, TickLiquidity, TickMap, TickMaps, bitmap_position,
};
pub use uniswap_v4_pool::UniswapV4Pool;
pub use v2_pool::{
    AerodromeV2Pool, CamelotV2Pool, PancakeswapV2Pool, SushiswapV2Pool, SwapbasedV2Pool,
    UniswapV2Pool,
};
pub use v3_pool::{AerodromeV3Pool, PancakeswapV3Pool, SushiswapV3Pool, UniswapV3Pool};
