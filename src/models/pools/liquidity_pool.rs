//! Pools with their own contract: the columns common to all kinds, and the parameters of the pool's kind.

mod find;
pub(crate) mod insert;
pub(crate) mod read;
#[cfg(feature = "sync")]
pub(crate) mod rewrite;

use crate::models::pools::pool_parameters::{
    Fees, LiquidityBookParameters, PoolParameters, V2Parameters, V3Parameters,
};
use crate::types::address::Address;
use crate::types::integer::ChainId;
use crate::types::kind::PoolKind;

/// The columns common to all kinds of pools.
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
    /// A constant-product or stable-swap pool.
    V2(V2Pool),
    /// A concentrated-liquidity pool. Its liquidity is a [`TickMap`](crate::models::TickMap).
    V3(V3Pool),
    /// A pool of LFJ's Liquidity Book.
    LiquidityBook(LiquidityBookPool),
}

/// A V2 pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V2Pool {
    /// The columns common to all kinds.
    pub base: BasePool,
    /// The parameters of a V2 pool.
    pub parameters: V2Parameters,
}

/// A V3 pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V3Pool {
    /// The columns common to all kinds.
    pub base: BasePool,
    /// The parameters of a V3 pool.
    pub parameters: V3Parameters,
}

/// A Liquidity Book pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiquidityBookPool {
    /// The columns common to all kinds.
    pub base: BasePool,
    /// The parameters of a Liquidity Book pool.
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

    /// The columns common to all kinds.
    #[must_use]
    pub const fn base(&self) -> &BasePool {
        match self {
            Self::V2(pool) => &pool.base,
            Self::V3(pool) => &pool.base,
            Self::LiquidityBook(pool) => &pool.base,
        }
    }

    /// The parameters of the pool's kind.
    #[must_use]
    pub const fn parameters(&self) -> PoolParameters {
        match self {
            Self::V2(pool) => PoolParameters::V2(pool.parameters),
            Self::V3(pool) => PoolParameters::V3(pool.parameters),
            Self::LiquidityBook(pool) => PoolParameters::LiquidityBook(pool.parameters),
        }
    }

    /// The pool's kind, as stored in the database.
    #[must_use]
    pub const fn kind(&self) -> PoolKind {
        self.parameters().kind()
    }

    /// The pool's fees; `None` for a Liquidity Book pool, whose table has no fees.
    #[must_use]
    pub const fn fees(&self) -> Option<Fees> {
        match self {
            Self::V2(pool) => Some(pool.parameters.fees),
            Self::V3(pool) => Some(pool.parameters.fees),
            Self::LiquidityBook(_) => None,
        }
    }
}
