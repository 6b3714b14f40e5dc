//! Checks that the database has kept what was written to it.
//!
//! SQLite reports success even if a trigger of the user's has ignored a statement or undone it. So each operation looks
//! at the rows again, in its transaction, before it reports success.

use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::market_conflict::MarketConflict;
use crate::database::small_write::triggers_of;
use crate::deployments::market::Market;
use crate::deployments::market_name::MarketName;
use crate::models::aave::stored_market::AaveV3StoredMarket;
use crate::models::rows::aave_gho_token::AaveGhoToken;
use crate::models::rows::erc20_token::Erc20Token;
use crate::types::address::Address;

/// The error of a conflict.
pub(super) fn conflict(path: &Path, conflict: MarketConflict) -> Error {
    ErrorKind::Market {
        conflict: Box::new(conflict),
    }
    .at(path)
}

/// Fails unless the market has its row, its addresses provider and its facts.
pub(super) fn require_stored(
    connection: &mut SqliteConnection,
    path: &Path,
    market: &Market,
    id: i64,
) -> Result<(), Error> {
    let name = market.market_name();
    let stored = AaveV3StoredMarket::by_name(connection, &name)?;
    let is_kept = stored.iter().any(|stored| {
        stored.market.id == id
            && stored.provider == Some(market.provider)
            && stored.facts.is_some()
            && (market.first_block.is_none() || stored.first_block().is_some())
    });
    if is_kept {
        return Ok(());
    }
    Err(not_kept(connection, path, &name, "as it was added")?)
}

/// Fails unless the market with the id is active.
pub(super) fn require_active(
    connection: &mut SqliteConnection,
    path: &Path,
    id: i64,
    market: &MarketName,
) -> Result<(), Error> {
    let stored = AaveV3StoredMarket::by_name(connection, market)?;
    if stored
        .iter()
        .any(|stored| stored.market.id == id && stored.market.active)
    {
        return Ok(());
    }
    Err(not_kept(connection, path, market, "as active")?)
}

/// Fails unless the markets are those of before, and each is inactive.
pub(super) fn require_inactive(
    connection: &mut SqliteConnection,
    path: &Path,
    before: &[AaveV3StoredMarket],
    market: &MarketName,
) -> Result<(), Error> {
    let stored = AaveV3StoredMarket::by_name(connection, market)?;
    let is_kept = stored.len() == before.len()
        && stored
            .iter()
            .zip(before)
            .all(|(stored, before)| stored.market.id == before.market.id && !stored.market.active);
    if is_kept {
        return Ok(());
    }
    Err(not_kept(connection, path, market, "as inactive")?)
}

/// Fails unless the GHO token has its rows.
pub(super) fn require_gho(
    connection: &mut SqliteConnection,
    path: &Path,
    market: &Market,
    address: Address,
) -> Result<(), Error> {
    if let Some(token) = Erc20Token::by_address(connection, market.chain, address)?
        && AaveGhoToken::by_token(connection, token.id)?.is_some()
    {
        return Ok(());
    }
    let name = market.market_name();
    Err(not_kept(connection, path, &name, "with its GHO token")?)
}

/// The error of a database that has not kept a change.
pub(super) fn not_kept(
    connection: &mut SqliteConnection,
    path: &Path,
    market: &MarketName,
    expected: &'static str,
) -> QueryResult<Error> {
    let found = MarketConflict::NotKept {
        market: market.clone(),
        expected,
        triggers: triggers(connection)?,
    };
    Ok(conflict(path, found))
}

/// Turns the error of a statement that SQLite rejects into one that names the market. Other errors stay as they are.
pub(super) fn rejected(
    connection: &mut SqliteConnection,
    market: &MarketName,
    error: Error,
) -> Error {
    let Some(reason) = error.kind.rejection().map(ToString::to_string) else {
        return error;
    };
    let conflict = MarketConflict::Rejected {
        market: market.clone(),
        reason,
        triggers: triggers(connection).unwrap_or_default(),
    };
    error.with_kind(ErrorKind::Market {
        conflict: Box::new(conflict),
    })
}

/// The triggers of the tables that hold markets and the GHO token.
fn triggers(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    triggers_of(
        connection,
        &[
            "aave_v3_markets",
            "aave_v3_contracts",
            "aave_v3_market_facts",
            "aave_gho_tokens",
            "erc20_tokens",
        ],
    )
}
