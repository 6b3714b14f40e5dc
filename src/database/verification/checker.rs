//! The checker: the state of a verification, which all rules share.

use std::path::Path;

use diesel::prelude::*;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::progress::{Observer, Stage, report};
use crate::database::structure::catalogue::Catalogue;
use crate::database::verification::findings::Findings;
use crate::database::verification::rule::Rule;
use crate::sqlite::prepared::{Statement, Statements};

/// The state of a verification: the input of the rules and their findings.
pub(super) struct Checker<'operation> {
    pub(super) path: &'operation Path,
    pub(super) statements: Statements<'operation>,
    pub(super) catalogue: &'operation Catalogue,
    pub(super) quick: bool,
    pub(super) findings: Findings,
    pub(super) observer: &'operation mut dyn Observer,
}

/// A query for the rows of a table that break a rule. It returns their ids and the details.
pub(super) struct Query {
    pub(super) rule: Rule,
    pub(super) table: &'static str,
    pub(super) sql: String,
}

impl<'operation> Checker<'operation> {
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
        self.findings.add(rule, table, None, || {
            format!("{what} cannot be checked: {problem}")
        });
        Ok(())
    }

    /// Runs a query and records a violation for each row.
    pub(super) fn run(&mut self, query: &Query) -> Result<(), Error> {
        self.tell(Stage::Verifying, 0, 0)?;
        self.attempt(Some(query.table), query.rule.name(), |checker| {
            let mut statement = checker.statements.prepare(&query.sql)?;
            while statement.step()? {
                let id = statement.column(0).as_integer();
                checker.findings.add(query.rule, Some(query.table), id, || {
                    statement.column(1).to_text()
                });
            }
            Ok(())
        })
    }

    /// An upper bound of the number of rows of a table, for the progress. It comes from the lowest and the highest
    /// rowid, which SQLite finds without a scan.
    pub(super) fn rows(&self, table: &str) -> u64 {
        let sql = format!(
            "SELECT (SELECT max(rowid) FROM {table}) - (SELECT min(rowid) FROM {table}) + 1"
        );
        let span = || -> QueryResult<Option<i64>> {
            let mut statement: Statement<'operation> = self.statements.prepare(&sql)?;
            statement.step()?;
            Ok(statement.column(0).as_integer())
        };
        let span = span().ok().flatten().unwrap_or(0);
        u64::try_from(span).unwrap_or(0).max(1)
    }

    /// Reports the progress to the observer.
    pub(super) fn tell(&mut self, stage: Stage<'_>, done: u64, total: u64) -> Result<(), Error> {
        report(self.observer, self.path, stage, done, total)?;
        Ok(())
    }
}

/// The detail of an error that is due to damage. Other errors are returned unchanged.
pub(super) fn damage(error: Error) -> Result<String, Error> {
    match error {
        Error {
            kind: ErrorKind::Damaged { detail, .. },
            ..
        } => Ok(detail),
        // An example is a name that is not UTF-8.
        other => match other.kind.rejection() {
            Some(source) => Ok(source.to_string()),
            None => Err(other),
        },
    }
}
