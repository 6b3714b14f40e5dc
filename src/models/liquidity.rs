//! The liquidity of pools by ticks: how it is read, changed and written.

pub(crate) mod liquidity_update;
pub(crate) mod tick_map;
