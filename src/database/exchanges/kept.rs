//! Checks that the database has kept what was written to it.
//!
//! SQLite reports success even if a trigger of the user's has ignored a statement or undone it. So each operation looks
//! at the rows again, in its transaction, before it reports success.

use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::exchange_conflict::ExchangeConflict;
use crate::database::small_write::triggers_of;
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::rows::exchange::{Exchange, NewExchange};
use crate::models::rows::pool_manager::{NewPoolManager, PoolManager};

/// The error of a conflict.
pub(super) fn conflict(path: &Path, conflict: ExchangeConflict) -> Error {
    ErrorKind::Exchange {
        conflict: Box::new(conflict),
    }
    .at(path)
}

/// The row of a new exchange.
pub(super) fn new_row(deployment: &Deployment, active: bool) -> NewExchange {
    NewExchange {
        chain_id: deployment.chain,
        name: deployment.name.clone().into_owned(),
        active,
        last_update_block: None,
        factory: deployment.factory,
        deployer: deployment.deployer,
    }
}

/// Fails unless the new exchange is stored as it was inserted.
pub(super) fn require_added(
    connection: &mut SqliteConnection,
    path: &Path,
    id: i64,
    deployment: &Deployment,
    active: bool,
) -> Result<(), Error> {
    let stored = Exchange::by_id(connection, id)?.map(|stored| NewExchange {
        chain_id: stored.chain_id,
        name: stored.name,
        active: stored.active,
        last_update_block: stored.last_update_block,
        factory: stored.factory,
        deployer: stored.deployer,
    });
    if stored == Some(new_row(deployment, active)) {
        return Ok(());
    }
    Err(not_added(connection, path, deployment)?)
}

/// Fails unless the exchange with the id is active.
pub(super) fn require_active(
    connection: &mut SqliteConnection,
    path: &Path,
    id: i64,
    exchange: &ExchangeName,
) -> Result<(), Error> {
    let stored = Exchange::all_by_name(connection, exchange.chain, &exchange.name)?;
    if stored.iter().any(|stored| stored.id == id && stored.active) {
        return Ok(());
    }
    Err(not_kept(connection, path, exchange, "as active")?)
}

/// Fails unless the exchanges are those of before, and each is inactive.
pub(super) fn require_inactive(
    connection: &mut SqliteConnection,
    path: &Path,
    before: &[Exchange],
    exchange: &ExchangeName,
) -> Result<(), Error> {
    let stored = Exchange::all_by_name(connection, exchange.chain, &exchange.name)?;
    let is_kept = stored.len() == before.len()
        && stored
            .iter()
            .zip(before)
            .all(|(stored, before)| stored.id == before.id && !stored.active);
    if is_kept {
        return Ok(());
    }
    Err(not_kept(connection, path, exchange, "as inactive")?)
}

/// Fails unless the first of these ids is that of the pool manager.
pub(super) fn require_pool_manager(
    connection: &mut SqliteConnection,
    path: &Path,
    ids: &[i64],
    manager: &NewPoolManager,
    deployment: &Deployment,
) -> Result<(), Error> {
    let stored = match ids.first() {
        Some(id) => PoolManager::by_id(connection, *id)?,
        None => None,
    };
    if stored
        .is_some_and(|stored| (stored.address, stored.chain) == (manager.address, manager.chain))
    {
        return Ok(());
    }
    let exchange = deployment.exchange();
    Err(not_kept(
        connection,
        path,
        &exchange,
        "with its pool manager",
    )?)
}

/// The error of a database that has not kept a new exchange.
pub(super) fn not_added(
    connection: &mut SqliteConnection,
    path: &Path,
    deployment: &Deployment,
) -> QueryResult<Error> {
    not_kept(connection, path, &deployment.exchange(), "as it was added")
}

pub(super) fn not_kept(
    connection: &mut SqliteConnection,
    path: &Path,
    exchange: &ExchangeName,
    expected: &'static str,
) -> QueryResult<Error> {
    let conflict = ExchangeConflict::NotKept {
        exchange: exchange.clone(),
        expected,
        triggers: triggers(connection)?,
    };
    let kind = ErrorKind::Exchange {
        conflict: Box::new(conflict),
    };
    Ok(kind.at(path))
}

/// Turns the error of a statement that SQLite rejects into one that names the exchange. Other errors stay as they are.
pub(super) fn rejected(
    connection: &mut SqliteConnection,
    exchange: &ExchangeName,
    error: Error,
) -> Error {
    let Some(reason) = error.kind.rejection().map(ToString::to_string) else {
        return error;
    };
    let conflict = ExchangeConflict::Rejected {
        exchange: exchange.clone(),
        reason,
        triggers: triggers(connection).unwrap_or_default(),
    };
    error.with_kind(ErrorKind::Exchange {
        conflict: Box::new(conflict),
    })
}

/// The triggers of the tables that hold exchanges.
fn triggers(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    triggers_of(
        connection,
        &["exchanges", "exchange_deployments", "pool_managers"],
    )
}
