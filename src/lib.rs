//! The database toolkit under EVM arbitrage and liquidation bots.
//!
//! The database is one SQLite file with tokens, exchanges, pools, liquidity and Aave V3 positions. Any number of
//! threads and processes use it at once.
//!
//! # What a bot does
//!
//! | task | how |
//! |---|---|
//! | open the database | [`Database::open`], or [`db_session`] for the one that the user's settings name |
//! | load a chain at the start | [`Database::chain_pools`] reads every pool with its tokens and its exchange, [`Database::for_each_tick_map`] their liquidity on several threads |
//! | apply a block | [`TickMap::modify_liquidity`] applies an event in memory and records the changes, [`LiquidityUpdate::apply`] writes them in one transaction |
//! | start again, or follow a chain beside another bot | the same: each event has a place, and counts once or is refused |
//! | handle a conflict | on [`RowError::Conflict`], read the pool again with [`TickMap::of_pool`] and apply the events after its mark |
//! | follow a reorganisation | write the values of the older block, from [`PoolUpdate::between`], with [`LiquidityUpdate::allow_rewind`]: marks may then move back |
//! | find pools of a pair | [`LiquidityPool::of_pair`], [`ManagedLiquidityPool::of_pair`] |
//! | find one pool or token | [`LiquidityPool::by_address`], [`ManagedLiquidityPool::by_hash`], [`Erc20Token::by_address`] |
//! | add pools | [`LiquidityPool::insert_or_get`] and [`ManagedLiquidityPool::insert_or_get`] add pools with their tokens |
//! | read Aave users | [`AaveV3Account::of_user`] reads one, [`AaveV3Accounts::with_debt`] streams all with debt |
//! | value an Aave user | [`AaveV3Account::at`], a block's time and the prices of that block; [`AaveV3Valuation`] for many users of a market |
//! | apply a block to an Aave market | `sync::AaveUpdate`, with the feature `sync`: the events that the bot has received, each checked against the balance that it changes |
//! | several statements on one state | [`Database::read`], or [`Database::snapshots`] for several threads |
//! | several writes, all or none | [`Database::write`] |
//! | read a database that others write, such as a copy that Litestream keeps up to date | [`Database::open_read_only`] |
//! | queries of your own | Diesel, with the tables of [`schema`] and the row types of [`models`] |
//! | fill the database from a node | `sync::update_pools`, with the feature `sync` |
//! | back up, upgrade, verify | [`backup_sqlite_database`], [`upgrade_sqlite_database`], [`verify_sqlite_database`] |
//!
//! `examples/bot.rs` does the first five of these in one program. [`LiquidityUpdate`] has the rules about events and
//! an example.
//!
//! # Building SQLite
//!
//! SQLite is compiled with the library. By default it has one lock around the page caches of all connections, so that
//! threads that read wait for each other, and [`Database::open`] logs a warning. A program that links the library
//! avoids both with these lines in its `.cargo/config.toml`:
//!
//! ```toml
//! [env]
//! LIBSQLITE3_FLAGS = "-USQLITE_ENABLE_MEMORY_MANAGEMENT -DSQLITE_DEFAULT_MEMSTATUS=0"
//! ```
//!
//! [`Database::open`]: database::Database::open
//! [`Database::open_read_only`]: database::Database::open_read_only
//! [`Database::chain_pools`]: database::Database::chain_pools
//! [`Database::for_each_tick_map`]: database::Database::for_each_tick_map
//! [`Database::read`]: database::Database::read
//! [`Database::snapshots`]: database::Database::snapshots
//! [`Database::write`]: database::Database::write
//! [`db_session`]: database::db_session
//! [`backup_sqlite_database`]: database::backup_sqlite_database
//! [`upgrade_sqlite_database`]: database::upgrade_sqlite_database
//! [`verify_sqlite_database`]: database::verify_sqlite_database
//! [`TickMap::modify_liquidity`]: models::TickMap::modify_liquidity
//! [`TickMap::of_pool`]: models::TickMap::of_pool
//! [`LiquidityUpdate`]: models::LiquidityUpdate
//! [`LiquidityUpdate::allow_rewind`]: models::LiquidityUpdate::allow_rewind
//! [`LiquidityUpdate::apply`]: models::LiquidityUpdate::apply
//! [`PoolUpdate::between`]: models::PoolUpdate::between
//! [`RowError::Conflict`]: models::RowError::Conflict
//! [`LiquidityPool::of_pair`]: models::LiquidityPool::of_pair
//! [`LiquidityPool::by_address`]: models::LiquidityPool::by_address
//! [`LiquidityPool::insert_or_get`]: models::LiquidityPool::insert_or_get
//! [`ManagedLiquidityPool::of_pair`]: models::ManagedLiquidityPool::of_pair
//! [`ManagedLiquidityPool::by_hash`]: models::ManagedLiquidityPool::by_hash
//! [`ManagedLiquidityPool::insert_or_get`]: models::ManagedLiquidityPool::insert_or_get
//! [`Erc20Token::by_address`]: models::Erc20Token::by_address
//! [`AaveV3Account::of_user`]: models::AaveV3Account::of_user
//! [`AaveV3Account::at`]: models::AaveV3Account::at
//! [`AaveV3Accounts::with_debt`]: models::AaveV3Accounts::with_debt
//! [`AaveV3Valuation`]: models::AaveV3Valuation

pub mod aave;
mod cancel;
#[cfg(feature = "cli")]
pub mod cli;
mod counted;
pub mod database;
pub mod deployments;
mod documented_errors;
mod escape;
#[cfg(feature = "sync")]
pub mod events;
mod folder_of;
pub mod models;
mod new_folders;
#[cfg(feature = "sync")]
pub mod node;
#[rustfmt::skip]
#[expect(missing_docs, reason = "generated by the diesel CLI")]
pub mod schema;
mod setters;
pub mod settings;
mod sqlite;
#[cfg(feature = "sync")]
pub mod sync;
mod system;
pub mod types;
mod utc;

/// Diesel, in the version of the connections and queries of this crate.
pub use diesel;
