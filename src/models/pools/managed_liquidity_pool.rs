//! Pools inside a pool manager (Uniswap V4).

pub(crate) mod insert;
#[cfg(feature = "sync")]
mod rewrite;

use std::iter::FusedIterator;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::models::access::columns::Columns;
use crate::models::access::lookup::load;
use crate::models::access::read_transaction::ReadTransaction;
use crate::models::access::row_error::RowError;
use crate::models::access::table_row::TableRow;
use crate::models::pools::pool_parameters::Fees;
use crate::models::rows::managed_pool::ManagedPool;
use crate::models::rows::pool_manager::PoolManager;
use crate::models::rows::uniswap_v4_pool::UniswapV4Pool;
use crate::schema::{managed_pools, uniswap_v4_pools};
use crate::sqlite::prepared::{Bound, Statement};
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::{ChainId, TickSpacing};
use crate::types::stored::Encode;
use crate::types::sync_cursor::SyncCursor;

/// A pool inside a pool manager.
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
    /// The tick spacing: ticks that are multiples of it can be initialized.
    pub tick_spacing: TickSpacing,
    /// How far the pool's liquidity is synchronized.
    pub sync_cursor: SyncCursor,
}

impl ManagedLiquidityPool {
    /// The pool with an id.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the pool's rows are malformed, or if a statement fails.
    pub fn by_id(connection: &mut SqliteConnection, id: i64) -> Result<Option<Self>, RowError> {
        let pool = load!(connection, ManagedPool, managed_pools::table.find(id))?.pop();
        let Some(pool) = pool else {
            return Ok(None);
        };
        let v4_row = load!(connection, UniswapV4Pool, uniswap_v4_pools::table.find(id))?.pop();
        let v4_row = v4_row.ok_or(RowError::Missing {
            table: ManagedPool::COLUMNS.table,
            id,
            parent: V4_COLUMNS.table,
            missing: id,
        })?;
        Ok(Some(Self::of_rows(&pool, &v4_row)))
    }

    /// The pool of a manager with a pool hash. Only hashes stored in lower case, as they are written today,
    /// are found.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the pool's rows are malformed or incomplete, or if a statement fails.
    pub fn by_hash(
        connection: &mut SqliteConnection,
        manager_id: i64,
        pool_hash: PoolHash,
    ) -> Result<Option<Self>, RowError> {
        // Pools of different managers can have the same hash, because it does not depend on the manager.
        let of_hash = uniswap_v4_pools::table.filter(uniswap_v4_pools::pool_hash.eq(pool_hash));
        for v4_row in load!(connection, UniswapV4Pool, of_hash)? {
            let pool = Self::of_v4_row(connection, &v4_row)?;
            if pool.manager_id == manager_id {
                return Ok(Some(pool));
            }
        }
        Ok(None)
    }

    /// All pools of two currencies, given in either order, in the order of the pools' ids.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a pool's rows are malformed or incomplete, or if a statement fails.
    pub fn of_pair(
        connection: &mut SqliteConnection,
        one_token_id: i64,
        other_token_id: i64,
    ) -> Result<Vec<Self>, RowError> {
        let pair = |first, second| {
            let is_first = uniswap_v4_pools::currency0_id.eq(first);
            is_first.and(uniswap_v4_pools::currency1_id.eq(second))
        };
        let of_pair = uniswap_v4_pools::table
            .filter(pair(one_token_id, other_token_id).or(pair(other_token_id, one_token_id)))
            .order(uniswap_v4_pools::managed_pool_id);
        load!(connection, UniswapV4Pool, of_pair)?
            .iter()
            .map(|v4_row| Self::of_v4_row(connection, v4_row))
            .collect()
    }

    fn of_v4_row(
        connection: &mut SqliteConnection,
        v4_row: &UniswapV4Pool,
    ) -> Result<Self, RowError> {
        let id = v4_row.managed_pool_id;
        let pool = load!(connection, ManagedPool, managed_pools::table.find(id))?.pop();
        let pool = pool.ok_or(RowError::Missing {
            table: V4_COLUMNS.table,
            id,
            parent: ManagedPool::COLUMNS.table,
            missing: id,
        })?;
        Ok(Self::of_rows(&pool, v4_row))
    }

