//! Replacing the liquidity of a pool in the database.

use super::TickMap;
use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::stored::Encode;

impl TickMap {
    /// Replaces all ticks and words of a pool by these, whatever they were. The mark is a column of the pool. Runs in the
    /// caller's transaction.
    pub(crate) fn rewrite(
        &self,
        statements: Statements<'_>,
        family: PoolFamily,
        pool_id: i64,
    ) -> Result<(), RowError> {
        let (key, pool) = (family.key(), Bound::Integer(pool_id));
        let tables = [family.tick_columns().table, family.word_columns().table];
        for table in tables {
            statements
                .prepare(&format!("DELETE FROM {table} WHERE {key} = ?1"))?
                .run(&[pool])?;
        }
        let [ticks, words] = tables;
        let mut insert = statements.prepare(&format!(
            "INSERT INTO {ticks} ({key}, tick, liquidity_net, liquidity_gross) VALUES (?1, ?2, ?3, ?4)"
        ))?;
        for at in &self.ticks {
            let inserted = insert.run(&[
                pool,
                Bound::Integer(at.tick.encode()),
                Bound::Text(&at.liquidity_net.to_string()),
                Bound::Text(&at.liquidity_gross.to_string()),
            ])?;
            require_written(inserted, ticks)?;
        }
        let mut insert = statements.prepare(&format!(
            "INSERT INTO {words} ({key}, word, bitmap) VALUES (?1, ?2, ?3)"
        ))?;
        for word in &self.words {
            let inserted = insert.run(&[
                pool,
                Bound::Integer(word.word.encode()),
                Bound::Text(&word.bitmap.to_string()),
            ])?;
            require_written(inserted, words)?;
        }
        Ok(())
    }
}
