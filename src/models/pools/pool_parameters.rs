//! What a pool has beside [`BasePool`](crate::models::BasePool), by its kind.

use crate::types::{BinStep, BlockNumber, FeeParts, LogIndex, PoolKind, TickSpacing};

/// A pool's fees, as fractions of what is paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// The fee's numerator when token0 is paid in.
    pub token0: FeeParts,
    /// The fee's numerator when token1 is paid in.
    pub token1: FeeParts,
    /// The denominator of both.
    pub denominator: FeeParts,
}

/// The protocol of a V2 pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum V2Protocol {
    /// Aerodrome.
    Aerodrome {
        /// Whether the pool follows the stable-swap curve instead of the constant product.
        stable: bool,
    },
    /// Camelot.
    Camelot,
    /// PancakeSwap.
    Pancakeswap,
    /// SushiSwap.
    Sushiswap,
    /// SwapBased.
    Swapbased,
    /// Uniswap.
    Uniswap,
}

/// The protocol of a V3 pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum V3Protocol {
    /// Aerodrome.
    Aerodrome,
    /// PancakeSwap.
    Pancakeswap,
    /// SushiSwap.
    Sushiswap,
    /// Uniswap.
    Uniswap,
}

/// The last liquidity event of a pool that has been taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncCursor {
    /// Its block; none before the first event.
    pub block: Option<BlockNumber>,
    /// Its log index in that block.
    pub log_index: Option<LogIndex>,
}

/// What a V2 pool has beside [`BasePool`](crate::models::BasePool).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V2Parameters {
    /// Whose pool it is.
    pub protocol: V2Protocol,
    /// Its fees.
    pub fees: Fees,
}

/// What a V3 pool has beside [`BasePool`](crate::models::BasePool).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V3Parameters {
    /// Whose pool it is.
    pub protocol: V3Protocol,
    /// Its fees.
    pub fees: Fees,
    /// The distance between ticks that can be initialized.
    pub tick_spacing: TickSpacing,
    /// Up to where its liquidity has been taken in.
    pub sync_cursor: SyncCursor,
}

/// What a Liquidity Book pool has beside [`BasePool`](crate::models::BasePool).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiquidityBookParameters {
    /// The ratio of the prices of two adjacent bins.
    pub bin_step: BinStep,
}

/// What a pool has beside [`BasePool`](crate::models::BasePool), whichever kind it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolParameters {
    /// A V2 pool's.
    V2(V2Parameters),
    /// A V3 pool's.
    V3(V3Parameters),
    /// A Liquidity Book pool's.
    LiquidityBook(LiquidityBookParameters),
}

impl PoolParameters {
    /// The kind of a pool with these parameters.
    #[must_use]
    pub const fn kind(&self) -> PoolKind {
        match self {
            Self::V2(parameters) => match parameters.protocol {
                V2Protocol::Aerodrome { .. } => PoolKind::AerodromeV2,
                V2Protocol::Camelot => PoolKind::CamelotV2,
                V2Protocol::Pancakeswap => PoolKind::PancakeswapV2,
                V2Protocol::Sushiswap => PoolKind::SushiswapV2,
                V2Protocol::Swapbased => PoolKind::SwapbasedV2,
                V2Protocol::Uniswap => PoolKind::UniswapV2,
            },
            Self::V3(parameters) => match parameters.protocol {
                V3Protocol::Aerodrome => PoolKind::AerodromeV3,
                V3Protocol::Pancakeswap => PoolKind::PancakeswapV3,
                V3Protocol::Sushiswap => PoolKind::SushiswapV3,
                V3Protocol::Uniswap => PoolKind::UniswapV3,
            },
            Self::LiquidityBook(_) => PoolKind::LfjBinned,
        }
    }
}
