//! The parameters of a pool, which depend on its kind.

use crate::types::integer::{BinStep, FeeParts, TickSpacing};
use crate::types::kind::PoolKind;
use crate::types::sync_cursor::SyncCursor;

/// A pool's fees, as fractions of the input amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// The fee's numerator if the input is token0.
    pub token0: FeeParts,
    /// The fee's numerator if the input is token1.
    pub token1: FeeParts,
    /// The denominator of both fees.
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

/// The parameters of a V2 pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V2Parameters {
    /// The protocol.
    pub protocol: V2Protocol,
    /// The fees.
    pub fees: Fees,
}

/// The parameters of a V3 pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V3Parameters {
    /// The protocol.
    pub protocol: V3Protocol,
    /// The fees.
    pub fees: Fees,
    /// The tick spacing: ticks that are multiples of it can be initialized.
    pub tick_spacing: TickSpacing,
    /// How far the pool's liquidity is synchronized.
    pub sync_cursor: SyncCursor,
}

/// The parameters of a Liquidity Book pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiquidityBookParameters {
    /// The ratio of the prices of two adjacent bins.
    pub bin_step: BinStep,
}

/// The parameters of a pool of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolParameters {
    /// Of a V2 pool.
    V2(V2Parameters),
    /// Of a V3 pool.
    V3(V3Parameters),
    /// Of a Liquidity Book pool.
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
