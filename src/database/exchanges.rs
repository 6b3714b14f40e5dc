//! Operations on the exchanges of a database: activate, deactivate, add and list.

pub(crate) mod contract_facts;
mod kept;

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
#[cfg(doc)]
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::exchange_conflict::ExchangeConflict;
use crate::database::exchanges::contract_facts::ContractFacts;
use crate::database::exchanges::kept::{
    conflict, new_row, not_added, rejected, require_active, require_added, require_inactive,
    require_pool_manager,
};
use crate::database::recognition::recognise::recognise_connection;
use crate::database::reports::inspect::{ExchangeInfo, exchanges_of};
use crate::database::small_write::write_small;
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::access::row_error::RowError;
use crate::models::rows::exchange::Exchange;
use crate::models::rows::pool_manager::{NewPoolManager, PoolManager};
use crate::schema::exchanges;
use crate::setters::setters;

/// Options for changes to the exchanges of a database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExchangeOptions {
    /// The time to wait for a lock.
    pub wait: Duration,
    /// The token that cancels the operation.
    pub cancel: Option<CancelToken>,
    /// What an activation records of the exchange's contracts.
    pub facts: ContractFacts,
}

setters!(ExchangeOptions { wait: Duration, cancel: CancelToken => Some, facts: ContractFacts });

impl Default for ExchangeOptions {
    fn default() -> Self {
        Self {
            wait: LOCK_TIMEOUT,
            cancel: None,
            facts: ContractFacts::default(),
        }
    }
}

/// The result of an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// The exchange was not in the database. It was added and is active.
    Added,
    /// The exchange was inactive and is now active.
    Activated,
    /// The exchange was active before.
    AlreadyActive,
}

/// The result of a deactivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deactivation {
    /// The exchange was active and is now inactive.
    Deactivated,
    /// The exchange was inactive before.
    AlreadyInactive,
}

/// Marks an exchange active, so that updates include it. A known deployment that the database lacks is added. For any
/// other exchange that the database lacks, the function changes nothing and returns `None`.
///
/// The database can be at any version of this program: the tables `exchanges` and `pool_managers` are the same in all of
/// them.
///
/// # Errors
///
/// - [`ErrorKind::Exchange`] if the database has a known exchange with a different factory, or an unknown one with
///   several factories, or if it does not keep the change, because a trigger ignores or undoes it.
/// - [`ErrorKind::Refused`] if the database is not at a version of this program.
/// - [`ErrorKind::Damaged`] if the change needs a page that looks free, and a page is damaged or in use.
/// - [`ErrorKind::Interrupted`] if the token of the options is cancelled.
/// - [`ErrorKind::Locked`] if another program holds the write lock for too long.
///
/// [`Error::effect`] says whether the database was changed.
pub fn activate_exchange(
    path: &Path,
    exchange: &ExchangeName,
    options: &ExchangeOptions,
) -> Result<Option<Activation>, Error> {
    let known = Deployment::of(exchange);
    write(path, exchange, options, |connection| {
        let stored = Exchange::all_by_name(connection, exchange.chain, &exchange.name)?;
        let chosen = choose(&stored, exchange, known).map_err(|found| conflict(path, found))?;
        let (id, activation) = match (chosen, known) {
            (None, None) => return Ok(None),
            (None, Some(known)) => {
                let id = insert(connection, path, known, true)?;
                (id, Activation::Added)
            }
            (Some(stored), _) if stored.active => (stored.id, Activation::AlreadyActive),
            (Some(stored), _) => {
                set_active(connection, stored.id, true)?;
                (stored.id, Activation::Activated)
            }
        };
        if let Some(known) = known {
            ensure_pool_manager(connection, path, known, id)?;
        }
        let facts = &options.facts;
        facts.record(connection, path, exchange, id, true)?;
        match (activation, known) {
            (Activation::Added, Some(known)) => {
                require_added(connection, path, id, known, true)?;
            }
            _ => require_active(connection, path, id, exchange)?,
        }
        Ok(Some(activation))
    })
}

/// Marks an exchange inactive in every row with its name, whatever the factory. Returns `None` if the database lacks
/// the exchange.
///
/// # Errors
///
/// The errors of [`activate_exchange`]. [`ErrorKind::Exchange`] only means that the database does not keep the change.
pub fn deactivate_exchange(
    path: &Path,
    exchange: &ExchangeName,
    options: &ExchangeOptions,
) -> Result<Option<Deactivation>, Error> {
    write(path, exchange, options, |connection| {
        let stored = Exchange::all_by_name(connection, exchange.chain, &exchange.name)?;
        if stored.is_empty() {
            return Ok(None);
        }
        let mut deactivation = Deactivation::AlreadyInactive;
        for active in stored.iter().filter(|stored| stored.active) {
            set_active(connection, active.id, false)?;
            deactivation = Deactivation::Deactivated;
        }
        require_inactive(connection, path, &stored, exchange)?;
        Ok(Some(deactivation))
    })
}

