//! Takes rows out of the journal, because they are about to be replaced.

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
        let is_created = self.have_inserted(statements, pool.table, pool.id)?;
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

    /// Whether these blocks have inserted a row.
    fn have_inserted(
        self,
        statements: Statements<'_>,
        table: &'static str,
        id: i64,
    ) -> QueryResult<bool> {
        let found = statements
            .prepare(&format!(
                "SELECT 1 FROM chain_journal WHERE chain_id = ?1 AND block > ?2 \
                 AND table_name = '{table}' AND row_id = ?3 AND old_values IS NULL"
            ))?
            .first_integer(&[
                Bound::Integer(self.chain.encode()),
                Bound::Integer(self.keep.encode()),
                Bound::Integer(id),
            ])?;
        Ok(found.is_some())
    }

    /// The pools that these blocks have changed, and that are gone.
    pub(crate) fn pools_that_are_gone(
        self,
        statements: Statements<'_>,
    ) -> QueryResult<Vec<PoolRow>> {
        let mut gone = Vec::new();
        for owner in [
            PoolRow {
                table: "pools",
                key: "pool_id",
                id: 0,
            },
            PoolRow {
                table: "managed_pools",
                key: "managed_pool_id",
                id: 0,
            },
        ] {
            for table in &TABLES {
                let Some(column) = pool_column(table, owner) else {
                    continue;
                };
                let mut rows = statements.prepare(&format!(
                    "SELECT DISTINCT json_extract(coalesce(new_values, old_values), '$.{column}') \
                     FROM chain_journal WHERE chain_id = ?1 AND block > ?2 AND table_name = '{}' \
                     AND json_extract(coalesce(new_values, old_values), '$.{column}') \
                     NOT IN (SELECT id FROM {})",
                    table.name, owner.table
                ))?;
                rows.query(&[
                    Bound::Integer(self.chain.encode()),
                    Bound::Integer(self.keep.encode()),
                ])?;
                while rows.step()? {
                    gone.push(PoolRow {
                        id: rows.key(0),
                        ..owner
                    });
                }
            }
        }
        Ok(gone)
    }
}
