//! Changes of liquidity between two ticks.

use crate::types::integer::Tick;

/// A change of liquidity between two ticks: what an event means for the ticks of its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiquidityChange {
    /// The lower tick of the position.
    pub lower: Tick,
    /// The upper tick of the position.
    pub upper: Tick,
    /// The liquidity that is added; negative if it is removed. Zero if the event only collects fees.
    pub delta: i128,
}
