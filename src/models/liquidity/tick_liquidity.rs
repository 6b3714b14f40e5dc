//! The liquidity at a tick.

use crate::types::decimal::{I128, U128};
use crate::types::integer::Tick;

/// The liquidity of the positions that start or end at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickLiquidity {
    /// The tick.
    pub tick: Tick,
    /// The liquidity added when the price crosses the tick upwards.
    pub liquidity_net: I128,
    /// The liquidity of all positions that start or end at the tick.
    pub liquidity_gross: U128,
}
