//! Liquidity pools with a contract of their own, whole: what all have in common and what their kind adds.

pub(crate) mod find;
pub(crate) mod insert;
pub(crate) mod read;

use crate::types::{
    Address, BinStep, BlockNumber, ChainId, FeeParts, LogIndex, PoolKind, TickSpacing,
};

/// What every V2 and V3 pool has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePool {
    /// The id of the pool in `pools`.
    pub id: i64,
    /// The pool's contract.
    pub address: Address,
    /// The chain the pool lives on.
    pub chain: ChainId,
    /// The token with the lower address.
    pub token0_id: i64,
    /// The token with the higher address.
    pub token1_id: i64,
    /// The exchange the pool belongs to.
    pub exchange_id: i64,
}

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
pub struct UpdateMark {
    /// Its block; none before the first event.
    pub block: Option<BlockNumber>,
    /// Its log index in that block.
    pub log_index: Option<LogIndex>,
}

/// What a V2 pool has beside [`BasePool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V2Terms {
    /// Whose pool it is.
    pub protocol: V2Protocol,
    /// Its fees.
    pub fees: Fees,
}

/// What a V3 pool has beside [`BasePool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V3Terms {
    /// Whose pool it is.
    pub protocol: V3Protocol,
    /// Its fees.
    pub fees: Fees,
    /// The distance between ticks that can be initialized.
    pub tick_spacing: TickSpacing,
    /// Up to where its liquidity has been taken in.
    pub updated: UpdateMark,
}

/// What a Liquidity Book pool has beside [`BasePool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiquidityBookTerms {
    /// The ratio of the prices of two adjacent bins.
    pub bin_step: BinStep,
}

/// What a pool has beside [`BasePool`], whichever kind it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolTerms {
    /// A V2 pool's.
    V2(V2Terms),
    /// A V3 pool's.
    V3(V3Terms),
    /// A Liquidity Book pool's.
    LiquidityBook(LiquidityBookTerms),
}

/// A liquidity pool of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiquidityPool {
    /// A constant-product pool, or one of its relatives.
    V2(V2Pool),
    /// A concentrated-liquidity pool. Its liquidity is a [`TickMap`](super::TickMap).
    V3(V3Pool),
    /// A pool of LFJ's Liquidity Book.
    LiquidityBook(LiquidityBookPool),
}

/// A V2 pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V2Pool {
    /// What every pool has.
    pub base: BasePool,
    /// What a V2 pool has.
    pub terms: V2Terms,
}

/// A V3 pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V3Pool {
    /// What every pool has.
    pub base: BasePool,
    /// What a V3 pool has.
    pub terms: V3Terms,
}

/// A Liquidity Book pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiquidityBookPool {
    /// What every pool has.
    pub base: BasePool,
    /// What a Liquidity Book pool has.
    pub terms: LiquidityBookTerms,
}

impl LiquidityPool {
    pub(in crate::models) fn new(base: BasePool, terms: PoolTerms) -> Self {
        match terms {
            PoolTerms::V2(terms) => Self::V2(V2Pool { base, terms }),
            PoolTerms::V3(terms) => Self::V3(V3Pool { base, terms }),
            PoolTerms::LiquidityBook(terms) => {
                Self::LiquidityBook(LiquidityBookPool { base, terms })
            }
        }
    }

    /// What every pool has.
    #[must_use]
    pub const fn base(&self) -> &BasePool {
        match self {
            Self::V2(pool) => &pool.base,
            Self::V3(pool) => &pool.base,
            Self::LiquidityBook(pool) => &pool.base,
        }
    }

    /// What only a pool of its kind has.
    #[must_use]
    pub const fn terms(&self) -> PoolTerms {
        match self {
            Self::V2(pool) => PoolTerms::V2(pool.terms),
            Self::V3(pool) => PoolTerms::V3(pool.terms),
            Self::LiquidityBook(pool) => PoolTerms::LiquidityBook(pool.terms),
        }
    }

    /// The kind that the database gives the pool.
    #[must_use]
    pub const fn kind(&self) -> PoolKind {
        self.terms().kind()
    }

    /// The pool's fees, which a Liquidity Book pool's row does not have.
    #[must_use]
    pub const fn fees(&self) -> Option<Fees> {
        match self {
            Self::V2(pool) => Some(pool.terms.fees),
            Self::V3(pool) => Some(pool.terms.fees),
            Self::LiquidityBook(_) => None,
        }
    }
}

impl PoolTerms {
    /// The kind of a pool with these terms.
    #[must_use]
    pub const fn kind(&self) -> PoolKind {
        match self {
            Self::V2(terms) => match terms.protocol {
                V2Protocol::Aerodrome { .. } => PoolKind::AerodromeV2,
                V2Protocol::Camelot => PoolKind::CamelotV2,
                V2Protocol::Pancakeswap => PoolKind::PancakeswapV2,
                V2Protocol::Sushiswap => PoolKind::SushiswapV2,
                V2Protocol::Swapbased => PoolKind::SwapbasedV2,
                V2Protocol::Uniswap => PoolKind::UniswapV2,
            },
            Self::V3(terms) => match terms.protocol {
                V3Protocol::Aerodrome => PoolKind::AerodromeV3,
                V3Protocol::Pancakeswap => PoolKind::PancakeswapV3,
                V3Protocol::Sushiswap => PoolKind::SushiswapV3,
                V3Protocol::Uniswap => PoolKind::UniswapV3,
            },
            Self::LiquidityBook(_) => PoolKind::LfjBinned,
        }
    }
}
