//! Writing rows of a pool's liquidity whose changes are recorded in the journal.

use std::iter::once;
use std::ops::Range;

use crate::models::access::columns::Columns;
use crate::models::access::row_error::RowError;
use crate::models::access::written::require_written;
use crate::models::journal::entries::{JournalEntries, RowValues};
use crate::models::liquidity::liquidity_update::UpdateReport;
use crate::models::liquidity::liquidity_update::liquidity_row::{LiquidityRow, run};
use crate::sqlite::prepared::{Bound, Statement};
use crate::types::integer::BlockNumber;
use crate::types::stored::Stored;

/// What rows become, one after the other: each with the block that makes it so.
pub(in crate::models::liquidity) type Steps<R> = Vec<(BlockNumber, R)>;

/// The pool's id, the row's id and its index: what identifies a row.
const IDS: usize = 3;

/// The changes of one pool that are recorded. The lists are reused, to allocate less.
pub(super) struct RecordedRows<R> {
    /// The column with the pool's id.
    key: &'static str,
    steps: Steps<R>,
    rows: Vec<RecordedRow>,
    /// The ids of rows, of any pool, that are to be deleted.
    deleted: Vec<i64>,
}

/// A row that blocks change.
struct RecordedRow {
    /// Its id and its values, if it is stored.
    stored: Option<(i64, RowValues)>,
    /// Its place among the steps.
    steps: Range<usize>,
}

impl<R> RecordedRows<R> {
    pub(super) const fn new(key: &'static str) -> Self {
        Self {
            key,
            steps: Vec::new(),
            rows: Vec::new(),
            deleted: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.rows.clear();
    }

    pub(super) const fn steps(&mut self) -> &mut Steps<R> {
        &mut self.steps
    }

    /// Adds the row of the steps that were added last, with the stored one if it is there.
    pub(super) fn add(
        &mut self,
        pool_id: i64,
        columns: &Columns,
        stored: Option<&Statement<'_>>,
        journal: &mut JournalEntries,
    ) {
        let start = self.rows.last().map_or(0, |row| row.steps.end);
        let steps = start..self.steps.len();
        if steps.is_empty() {
            return;
        }
        let stored = stored.map(|found| {
            let own = (0..).zip(columns.names);
            let own = own.map(|(column, name)| (*name, found.column(column)));
            let key = once((self.key, Stored::Integer(pool_id)));
            (found.key(0), journal.stored_values(IDS, key.chain(own)))
        });
        self.rows.push(RecordedRow { stored, steps });
    }
}

impl<R: LiquidityRow> RecordedRows<R> {
    /// Writes what the rows have become in the end, and records each step.
    ///
    /// No row is deleted yet: a row of another pool, inserted by an earlier block, would get its id. What undoes the
    /// deletion could then not insert it again.
    pub(super) fn write(
        &mut self,
        pool_id: i64,
        columns: &Columns,
        (insert, update): (&mut Statement<'_>, &mut Statement<'_>),
        report: &mut UpdateReport,
        journal: &mut JournalEntries,
    ) -> Result<(), RowError> {
        let Self {
            key,
            steps,
            rows,
            deleted,
        } = self;
        let Columns { table, names, .. } = *columns;
        for RecordedRow {
            stored,
            steps: range,
        } in rows.drain(..)
        {
            let steps = steps.get(range).unwrap_or_default();
            let last = steps.last().filter(|(_, last)| !last.is_deleted());
            // A row that comes and goes needs an id as well.
            let any = steps.iter().find(|(_, row)| !row.is_deleted());
            let written = last.or(any);
            let (id, before) = match (stored, written) {
                (Some((id, before)), _) => {
                    if let Some((_, row)) = last {
                        require_written(run(update, &[Bound::Integer(id)], row)?, table)?;
                        report.written += 1;
                    }
                    (id, Some(before))
                }
                (None, Some((_, row))) => {
                    let ids = [pool_id, row.index()].map(Bound::Integer);
                    require_written(run(insert, &ids, row)?, table)?;
                    report.written += 1;
                    (insert.inserted_id(), None)
                }
                (None, None) => continue,
            };
            if last.is_none() {
                deleted.push(id);
            }
            let mut history = journal.row(table, id, before);
            for (block, row) in steps {
                if row.is_deleted() {
                    history.goes(*block);
                    continue;
                }
                let ids = [id, row.index()].map(Bound::Integer);
                row.with_values(|values| {
                    let own = ids.iter().chain(values).copied();
                    let own = names.iter().copied().zip(own);
                    let key = once((*key, Bound::Integer(pool_id)));
                    history.becomes(*block, IDS, key.chain(own));
                });
            }
        }
        Ok(())
    }

    /// Deletes the rows that are gone.
    pub(super) fn delete(
        &mut self,
        delete: &mut Statement<'_>,
        table: &'static str,
        report: &mut UpdateReport,
    ) -> Result<(), RowError> {
        for id in self.deleted.drain(..) {
            require_written(delete.run(&[Bound::Integer(id)])?, table)?;
            report.deleted += 1;
        }
        Ok(())
    }
}
