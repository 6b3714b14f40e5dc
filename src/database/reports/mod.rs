//! Reports about a database.

pub(crate) mod aave_accounts;
pub(crate) mod aave_market;
pub(crate) mod aave_markets;
pub(crate) mod inspect;
pub(crate) mod liquidity_buckets;
pub(crate) mod market_list;
pub(crate) mod pool_info;
pub(crate) mod pool_list;
pub(crate) mod pool_show;
pub(crate) mod staleness;
pub(crate) mod status;
pub(crate) mod views;
