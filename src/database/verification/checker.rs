//! The checker: what a thread of a verification has, and the findings of the part that it works on.

use std::path::Path;

use diesel::prelude::*;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::progress::Stage;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::sql_name;
use crate::database::verification::findings::Findings;
use crate::database::verification::reporter::Reporter;
use crate::database::verification::rule::Rule;
use crate::sqlite::prepared::{Bound, Statements};

/// What a thread of a verification has: the input of the rules, and their findings.
pub(super) struct Checker<'operation> {
    pub(super) path: &'operation Path,
    pub(super) statements: Statements<'operation>,
    pub(super) catalogue: &'operation Catalogue,
    pub(super) quick: bool,
    pub(super) findings: Findings,
    pub(super) reporter: Reporter<'operation>,
}

/// A query for the rows of a table that break a rule. It returns their ids and the details.
pub(super) struct Query {
    pub(super) rule: Rule,
    pub(super) table: &'static str,
    pub(super) sql: String,
    /// Whether the query is for the rowids from `?1` to `?2`.
    pub(super) is_divided: bool,
}

/// A range of rowids: the first and the last.
pub(super) type Rowids = (i64, i64);

/// All rowids.
pub(super) const ALL: Rowids = (i64::MIN, i64::MAX);

impl Checker<'_> {
    /// Runs a part of the work. If damage prevents it, that is a finding, and the verification continues.
    pub(super) fn attempt(
        &mut self,
        table: Option<&str>,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Err(error) = work(self) else {
            return Ok(());
        };
        let error = error.at(self.path, "verify the database");
        let rule = if error.kind.rejection().is_some() {
            Rule::NotChecked
        } else {
            Rule::Integrity
        };
        let problem = damage(error)?;
        self.findings.add_failure(rule, table, what, &problem);
        Ok(())
    }

    /// Runs a query and records a violation for each row.
    pub(super) fn run(&mut self, query: &Query, rowids: Rowids) -> Result<(), Error> {
        self.tell(Stage::Verifying, 0, 0)?;
        self.attempt(Some(query.table), query.rule.name(), |checker| {
            let mut statement = checker.statements.prepare(&query.sql)?;
            if query.is_divided {
                let (first, last) = rowids;
                statement.query(&[Bound::Integer(first), Bound::Integer(last)])?;
            }
            while statement.step()? {
                let id = statement.column(0).as_integer();
                checker.findings.add(query.rule, Some(query.table), id, || {
                    statement.column(1).to_text()
                });
            }
            Ok(())
        })
    }

    /// Whether a query has a row, or cannot be run because of damage. It is for the rowids from `?1` to `?2`, or has no
    /// parameters.
    pub(super) fn has_row(&mut self, sql: &str, rowids: Option<Rowids>) -> Result<bool, Error> {
        self.tell(Stage::Verifying, 0, 0)?;
        let look = || -> QueryResult<bool> {
            let mut statement = self.statements.prepare(sql)?;
            if let Some((first, last)) = rowids {
                statement.query(&[Bound::Integer(first), Bound::Integer(last)])?;
            }
            statement.step()
        };
        match look() {
            Ok(has_row) => Ok(has_row),
            Err(error) => {
                damage(Error::from(error).at(self.path, "verify the database")).map(|_| true)
            }
        }
    }

    /// Lets the next statement read each page anew. A page with a cell that does not fit fails only the first statement that
    /// reads it (`cell_size_check`). The next one would read what happens to be in memory behind the page, and what a rule
    /// finds would depend on what the same connection has read before.
    pub(super) fn forget_pages(&self) -> Result<(), Error> {
        let statements = self.statements;
        let forgotten = statements.prepare("PRAGMA shrink_memory");
        forgotten.and_then(|mut statement| statement.step())?;
        Ok(())
    }

    /// Reports the progress to the observer.
    pub(super) fn tell(&mut self, stage: Stage<'_>, done: u64, total: u64) -> Result<(), Error> {
        self.reporter.report(self.path, stage, done, total)
    }

    /// Adds to the number of checked rows of a table, and reports it to the observer.
    pub(super) fn advance(&mut self, table: &str, rows: u64) -> Result<(), Error> {
        self.reporter.advance(self.path, table, rows)
    }
}

/// Divides a range into parts of equal width, as its size calls for. They do not depend on the number of threads. The first
/// one begins with the lowest number that there is, and the last one ends with the highest.
pub(super) fn divide(ends: Option<Rowids>, least_width: u64) -> Vec<Rowids> {
    const PARTS: u64 = 256;
    let Some((first, last)) = ends else {
        return vec![ALL];
    };
    let width = (last.abs_diff(first) / PARTS + 1).max(least_width);
    let mut parts = Vec::new();
    let mut start = i64::MIN;
    let mut next = first.saturating_add_unsigned(width);
    while next <= last && next > start {
        parts.push((start, next - 1));
        start = next;
        next = next.saturating_add_unsigned(width);
    }
    parts.push((start, i64::MAX));
    parts
}

/// The detail of an error that is due to damage. Other errors are returned unchanged.
pub(super) fn damage(error: Error) -> Result<String, Error> {
    match error {
        Error {
            kind: ErrorKind::Damaged { detail, .. },
            ..
        } => Ok(detail),
        // An example is a name that is not UTF-8. What has the name of a function keeps everything from being checked.
        other => match other.kind.rejection().map(ToString::to_string) {
            Some(detail) if !detail.ends_with(sql_name::OF_A_FUNCTION) => Ok(detail),
            _ => Err(other),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_rowid_once() {
        for ends in [
            None,
            Some((1, 1)),
            Some((1, 5_000)),
            Some((-7, 1_000_003)),
            Some((i64::MAX - 5, i64::MAX)),
            Some(ALL),
        ] {
            let parts = divide(ends, 4_096);
            let mut expected = Some(i64::MIN);
            for (first, last) in &parts {
                assert_eq!(Some(*first), expected);
                assert!(first <= last);
                expected = last.checked_add(1);
            }
            assert_eq!(expected, None, "{ends:?}");
            assert!(parts.len() <= 257, "{ends:?}: {}", parts.len());
        }
        assert_eq!(divide(Some((1, 4_000)), 4_096), [ALL]);
        assert!(divide(Some((1, 1_000_000)), 4_096).len() > 200);
    }
}
