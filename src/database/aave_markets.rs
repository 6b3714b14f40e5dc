//! Operations on the Aave V3 markets of a database: activate, deactivate, add and list.

mod kept;

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::aave_markets::kept::{
    conflict, not_kept, rejected, require_active, require_gho, require_inactive, require_stored,
};
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
#[cfg(doc)]
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::market_conflict::MarketConflict;
use crate::database::recognition::recognise::recognise_connection;
use crate::database::reports::market_list::{MarketInfo, markets_of};
use crate::database::small_write::write_small;
use crate::deployments::market::Market;
use crate::deployments::market_name::MarketName;
use crate::models::aave::stored_market::{AaveV3StoredMarket, PROVIDER, has_table};
use crate::models::access::row_error::RowError;
use crate::models::rows::aave_gho_token::{AaveGhoToken, NewAaveGhoToken};
use crate::models::rows::aave_v3_market::{NewAaveV3Contract, NewAaveV3Market};
use crate::models::rows::aave_v3_market_facts::NewAaveV3MarketFacts;
use crate::models::rows::erc20_token::{Erc20Token, NewErc20Token};
use crate::schema::{aave_gho_tokens, aave_v3_contracts, aave_v3_market_facts, aave_v3_markets};
use crate::setters::setters;
use crate::types::address::Address;
use crate::types::integer::BlockNumber;

/// Options for changes to the markets of a database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MarketOptions {
    /// The time to wait for a lock.
    pub wait: Duration,
    /// The token that cancels the operation.
    pub cancel: Option<CancelToken>,
    /// What the contracts of the market say. An activation needs it to add a market that the database lacks.
    pub facts: Option<MarketFacts>,
}

setters!(MarketOptions { wait: Duration, cancel: CancelToken => Some, facts: MarketFacts => Some });

impl Default for MarketOptions {
    fn default() -> Self {
        Self {
            wait: LOCK_TIMEOUT,
            cancel: None,
            facts: None,
        }
    }
}

/// What the contracts of a market say. `sync::ask_market` asks a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MarketFacts {
    /// The name of the market, such as `Aave Ethereum Market`: `getMarketId` of its addresses provider.
    pub market_id: String,
    /// The GHO token, if the market has one of its own kind.
    pub gho: Option<NewErc20Token>,
}

impl MarketFacts {
    /// What is known of a market whose contract says this name.
    #[must_use]
    pub const fn new(market_id: String) -> Self {
        Self {
            market_id,
            gho: None,
        }
    }
}

setters!(MarketFacts { gho: NewErc20Token => Some });

/// The result of an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarketActivation {
    /// The market was not in the database. It was added and is active.
    Added,
    /// The market was inactive and is now active.
    Activated,
    /// The market was active before.
    AlreadyActive,
}

/// The result of a deactivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarketDeactivation {
    /// The market was active and is now inactive.
    Deactivated,
    /// The market was inactive before.
    AlreadyInactive,
}

/// Marks a market active, so that updates include it. A known market that the database lacks is added, with what its
/// contracts say, which the options have. For any other market that the database lacks, the function changes nothing and
/// returns `None`.
///
/// A market that the Python package has stored keeps its rows and its mark; what is missing is added.
///
/// # Errors
///
/// - [`ErrorKind::Market`] if the database is not at the newest version, if it has a known market with a different
///   addresses provider, if a market is to be added and the options lack its facts, or if the database does not keep the
///   change, because a trigger ignores or undoes it.
/// - [`ErrorKind::Refused`] if the database is not at a version of this program.
/// - [`ErrorKind::Damaged`] if the change needs a page that looks free, and a page is damaged or in use.
/// - [`ErrorKind::Interrupted`] if the token of the options is cancelled.
/// - [`ErrorKind::Locked`] if another program holds the write lock for too long.
///
/// [`Error::effect`] says whether the database was changed.
pub fn activate_market(
    path: &Path,
    market: &MarketName,
    options: &MarketOptions,
) -> Result<Option<MarketActivation>, Error> {
    let known = Market::of(market);
    write(path, market, options, |connection| {
        require_place(connection, path, market)?;
        let stored = stored(connection, market, options.facts.as_ref())?;
        let chosen = choose(&stored, market, known).map_err(|found| conflict(path, found))?;
        let (id, activation) = match (chosen, known, &options.facts) {
            (None, None, _) => return Ok(None),
            (None, Some(_), None) => {
                let market = market.clone();
                return Err(conflict(path, MarketConflict::IdUnknown { market }));
            }
            (None, Some(known), Some(facts)) => {
                let id = insert(connection, path, known, &facts.market_id, true)?;
                (id, MarketActivation::Added)
            }
            (Some(stored), ..) if stored.market.active => {
                (stored.market.id, MarketActivation::AlreadyActive)
            }
            (Some(stored), ..) => {
                set_active(connection, stored.market.id, true)?;
                (stored.market.id, MarketActivation::Activated)
            }
        };
        if let Some(known) = known {
            complete(connection, path, known, id)?;
            if let Some(gho) = known.gho {
                let said = options.facts.as_ref().and_then(|facts| facts.gho.clone());
                ensure_gho(connection, path, known, gho, said)?;
            }
            require_stored(connection, path, known, id)?;
        }
        require_active(connection, path, id, market)?;
        Ok(Some(activation))
    })
}

