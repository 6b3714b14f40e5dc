//! The plan of a verification: its parts, in the order of the findings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use diesel::QueryResult;

use crate::database::structure::catalogue::Catalogue;
use crate::database::verification::checker::{ALL, Query, Rowids, divide};
use crate::database::verification::crew::Part;
use crate::database::verification::reporter::Tally;
use crate::sqlite::prepared::Statements;

/// The least number of rowids for which a part of its own is worth it.
const LEAST_WIDTH: u64 = 4_096;

/// The plan of a verification. The width of its parts depends on the data alone.
pub(super) struct Plan<'plan, 'operation> {
    statements: Statements<'plan>,
    pub(super) catalogue: &'operation Catalogue,
    pub(super) quick: bool,
    tally: &'plan mut Tally,
    pub(super) parts: Vec<Part<'operation>>,
    /// For each table with liquidity, whether a row may refer to no pool. The check of the liquidity finds that out.
    pub(super) has_no_pool: BTreeMap<&'static str, Arc<AtomicBool>>,
}

impl<'plan, 'operation> Plan<'plan, 'operation> {
    pub(super) fn new(
        statements: Statements<'plan>,
        catalogue: &'operation Catalogue,
        quick: bool,
        tally: &'plan mut Tally,
    ) -> Self {
        Self {
            statements,
            catalogue,
            quick,
            tally,
            parts: Vec::new(),
            has_no_pool: BTreeMap::new(),
        }
    }

    /// Adds a query for each range of the rowids of its table.
    pub(super) fn query(&mut self, query: Query) {
        let ranges = if query.is_divided {
            self.ranges(query.table)
        } else {
            vec![ALL]
        };
        let query = Arc::new(query);
        for rowids in ranges {
            let query = Arc::clone(&query);
            self.parts
                .push(Part::new(move |checker| checker.run(&query, rowids)));
        }
    }

    /// Adds a query that is only run if one of the `looks` has a row.
    pub(super) fn query_after(&mut self, query: Query, looks: Vec<String>) {
        let mut part = Part::new(move |checker| checker.run(&query, ALL));
        for look in looks {
            part = part.after(move |checker| checker.has_row(&look, None));
        }
        self.parts.push(part);
    }

    /// The rowids of a table in ranges.
    pub(super) fn ranges(&self, table: &str) -> Vec<Rowids> {
        divide(self.rowids(table), LEAST_WIDTH)
    }

    /// Adds the rows of a table to those that are reported under the name of a table. Their number is an upper bound: it
    /// comes from the lowest and the highest rowid, which SQLite finds without a scan.
    pub(super) fn expect(&mut self, reported: &str, table: &str) {
        let (first, last) = self.rowids(table).unwrap_or((0, 0));
        let rows = last.abs_diff(first).saturating_add(1);
        self.tally.expect(reported, rows);
    }

    /// The lowest and the highest rowid of a table. `None` of an empty or damaged one.
    pub(super) fn rowids(&self, table: &str) -> Option<Rowids> {
        let sql =
            format!("SELECT (SELECT min(rowid) FROM {table}), (SELECT max(rowid) FROM {table})");
        let ends = || -> QueryResult<Option<Rowids>> {
            let mut statement = self.statements.prepare(&sql)?;
            statement.step()?;
            let [first, last] = [0, 1].map(|column| statement.column(column).as_integer());
            Ok(first.zip(last))
        };
        ends().ok().flatten()
    }
}
