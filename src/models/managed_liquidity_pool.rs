//! Liquidity pools inside a pool manager (Uniswap V4), whole.

mod insert;

use diesel::prelude::*;

use diesel::sqlite::SqliteConnection;

pub use insert::NewManagedLiquidityPool;

use super::liquidity_pool::{Fees, UpdateMark};
use super::reading::Reading;
use super::row::{Columns, RowError};
use super::{ManagedPool, UniswapV4Pool};
use crate::schema::{managed_pools, pool_managers, uniswap_v4_pools};
use crate::sqlite::{Bound, Statement};
use crate::types::{Address, ChainId, Encode, ManagedPoolKind, PoolHash, TickSpacing};

/// A liquidity pool inside a pool manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedLiquidityPool {
    /// The id of the pool in `managed_pools`.
    pub id: i64,
    /// The manager that holds the pool.
    pub manager_id: i64,
    /// The pool's id inside its manager.
    pub pool_hash: PoolHash,
    /// The hooks contract, or the zero address.
    pub hooks: Address,
    /// The token with the lower address; the zero address is the native currency.
    pub currency0_id: i64,
    /// The token with the higher address.
    pub currency1_id: i64,
    /// The pool's fees.
    pub fees: Fees,
    /// The distance between ticks that can be initialized.
    pub tick_spacing: TickSpacing,
    /// Up to where the pool's liquidity has been taken in.
    pub updated: UpdateMark,
}

impl ManagedLiquidityPool {
    /// The pool with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] where the pool's rows are malformed, or a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        Ok(managed_pools::table
            .inner_join(uniswap_v4_pools::table)
            .filter(managed_pools::id.eq(id))
            .select((ManagedPool::as_select(), UniswapV4Pool::as_select()))
            .get_result(connection)
            .optional()?
            .map(Self::of_rows))
    }

    /// The pool of a manager with a hash, which is looked for as it is written today: in lower case.
    ///
    /// # Errors
    ///
    /// [`RowError`] where the pool's rows are malformed, or a statement fails.
    pub fn by_hash(
        connection: &mut SqliteConnection,
        manager_id: i64,
        pool_hash: PoolHash,
    ) -> Result<Option<Self>, RowError> {
        Ok(managed_pools::table
            .inner_join(uniswap_v4_pools::table)
            .filter(uniswap_v4_pools::pool_hash.eq(pool_hash))
            .filter(managed_pools::manager_id.eq(manager_id))
            .select((ManagedPool::as_select(), UniswapV4Pool::as_select()))
            .get_result(connection)
            .optional()?
            .map(Self::of_rows))
    }

    /// All pools of two currencies on a chain, in the order of their ids. It does not matter which currency
    /// comes first.
    ///
    /// # Errors
    ///
    /// [`RowError`] where a pool's rows are malformed, or a statement fails.
    pub fn of_pair(
        connection: &mut SqliteConnection,
        one_token_id: i64,
        other_token_id: i64,
    ) -> Result<Vec<Self>, RowError> {
        let mut found = Vec::new();
        for (currency0_id, currency1_id) in [
            (one_token_id, other_token_id),
            (other_token_id, one_token_id),
        ] {
            found.extend(
                managed_pools::table
                    .inner_join(uniswap_v4_pools::table)
                    .filter(uniswap_v4_pools::currency0_id.eq(currency0_id))
                    .filter(uniswap_v4_pools::currency1_id.eq(currency1_id))
                    .select((ManagedPool::as_select(), UniswapV4Pool::as_select()))
                    .load(connection)?
                    .into_iter()
                    .map(Self::of_rows),
            );
        }
        found.sort_unstable_by_key(|pool| pool.id);
        found.dedup_by_key(|pool| pool.id);
        Ok(found)
    }

    /// The chain that the pool's manager lives on.
    ///
    /// # Errors
    ///
    /// [`RowError`] where the manager is not there or malformed, or a statement fails.
    pub fn chain(&self, connection: &mut SqliteConnection) -> Result<ChainId, RowError> {
        pool_managers::table
            .find(self.manager_id)
            .select(pool_managers::chain)
            .get_result(connection)
            .optional()?
            .ok_or(RowError::Missing {
                table: POOL.table,
                id: self.id,
                parent: "pool_managers",
                missing: self.manager_id,
            })
    }

    fn of_rows((pool, terms): (ManagedPool, UniswapV4Pool)) -> Self {
        Self {
            id: pool.id,
            manager_id: pool.manager_id,
            pool_hash: terms.pool_hash,
            hooks: terms.hooks,
            currency0_id: terms.currency0_id,
            currency1_id: terms.currency1_id,
            fees: Fees {
                token0: terms.fee_currency0,
                token1: terms.fee_currency1,
                denominator: terms.fee_denominator,
            },
            tick_spacing: terms.tick_spacing,
            updated: UpdateMark {
                block: terms.liquidity_update_block,
                log_index: terms.liquidity_update_log_index,
            },
        }
    }
}

