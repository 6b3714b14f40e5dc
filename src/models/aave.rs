//! Aave V3 accounts and reserves: rows with all that belongs to them.

pub(crate) mod account;
pub(crate) mod reserve;
