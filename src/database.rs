//! Operations on a database file, and sessions with one.
//!
//! An operation takes paths and options and returns a report or an [`Error`]; it prints nothing, asks
//! nothing and ends nothing. Whichever way it ends, the database holds what it held before or what the
//! operation's report says. How that is done, for all of them:
//!
//! - opening never creates a database; a new file is written beside its place under a temporary name
//!   and renamed when it is complete and synced ([`create_new_sqlite_database`],
//!   [`backup_sqlite_database`]);
//! - a database that other programs may have open is changed through SQLite only, never by replacing
//!   the file ([`reset_sqlite_database`], [`upgrade_existing_sqlite_database`]);
//! - a file is looked at without writing before it is touched, and refused where it is not a degenbot
//!   database ([`recognise`]).
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
//! // Any thread takes a session of its own; `database::db_session()` gives one on the database that
//! // the user's settings name.
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

mod assumption;
mod backup;
pub mod catalogue;
mod claim;
mod compact;
mod connection;
mod create;
mod create_tables;
mod disk;
mod earlier;
mod error;
mod exchanges;
mod exclusive;
mod foreign_keys;
mod inspect;
mod integrity;
mod kept;
mod leftovers;
mod lineage;
mod look;
mod maps;
mod migrate;
mod observer;
mod pending_migrations;
mod plan;
mod pool;
mod rebuild;
mod replace;
mod restore;
mod session;
mod snapshot;
mod sql;
mod staging;
mod stamp_tables;
mod stamps;
mod together;
mod unsound;
mod upgrade;
mod usability;
mod usage;
mod verify;
mod version;

pub use assumption::{Assumption, Assumptions, FactoryAssumption, UnknownAssumption};
pub use backup::{BackupOptions, BackupReport, backup_path, backup_sqlite_database};
pub use compact::{CompactOptions, CompactReport, Compaction, compact_sqlite_database};
pub use connection::{LOCK_TIMEOUT, connection_pragmas};
pub use create::{ResetOptions, create_new_sqlite_database, reset_sqlite_database};
pub use earlier::EarlierRevision;
pub use error::Error;
pub use error::exchange_conflict::ExchangeConflict;
pub use error::obstacle::Obstacle;
pub use error::refusal::Refusal;
pub use error::violation::Violation;
pub use exchanges::{
    Activation, Deactivation, activate_exchange, add_exchange, deactivate_exchange, list_exchanges,
};
pub use inspect::{AutoVacuum, DatabaseInfo, ExchangeInfo, TableInfo, inspect_sqlite_database};
pub use integrity::{UnknownVerification, Verification};
pub use lineage::{Origin, Recognition, recognise};
pub use migrate::{
    MigrationReport, current_database_version, latest_database_version, migrate_sqlite_database,
};
pub use observer::{Observer, Progress, Stage};
pub use pending_migrations::pending_migrations;
pub use plan::{Loss, Method, MigrationPlan, plan_migration, plan_upgrade, require_assumptions};
pub use pool::{Database, PoolOptions, db_session};
pub use rebuild::RebuildReport;
pub use restore::{
    RestoreOptions, RestorePlan, RestoreReport, Summary, plan_restore, restore_sqlite_database,
};
pub use session::Session;
pub use stamps::Stamps;
pub use together::Snapshot;
pub use unsound::Unsound;
pub use upgrade::{
    UpgradeOptions, UpgradeReport, upgrade_existing_sqlite_database, upgrade_sqlite_database,
};
pub use usage::{Program, programs_using};
pub use verify::{Example, Finding, Rule, VerifyOptions, VerifyReport, verify_sqlite_database};
pub use version::{SchemaVersion, UnknownVersion};

use connection::Access;