/// Adds an inactive exchange, with its pool manager if it has one.
///
/// # Errors
///
/// [`ErrorKind::Exchange`] if the chain already has an exchange with the name or the factory, or if the database does not
/// keep the new one. The other errors are those of [`activate_exchange`].
pub fn add_exchange(
    path: &Path,
    deployment: &Deployment,
    options: &ExchangeOptions,
) -> Result<(), Error> {
    let chain = deployment.chain;
    write(path, &deployment.exchange(), options, |connection| {
        let same_name = Exchange::all_by_name(connection, chain, &deployment.name)?;
        if let Some(stored) = same_name.first() {
            return Err(conflict(
                path,
                ExchangeConflict::NameTaken {
                    exchange: deployment.exchange(),
                    factory: stored.factory,
                },
            ));
        }
        if let Some(name) = name_of_factory(connection, deployment)? {
            return Err(conflict(
                path,
                ExchangeConflict::FactoryTaken {
                    exchange: ExchangeName { chain, name },
                    factory: deployment.factory,
                },
            ));
        }
        let id = insert(connection, path, deployment, false)?;
        ensure_pool_manager(connection, path, deployment, id)?;
        let facts = ContractFacts::of(deployment);
        facts.record(connection, path, &deployment.exchange(), id, false)?;
        require_added(connection, path, id, deployment, false)
    })
}

/// Lists the exchanges of a degenbot database of any version, ordered by id. It reads without leaving a trace.
///
/// # Errors
///
/// [`ErrorKind::Refused`] if it is not a degenbot database. Other kinds if the database cannot be read.
pub fn list_exchanges(path: &Path) -> Result<Vec<ExchangeInfo>, Error> {
    read_without_trace(path, |connection| {
        let recognition = recognise_connection(connection)
            .map_err(|error| error.at(path, "recognise the database"))?;
        recognition.require_degenbot(path)?;
        exchanges_of(connection, &recognition)
            .map(Option::unwrap_or_default)
            .map_err(|error| Error::from_diesel(path, "read the exchanges", error))
    })
}

/// Runs `operate`, which changes an exchange, in a write transaction. The database must be at a version of this program.
fn write<T>(
    path: &Path,
    exchange: &ExchangeName,
    options: &ExchangeOptions,
    operate: impl Fn(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    write_small(
        path,
        options.wait,
        options.cancel.as_ref(),
        operate,
        |connection, error| rejected(connection, exchange, error),
    )
}

/// Chooses the row to activate.
fn choose<'stored>(
    stored: &'stored [Exchange],
    exchange: &ExchangeName,
    known: Option<&Deployment>,
) -> Result<Option<&'stored Exchange>, ExchangeConflict> {
    let Some(first) = stored.first() else {
        return Ok(None);
    };
    let factory = known.map_or(first.factory, |known| known.factory);
    // Of duplicates, one active row is enough, and the one that has been followed is the better one.
    let mut same: Vec<_> = stored
        .iter()
        .filter(|stored| stored.factory == factory)
        .collect();
    same.sort_by_key(|stored| Reverse((stored.active, stored.last_update_block)));
    let same = same.first().copied();
    let other = stored.iter().find(|stored| stored.factory != factory);
    match (same, other, known) {
        (None, _, Some(_)) => Err(ExchangeConflict::OtherFactory {
            exchange: exchange.clone(),
            found: first.factory,
            expected: factory,
        }),
        (_, Some(other), None) => Err(ExchangeConflict::SeveralFactories {
            exchange: exchange.clone(),
            factories: [first.factory, other.factory],
        }),
        (same, ..) => Ok(same),
    }
}

/// Finds the exchange of the same chain and factory. The comparison ignores letter case.
fn name_of_factory(
    connection: &mut SqliteConnection,
    deployment: &Deployment,
) -> QueryResult<Option<String>> {
    exchanges::table
        .filter(exchanges::chain_id.eq(deployment.chain))
        .filter(
            sql::<Bool>("lower(factory) = lower(")
                .bind::<Text, _>(deployment.factory.to_string())
                .sql(")"),
        )
        .select(exchanges::name)
        .first(connection)
        .optional()
}

fn insert(
    connection: &mut SqliteConnection,
    path: &Path,
    deployment: &Deployment,
    active: bool,
) -> Result<i64, Error> {
    let added = diesel::insert_into(exchanges::table)
        .values(&new_row(deployment, active))
        .execute(connection)?;
    if added == 0 {
        // A trigger can ignore the row.
        return Err(not_added(connection, path, deployment)?);
    }
    Ok(diesel::select(sql::<BigInt>("last_insert_rowid()")).get_result(connection)?)
}

fn set_active(connection: &mut SqliteConnection, id: i64, active: bool) -> QueryResult<()> {
    diesel::update(exchanges::table.find(id))
        .set(exchanges::active.eq(active))
        .execute(connection)?;
    Ok(())
}

/// Adds the pool manager of an exchange if the database lacks it. It gets the factory's address, because the Python
/// package finds it by that address.
fn ensure_pool_manager(
    connection: &mut SqliteConnection,
    path: &Path,
    deployment: &Deployment,
    exchange_id: i64,
) -> Result<(), Error> {
    if let ExchangeKind::Manager(kind) = deployment.kind {
        let manager = NewPoolManager {
            address: deployment.factory,
            chain: deployment.chain,
            kind,
            state_view: deployment.state_view,
            exchange_id,
        };
        let ids = match PoolManager::insert_or_get(connection, std::slice::from_ref(&manager)) {
            // The check below says which triggers may be the reason.
            Err(RowError::NotWritten { .. }) => Vec::new(),
            ids => ids?,
        };
        require_pool_manager(connection, path, &ids, &manager, deployment)?;
    }
    Ok(())
}
