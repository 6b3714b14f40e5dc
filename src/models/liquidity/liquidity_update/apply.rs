//! Writes an update to the database.

use diesel::sqlite::SqliteConnection;

use super::LiquidityUpdate;
use super::UpdateReport;
use super::pool_update_writer::PoolUpdateWriter;
use super::row_updater::RowUpdater;
use crate::models::access::row_error::RowError;
use crate::models::access::write_transaction::in_write_transaction;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::Bound;
use crate::types::stored::Encode;

impl LiquidityUpdate {
    /// Writes the update, all of it or nothing. Rows that have the new values already are not written. Runs
    /// in the caller's transaction, such as that of [`Session::write`](crate::database::Session::write), or
    /// in one of its own.
    ///
    /// # Errors
    ///
    /// [`RowError::NotFound`] if a pool or an exchange does not exist, [`RowError::Rejected`] if a pool's
    /// kind has no ticks, and [`RowError::Sql`] if a statement fails. Nothing is written then; inside the
    /// caller's transaction, the caller must roll back.
    pub fn apply(&self, connection: &mut SqliteConnection) -> Result<UpdateReport, RowError> {
        // The order of the indexes. The sort is stable: updates of one pool keep their order.
        let mut pools: Vec<_> = self.pools.iter().collect();
        pools.sort_by_key(|pool| (pool.family, pool.pool_id));
        in_write_transaction(connection, |statements| {
            let mut report = UpdateReport::default();
            for family in PoolFamily::ALL {
                let mut writer = PoolUpdateWriter::new(statements, family)?;
                for pool in pools.iter().filter(|pool| pool.family == family) {
                    writer.write(pool, self.allow_rewind, &mut report)?;
                }
            }
            let mut exchanges =
                RowUpdater::new(statements, "exchanges", "id", &["last_update_block"])?;
            let mut find =
                statements.prepare("SELECT last_update_block FROM exchanges WHERE id = ?1")?;
            for (id, block) in &self.exchanges {
                let block = block.encode();
                let found = find.first_integer(&[Bound::Integer(*id)])?;
                if !self.allow_rewind && found.is_some_and(|found| found > block) {
                    report.outdated += 1;
                } else {
                    report.written += exchanges.run(*id, &[Bound::Integer(block)])?;
                }
            }
            Ok(report)
        })
    }
}
