//! Ticks and words: rows that belong to a pool and have a place in it.

use diesel::prelude::*;

use super::UpdateReport;
use crate::models::access::columns::Columns;
use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::{Bound, Statement, Statements};
use crate::types::{Decode, Encode};

/// A row that belongs to a pool and has a place in it.
pub(super) trait Part {
    fn place(&self) -> i64;

    /// Whether there is no such row.
    fn is_gone(&self) -> bool;

    /// Whether a row has these values, which begin at a column.
    fn is_at(&self, row: &Statement<'_>, column: i32) -> bool;

    /// Calls `write` with the values.
    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T;
}

impl Part for TickLiquidity {
    fn place(&self) -> i64 {
        self.tick.encode()
    }

    fn is_gone(&self) -> bool {
        self.liquidity_gross.0 == 0
    }

    fn is_at(&self, row: &Statement<'_>, column: i32) -> bool {
        let net = Decode::decode(row.column(column));
        let gross = Decode::decode(row.column(column + 1));
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

impl Part for BitmapWord {
    fn place(&self) -> i64 {
        self.word.encode()
    }

    fn is_gone(&self) -> bool {
        self.bitmap.0.is_zero()
    }

    fn is_at(&self, row: &Statement<'_>, column: i32) -> bool {
        Decode::decode(row.column(column)).as_ref() == Ok(&self.bitmap)
    }

    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T {
        write(&[Bound::Text(&self.bitmap.to_string())])
    }
}

/// Writes the parts of pools in a table, as far as they are not there already.
pub(super) struct PartWriter<'connection, P> {
    read: Statement<'connection>,
    insert: Statement<'connection>,
    update: Statement<'connection>,
    delete: Statement<'connection>,
    /// What is to be done about one pool, kept for its memory.
    changes: Vec<(Change, P)>,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Insert,
    Update(i64),
    Delete(i64),
}

impl<'connection, P: Part> PartWriter<'connection, P> {
    /// So many rows are gone through to get to the next place that is asked for, before it is looked up in the
    /// index, which takes about as long.
    const NEAR: u32 = 8;

    pub(super) fn new(
        statements: Statements<'connection>,
        family: PoolFamily,
        columns: &Columns,
    ) -> QueryResult<Self> {
        let (table, key) = (columns.table, family.key());
        let [id, place, values @ ..] = columns.names else {
            return Err(diesel::result::Error::NotFound);
        };
        let inserted = [&[key, place], values].concat();
        let set: Vec<_> = (2..)
            .zip(values)
            .map(|(number, value)| format!("{value} = ?{number}"))
            .collect();
        Ok(Self {
            read: statements.prepare(&format!(
                "SELECT {id}, {place}, {} FROM {table} WHERE {key} = ?1 AND {place} >= ?2 \
                 ORDER BY {place}",
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

    /// Writes parts of one pool, given in the order of their places.
    ///
    /// What is there is read first, all of it before anything is written: going through neighbouring rows takes a
    /// third of the time that looking for each place takes, and SQLite is slow at reading and changing the same
    /// table in turns.
    pub(super) fn write(
        &mut self,
        pool_id: i64,
        parts: impl Iterator<Item = P>,
        report: &mut UpdateReport,
    ) -> QueryResult<()> {
        self.compare(pool_id, parts)?;
        for (change, part) in self.changes.drain(..) {
            match change {
                Change::Insert => {
                    let ids = [Bound::Integer(pool_id), Bound::Integer(part.place())];
                    report.written += run(&mut self.insert, &ids, &part)?;
                }
                Change::Update(id) => {
                    report.written += run(&mut self.update, &[Bound::Integer(id)], &part)?;
                }
                Change::Delete(id) => report.deleted += self.delete.run(&[Bound::Integer(id)])?,
            }
        }
        Ok(())
    }

    fn compare(&mut self, pool_id: i64, parts: impl Iterator<Item = P>) -> QueryResult<()> {
        let read = &mut self.read;
        // Whether the statement has been started, and the place of its row unless it is at its end.
        let mut at: Option<Option<i64>> = None;
        for part in parts {
            let place = part.place();
            let mut passed = 0;
            while at.is_none_or(|at| at.is_some_and(|at| at < place)) {
                if at.is_none() || passed == Self::NEAR {
                    read.query(&[Bound::Integer(pool_id), Bound::Integer(place)])?;
                }
                passed += 1;
                // What is no integer is at no place.
                at = Some(
                    read.step()?
                        .then(|| read.column(1).as_integer().unwrap_or(i64::MIN)),
                );
            }
            let is_there = at == Some(Some(place));
            let change = match (is_there, part.is_gone()) {
                (true, true) => Change::Delete(read.key(0)),
                (true, false) if part.is_at(read, 2) => continue,
                (true, false) => Change::Update(read.key(0)),
                (false, true) => continue,
                (false, false) => Change::Insert,
            };
            self.changes.push((change, part));
        }
        read.reset();
        Ok(())
    }
}

/// Runs a statement with ids and the values of a part.
fn run(statement: &mut Statement<'_>, ids: &[Bound<'_>], part: &impl Part) -> QueryResult<u64> {
    part.with_values(|values| {
        let mut bound = [Bound::Null; 4];
        let count = ids.len() + values.len();
        bound[..ids.len()].copy_from_slice(ids);
        bound[ids.len()..count].copy_from_slice(values);
        statement.run(&bound[..count])
    })
}
