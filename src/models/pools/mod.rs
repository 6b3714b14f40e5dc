//! Whole pools: the row common to all kinds, joined with the row in the table of the pool's kind.

pub(crate) mod chain_pools;
pub(crate) mod liquidity_pool;
pub(crate) mod managed_liquidity_pool;
pub(crate) mod pool_family;
pub(crate) mod pool_kind_tables;
pub(crate) mod pool_parameters;
