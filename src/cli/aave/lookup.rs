//! Finding markets by name.

use std::path::Path;

use crate::cli::alike::alike;
use crate::cli::failure::Failure;
use crate::database::aave_markets::list_markets;
use crate::deployments::market::Market;
use crate::deployments::market_name::MarketName;

/// Parses the name of a market.
pub(super) fn parse(path: &Path, name: &str) -> Result<MarketName, Failure> {
    name.parse().map_err(|_| unknown(path, name))
}

/// The failure for a market that the database does not have.
pub(super) fn absent(path: &Path, market: &MarketName) -> Failure {
    match Market::of(market) {
        Some(_) => Failure::MarketNotStored {
            market: market.clone(),
        },
        None => unknown(path, &market.to_string()),
    }
}

/// The failure for an unknown name, with the most similar names.
pub(super) fn unknown(path: &Path, name: &str) -> Failure {
    // If the database cannot be read, the known markets remain.
    let stored = list_markets(path).unwrap_or_default();
    let markets = Market::known()
        .iter()
        .map(Market::market_name)
        .chain(stored.into_iter().filter_map(|stored| stored.market));
    Failure::UnknownMarket {
        name: name.to_owned(),
        alike: alike(
            name,
            markets.map(|market| (market.to_string(), market.name)),
        ),
    }
}
