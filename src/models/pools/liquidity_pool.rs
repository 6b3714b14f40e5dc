//! Liquidity pools with a contract of their own, whole: what all have in common and what their kind adds.

mod find;
pub(crate) mod insert;
pub(crate) mod read;

use crate::models::pools::pool_parameters::{
    Fees, LiquidityBookParameters, PoolParameters, V2Parameters, V3Parameters,
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
    pub parameters: V2Parameters,
}

/// A V3 pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V3Pool {
    /// What every pool has.
    pub base: BasePool,
    /// What a V3 pool has.
    pub parameters: V3Parameters,
}

/// A Liquidity Book pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiquidityBookPool {
    /// What every pool has.
    pub base: BasePool,
    /// What a Liquidity Book pool has.
    pub parameters: LiquidityBookParameters,
}

impl LiquidityPool {
    pub(in crate::models) fn new(base: BasePool, parameters: PoolParameters) -> Self {
        match parameters {
            PoolParameters::V2(parameters) => Self::V2(V2Pool { base, parameters }),
            PoolParameters::V3(parameters) => Self::V3(V3Pool { base, parameters }),
            PoolParameters::LiquidityBook(parameters) => {
                Self::LiquidityBook(LiquidityBookPool { base, parameters })
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
    pub const fn parameters(&self) -> PoolParameters {
        match self {
            Self::V2(pool) => PoolParameters::V2(pool.parameters),
            Self::V3(pool) => PoolParameters::V3(pool.parameters),
            Self::LiquidityBook(pool) => PoolParameters::LiquidityBook(pool.parameters),
        }
    }

    /// The kind that the database gives the pool.
    #[must_use]
    pub const fn kind(&self) -> PoolKind {
        self.parameters().kind()
    }

    /// The pool's fees, which a Liquidity Book pool's row does not have.
    #[must_use]
    pub const fn fees(&self) -> Option<Fees> {
        match self {
            Self::V2(pool) => Some(pool.parameters.fees),
            Self::V3(pool) => Some(pool.parameters.fees),
            Self::LiquidityBook(_) => None,
        }
    }
}
