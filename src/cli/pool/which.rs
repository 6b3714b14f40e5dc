//! What the commands share that compare or repair pools: which pools.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use crate::cli::exchange::lookup::{require_known_chains, stored};
use crate::cli::failure::Failure;
use crate::cli::known_values::chain_id;
use crate::cli::pool::filters;
use crate::database::exchanges::list_exchanges;
use crate::database::reports::inspect::ExchangeInfo;
use crate::deployments::exchange_name::ExchangeName;
use crate::sync::pool_snapshot::chains_of_pools;
use crate::types::integer::ChainId;
use crate::types::sql_value::SqlValue;

/// Which pools, on which chains.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// A pool: its address, the hash of a Uniswap V4 pool, or its ID; can be repeated
    #[arg(value_name = "POOL")]
    pub(super) pools: Vec<String>,
    /// Only this chain, by its name or ID; can be repeated
    #[arg(long, value_name = "CHAIN", value_parser = chain_id(), hide_possible_values = true)]
    chain: Vec<ChainId>,
    /// Only this exchange, as 'exchange list' shows it; can be repeated
    #[arg(long, value_name = "NAME")]
    exchange: Vec<String>,
}

/// What is named, and its chains.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) exchanges: Vec<ExchangeName>,
    pub(super) chains: BTreeSet<ChainId>,
}

impl Which {
    /// What two of the arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<String> {
        if self.pools.is_empty() {
            filters::contradiction(&self.chain, &self.exchange)
        } else {
            filters::exchange_elsewhere(&self.chain, &self.exchange)
        }
    }

    /// Whether pools are named, and no exchange.
    pub(super) fn names_only_pools(&self) -> bool {
        !self.pools.is_empty() && self.exchange.is_empty()
    }

    /// Looks up what is named. Without any name, it is what is active.
    pub(super) fn look_up(&self, path: &Path) -> Result<Named, Failure> {
        let exchanges = stored(path, &self.exchange)?;
        require_known_chains(path, &self.chain)?;
        let rows = list_exchanges(path)?;
        let mut chains: BTreeSet<_> = exchanges.iter().map(|exchange| exchange.chain).collect();
        for (name, of_name) in self.pools.iter().zip(chains_of_pools(path, &self.pools)?) {
            if of_name.is_empty() {
                return Err(Failure::PoolNotStored { name: name.clone() });
            }
            chains.extend(of_name);
        }
        if self.exchange.is_empty() && self.pools.is_empty() {
            let active = rows
                .iter()
                .filter(|row| row.active == Some(SqlValue::Integer(1)));
            chains.extend(
                active
                    .filter_map(ExchangeInfo::full_name)
                    .map(|name| name.chain),
            );
        }
        let is_nothing = chains.is_empty();
        chains.retain(|chain| self.chain.is_empty() || self.chain.contains(chain));
        match chains.is_empty() {
            true if is_nothing => Err(Failure::NothingToUpdate),
            true => Err(Failure::NotOnTheChain),
            false => Ok(Named { exchanges, chains }),
        }
    }
}

impl Named {
    /// The exchanges of a chain.
    pub(super) fn of_chain(&self, chain: ChainId) -> Vec<ExchangeName> {
        let of_chain = self.exchanges.iter().filter(|name| name.chain == chain);
        of_chain.cloned().collect()
    }
}
