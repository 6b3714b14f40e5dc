//! Which exchanges a database has, and which of them updates take in.

use std::path::Path;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{Access, LOCK_TIMEOUT, open_connection, set_busy_timeout};
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::exchange_conflict::ExchangeConflict;
use crate::database::files::database_file::DatabaseFile;
use crate::database::recognition::recognise::{recognise, recognise_connection, recognise_state};
use crate::database::reports::inspect::{ExchangeInfo, exchanges_of};
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::rows::exchange::{Exchange, NewExchange};
use crate::models::rows::pool_manager::{NewPoolManager, PoolManager};
use crate::schema::exchanges;
use crate::setters::setters;
use crate::sqlite::transaction::{Begin, transaction};

/// How the exchanges of a database are changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExchangeOptions {
    /// How long locks are waited for.
    pub wait: Duration,
}

setters!(ExchangeOptions { wait: Duration });

impl Default for ExchangeOptions {
    fn default() -> Self {
        Self { wait: LOCK_TIMEOUT }
    }
}

/// What the activation of an exchange did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// The database had no such exchange; now it has, and it is active.
    Added,
    /// It was there and is active now.
    Activated,
    /// It was active.
    AlreadyActive,
}

/// What the deactivation of an exchange did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deactivation {
    /// It is not active any more.
    Deactivated,
    /// It was not active.
    AlreadyInactive,
}

/// Has updates take an exchange in. A known deployment is added where the database does not have it; `None`, and
/// nothing done, for another one that it does not have.
///
/// # Errors
///
/// [`ErrorKind::Exchange`] where the database has the exchange with another factory than the known one, or with
/// several; [`ErrorKind::Refused`] for a database of no version that this program works with, and
/// [`ErrorKind::Locked`] where another program keeps the write lock. Nothing was changed then.
pub fn activate_exchange(
    path: &Path,
    exchange: &ExchangeName,
    options: &ExchangeOptions,
) -> Result<Option<Activation>, Error> {
    let known = Deployment::of(exchange);
    write(path, options, |connection| {
        let stored = Exchange::all_by_name(connection, exchange.chain, &exchange.name)?;
        let chosen = choose(&stored, exchange, known).map_err(|found| conflict(path, found))?;
        let (id, activation) = match (chosen, known) {
            (None, None) => return Ok(None),
            (None, Some(known)) => (insert(connection, known, true)?, Activation::Added),
            (Some(stored), _) if stored.active => (stored.id, Activation::AlreadyActive),
            (Some(stored), _) => {
                set_active(connection, stored.id, true)?;
                (stored.id, Activation::Activated)
            }
        };
        if let Some(known) = known {
            ensure_pool_manager(connection, known, id)?;
        }
        Ok(Some(activation))
    })
}

/// Has updates leave an exchange out, whatever factories it has; `None` where the database does not have it.
///
/// # Errors
///
/// As for [`activate_exchange`], without [`ErrorKind::Exchange`].
pub fn deactivate_exchange(
    path: &Path,
    exchange: &ExchangeName,
    options: &ExchangeOptions,
) -> Result<Option<Deactivation>, Error> {
    write(path, options, |connection| {
        let stored = Exchange::all_by_name(connection, exchange.chain, &exchange.name)?;
        if stored.is_empty() {
            return Ok(None);
        }
        let mut deactivation = Deactivation::AlreadyInactive;
        for active in stored.iter().filter(|stored| stored.active) {
            set_active(connection, active.id, false)?;
            deactivation = Deactivation::Deactivated;
        }
        Ok(Some(deactivation))
    })
}

/// Adds an exchange with its pool manager, not active yet.
///
/// # Errors
///
/// [`ErrorKind::Exchange`] where the chain has one of the name, or with the factory; the others as for
/// [`activate_exchange`].
pub fn add_exchange(
    path: &Path,
    deployment: &Deployment,
    options: &ExchangeOptions,
) -> Result<(), Error> {
    let chain = deployment.chain;
    write(path, options, |connection| {
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
        let id = insert(connection, deployment, false)?;
        ensure_pool_manager(connection, deployment, id)
    })
}

