//! Writing ticks and bitmap words: the rows of a pool's liquidity.

use diesel::prelude::*;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
#[cfg(feature = "sync")]
use crate::models::journal::entries::JournalEntries;
use crate::models::liquidity::liquidity_update::UpdateReport;
use crate::models::liquidity::liquidity_update::liquidity_row::{LiquidityRow, run};
#[cfg(feature = "sync")]
use crate::models::liquidity::liquidity_update::recorded_rows::{RecordedRows, Steps};
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statement, Statements};
#[cfg(feature = "sync")]
use crate::types::stored::Encode;

/// Writes ticks or words to a table. Rows that have the new values already are not written.
pub(in crate::models::liquidity) struct LiquidityRowWriter<'connection, R> {
    columns: Columns,
    read: Statement<'connection>,
    insert: Statement<'connection>,
    update: Statement<'connection>,
    delete: Statement<'connection>,
    /// The changes of one pool. Reused, to allocate less.
    changes: Vec<(Change, R)>,
    /// The changes of one pool that are recorded in the journal.
    #[cfg(feature = "sync")]
    recorded: RecordedRows<R>,
}

/// How a row changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Insert,
    Update(i64),
    Delete(i64),
}

impl<'connection, R: LiquidityRow> LiquidityRowWriter<'connection, R> {
    pub(in crate::models::liquidity) fn new(
        statements: Statements<'connection>,
        family: PoolFamily,
        columns: &Columns,
    ) -> QueryResult<Self> {
        let (table, key) = (columns.table, family.key());
        let [id, index, values @ ..] = columns.names else {
            return Err(diesel::result::Error::NotFound);
        };
        let inserted = [&[key, index], values].concat();
        let set: Vec<_> = (2..)
            .zip(values)
            .map(|(number, value)| format!("{value} = ?{number}"))
            .collect();
        Ok(Self {
            columns: *columns,
            read: statements.prepare(&format!(
                "SELECT {id}, {index}, {} FROM {table} WHERE {key} = ?1 AND {index} >= ?2 \
                 ORDER BY {index}",
                values.join(", "),
            ))?,
            insert: statements.prepare(&format!(
                "INSERT INTO {table} ({}) VALUES ({})",
                inserted.join(", "),
                vec!["?"; inserted.len()].join(", "),
            ))?,
            update: statements.prepare(&format!(
                "UPDATE {table} SET {} WHERE {id} = ?1",
                set.join(", ")
            ))?,
            delete: statements.prepare(&format!("DELETE FROM {table} WHERE {id} = ?1"))?,
            changes: Vec::new(),
            #[cfg(feature = "sync")]
            recorded: RecordedRows::new(key),
        })
    }

    /// Writes rows of one pool, given in the order of their indexes, each with the row that must be there
    /// before, if that is known. Returns whether it was so; if not, nothing is written.
    ///
    /// All stored rows are read before any is written. Stepping through neighbouring rows takes a third of
    /// the time of looking each one up, and SQLite is slow at alternating reads and writes of a table.
    pub(super) fn write(
        &mut self,
        pool_id: i64,
        rows: impl Iterator<Item = (R, Option<R>)>,
        report: &mut UpdateReport,
    ) -> Result<bool, RowError> {
        if !self.compare(pool_id, rows)? {
            return Ok(false);
        }
        self.write_changes(pool_id, report)?;
        Ok(true)
    }

    /// Modifies rows of one pool, given by their indexes in ascending order, and records the changes in the journal.
    /// `modify` gets each row as it is stored, and adds what it becomes after each block that changes it. After an error
    /// of its own, nothing is written. Rows are deleted by [`Self::delete_rows`] at the end.
    #[cfg(feature = "sync")]
    pub(in crate::models::liquidity) fn modify<E: From<RowError>>(
        &mut self,
        pool_id: i64,
        indexes: impl Iterator<Item = R::Index>,
        mut modify: impl FnMut(R::Index, Option<R>, &mut Steps<R>) -> Result<(), E>,
        report: &mut UpdateReport,
        journal: &mut JournalEntries,
    ) -> Result<(), E> {
        self.recorded.clear();
        let mut at = None;
        for index in indexes {
            let read = &mut self.read;
            let is_there = seek(read, &mut at, pool_id, index.encode()).map_err(RowError::from)?;
            let stored = is_there
                .then(|| R::read(&self.columns, index, read))
                .transpose()?;
            modify(index, stored, self.recorded.steps())?;
            let found = is_there.then_some(&*read);
            self.recorded.add(pool_id, &self.columns, found, journal);
        }
        self.read.reset();
        let statements = (&mut self.insert, &mut self.update);
        self.recorded
            .write(pool_id, &self.columns, statements, report, journal)?;
        Ok(())
    }

