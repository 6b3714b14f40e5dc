//! Writing all columns of a pool that is in the database.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::LiquidityPool;
use super::insert::{NewLiquidityPool, kind_row};
use crate::models::access::retired_ids;
use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, pool_kind_columns};
use crate::models::rows::erc20_token::Erc20Token;
use crate::sqlite::prepared::{Bound, Statements};

impl LiquidityPool {
    /// Gives a row of `pools` all columns of a new pool, whatever its kind was. Runs in the caller's transaction.
    pub(crate) fn rewrite(
        connection: &mut SqliteConnection,
        id: i64,
        pool: &NewLiquidityPool,
    ) -> Result<(), RowError> {
        let new = [pool.token0.clone(), pool.token1.clone()];
        let ids = Erc20Token::insert_or_get(connection, &new)?;
        let statements = Statements::of(connection)?;
        let kind = pool.parameters.kind();
        let [token0, token1] = [0, 1].map(|place| Bound::id(ids.get(place).copied()));
        let updated = statements
            .prepare(
                "UPDATE pools SET address = ?2, kind = ?3, token0_id = ?4, token1_id = ?5, \
                 exchange_id = ?6 WHERE id = ?1",
            )?
            .run(&[
                Bound::Integer(id),
                Bound::Text(&pool.address.to_string()),
                Bound::Text(kind.as_str()),
                token0,
                token1,
                Bound::Integer(pool.exchange_id),
            ])?;
        require_written(updated, "pools")?;
        delete_kind_rows(statements, PoolFamily::Pools, id)?;
        let (columns, values): (Vec<_>, Vec<_>) =
            kind_row(id, &pool.parameters).into_iter().unzip();
        let table = pool_kind_columns(kind).table;
        let inserted = statements
            .prepare(&format!(
                "INSERT INTO {table} ({}) VALUES ({})",
                columns.join(", "),
                vec!["?"; columns.len()].join(", ")
            ))?
            .run(&values)?;
        require_written(inserted, table)
    }
}

fn delete_kind_rows(statements: Statements<'_>, family: PoolFamily, id: i64) -> QueryResult<()> {
    let of_family = POOL_KIND_TABLES.iter().filter(|kind| kind.family == family);
    for kind in of_family {
        statements
            .prepare(&format!(
                "DELETE FROM {} WHERE {} = ?1",
                kind.table,
                family.key()
            ))?
            .run(&[Bound::Integer(id)])?;
    }
    Ok(())
}

/// Deletes a pool with its ticks and words. No other pool gets its id. Runs in the caller's transaction.
pub(crate) fn delete_pool(
    statements: Statements<'_>,
    family: PoolFamily,
    id: i64,
) -> Result<(), RowError> {
    for table in [family.tick_columns().table, family.word_columns().table] {
        statements
            .prepare(&format!("DELETE FROM {table} WHERE {} = ?1", family.key()))?
            .run(&[Bound::Integer(id)])?;
    }
    delete_kind_rows(statements, family, id)?;
    let table = family.table();
    let id_only = [Bound::Integer(id)];
    statements
        .prepare(&format!("DELETE FROM {table} WHERE id = ?1"))?
        .run(&id_only)?;
    // The row may have been gone before.
    let left = statements
        .prepare(&format!("SELECT 1 FROM {table} WHERE id = ?1"))?
        .first_integer(&id_only)?;
    require_written(u64::from(left.is_none()), table)?;
    Ok(retired_ids::retire(statements, table, id)?)
}
