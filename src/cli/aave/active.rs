//! Which markets a command is about that asks nodes.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use crate::cli::aave::lookup::{absent, parse};
use crate::cli::failure::Failure;
use crate::cli::known_values::{chain_id, market};
use crate::database::aave_markets::list_markets;
use crate::deployments::market_name::MarketName;
use crate::types::integer::ChainId;
use crate::types::sql_value::SqlValue;

/// Which active markets a command is about.
#[derive(Debug, Args)]
pub(in crate::cli) struct Chosen {
    /// Only this chain, by its name or ID; can be repeated
    #[arg(long, value_name = "CHAIN", value_parser = chain_id(), hide_possible_values = true)]
    chain: Vec<ChainId>,
    /// Only this market, as 'aave list' shows it; can be repeated
    #[arg(long, value_name = "NAME", value_parser = market(), hide_possible_values = true)]
    market: Vec<String>,
}

/// The markets that were found.
pub(in crate::cli) struct ChosenMarkets {
    /// The chains with active markets that the command is about.
    pub(in crate::cli) chains: BTreeSet<ChainId>,
    /// The markets that are named.
    markets: Vec<MarketName>,
}

impl Chosen {
    /// Why `--chain` and `--market` cannot both be meant: a market is on none of the chains.
    pub(in crate::cli) fn contradiction(&self) -> Option<String> {
        if self.chain.is_empty() {
            return None;
        }
        self.market.iter().find_map(|name| {
            let market = name.parse::<MarketName>().ok()?;
            (!self.chain.contains(&market.chain)).then(|| {
                format!(
                    "the argument '--market {name}' is a market of chain {}, which '--chain' does not name",
                    market.chain
                )
            })
        })
    }

    /// The markets that are named.
    pub(in crate::cli) fn names(&self, path: &Path) -> Result<Vec<MarketName>, Failure> {
        let names = self.market.iter().map(|name| parse(path, name));
        names.collect()
    }

    /// The chains of the active ones of these markets; of all active ones if none is named.
    pub(in crate::cli) fn chains(
        &self,
        path: &Path,
        markets: &[MarketName],
    ) -> Result<BTreeSet<ChainId>, Failure> {
        let stored = list_markets(path)?;
        for market in markets {
            if stored.iter().all(|row| row.market.as_ref() != Some(market)) {
                return Err(absent(path, market));
            }
        }
        let active = stored
            .into_iter()
            .filter(|row| row.active == Some(SqlValue::Integer(1)))
            .filter_map(|row| row.market)
            .filter(|name| markets.is_empty() || markets.contains(name))
            .map(|name| name.chain)
            .filter(|chain| self.chain.is_empty() || self.chain.contains(chain));
        Ok(active.collect())
    }

    /// Looks the markets up. Fails if none of them is active.
    pub(in crate::cli) fn look_up(&self, path: &Path) -> Result<ChosenMarkets, Failure> {
        let markets = self.names(path)?;
        let chains = self.chains(path, &markets)?;
        if chains.is_empty() {
            return Err(Failure::NoMarketToUpdate);
        }
        Ok(ChosenMarkets { chains, markets })
    }
}

impl ChosenMarkets {
    /// The markets of a chain that are named.
    pub(in crate::cli) fn of_chain(&self, chain: ChainId) -> Vec<MarketName> {
        let of_chain = self.markets.iter().filter(|name| name.chain == chain);
        of_chain.cloned().collect()
    }
}
