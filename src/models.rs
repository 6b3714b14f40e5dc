//! Rows, pools, liquidity and Aave accounts: typed reads and writes of the database's tables.
//!
//! # Pools
//!
//! - [`ChainPools`]: all pools of a chain, each as [`ChainPool`] or [`ChainManagedPool`] with its tokens and its
//!   exchange or manager. [`Database::chain_pools`](crate::database::Database::chain_pools) loads it.
//! - [`LiquidityPool`]: a pool with its own contract, of any kind: [`V2Pool`], [`V3Pool`] or [`LiquidityBookPool`].
//!   [`LiquidityPools`] streams them.
//! - [`ManagedLiquidityPool`]: a pool inside a pool manager (Uniswap V4). [`ManagedLiquidityPools`] streams them.
//! - [`PoolParameters`], [`BasePool`] and [`Fees`]: what pools consist of. [`PoolFamily`] tells the two sorts of pools
//!   apart where both have ids.
//! - [`NewLiquidityPool`] and [`NewManagedLiquidityPool`]: pools to insert, with their tokens.
//!
//! # Liquidity
//!
//! - [`TickMap`]: the ticks, the bitmap and the mark of one pool. [`TickMaps`] streams those of a chain as
//!   [`PoolTickMap`]; [`Database::for_each_tick_map`](crate::database::Database::for_each_tick_map) does it on
//!   several threads.
//! - [`LogPosition`] and [`SyncCursor`]: the place of an event, and the mark of a pool.
//! - [`PoolUpdate`] and [`LiquidityUpdate`]: changes of one pool and of many, with the rules that keep each event from
//!   being lost or counted twice. [`UpdateReport`] says what was written.
//! - [`TickLiquidity`], [`BitmapWord`] and [`bitmap_position`]: a tick, a word, and where the one is in the other.
//!
//! # Tokens, exchanges and managers
//!
//! - [`Erc20Token`], [`Exchange`] and [`PoolManager`]: rows with lookups of their own.
//!
//! # Aave V3
//!
//! - [`AaveV3Account`]: a user with its [`AaveV3Collateral`] and [`AaveV3Debt`]. [`AaveV3Accounts`] streams all users
//!   with debt.
//! - [`AaveV3StoredMarket`]: a market with the name that commands give it and the block in which it begins.
//! - [`AaveV3Reserve`]: an asset of a market with its parameters, and the [`AaveV3EModeMembership`] of the e-mode
//!   categories that it is in.
//! - [`AaveV3Account::at`]: what an account is worth, as [`AccountData`](crate::aave::AccountData); [`AaveV3Valuation`]
//!   values many accounts. [`ValuationError`] says what they lack.
//!
//! # Errors
//!
//! - [`RowError`]: a row cannot be read or written. [`LiquidityError`]: an event contradicts a tick map.
//!
//! # Rows
//!
//! All other types are the rows of one table each, for queries with Diesel. Most bots do without them.
//!
//! The fields of a row type have the names of the table's columns, and the checked types of [`crate::types`].
//! A `New…` type is the same row without an id, which the database assigns. A row type can be inserted as
//! well: that copies a row, with its id, into another database.
//!
//! Select columns by name (`Row::as_select()`). The order of columns in a database that was upgraded to a
//! version differs from that in one created at it.

pub(crate) mod aave;
pub(crate) mod access;
pub(crate) mod journal;
pub(crate) mod liquidity;
pub(crate) mod pools;
pub(crate) mod rows;

pub use crate::types::sync_cursor::{LogPosition, SyncCursor};
pub use aave::account::read::AaveV3Accounts;
pub use aave::account::{AaveV3Account, AaveV3Collateral, AaveV3Debt};
pub use aave::e_mode::AaveV3EModeMembership;
pub use aave::reserve::AaveV3Reserve;
pub use aave::stored_market::AaveV3StoredMarket;
pub use aave::valuation::{AaveV3Valuation, ReserveAtTime};
pub use aave::valuation_error::ValuationError;
pub use access::row_error::RowError;
pub use journal::journal_error::{JournalError, ReferringKey};
pub use journal::undo::Undone;
pub use liquidity::exchange_update::ExchangeUpdate;
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
pub use rows::aave_v3_asset_facts::{AaveV3AssetFacts, NewAaveV3AssetFacts};
pub use rows::aave_v3_emode_asset::{AaveV3EModeAsset, NewAaveV3EModeAsset};
pub use rows::aave_v3_emode_category::{AaveV3EModeCategory, NewAaveV3EModeCategory};
pub use rows::aave_v3_market::{AaveV3Contract, AaveV3Market, NewAaveV3Contract, NewAaveV3Market};
pub use rows::aave_v3_market_facts::{AaveV3MarketFacts, NewAaveV3MarketFacts};
pub use rows::aave_v3_position::{
    AaveV3CollateralPosition, AaveV3DebtPosition, NewAaveV3CollateralPosition,
    NewAaveV3DebtPosition,
};
pub use rows::aave_v3_user::{
    AaveV3User, AaveV3UserCollateralConfig, NewAaveV3User, NewAaveV3UserCollateralConfig,
};
pub use rows::chain_block::{ChainBlock, NewChainBlock};
pub use rows::chain_journal_entry::{ChainJournalEntry, NewChainJournalEntry};
pub use rows::erc20_token::{Erc20Token, NewErc20Token};
pub use rows::exchange::{Exchange, NewExchange};
pub use rows::exchange_deployment::{ExchangeDeployment, NewExchangeDeployment};
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
pub use rows::retired_id::{NewRetiredId, RetiredId};
pub use rows::uniswap_v4_pool::UniswapV4Pool;
pub use rows::v2_pool::{
    AerodromeV2Pool, CamelotV2Pool, PancakeswapV2Pool, SushiswapV2Pool, SwapbasedV2Pool,
    UniswapV2Pool,
};
pub use rows::v3_pool::{AerodromeV3Pool, PancakeswapV3Pool, SushiswapV3Pool, UniswapV3Pool};
