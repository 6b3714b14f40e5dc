//! Aave V3 accounts and reserves: rows joined with the rows they refer to.

pub(crate) mod account;
pub(crate) mod reserve;
