//! Writing all columns of a managed pool that is in the database.

use diesel::sqlite::SqliteConnection;

use super::insert::NewManagedLiquidityPool;
use super::{ManagedLiquidityPool, V4_COLUMNS};
use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::rows::erc20_token::Erc20Token;
use crate::models::rows::pool_manager::PoolManager;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::kind::ManagedPoolKind;
use crate::types::stored::Encode;

impl ManagedLiquidityPool {
    /// Gives a row of `managed_pools` all columns of a new pool. Runs in the caller's transaction.
    pub(crate) fn rewrite(
        connection: &mut SqliteConnection,
        manager: &PoolManager,
        id: i64,
        pool: &NewManagedLiquidityPool,
    ) -> Result<(), RowError> {
        let currencies = [pool.currency0.clone(), pool.currency1.clone()];
        let currencies = Erc20Token::insert_or_get(connection, &currencies)?;
        let statements = Statements::of(connection)?;
        let updated = statements
            .prepare("UPDATE managed_pools SET kind = ?2, manager_id = ?3 WHERE id = ?1")?
            .run(&[
                Bound::Integer(id),
                Bound::Text(ManagedPoolKind::UniswapV4.as_str()),
                Bound::Integer(manager.id),
            ])?;
        require_written(updated, "managed_pools")?;
        let [currency0, currency1] = [0, 1].map(|place| Bound::id(currencies.get(place).copied()));
        let replaced = statements
            .prepare(&format!(
                "REPLACE INTO {} ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                V4_COLUMNS.table,
                V4_COLUMNS.names.join(", ")
            ))?
            .run(&[
                Bound::Integer(id),
                Bound::Text(&pool.pool_hash.to_string()),
                Bound::Text(&pool.hooks.to_string()),
                currency0,
                currency1,
                Bound::Integer(pool.fees.token0.encode()),
                Bound::Integer(pool.fees.token1.encode()),
                Bound::Integer(pool.fees.denominator.encode()),
                Bound::Integer(pool.tick_spacing.encode()),
                Bound::integer(pool.sync_cursor.block),
                Bound::integer(pool.sync_cursor.log_index),
            ])?;
        require_written(replaced, V4_COLUMNS.table)
    }
}
