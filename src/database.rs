//! Operations on a database file, and sessions with one.
//!
//! An operation takes paths and options and returns a report or an [`Error`]. It never prints, prompts or ends the
//! process. An operation that fails before its commit leaves the rows as they were. Three rules hold for all
//! operations:
//!
//! - Opening never creates a database. A new file is written under a temporary name in the same folder, synced and
//!   renamed ([`create_new_sqlite_database`], [`backup_sqlite_database`]).
//! - A database that other programs may have open is changed through SQLite. Its file is never replaced
//!   ([`reset_sqlite_database`], [`upgrade_existing_sqlite_database`]).
//! - A file is recognised before it is changed. A file that is not a degenbot database is refused ([`recognise`]).
//!
//! ```
//! use degenbot::database::{self, Database, Error};
//! use degenbot::models::{Erc20Token, NewErc20Token};
//! use degenbot::schema::erc20_tokens;
//! use degenbot::types::{Address, ChainId, Decimals};
//! use diesel::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("degenbot.db");
//! database::create_new_sqlite_database(&path)?;
//! let database = Database::open(&path)?;
//!
//! let weth: Address = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2".parse()?;
//! let token = NewErc20Token {
//!     chain: ChainId::new(1)?,
//!     address: weth,
//!     name: Some("Wrapped Ether".to_owned()),
//!     symbol: Some("WETH".to_owned()),
//!     decimals: Some(Decimals::new(18)?),
//! };
//! database.write(|connection| -> Result<_, Error> {
//!     diesel::insert_into(erc20_tokens::table)
//!         .values(&token)
//!         .execute(connection)?;
//!     Ok(())
//! })?;
//!
//! // Each thread takes its own session. `database::db_session()` opens one on the database that the
//! // user's settings name.
//! let mut session = database.session()?;
//! let tokens: Vec<Erc20Token> = session.read(|connection| -> Result<_, Error> {
//!     Ok(erc20_tokens::table
//!         .filter(erc20_tokens::address.eq(weth))
//!         .select(Erc20Token::as_select())
//!         .load(connection)?)
//! })?;
//! assert_eq!(tokens[0].symbol.as_deref(), Some("WETH"));
//! # Ok(())
//! # }
//! ```
//!
//! # Large files
//!
//! Beyond the limit on the size of a process's files (`ulimit -f`), the system ends the process with SIGXFSZ. The command
//! ignores this signal. If a program does so too, an operation fails with [`ErrorKind::FileTooLarge`] instead, and leaves
//! nothing behind.

pub(crate) mod aave_markets;
pub(crate) mod connection;
pub(crate) mod copying;
pub(crate) mod error;
pub(crate) mod exchanges;
#[cfg(feature = "export")]
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod installed_views;
pub(crate) mod migration;
pub(crate) mod progress;
pub(crate) mod recognition;
pub(crate) mod reports;
pub(crate) mod sessions;
pub(crate) mod small_write;
pub(crate) mod structure;
pub(crate) mod verification;

