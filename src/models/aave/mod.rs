//! Aave V3 accounts, reserves and markets: rows joined with the rows they refer to.

pub(crate) mod account;
pub(crate) mod e_mode;
#[cfg(feature = "sync")]
pub(crate) mod position_writer;
pub(crate) mod reserve;
#[cfg(feature = "sync")]
pub(crate) mod reserve_writer;
pub(crate) mod stored_market;
#[cfg(feature = "sync")]
pub(crate) mod stored_users;
pub(crate) mod valuation;
pub(crate) mod valuation_error;