/// Marks a market inactive in every row with its name. Returns `None` if the database lacks the market. The database can
/// be at any version of this program.
///
/// # Errors
///
/// The errors of [`activate_market`]. [`ErrorKind::Market`] only means that the database does not keep the change.
pub fn deactivate_market(
    path: &Path,
    market: &MarketName,
    options: &MarketOptions,
) -> Result<Option<MarketDeactivation>, Error> {
    write(path, market, options, |connection| {
        if !has_table(connection, "aave_v3_markets")? {
            return Ok(None);
        }
        let stored = AaveV3StoredMarket::by_name(connection, market)?;
        if stored.is_empty() {
            return Ok(None);
        }
        let mut deactivation = MarketDeactivation::AlreadyInactive;
        for active in stored.iter().filter(|stored| stored.market.active) {
            set_active(connection, active.market.id, false)?;
            deactivation = MarketDeactivation::Deactivated;
        }
        require_inactive(connection, path, &stored, market)?;
        Ok(Some(deactivation))
    })
}

/// Adds an inactive market that is not known.
///
/// # Errors
///
/// [`ErrorKind::Market`] if the chain already has a market with the name or the addresses provider, if the database is not
/// at the newest version, or if it does not keep the new market. The other errors are those of [`activate_market`].
pub fn add_market(
    path: &Path,
    market: &Market,
    facts: &MarketFacts,
    options: &MarketOptions,
) -> Result<(), Error> {
    let name = market.market_name();
    write(path, &name, options, |connection| {
        require_place(connection, path, &name)?;
        let stored = AaveV3StoredMarket::of_chain(connection, market.chain)?;
        let same = |stored: &&AaveV3StoredMarket| stored.provider == Some(market.provider);
        if let Some(taken) = stored.iter().find(same) {
            let found = MarketConflict::ProviderTaken {
                market: taken.name.clone(),
                provider: market.provider,
            };
            return Err(conflict(path, found));
        }
        if stored.iter().any(|stored| stored.name == name) {
            let market = name.clone();
            return Err(conflict(path, MarketConflict::NameTaken { market }));
        }
        let id = insert(connection, path, market, &facts.market_id, false)?;
        complete(connection, path, market, id)?;
        require_stored(connection, path, market, id)?;
        let added = AaveV3StoredMarket::by_name(connection, &name)?;
        require_inactive(connection, path, &added, &name)
    })
}

/// Lists the markets of a degenbot database of any version, ordered by id. It reads without leaving a trace.
///
/// # Errors
///
/// [`ErrorKind::Refused`] if it is not a degenbot database. Other kinds if the database cannot be read.
pub fn list_markets(path: &Path) -> Result<Vec<MarketInfo>, Error> {
    read_without_trace(path, |connection| {
        let recognition = recognise_connection(connection)
            .map_err(|error| error.at(path, "recognise the database"))?;
        recognition.require_degenbot(path)?;
        markets_of(connection, &recognition)
            .map(Option::unwrap_or_default)
            .map_err(|error| Error::from_diesel(path, "read the markets", error))
    })
}

