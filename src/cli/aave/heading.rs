//! The line, and the fields, that say which state of a market a report is about.

use serde::Serialize;

use crate::cli::aave::amounts;
use crate::cli::format::{grouped, plain};
use crate::database::reports::aave_markets::AaveMarketState;
use crate::types::integer::{BlockNumber, Revision};

/// The market, and its block and time.
pub(super) fn heading(market: &AaveMarketState) -> String {
    let block = market.block.map_or_else(
        || "no block yet".to_owned(),
        |block| format!("block {}", grouped(block.get())),
    );
    let time = market
        .time
        .map_or_else(String::new, |time| format!(" ({})", amounts::time(time)));
    format!("{} at {block}{time}", plain(&market.name.to_string()))
}

#[derive(Debug, Serialize)]
pub(super) struct MarketFields {
    market: String,
    title: String,
    chain_id: u64,
    block: Option<u64>,
    time: Option<String>,
    pool_revision: Option<u32>,
}

impl MarketFields {
    pub(super) fn of(market: &AaveMarketState) -> Self {
        Self {
            market: market.name.to_string(),
            title: market.title.clone(),
            chain_id: market.chain.get(),
            block: market.block.map(BlockNumber::get),
            time: market.time.map(amounts::timestamp),
            pool_revision: market.pool_revision.map(Revision::get),
        }
    }
}
