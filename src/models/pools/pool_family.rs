//! Pools with a contract of their own, and pools inside a manager: the same tables under two names.

use crate::models::access::columns::Columns;
use crate::models::pools::pool_kind_tables::has_ticks;
use crate::types::PoolKind;

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

    /// The table of the pools, as `p`, and what tells their chain.
    pub(in crate::models) const fn pools(self) -> &'static str {
        match self {
            Self::Pools => "pools AS p",
            Self::ManagedPools => "managed_pools AS p CROSS JOIN pool_managers AS m",
        }
    }

    /// The pools of the chain `?1` whose ids are from `?2` to `?3`, but for those of kinds without ticks: a look into
    /// the index for each of them is saved.
    pub(in crate::models) fn of_chain_between(self) -> String {
        match self {
            Self::Pools => {
                let without_ticks = PoolKind::ALL.iter().filter(|kind| !has_ticks(**kind));
                let kinds: Vec<_> = without_ticks.map(|kind| format!("'{kind}'")).collect();
                format!(
                    "p.id BETWEEN ?2 AND ?3 AND p.chain = ?1 AND p.kind NOT IN ({})",
                    kinds.join(", ")
                )
            }
            Self::ManagedPools => {
                "p.id BETWEEN ?2 AND ?3 AND m.id = p.manager_id AND m.chain = ?1".to_owned()
            }
        }
    }

    /// The pool with the id `?1`.
    pub(in crate::models) const fn of_id(self) -> &'static str {
        match self {
            Self::Pools => "p.id = ?1",
            Self::ManagedPools => "p.id = ?1 AND m.id = p.manager_id",
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
