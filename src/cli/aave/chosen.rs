//! Which markets of the database a command is about.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::aave::lookup::{absent, parse};
use crate::cli::failure::Failure;
use crate::database::reports::aave_markets::{AavePricedAssets, list_aave_assets};
use crate::types::integer::ChainId;

/// The market with a name; without one, all active markets.
pub(super) fn chosen(path: &Path, name: Option<&str>) -> Result<Vec<AavePricedAssets>, Failure> {
    let mut markets = list_aave_assets(path)?;
    if let Some(text) = name {
        let name = parse(path, text)?;
        markets.retain(|it| it.market.name == name);
        return if markets.is_empty() {
            Err(absent(path, &name))
        } else {
            Ok(markets)
        };
    }
    markets.retain(|it| it.market.active);
    if markets.is_empty() {
        return Err(Failure::NoMarket);
    }
    Ok(markets)
}

/// The names of markets, for a message.
pub(super) fn names(markets: &[AavePricedAssets]) -> Vec<String> {
    markets
        .iter()
        .map(|it| it.market.name.to_string())
        .collect()
}

pub(super) fn chains(markets: &[AavePricedAssets]) -> BTreeSet<ChainId> {
    markets.iter().map(|it| it.market.chain).collect()
}
