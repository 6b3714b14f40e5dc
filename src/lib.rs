//! The database toolkit under EVM arbitrage and liquidation bots.

pub mod models;
#[rustfmt::skip]
pub mod schema;
pub mod settings;
pub mod types;
