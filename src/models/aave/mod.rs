//! Aave V3 accounts, reserves and markets: rows joined with the rows they refer to.

pub(crate) mod account;
pub(crate) mod reserve;
pub(crate) mod stored_market;