/// Runs `operate`, which changes a market, in a write transaction.
fn write<T>(
    path: &Path,
    market: &MarketName,
    options: &MarketOptions,
    operate: impl Fn(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    write_small(
        path,
        options.wait,
        options.cancel.as_ref(),
        operate,
        |connection, error| rejected(connection, market, error),
    )
}

/// Fails unless the database has the table for what is known of a market, which the newest version has.
fn require_place(
    connection: &mut SqliteConnection,
    path: &Path,
    market: &MarketName,
) -> Result<(), Error> {
    if has_table(connection, "aave_v3_market_facts")? {
        return Ok(());
    }
    let market = market.clone();
    Err(conflict(path, MarketConflict::NoPlace { market }))
}

/// The rows of a market: those with its name, or, without an addresses provider, with the name that its contract says.
fn stored(
    connection: &mut SqliteConnection,
    market: &MarketName,
    facts: Option<&MarketFacts>,
) -> Result<Vec<AaveV3StoredMarket>, Error> {
    let mut stored = AaveV3StoredMarket::of_chain(connection, market.chain)?;
    stored.retain(|stored| {
        let is_said = facts.is_some_and(|facts| facts.market_id == stored.market.name);
        stored.name == *market || stored.provider.is_none() && stored.facts.is_none() && is_said
    });
    Ok(stored)
}

/// Chooses the row to activate.
fn choose<'stored>(
    stored: &'stored [AaveV3StoredMarket],
    market: &MarketName,
    known: Option<&Market>,
) -> Result<Option<&'stored AaveV3StoredMarket>, MarketConflict> {
    let mut providers = stored.iter().filter_map(|stored| stored.provider);
    match (providers.next(), known) {
        (Some(first), None) => {
            if let Some(other) = providers.find(|other| *other != first) {
                return Err(MarketConflict::SeveralProviders {
                    market: market.clone(),
                    providers: [first, other],
                });
            }
        }
        (Some(_), Some(known)) => {
            let other = stored.iter().filter_map(|stored| stored.provider);
            if let Some(found) = other.into_iter().find(|found| *found != known.provider) {
                return Err(MarketConflict::OtherProvider {
                    market: market.clone(),
                    found,
                    expected: known.provider,
                });
            }
        }
        (None, _) => {}
    }
    // Of duplicates, one active row is enough, and the one that has been followed is the better one.
    let mut stored: Vec<_> = stored.iter().collect();
    stored.sort_by_key(|stored| Reverse((stored.market.active, stored.market.last_update_block)));
    Ok(stored.first().copied())
}

/// Inserts the row of a market. Like the Python package, it takes the block before the first one for done.
fn insert(
    connection: &mut SqliteConnection,
    path: &Path,
    market: &Market,
    market_id: &str,
    active: bool,
) -> Result<i64, Error> {
    let before = market.first_block.and_then(|first| {
        let before = first.get().checked_sub(1)?;
        BlockNumber::new(before).ok()
    });
    let new = NewAaveV3Market {
        chain_id: market.chain,
        name: market_id.to_owned(),
        active,
        last_update_block: before,
    };
    let added = diesel::insert_into(aave_v3_markets::table)
        .values(&new)
        .execute(connection)?;
    if added == 0 {
        // A trigger can ignore the row.
        let name = market.market_name();
        return Err(not_kept(connection, path, &name, "as it was added")?);
    }
    Ok(diesel::select(sql::<BigInt>("last_insert_rowid()")).get_result(connection)?)
}

fn set_active(connection: &mut SqliteConnection, id: i64, active: bool) -> QueryResult<()> {
    diesel::update(aave_v3_markets::table.find(id))
        .set(aave_v3_markets::active.eq(active))
        .execute(connection)?;
    Ok(())
}

/// Adds the addresses provider and the facts of a market, as far as the database lacks them.
fn complete(
    connection: &mut SqliteConnection,
    path: &Path,
    market: &Market,
    id: i64,
) -> Result<(), Error> {
    let stored = AaveV3StoredMarket::of_chain(connection, market.chain)?;
    let Some(stored) = stored.into_iter().find(|stored| stored.market.id == id) else {
        let name = market.market_name();
        return Err(not_kept(connection, path, &name, "as it was added")?);
    };
    if stored.provider.is_none() {
        diesel::insert_into(aave_v3_contracts::table)
            .values(&NewAaveV3Contract {
                market_id: id,
                name: PROVIDER.to_owned(),
                address: market.provider,
                revision: None,
            })
            .execute(connection)?;
    }
    if stored.facts.is_none() {
        diesel::insert_into(aave_v3_market_facts::table)
            .values(&NewAaveV3MarketFacts {
                market_id: id,
                name: Some(market.name.clone().into_owned()),
                first_block: market.first_block,
                last_update_time: None,
            })
            .execute(connection)?;
    }
    Ok(())
}

/// Adds the GHO token, and its row among those of GHO, as far as the database lacks them.
fn ensure_gho(
    connection: &mut SqliteConnection,
    path: &Path,
    market: &Market,
    address: Address,
    said: Option<NewErc20Token>,
) -> Result<(), Error> {
    let chain = market.chain;
    let said = said.filter(|token| (token.chain, token.address) == (chain, address));
    let token = said.unwrap_or(NewErc20Token {
        chain,
        address,
        name: None,
        symbol: None,
        decimals: None,
    });
    let ids = match Erc20Token::insert_or_get(connection, &[token]) {
        // The check says which triggers may be the reason.
        Err(RowError::NotWritten { .. }) => Vec::new(),
        ids => ids?,
    };
    if let Some(token_id) = ids.first()
        && AaveGhoToken::by_token(connection, *token_id)?.is_none()
    {
        diesel::insert_into(aave_gho_tokens::table)
            .values(&NewAaveGhoToken {
                token_id: *token_id,
                v_token_id: None,
                v_gho_discount_rate_strategy: None,
                v_gho_discount_token: None,
            })
            .execute(connection)?;
    }
    require_gho(connection, path, market, address)
}
