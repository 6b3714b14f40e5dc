//! The liquidity at one tick.

use crate::types::{I128, Tick, U128};

/// The liquidity that begins or ends at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickLiquidity {
    /// The tick.
    pub tick: Tick,
    /// The liquidity added when the price crosses the tick upwards.
    pub liquidity_net: I128,
    /// The liquidity that refers to the tick, from either side.
    pub liquidity_gross: U128,
}
