//! The database toolkit under EVM arbitrage and liquidation bots.

#[rustfmt::skip]
pub mod schema;

pub mod models;
pub mod types;
