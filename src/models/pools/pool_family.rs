//! The two families of pools: those with their own contract, and those inside a pool manager.

use crate::models::access::columns::Columns;

/// A family of pools. Each has its own table of pools, with its own ids, and its own tables of ticks and
/// words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoolFamily {
    /// Pools with their own contract, such as Uniswap V3's: rows of `pools`.
    Pools,
    /// Pools inside a pool manager (Uniswap V4): rows of `managed_pools`.
    ManagedPools,
}

impl PoolFamily {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::Pools, Self::ManagedPools];

    /// The table of the pools.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Pools => "pools",
            Self::ManagedPools => "managed_pools",
        }
    }

    /// The column with the pool's id in the other tables of the family.
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

/// The tables of bitmap words, which can be computed from the ticks.
pub(crate) const WORD_TABLES: [&str; 2] = [
    PoolFamily::Pools.word_columns().table,
    PoolFamily::ManagedPools.word_columns().table,
];

/// The tables of liquidity: the bitmap words and the ticks of both families.
pub(crate) const LIQUIDITY_TABLES: [&str; 4] = [
    PoolFamily::Pools.word_columns().table,
    PoolFamily::Pools.tick_columns().table,
    PoolFamily::ManagedPools.word_columns().table,
    PoolFamily::ManagedPools.tick_columns().table,
];
