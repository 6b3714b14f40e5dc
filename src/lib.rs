//! The database toolkit under EVM arbitrage and liquidation bots.

#[cfg(feature = "cli")]
pub mod cli;
pub mod database;
pub mod models;
#[rustfmt::skip]
pub mod schema;
pub mod settings;
mod sqlite;
pub mod types;