    /// The chain of the pool's manager.
    ///
    /// # Errors
    ///
    /// [`RowError`] if the manager does not exist or is malformed, or if a statement fails.
    pub fn chain(&self, connection: &mut SqliteConnection) -> Result<ChainId, RowError> {
        PoolManager::by_id(connection, self.manager_id)?
            .map(|manager| manager.chain)
            .ok_or(RowError::Missing {
                table: ManagedPool::COLUMNS.table,
                id: self.id,
                parent: "pool_managers",
                missing: self.manager_id,
            })
    }

    fn of_rows(pool: &ManagedPool, v4_row: &UniswapV4Pool) -> Self {
        Self {
            id: pool.id,
            manager_id: pool.manager_id,
            pool_hash: v4_row.pool_hash,
            hooks: v4_row.hooks,
            currency0_id: v4_row.currency0_id,
            currency1_id: v4_row.currency1_id,
            fees: Fees {
                token0: v4_row.fee_currency0,
                token1: v4_row.fee_currency1,
                denominator: v4_row.fee_denominator,
            },
            tick_spacing: v4_row.tick_spacing,
            sync_cursor: SyncCursor {
                block: v4_row.liquidity_update_block,
                log_index: v4_row.liquidity_update_log_index,
            },
        }
    }
}

const V4_COLUMNS: Columns = Columns {
    offset: ManagedPool::COLUMNS.end(),
    ..UniswapV4Pool::COLUMNS
};

/// Managed pools, in the order of their ids. Transactions and errors are as in
/// [`LiquidityPools`](crate::models::LiquidityPools).
pub struct ManagedLiquidityPools<'connection> {
    pools: Statement<'connection>,
    failed: bool,
    transaction: ReadTransaction<'connection>,
}

impl<'connection> ManagedLiquidityPools<'connection> {
    /// The managed pools of a chain.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails.
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
    /// [`RowError`] if a statement fails.
    pub fn of_manager(
        connection: &'connection mut SqliteConnection,
        manager_id: i64,
    ) -> Result<Self, RowError> {
        Self::where_pool(connection, "m.id = ?1", manager_id)
    }

    /// The pools of all managers of an exchange.
    ///
    /// # Errors
    ///
    /// [`RowError`] if a statement fails.
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
        let transaction = ReadTransaction::begin(connection)?;
        // The outer join makes a pool without a V4 row show up, as an error.
        let mut pools = transaction.statements().prepare(&format!(
            "SELECT {}, {} FROM managed_pools AS p NOT INDEXED CROSS JOIN pool_managers AS m \
             ON m.id = p.manager_id LEFT JOIN uniswap_v4_pools AS v ON v.managed_pool_id = p.id \
             WHERE {condition} ORDER BY p.id",
            ManagedPool::COLUMNS.of("p"),
            V4_COLUMNS.of("v"),
        ))?;
        pools.query(&[Bound::Integer(value)])?;
        Ok(Self {
            pools,
            failed: false,
            transaction,
        })
    }

    fn read(&self) -> Result<ManagedLiquidityPool, RowError> {
        let pool = ManagedPool::read(&ManagedPool::COLUMNS, &self.pools)?;
        // There is only one kind.
        let v4_row = UniswapV4Pool::read_joined(&V4_COLUMNS, &self.pools)?;
        let v4_row = v4_row.ok_or(RowError::Missing {
            table: ManagedPool::COLUMNS.table,
            id: pool.id,
            parent: V4_COLUMNS.table,
            missing: pool.id,
        })?;
        Ok(ManagedLiquidityPool::of_rows(&pool, &v4_row))
    }
}

impl Iterator for ManagedLiquidityPools<'_> {
    type Item = Result<ManagedLiquidityPool, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let _held = self.transaction.statements().hold();
        let read = match self.pools.step() {
            Ok(true) => self.read(),
            Ok(false) => return None,
            Err(error) => Err(error.into()),
        };
        self.failed = matches!(read, Err(RowError::Sql { .. }));
        Some(read)
    }
}

impl FusedIterator for ManagedLiquidityPools<'_> {}
