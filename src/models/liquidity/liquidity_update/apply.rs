//! Writes an update to the database.

use diesel::sqlite::SqliteConnection;

use super::LiquidityUpdate;
use super::UpdateReport;
use super::pool_update_writer::PoolUpdateWriter;
use super::row_updater::RowUpdater;
use crate::models::access::row_error::RowError;
use crate::models::access::write_transaction::in_write_transaction;
use crate::models::liquidity::exchange_update::ExchangeUpdate;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statements};
use crate::types::integer::BlockNumber;
use crate::types::stored::{Decode, Encode};

impl LiquidityUpdate {
    /// Writes the update, all of it or nothing. Rows that have the new values already are not written. Runs
    /// in the caller's transaction, such as that of [`Session::write`](crate::database::Session::write), or
    /// in one of its own.
    ///
    /// An update of a pool leads from one mark to another; [`PoolUpdate`](crate::models::PoolUpdate) says how
    /// it gets them. The pool's mark in the database decides, in the transaction that writes:
    ///
    /// - It is the mark that the update leads to: the update was written before, by this program or by another
    ///   one that follows the chain. Nothing is written, and the pool counts as
    ///   [`already_applied`](UpdateReport::already_applied). If the liquidity there is not the update's, because
    ///   one of the two has left out events, that is a [`RowError::Conflict`].
    /// - It is the mark that the update leads from: the update is written, and the mark moves. That is a
    ///   [`RowError::Conflict`] too if the ticks that events have changed are not as they were in the map.
    /// - It is any other: [`RowError::Conflict`]. Somebody has written since the tick map was read, or this
    ///   program has read the map again without the events that it had written. Read the map again
    ///   ([`TickMap::of_pool`](crate::models::TickMap::of_pool)), and apply the events that are after its mark.
    ///
    /// So any number of programs can follow a chain in one database, and each can be killed at any time and
    /// apply its events again. A conflict names the first pool that has one; the others may have some too.
    ///
    /// The block of an exchange decides too. If it is before the one that the update leads on from, it has gone back since
    /// the program read it: a backup was restored, or blocks were undone. Events of the blocks between are missing then,
    /// also of pools that this update does not touch, so the update is refused: [`RowError::Behind`]. Load the pools
    /// again, and follow the chain from the block after the exchange's.
    ///
    /// Several updates of one pool are written in their order, each from the mark of the one before. An update
    /// of a pool without events changes nothing. With [`allow_rewind`](Self::allow_rewind), a mark may move
    /// backwards, and an update may also correct the values at a mark: it leads from the mark to the same one.
    ///
    /// # Errors
    ///
    /// [`RowError::Conflict`] and [`RowError::Behind`] as above, [`RowError::NotFound`] if a pool or an exchange does not exist,
    /// [`RowError::Rejected`] if a pool's kind has no ticks, if its mark would move backwards or if new values
    /// come without marks, [`RowError::NotWritten`] if a trigger of the user's own ignores a row, and
    /// [`RowError::Sql`] if a statement fails. Nothing is written then; inside the caller's transaction, the
    /// caller must roll back.
    ///
    /// What a trigger changes after a row was written is not looked at. Neither are the file's free pages:
    /// [`Session::write`](crate::database::Session::write) checks them before a pool's first write.
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
            self.write_exchanges(statements, &mut report)?;
            Ok(report)
        })
    }

    fn write_exchanges(
        &self,
        statements: Statements<'_>,
        report: &mut UpdateReport,
    ) -> Result<(), RowError> {
        let mut write = RowUpdater::new(statements, "exchanges", "id", &["last_update_block"])?;
        let mut find =
            statements.prepare("SELECT last_update_block FROM exchanges WHERE id = ?1")?;
        for exchange in &self.exchanges {
            let ExchangeUpdate {
                exchange_id: id,
                from,
                to,
            } = *exchange;
            find.query(&[Bound::Integer(id)])?;
            if !find.step()? {
                let table = "exchanges";
                return Err(RowError::NotFound { table, id });
            }
            let stored = BlockNumber::decode(find.column(0)).ok();
            find.reset();
            if let Some(from) = from.filter(|from| stored < Some(*from)) {
                return Err(RowError::Behind { id, stored, from });
            }
            if !self.allow_rewind && stored > Some(to) {
                report.outdated += 1;
            } else {
                report.written += write.run(id, &[Bound::Integer(to.encode())])?;
            }
        }
        Ok(())
    }
}
