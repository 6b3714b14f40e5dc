//! Liquidity pools with a contract of their own, whole: what all have in common and what their kind adds.

pub(crate) mod find;
pub(crate) mod insert;
pub(crate) mod read;

use crate::models::pools::pool_parameters::{
    Fees, LiquidityBookTerms, PoolTerms, V2Terms, V3Terms,
};
use crate::types::{Address, ChainId, PoolKind};

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

/// A liquidity pool of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiquidityPool {
    /// A constant-product pool, or one of its relatives.
    V2(V2Pool),
    /// A concentrated-liquidity pool. Its liquidity is a [`TickMap`](crate::models::TickMap).
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
