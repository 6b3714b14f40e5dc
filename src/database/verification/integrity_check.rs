//! SQLite's own integrity check of a copy.

use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;

use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::not_checked::NotChecked;
use crate::database::verification::file_check::{Remark, check_file, is_about_a_value};
use crate::sqlite::prepared::Statements;

/// The thoroughness of an integrity check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrityCheck {
    /// Checks every table, but not that the indexes match their tables (`PRAGMA quick_check`).
    Quick,
    /// Checks everything that SQLite can check (`PRAGMA integrity_check`). It takes several times as long.
    Full,
}

/// The error of a text that is neither `quick` nor `full`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 'quick' or 'full'")]
pub struct UnknownIntegrityCheck;

impl FromStr for IntegrityCheck {
    type Err = UnknownIntegrityCheck;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "quick" => Ok(Self::Quick),
            "full" => Ok(Self::Full),
            _ => Err(UnknownIntegrityCheck),
        }
    }
}

impl IntegrityCheck {
    pub(super) const fn pragma(self) -> &'static str {
        match self {
            Self::Quick => "quick_check",
            Self::Full => "integrity_check",
        }
    }
}

/// The result of an integrity check.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The first problem. If there is one, the rest of the file was not checked.
    pub(crate) problem: Option<String>,
    /// The parts that could not be checked.
    pub(crate) not_checked: Vec<NotChecked>,
}

/// The first sign of damage, if there is one. Values that their columns do not allow are none: an operation that keeps
/// every row keeps them as well. For the same reason, a table that cannot be checked is none, such as one that depends on
/// what only the user's program defines.
///
/// # Errors
///
/// [`ErrorKind::NotChecked`] if it is not known whether a page is used twice: what is written to one would then be in
/// another table.
pub(crate) fn first_damage(
    connection: &mut SqliteConnection,
    path: &Path,
    verification: IntegrityCheck,
) -> Result<Option<String>, Error> {
    let is_damage = |message: &str| {
        !is_about_a_value(message) && !message.starts_with("CHECK constraint failed in ")
    };
    let mut checked = check_for(connection, path, verification, is_damage)?;
    if checked.problem.is_none() {
        checked.not_checked.retain(|part| part.table.is_none());
        require_all(&checked.not_checked, path)?;
    }
    Ok(checked.problem)
}

/// Runs an integrity check up to the first problem.
///
/// # Errors
///
/// [`ErrorKind::NotChecked`] if a part cannot be checked and the rest has no problem, unless `allow_unchecked` is set.
pub(crate) fn check(
    connection: &mut SqliteConnection,
    path: &Path,
    verification: IntegrityCheck,
    allow_unchecked: bool,
) -> Result<Checked, Error> {
    let checked = check_for(connection, path, verification, |_| true)?;
    if checked.problem.is_none() && !allow_unchecked {
        require_all(&checked.not_checked, path)?;
    }
    Ok(checked)
}

/// Runs an integrity check up to the first message for which `is_problem` returns true.
fn check_for(
    connection: &mut SqliteConnection,
    path: &Path,
    verification: IntegrityCheck,
    is_problem: impl Fn(&str) -> bool,
) -> Result<Checked, Error> {
    /// SQLite's default is 100. Behind that many values that do not count, damage is not looked for.
    const PROBLEMS: u64 = 100_000;
    let mut checked = Checked::default();
    let mut report = |remark: Remark<'_>| match remark {
        Remark::Problem(message) if !is_problem(message) => ControlFlow::Continue(()),
        Remark::Problem(message) => {
            checked.problem = Some(message.to_owned());
            ControlFlow::Break(())
        }
        Remark::NotChecked(part) => {
            checked.not_checked.push(part);
            ControlFlow::Continue(())
        }
    };
    let failed =
        |error: diesel::result::Error| Error::from_diesel(path, "check the database", error);
    let done = (|| {
        let statements = Statements::of(connection).map_err(failed)?;
        let is_ours = !statements.in_transaction();
        if is_ours {
            statements.execute("BEGIN").map_err(failed)?;
        }
        let done = check_file(
            statements,
            path,
            verification.pragma(),
            PROBLEMS,
            &mut report,
        );
        if is_ours {
            statements.leave_transaction().map_err(failed)?;
        }
        done.map_err(|error| error.at(path, "check the database"))
    })();
    match done {
        Ok(()) => Ok(checked),
        Err(Error {
            kind: ErrorKind::Damaged { detail, .. },
            ..
        }) => {
            checked.problem = Some(detail);
            Ok(checked)
        }
        Err(error) => Err(error),
    }
}

/// Fails if a part was not checked.
fn require_all(not_checked: &[NotChecked], path: &Path) -> Result<(), Error> {
    if not_checked.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::NotChecked {
        parts: not_checked.to_vec(),
    }
    .at(path))
}
