//! Modifying rows of many pools, in the order in which they lie in their table.

use diesel::prelude::*;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::models::liquidity::liquidity_update::UpdateReport;
use crate::models::liquidity::liquidity_update::liquidity_row::LiquidityRow;
use crate::models::liquidity::liquidity_update::liquidity_rows::{
    Change, LiquidityRowWriter, change_of, seek,
};
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::stored::Encode;

/// Modifies ticks or words of many pools.
///
/// A pool's rows lie where the table ended when they were inserted, which is all over it. If they were modified pool by
/// pool, each page of a large table would be read and written once for each of its rows. The index has the rows of a
/// pool side by side. So [`Self::find`] looks there for the ids of rows, pool by pool, and [`Self::modify`] goes
/// through the table once.
pub(in crate::models::liquidity) struct ScatteredRows<'connection, R> {
    columns: Columns,
    find: Statement<'connection>,
    read: Statement<'connection>,
    writer: LiquidityRowWriter<'connection, R>,
    stored: Vec<(i64, Wanted)>,
    missing: Vec<Wanted>,
}

/// A row that is to be modified, by the numbers that the caller has given its pool and the row.
#[derive(Debug, Clone, Copy)]
pub(in crate::models::liquidity) struct Wanted {
    pub(in crate::models::liquidity) pool: u32,
    pub(in crate::models::liquidity) row: u32,
}

impl<'connection, R: LiquidityRow> ScatteredRows<'connection, R> {
    pub(in crate::models::liquidity) fn new(
        statements: Statements<'connection>,
        family: PoolFamily,
        columns: &Columns,
    ) -> QueryResult<Self> {
        let table = columns.table;
        let [id, index, ..] = columns.names else {
            return Err(diesel::result::Error::NotFound);
        };
        let key = family.key();
        Ok(Self {
            columns: *columns,
            // The index of the two columns has the id as well.
            find: statements.prepare(&format!(
                "SELECT {id}, {index} FROM {table} WHERE {key} = ?1 AND {index} >= ?2 \
                 ORDER BY {index}"
            ))?,
            read: statements.prepare(&format!(
                "SELECT {} FROM {table} WHERE {id} = ?1",
                columns.names.join(", ")
            ))?,
            writer: LiquidityRowWriter::new(statements, family, columns)?,
            stored: Vec::new(),
            missing: Vec::new(),
        })
    }

    /// Looks for rows of one pool, given by their indexes in ascending order.
    pub(in crate::models::liquidity) fn find(
        &mut self,
        pool_id: i64,
        rows: impl Iterator<Item = (R::Index, Wanted)>,
    ) -> QueryResult<()> {
        let mut at = None;
        for (index, wanted) in rows {
            if seek(&mut self.find, &mut at, pool_id, index.encode())? {
                self.stored.push((self.find.key(0), wanted));
            } else {
                self.missing.push(wanted);
            }
        }
        self.find.reset();
        Ok(())
    }

    /// Modifies the rows that were looked for. `identify` has the pool's id and the row's index, `modify` gets the index and
    /// the row as it is stored, and returns what it becomes. After an error, the caller's transaction must be rolled back.
    pub(in crate::models::liquidity) fn modify<E: From<RowError>>(
        &mut self,
        identify: impl Fn(Wanted) -> (i64, R::Index),
        mut modify: impl FnMut(Wanted, R::Index, Option<R>) -> Result<R, E>,
        report: &mut UpdateReport,
    ) -> Result<(), E> {
        /// SQLite is slow at alternating reads and writes of a table. The pages of so many rows stay in its cache.
        const AT_ONCE: usize = 256;
        self.stored.sort_unstable_by_key(|(id, _)| *id);
        let mut changes = Vec::with_capacity(AT_ONCE);
        for stored in self.stored.chunks(AT_ONCE) {
            for (id, wanted) in stored {
                let (pool_id, index) = identify(*wanted);
                let read = &mut self.read;
                read.query(&[Bound::Integer(*id)]).map_err(RowError::from)?;
                let is_there = read.step().map_err(RowError::from)?;
                let found = is_there
                    .then(|| R::read(&self.columns, index, read))
                    .transpose()?;
                let row = modify(*wanted, index, found)?;
                let change = change_of(&row, is_there, read);
                read.reset();
                changes.extend(change.map(|change| (pool_id, change, row)));
            }
            for (pool_id, change, row) in changes.drain(..) {
                self.writer.write_change(pool_id, change, &row, report)?;
            }
        }
        for wanted in &self.missing {
            let (pool_id, index) = identify(*wanted);
            let row = modify(*wanted, index, None)?;
            if !row.is_deleted() {
                let change = Change::Insert;
                self.writer.write_change(pool_id, change, &row, report)?;
            }
        }
        self.stored.clear();
        self.missing.clear();
        Ok(())
    }
}