/// The exchanges that a degenbot database has, of whatever version, by id, found out without leaving a trace.
///
/// # Errors
///
/// [`ErrorKind::Refused`] where the tables are not degenbot's; otherwise where the database cannot be read.
pub fn list_exchanges(path: &Path) -> Result<Vec<ExchangeInfo>, Error> {
    read_without_trace(path, |connection| {
        let recognition = recognise_connection(connection)
            .map_err(|error| error.at(path, "recognise the database"))?;
        recognition.require_degenbot(path)?;
        exchanges_of(connection, &recognition)
            .map_err(|error| Error::from_diesel(path, "read the exchanges", error))
    })
}

/// A transaction that writes, in a database of a version that this program works with.
fn write<T>(
    path: &Path,
    options: &ExchangeOptions,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    // Looked at first without writing, so that a database that is refused stays as it was to the byte.
    let recognition = recognise(path)?;
    recognition.require_version(path)?;
    if let Some(warning) = recognition.version_warning() {
        log::warn!("{warning}");
    }
    DatabaseFile::at(path).require_writable()?;
    let mut connection = open_connection(path, Access::ReadWrite)?;
    set_busy_timeout(&mut connection, path, options.wait)?;
    let operate = |connection: &mut SqliteConnection| {
        recognise_state(connection)?.require_version(path)?;
        operate(connection)
    };
    transaction(&mut connection, Begin::Immediate, operate, Error::from)
        .map_err(|error| error.at(path, "write to the database"))
}

/// The row that an activation is about.
fn choose<'stored>(
    stored: &'stored [Exchange],
    exchange: &ExchangeName,
    known: Option<&Deployment>,
) -> Result<Option<&'stored Exchange>, ExchangeConflict> {
    let Some(first) = stored.first() else {
        return Ok(None);
    };
    let factory = known.map_or(first.factory, |known| known.factory);
    let mut same = stored.iter().filter(|stored| stored.factory == factory);
    let other = stored.iter().find(|stored| stored.factory != factory);
    match (same.next(), other, known) {
        (None, _, Some(_)) => Err(ExchangeConflict::OtherFactory {
            exchange: exchange.clone(),
            found: first.factory,
            expected: factory,
        }),
        (_, Some(other), None) => Err(ExchangeConflict::SeveralFactories {
            exchange: exchange.clone(),
            factories: [first.factory, other.factory],
        }),
        // Of doublets, one that is active is enough.
        (one, ..) => Ok(same.find(|same| same.active).or(one)),
    }
}

fn conflict(path: &Path, conflict: ExchangeConflict) -> Error {
    ErrorKind::Exchange {
        conflict: Box::new(conflict),
    }
    .at(path)
}

/// The name of the exchange of the chain that has the factory, in whatever letter case.
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
    deployment: &Deployment,
    active: bool,
) -> QueryResult<i64> {
    diesel::insert_into(exchanges::table)
        .values(&NewExchange {
            chain_id: deployment.chain,
            name: deployment.name.clone().into_owned(),
            active,
            last_update_block: None,
            factory: deployment.factory,
            deployer: deployment.deployer,
        })
        .returning(exchanges::id)
        .get_result(connection)
}

fn set_active(connection: &mut SqliteConnection, id: i64, active: bool) -> QueryResult<()> {
    diesel::update(exchanges::table.find(id))
        .set(exchanges::active.eq(active))
        .execute(connection)?;
    Ok(())
}

/// Adds the pool manager of an exchange where the database does not have it. Its address is the factory's: that
/// is how the Python package finds it.
fn ensure_pool_manager(
    connection: &mut SqliteConnection,
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
        PoolManager::insert_or_get(connection, &[manager])?;
    }
    Ok(())
}
