//! Finding exchanges by name.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::database::exchanges::list_exchanges;
use crate::database::reports::inspect::ExchangeInfo;
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_name::ExchangeName;
use crate::types::integer::ChainId;
use crate::types::sql_value::SqlValue;

/// Parses the name of an exchange.
pub(in crate::cli) fn parse(path: &Path, name: &str) -> Result<ExchangeName, Failure> {
    name.parse().map_err(|_| unknown(path, name))
}

/// The name of the exchange of a row, if the row is valid.
pub(in crate::cli) fn name_of(row: &ExchangeInfo) -> Option<ExchangeName> {
    match (&row.chain_id, &row.name) {
        (Some(SqlValue::Integer(chain)), Some(SqlValue::Text(name))) => Some(ExchangeName {
            chain: ChainId::new(u64::try_from(*chain).ok()?).ok()?,
            name: name.clone(),
        }),
        _ => None,
    }
}

/// The failure for an unknown name, with the most similar names.
pub(in crate::cli) fn unknown(path: &Path, name: &str) -> Failure {
    const ALIKE: f64 = 0.85;
    // If the database cannot be read, the known exchanges remain.
    let stored = list_exchanges(path).unwrap_or_default();
    let mut alike: Vec<_> = Deployment::known()
        .iter()
        .map(Deployment::exchange)
        .chain(stored.iter().filter_map(name_of))
        .map(|exchange| (likeness(name, &exchange), exchange.to_string()))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|(one, one_name), (other, other_name)| {
        other.total_cmp(one).then_with(|| one_name.cmp(other_name))
    });
    alike.dedup();
    Failure::UnknownExchange {
        name: name.to_owned(),
        alike: alike.into_iter().take(3).map(|(_, name)| name).collect(),
    }
}

/// The similarity of a text and the name of an exchange, from 0 to 1: with its chain, with another one, or without.
fn likeness(text: &str, exchange: &ExchangeName) -> f64 {
    let behind_chain = text.split_once('_').map_or(text, |(_, name)| name);
    strsim::jaro(text, &exchange.to_string())
        .max(strsim::jaro(text, &exchange.name))
        .max(strsim::jaro(behind_chain, &exchange.name))
}