const POOL: Columns = Columns {
    table: "managed_pools",
    names: &["id", "kind", "manager_id"],
    offset: 0,
};

const TERMS: Columns = Columns {
    table: "uniswap_v4_pools",
    names: &[
        "managed_pool_id",
        "pool_hash",
        "hooks",
        "currency0_id",
        "currency1_id",
        "fee_currency0",
        "fee_currency1",
        "fee_denominator",
        "tick_spacing",
        "liquidity_update_block",
        "liquidity_update_log_index",
    ],
    offset: POOL.end(),
};

/// Managed pools, in the order of their ids: an iterator like
/// [`LiquidityPools`](super::LiquidityPools), with the same rules.
pub struct ManagedLiquidityPools<'connection> {
    pools: Statement<'connection>,
    failed: bool,
    reading: Reading<'connection>,
}

impl<'connection> ManagedLiquidityPools<'connection> {
    /// The managed pools of a chain.
    ///
    /// # Errors
    ///
    /// [`RowError`] where a statement fails.
    pub fn of_chain(
        connection: &'connection mut SqliteConnection,
        chain: ChainId,
    ) -> Result<Self, RowError> {
        Self::where_pool(connection, "m.chain = ?1", chain.encode())
    }

    /// The pools of a manager.
    ///
    /// # Errors
    ///
    /// [`RowError`] where a statement fails.
    pub fn of_manager(
        connection: &'connection mut SqliteConnection,
        manager_id: i64,
    ) -> Result<Self, RowError> {
        Self::where_pool(connection, "m.id = ?1", manager_id)
    }

    /// The managed pools of an exchange, whichever managers it has.
    ///
    /// # Errors
    ///
    /// [`RowError`] where a statement fails.
    pub fn of_exchange(
        connection: &'connection mut SqliteConnection,
        exchange_id: i64,
    ) -> Result<Self, RowError> {
        Self::where_pool(connection, "m.exchange_id = ?1", exchange_id)
    }

    fn where_pool(
        connection: &'connection mut SqliteConnection,
        condition: &str,
        value: i64,
    ) -> Result<Self, RowError> {
        let reading = Reading::begin(connection)?;
        // The outer join lets a pool without its terms be noticed.
        let mut pools = reading.statements().prepare(&format!(
            "SELECT {}, {} FROM managed_pools AS p NOT INDEXED CROSS JOIN pool_managers AS m \
             ON m.id = p.manager_id LEFT JOIN uniswap_v4_pools AS v ON v.managed_pool_id = p.id \
             WHERE {condition} ORDER BY p.id",
            POOL.of("p"),
            TERMS.of("v"),
        ))?;
        pools.query(&[Bound::Integer(value)])?;
        Ok(Self {
            pools,
            failed: false,
            reading,
        })
    }

    fn read(&self) -> Result<ManagedLiquidityPool, RowError> {
        let row = &self.pools;
        let id = POOL.id(row)?;
        // There is one kind, whose columns these are; any other one is an error.
        let _kind: ManagedPoolKind = POOL.get(row, 1)?;
        if TERMS.get::<Option<i64>>(row, 0)?.is_none() {
            return Err(RowError::Missing {
                table: POOL.table,
                id,
                parent: TERMS.table,
                missing: id,
            });
        }
        Ok(ManagedLiquidityPool {
            id,
            manager_id: POOL.get(row, 2)?,
            pool_hash: TERMS.get(row, 1)?,
            hooks: TERMS.get(row, 2)?,
            currency0_id: TERMS.get(row, 3)?,
            currency1_id: TERMS.get(row, 4)?,
            fees: Fees {
                token0: TERMS.get(row, 5)?,
                token1: TERMS.get(row, 6)?,
                denominator: TERMS.get(row, 7)?,
            },
            tick_spacing: TERMS.get(row, 8)?,
            updated: UpdateMark {
                block: TERMS.get(row, 9)?,
                log_index: TERMS.get(row, 10)?,
            },
        })
    }
}

impl Iterator for ManagedLiquidityPools<'_> {
    type Item = Result<ManagedLiquidityPool, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let _held = self.reading.statements().hold();
        let read = match self.pools.step() {
            Ok(true) => self.read(),
            Ok(false) => return None,
            Err(error) => Err(error.into()),
        };
        self.failed = matches!(read, Err(RowError::Sql(_)));
        Some(read)
    }
}
