//! Prints every pool with its tokens and its ticks: `cargo run --example list_pools -- PATH`.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use degenbot::database::{self, Database};
use degenbot::models::{Erc20Token, Exchange, PoolFamily, TickMap};
use degenbot::schema::exchanges;
use diesel::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: list_pools PATH")?;
    list(Path::new(&path), &mut std::io::stdout().lock())
}

/// Prints the pools of all chains.
pub(crate) fn list(path: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let database = Database::open(path)?;
    let exchanges: Vec<Exchange> = database.read(|connection| {
        let all = exchanges::table.select(Exchange::as_select());
        Ok::<_, database::Error>(all.load(connection)?)
    })?;
    let chains: BTreeSet<_> = exchanges.iter().map(|exchange| exchange.chain_id).collect();
    for chain in chains {
        let pools = database.chain_pools(chain)?;
        let mut maps = BTreeMap::new();
        for family in PoolFamily::ALL {
            let found = Mutex::new(Vec::new());
            // Several threads read, and call this at the same time.
            database.for_each_tick_map(family, chain, 4, |map| -> Result<_, database::Error> {
                let mut found = found
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                found.push(map?);
                Ok(())
            })?;
            let found = found
                .into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            maps.extend(
                found
                    .into_iter()
                    .map(|map| ((family, map.pool_id), map.tick_map)),
            );
        }
        for entry in pools.pools() {
            let base = entry.pool.base();
            writeln!(
                out,
                "{} {} on {} (chain {chain}): {} / {}",
                entry.pool.kind(),
                base.address,
                entry.exchange.name,
                symbol(entry.token0),
                symbol(entry.token1),
            )?;
            list_ticks(maps.get(&(PoolFamily::Pools, base.id)), out)?;
        }
        for entry in pools.managed_pools() {
            writeln!(
                out,
                "uniswap_v4 {}: {} / {}",
                entry.pool.pool_hash,
                symbol(entry.currency0),
                symbol(entry.currency1),
            )?;
            list_ticks(maps.get(&(PoolFamily::ManagedPools, entry.pool.id)), out)?;
        }
    }
    Ok(())
}

fn list_ticks(map: Option<&TickMap>, out: &mut impl Write) -> std::io::Result<()> {
    for tick in map.map(TickMap::ticks).unwrap_or_default() {
        writeln!(out, "  {} {}", tick.tick, tick.liquidity_net)?;
    }
    Ok(())
}

fn symbol(token: &Erc20Token) -> String {
    token
        .symbol
        .clone()
        .unwrap_or_else(|| token.address.to_string())
}
