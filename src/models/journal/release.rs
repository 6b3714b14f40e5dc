//! Takes a pool out of the journal, because its rows are about to be replaced.

use diesel::prelude::*;

use crate::models::journal::tables::{JournaledTable, TABLES};
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::stored::Encode;

/// The blocks of a chain above a number, as the journal has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlocksAbove {
    pub(crate) chain: ChainId,
    pub(crate) keep: BlockNumber,
}

/// A pool, by its place in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolRow {
    /// The table of the pools: `pools` or `managed_pools`.
    pub(crate) table: &'static str,
    /// The column with the pool's id in other tables.
    pub(crate) key: &'static str,
    pub(crate) id: i64,
}

/// The column with the id of a pool of this kind, in a table that has one.
fn pool_column(table: &JournaledTable, pool: PoolRow) -> Option<&'static str> {
    let column = table.pool_column()?;
    (table.name == pool.table || column == pool.key).then_some(column)
}

impl BlocksAbove {
    /// Forgets what these blocks have changed of a pool. Returns whether they had created it. What remains can be undone,
    /// whatever the pool's rows are; the caller then writes all of them. Runs in the caller's transaction.
    pub(crate) fn release_pool(
        self,
        statements: Statements<'_>,
        pool: PoolRow,
    ) -> QueryResult<bool> {
        let values = [
            Bound::Integer(self.chain.encode()),
            Bound::Integer(self.keep.encode()),
            Bound::Integer(pool.id),
        ];
        let is_created = statements
            .prepare(&format!(
                "SELECT 1 FROM chain_journal WHERE chain_id = ?1 AND block > ?2 \
                 AND table_name = '{}' AND row_id = ?3 AND old_values IS NULL",
                pool.table
            ))?
            .first_integer(&values)?
            .is_some();
        for table in &TABLES {
            let Some(column) = pool_column(table, pool) else {
                continue;
            };
            statements
                .prepare(&format!(
                    "DELETE FROM chain_journal WHERE chain_id = ?1 AND block > ?2 \
                     AND table_name = '{}' \
                     AND json_extract(coalesce(new_values, old_values), '$.{column}') = ?3",
                    table.name
                ))?
                .run(&values)?;
        }
        Ok(is_created)
    }

    /// The ids that these blocks gave to a pool, by its address or hash.
    pub(crate) fn ids_of(
        self,
        statements: Statements<'_>,
        name: &str,
    ) -> QueryResult<Vec<PoolRow>> {
        let mut ids = Vec::new();
        for (table, column, owner, key) in [
            ("pools", "address", "pools", "pool_id"),
            (
                "uniswap_v4_pools",
                "pool_hash",
                "managed_pools",
                "managed_pool_id",
            ),
        ] {
            let mut rows = statements.prepare(&format!(
                "SELECT DISTINCT row_id FROM chain_journal WHERE chain_id = ?1 AND block > ?2 \
                 AND table_name = '{table}' \
                 AND lower(json_extract(coalesce(new_values, old_values), '$.{column}')) = lower(?3)"
            ))?;
            rows.query(&[
                Bound::Integer(self.chain.encode()),
                Bound::Integer(self.keep.encode()),
                Bound::Text(name),
            ])?;
            while rows.step()? {
                ids.push(PoolRow {
                    table: owner,
                    key,
                    id: rows.key(0),
                });
            }
        }
        Ok(ids)
    }
}
