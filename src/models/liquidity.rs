//! The liquidity of pools by ticks: how it is read, changed and written.

pub(crate) mod liquidity_update;
pub(crate) mod pool_update;
pub(crate) mod tick_bitmap;
pub(crate) mod tick_liquidity;
pub(crate) mod tick_map;