    /// Deletes the rows that are gone, if their changes were recorded.
    #[cfg(feature = "sync")]
    pub(in crate::models::liquidity) fn delete_rows(
        &mut self,
        report: &mut UpdateReport,
    ) -> Result<(), RowError> {
        self.recorded
            .delete(&mut self.delete, self.columns.table, report)
    }

    fn write_changes(&mut self, pool_id: i64, report: &mut UpdateReport) -> Result<(), RowError> {
        let mut changes = std::mem::take(&mut self.changes);
        for (change, row) in changes.drain(..) {
            self.write_change(pool_id, change, &row, report)?;
        }
        self.changes = changes;
        Ok(())
    }

    /// Writes the change of one row.
    pub(super) fn write_change(
        &mut self,
        pool_id: i64,
        change: Change,
        row: &R,
        report: &mut UpdateReport,
    ) -> Result<(), RowError> {
        let table = self.columns.table;
        match change {
            Change::Insert => {
                let ids = [Bound::Integer(pool_id), Bound::Integer(row.index())];
                require_written(run(&mut self.insert, &ids, row)?, table)?;
                report.written += 1;
            }
            Change::Update(id) => {
                require_written(run(&mut self.update, &[Bound::Integer(id)], row)?, table)?;
                report.written += 1;
            }
            Change::Delete(id) => {
                require_written(self.delete.run(&[Bound::Integer(id)])?, table)?;
                report.deleted += 1;
            }
        }
        Ok(())
    }

    /// Whether any of these rows, given in the order of their indexes, is stored with other values.
    pub(super) fn differ(
        &mut self,
        pool_id: i64,
        rows: impl Iterator<Item = R>,
    ) -> QueryResult<bool> {
        self.compare(pool_id, rows.map(|row| (row, None)))?;
        let differ = !self.changes.is_empty();
        self.changes.clear();
        Ok(differ)
    }

    /// Collects the changes. Returns whether every row is as it must be before.
    fn compare(
        &mut self,
        pool_id: i64,
        rows: impl Iterator<Item = (R, Option<R>)>,
    ) -> QueryResult<bool> {
        self.changes.clear();
        let read = &mut self.read;
        let mut at = None;
        for (row, before) in rows {
            let is_there = seek(read, &mut at, pool_id, row.index())?;
            let is_as_before = before.is_none_or(|before| {
                if is_there {
                    before.matches(read, 2)
                } else {
                    before.is_deleted()
                }
            });
            if !is_as_before {
                read.reset();
                return Ok(false);
            }
            if let Some(change) = change_of(&row, is_there, read) {
                self.changes.push((change, row));
            }
        }
        read.reset();
        Ok(true)
    }
}

/// Where a statement is that reads the rows of a pool: `None` before it is started, `Some(None)` at its end, otherwise
/// the index of its row.
pub(super) type Place = Option<Option<i64>>;

/// Moves a statement forward to the row with an index. Returns whether there is one.
pub(super) fn seek(
    read: &mut Statement<'_>,
    at: &mut Place,
    pool_id: i64,
    index: i64,
) -> QueryResult<bool> {
    /// The number of rows to step over to reach the next index. Looking it up takes about as long.
    const MAX_STEPS: u32 = 8;
    let mut steps = 0;
    while at.is_none_or(|at| at.is_some_and(|at| at < index)) {
        if at.is_none() || steps == MAX_STEPS {
            read.query(&[Bound::Integer(pool_id), Bound::Integer(index)])?;
        }
        steps += 1;
        // A value that is not an integer is before every index.
        *at = Some(
            read.step()?
                .then(|| read.column(1).as_integer().unwrap_or(i64::MIN)),
        );
    }
    Ok(*at == Some(Some(index)))
}

/// How the stored row becomes `row`; `None` if it is the same already.
pub(super) fn change_of(
    row: &impl LiquidityRow,
    is_there: bool,
    found: &Statement<'_>,
) -> Option<Change> {
    match (is_there, row.is_deleted()) {
        (true, true) => Some(Change::Delete(found.key(0))),
        (true, false) if row.matches(found, 2) => None,
        (true, false) => Some(Change::Update(found.key(0))),
        (false, true) => None,
        (false, false) => Some(Change::Insert),
    }
}
