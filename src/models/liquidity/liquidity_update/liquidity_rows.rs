//! Writing ticks and bitmap words: the rows of a pool's liquidity.

use diesel::prelude::*;

use super::UpdateReport;
use crate::models::access::columns::Columns;
use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::stored::{Decode, Encode};

/// A tick or a bitmap word. Its index, the tick or the position of the word, is unique in its pool.
pub(super) trait LiquidityRow {
    fn index(&self) -> i64;

    /// Whether the row is to be deleted.
    fn is_deleted(&self) -> bool;

    /// Whether the stored row has the same values, starting at a column.
    fn matches(&self, found: &Statement<'_>, column: i32) -> bool;

    /// Calls `write` with the values.
    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T;
}

impl LiquidityRow for TickLiquidity {
    fn index(&self) -> i64 {
        self.tick.encode()
    }

    fn is_deleted(&self) -> bool {
        self.liquidity_gross.0 == 0
    }

    fn matches(&self, found: &Statement<'_>, column: i32) -> bool {
        let net = Decode::decode(found.column(column));
        let gross = Decode::decode(found.column(column + 1));
        net.as_ref() == Ok(&self.liquidity_net) && gross.as_ref() == Ok(&self.liquidity_gross)
    }

    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T {
        let mut net = itoa::Buffer::new();
        let mut gross = itoa::Buffer::new();
        write(&[
            Bound::Text(net.format(self.liquidity_net.0)),
            Bound::Text(gross.format(self.liquidity_gross.0)),
        ])
    }
}

impl LiquidityRow for BitmapWord {
    fn index(&self) -> i64 {
        self.word.encode()
    }

    fn is_deleted(&self) -> bool {
        self.bitmap.0.is_zero()
    }

    fn matches(&self, found: &Statement<'_>, column: i32) -> bool {
        Decode::decode(found.column(column)).as_ref() == Ok(&self.bitmap)
    }

    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T {
        write(&[Bound::Text(&self.bitmap.to_string())])
    }
}

/// Writes ticks or words to a table. Rows that have the new values already are not written.
pub(super) struct LiquidityRowWriter<'connection, R> {
    read: Statement<'connection>,
    insert: Statement<'connection>,
    update: Statement<'connection>,
    delete: Statement<'connection>,
    /// The changes of one pool. Reused, to allocate less.
    changes: Vec<(Change, R)>,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Insert,
    Update(i64),
    Delete(i64),
}

impl<'connection, R: LiquidityRow> LiquidityRowWriter<'connection, R> {
    /// The number of rows to step over to reach the next index. Looking it up takes about as long.
    const MAX_STEPS: u32 = 8;

    pub(super) fn new(
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
    ) -> QueryResult<bool> {
        if !self.compare(pool_id, rows)? {
            return Ok(false);
        }
        for (change, row) in self.changes.drain(..) {
            match change {
                Change::Insert => {
                    let ids = [Bound::Integer(pool_id), Bound::Integer(row.index())];
                    report.written += run(&mut self.insert, &ids, &row)?;
                }
                Change::Update(id) => {
                    report.written += run(&mut self.update, &[Bound::Integer(id)], &row)?;
                }
                Change::Delete(id) => report.deleted += self.delete.run(&[Bound::Integer(id)])?,
            }
        }
        Ok(true)
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
        // `None` before the statement is started; `Some(None)` at its end; else the index of its row.
        let mut at: Option<Option<i64>> = None;
        for (row, before) in rows {
            let index = row.index();
            let mut steps = 0;
            while at.is_none_or(|at| at.is_some_and(|at| at < index)) {
                if at.is_none() || steps == Self::MAX_STEPS {
                    read.query(&[Bound::Integer(pool_id), Bound::Integer(index)])?;
                }
                steps += 1;
                // A value that is not an integer is before every index.
                at = Some(
                    read.step()?
                        .then(|| read.column(1).as_integer().unwrap_or(i64::MIN)),
                );
            }
            let is_there = at == Some(Some(index));
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
            let change = match (is_there, row.is_deleted()) {
                (true, true) => Change::Delete(read.key(0)),
                (true, false) if row.matches(read, 2) => continue,
                (true, false) => Change::Update(read.key(0)),
                (false, true) => continue,
                (false, false) => Change::Insert,
            };
            self.changes.push((change, row));
        }
        read.reset();
        Ok(true)
    }
}

/// Runs a statement with ids, followed by the values of a row.
fn run(
    statement: &mut Statement<'_>,
    ids: &[Bound<'_>],
    row: &impl LiquidityRow,
) -> QueryResult<u64> {
    row.with_values(|values| {
        let mut bound = [Bound::Null; 4];
        let count = ids.len() + values.len();
        bound[..ids.len()].copy_from_slice(ids);
        bound[ids.len()..count].copy_from_slice(values);
        statement.run(&bound[..count])
    })
}
