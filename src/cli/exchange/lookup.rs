//! Finding exchanges by name.

use std::path::Path;

use crate::cli::alike::alike;
use crate::cli::failure::Failure;
use crate::database::exchanges::list_exchanges;
use crate::database::reports::inspect::ExchangeInfo;
use crate::deployments::chains::has_title;
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_name::ExchangeName;
use crate::types::integer::ChainId;

/// Parses the name of an exchange.
pub(in crate::cli) fn parse(path: &Path, name: &str) -> Result<ExchangeName, Failure> {
    name.parse().map_err(|_| unknown(path, name))
}

/// Fails if this program does not know one of the chains, and no exchange of the database is on it.
pub(in crate::cli) fn require_known_chains(path: &Path, chains: &[ChainId]) -> Result<(), Failure> {
    let mut unknown = chains.iter().filter(|chain| !has_title(**chain)).peekable();
    if unknown.peek().is_none() {
        return Ok(());
    }
    let rows = list_exchanges(path)?;
    let is_stored = |chain: ChainId| {
        rows.iter()
            .filter_map(ExchangeInfo::full_name)
            .any(|name| name.chain == chain)
    };
    match unknown.find(|chain| !is_stored(**chain)) {
        Some(chain) => Err(Failure::UnknownChain { chain: *chain }),
        None => Ok(()),
    }
}

/// Parses the names of exchanges. Each must be in the database: nothing else tells an exchange that it lacks from one
/// without pools.
pub(in crate::cli) fn stored(path: &Path, names: &[String]) -> Result<Vec<ExchangeName>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let stored: Vec<_> = list_exchanges(path)?
        .iter()
        .filter_map(ExchangeInfo::full_name)
        .collect();
    let find = |name: &String| {
        let exchange = parse(path, name)?;
        if stored.contains(&exchange) {
            return Ok(exchange);
        }
        Err(match Deployment::of(&exchange) {
            Some(_) => Failure::ExchangeNotStored { exchange },
            None => unknown(path, name),
        })
    };
    names.iter().map(find).collect()
}

/// The failure for an unknown name, with the most similar names.
pub(in crate::cli) fn unknown(path: &Path, name: &str) -> Failure {
    // If the database cannot be read, the known exchanges remain.
    let stored = list_exchanges(path).unwrap_or_default();
    let exchanges = Deployment::known()
        .iter()
        .map(Deployment::exchange)
        .chain(stored.iter().filter_map(ExchangeInfo::full_name));
    Failure::UnknownExchange {
        name: name.to_owned(),
        alike: alike(
            name,
            exchanges.map(|exchange| (exchange.to_string(), exchange.name)),
        ),
    }
}
