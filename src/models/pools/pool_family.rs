//! Pools with a contract of their own, and pools inside a manager: the same tables under two names.

use crate::models::access::columns::Columns;

/// Which pools: those with a contract of their own, or those inside a pool manager. Their ids are counted
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoolFamily {
    /// Uniswap V3 and what is like it: rows of `pools`.
    Pools,
    /// Uniswap V4: rows of `managed_pools`.
    ManagedPools,
}

impl PoolFamily {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pools, Self::ManagedPools];

    /// The table of the pools.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Pools => "pools",
            Self::ManagedPools => "managed_pools",
        }
    }

    /// The column that refers to the pool.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Pools => "pool_id",
            Self::ManagedPools => "managed_pool_id",
        }
    }

    pub(crate) const fn tick_columns(self) -> Columns {
        Columns {
            table: match self {
                Self::Pools => "liquidity_positions",
                Self::ManagedPools => "managed_pool_liquidity_positions",
            },
            names: &["id", "tick", "liquidity_net", "liquidity_gross"],
            offset: 0,
        }
    }

    pub(crate) const fn word_columns(self) -> Columns {
        Columns {
            table: match self {
                Self::Pools => "initialization_maps",
                Self::ManagedPools => "managed_pool_initialization_maps",
            },
            names: &["id", "word", "bitmap"],
            offset: 0,
        }
    }
}

/// The tables of the bitmap words, which can be computed from the ticks.
pub(crate) const WORD_TABLES: [&str; 2] = [
    PoolFamily::Pools.word_columns().table,
    PoolFamily::ManagedPools.word_columns().table,
];

/// The tables of the liquidity: the words and the ticks of both families.
pub(crate) const LIQUIDITY_TABLES: [&str; 4] = [
    PoolFamily::Pools.word_columns().table,
    PoolFamily::Pools.tick_columns().table,
    PoolFamily::ManagedPools.word_columns().table,
    PoolFamily::ManagedPools.tick_columns().table,
];