pub use crate::cancel::CancelToken;
pub use crate::sqlite::raw_connection::SqliteError;
pub use aave_markets::{
    MarketActivation, MarketDeactivation, MarketFacts, MarketOptions, activate_market, add_market,
    deactivate_market, list_markets,
};
pub use connection::open::{LOCK_TIMEOUT, connection_pragmas};
pub use copying::backup::{BackupOptions, BackupReport, backup_sqlite_database};
pub use copying::compact::{CompactOptions, CompactReport, Compaction, compact_sqlite_database};
pub use copying::content_summary::Summary;
pub use copying::create::create_new_sqlite_database;
pub use copying::reset::{ResetOptions, ResetReport, check_reset, reset_sqlite_database};
pub use copying::restore::{
    RestoreOptions, RestorePlan, RestoreReport, plan_restore, restore_sqlite_database,
};
pub use copying::rotation::NotRemoved;
pub use error::backup_problem::BackupProblem;
pub use error::database_error::Error;
pub use error::effect::Effect;
pub use error::error_kind::ErrorKind;
pub use error::exchange_conflict::ExchangeConflict;
pub use error::market_conflict::MarketConflict;
pub use error::not_checked::NotChecked;
pub use error::obstacle::Obstacle;
pub use error::refusal::Refusal;
pub use error::violation::Violation;
pub use exchanges::contract_facts::ContractFacts;
pub use exchanges::{
    Activation, Deactivation, ExchangeOptions, activate_exchange, add_exchange,
    deactivate_exchange, list_exchanges,
};
#[cfg(feature = "export")]
pub use export::export_database::export_database;
#[cfg(feature = "export")]
pub use export::options::{
    ExportFormat, ExportOptions, ExportReport, ExportedFile, InvalidValues, UnknownFormat,
};
#[cfg(feature = "export")]
pub use export::tables::{ExportPart, UnknownPart};
pub use files::database_file::backup_path;
pub use files::open_by::{Program, programs_using};
pub use installed_views::{
    InstalledViews, ViewsOptions, find_installed_views, install_database_views,
    remove_database_views,
};
pub use migration::assumptions::{Assumption, Assumptions, FactoryAssumption, UnknownAssumption};
pub use migration::losses::Loss;
pub use migration::migrate::{
    Change, MigrationReport, current_database_version, latest_database_version,
    migrate_sqlite_database,
};
pub use migration::options::{MigrateOptions, UpgradeOptions};
pub use migration::plan::{MigrationPlan, check_upgrade, plan_migration, plan_upgrade};
pub use migration::rebuild::RebuildReport;
pub use migration::rebuild::notices::RebuildNotices;
pub use migration::route::{Method, Route, find_route};
pub use migration::unfinal_blocks::UnfinalBlocks;
pub use migration::upgrade::{
    UpgradeReport, upgrade_existing_sqlite_database, upgrade_sqlite_database,
};
pub use progress::{Observer, Progress, Stage};
pub use recognition::expected_database::ExpectedDatabase;
pub use recognition::identity::{Identity, Recognition};
pub use recognition::recognise::recognise;
pub use recognition::stamps::Stamps;
pub use reports::aave_accounts::{
    AaveNotComputed, AavePosition, AavePositionReport, AaveRiskAccount, AaveRiskOptions,
    AaveRiskReport, AaveRiskZone, show_aave_position, value_aave_accounts,
};
pub use reports::aave_market::{
    AaveCategoryReport, AaveMarketReport, AaveReserveReport, show_aave_market,
};
pub use reports::aave_markets::{
    AaveMarketState, AavePricedAsset, AavePricedAssets, list_aave_assets,
};
pub use reports::inspect::{
    AutoVacuum, DatabaseInfo, ExchangeInfo, TableInfo, inspect_sqlite_database,
};
pub use reports::liquidity_buckets::{LiquidityBucket, LiquidityBuckets};
pub use reports::market_list::MarketInfo;
pub use reports::pool_info::{PoolInfo, TokenInfo};
pub use reports::pool_list::{PoolListOptions, list_pools};
pub use reports::pool_show::{
    LiquidityRange, PoolLiquidity, PoolReport, PoolSelector, TokenSelector, show_pools,
};
pub use reports::staleness::{Staleness, StatusLimits, StatusSubject};
pub use reports::status::{
    BackupStatus, ChainStatus, DatabaseStatus, Lag, Litestream, StatusOptions, UpdatedTo,
    read_database_status,
};
pub use reports::views::{DatabaseView, DatabaseViews, list_database_views};
pub use sessions::database::{Database, PoolOptions, db_session};
pub use sessions::read_only_database::ReadOnlyDatabase;
pub use sessions::session::Session;
pub use sessions::snapshot::Snapshot;
pub use structure::legacy_revision::LegacyRevision;
pub use structure::pending_migrations::pending_migrations;
pub use structure::schema_object::{ObjectKind, SchemaObject};
pub use structure::schema_version::{SchemaVersion, UnknownVersion};
pub use verification::findings::{Example, Finding};
pub use verification::integrity_check::{IntegrityCheck, UnknownIntegrityCheck};
pub use verification::quick_scan::{RowProblem, SuspectRows};
pub use verification::rule::Rule;
pub use verification::verify::{VerifyOptions, VerifyReport, verify_sqlite_database};

/// The structure of a database: the type of [`Recognition::catalogue`] and its parts.
pub mod catalogue {
    pub use super::structure::catalogue::{Affinity, Catalogue, Column, ForeignKey, Index, Table};
    pub use super::structure::difference::Difference;
}
