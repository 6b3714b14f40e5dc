//! The Aave V3 markets of a database, and what has to be priced to value their accounts.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::recognition::recognise::recognise_state;
use crate::database::structure::schema_version::SchemaVersion;
use crate::deployments::market_name::MarketName;
use crate::models::aave::reserve::AaveV3Reserve;
use crate::models::aave::stored_market::AaveV3StoredMarket;
use crate::models::access::row_error::RowError;
use crate::models::journal::market_marks::MarkedBy;
use crate::models::rows::aave_v3_emode_category::AaveV3EModeCategory;
use crate::models::rows::aave_v3_market::AaveV3Contract;
use crate::sqlite::prepared::Statements;
use crate::sqlite::transaction::{Begin, transaction};
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId, Revision, Timestamp};

/// A market, and the block that the database is at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AaveMarketState {
    /// The id of its row.
    pub id: i64,
    /// The name that commands give it, with its chain.
    pub name: MarketName,
    /// The name that its contract has.
    pub title: String,
    /// The chain.
    pub chain: ChainId,
    /// Whether updates include it.
    pub active: bool,
    /// The last block whose events are in the database.
    pub block: Option<BlockNumber>,
    /// The time of that block, if it is known.
    pub time: Option<Timestamp>,
    /// The revision of its Pool, if it is known.
    pub pool_revision: Option<Revision>,
    /// The contract that has the prices, if it is known.
    pub oracle: Option<Address>,
}

/// What the oracle of a market has to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AavePricedAssets {
    /// The market.
    pub market: AaveMarketState,
    /// The assets of its reserves, then the price sources that e-mode categories have of their own.
    pub assets: Vec<AavePricedAsset>,
}

/// Something that has a price.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AavePricedAsset {
    /// What the oracle knows it by.
    pub address: Address,
    /// The symbol of its token, if it is one of a reserve.
    pub symbol: Option<String>,
}

/// The markets of a database in the order of their ids, each with what has to be priced.
///
/// # Errors
///
/// [`ErrorKind::Refused`] if the database is not at a version of this program, [`ErrorKind::OlderVersion`] if it lacks
/// the tables that these numbers need, [`ErrorKind::Row`] if a row is invalid. Other kinds if it cannot be read.
pub fn list_aave_assets(path: &Path) -> Result<Vec<AavePricedAssets>, Error> {
    read_markets(path, "read the markets", |connection| {
        let markets = states(connection)?;
        let with_assets = markets.into_iter().map(|market| {
            let assets = assets(connection, market.id)?;
            Ok(AavePricedAssets { market, assets })
        });
        with_assets.collect()
    })
}

/// Reads the markets of a database at the newest version, in one transaction, without leaving a trace.
pub(super) fn read_markets<T>(
    path: &Path,
    action: &'static str,
    mut read: impl FnMut(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    read_without_trace(path, |connection| {
        let read = |connection: &mut SqliteConnection| {
            let version = recognise_state(connection)?.require_version(path)?;
            if version != SchemaVersion::latest() {
                return Err(ErrorKind::OlderVersion { found: version }.at(path));
            }
            read(connection)
        };
        transaction(connection, Begin::Deferred, read, Error::from)
            .map_err(|error| error.at(path, action))
    })
}

fn states(connection: &mut SqliteConnection) -> Result<Vec<AaveMarketState>, Error> {
    let stored = AaveV3StoredMarket::all(connection)?;
    let states = stored
        .into_iter()
        .map(|market| complete(connection, market));
    states.collect()
}

/// A market by the id of its row.
pub(super) fn state(connection: &mut SqliteConnection, id: i64) -> Result<AaveMarketState, Error> {
    let stored = AaveV3StoredMarket::all(connection)?;
    let table = "aave_v3_markets";
    let found = stored.into_iter().find(|stored| stored.market.id == id);
    let found = found.ok_or(RowError::NotFound { table, id })?;
    complete(connection, found)
}

fn complete(
    connection: &mut SqliteConnection,
    stored: AaveV3StoredMarket,
) -> Result<AaveMarketState, Error> {
    let AaveV3StoredMarket {
        market,
        name,
        facts,
        ..
    } = stored;
    // The time that this program has stored is not that of the block to which another one has moved the mark.
    let marked_by = MarkedBy::of_market(Statements::of(connection)?, market.id)?;
    let facts = facts.filter(|_| marked_by != MarkedBy::Another);
    let contracts = AaveV3Contract::of_market(connection, market.id)?;
    let contract = |name: &str| contracts.iter().find(|it| it.name == name);
    Ok(AaveMarketState {
        id: market.id,
        name,
        title: market.name,
        chain: market.chain_id,
        active: market.active,
        block: market.last_update_block,
        time: facts.and_then(|facts| facts.last_update_time),
        pool_revision: contract("POOL").and_then(|it| it.revision),
        oracle: contract("PRICE_ORACLE").map(|it| it.address),
    })
}

fn assets(connection: &mut SqliteConnection, market: i64) -> Result<Vec<AavePricedAsset>, Error> {
    let reserves = AaveV3Reserve::of_market(connection, market)?;
    let reserves = reserves.into_iter().map(|reserve| AavePricedAsset {
        address: reserve.underlying.address,
        symbol: reserve.underlying.symbol,
    });
    let mut assets: Vec<_> = reserves.collect();
    for category in AaveV3EModeCategory::of_market(connection, market)? {
        let source = category.price_source.filter(|it| *it != Address::ZERO);
        let is_new = |source: &Address| assets.iter().all(|it| it.address != *source);
        if let Some(address) = source.filter(is_new) {
            assets.push(AavePricedAsset {
                address,
                symbol: None,
            });
        }
    }
    Ok(assets)
}
