//! SQLite's own integrity check of a copy.

use std::path::Path;
use std::str::FromStr;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use serde::Serialize;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;

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
    const fn pragma(self) -> &'static str {
        match self {
            Self::Quick => "quick_check",
            Self::Full => "integrity_check",
        }
    }
}

/// The first problem that SQLite finds, if there is one.
pub(crate) fn first_problem(
    connection: &mut SqliteConnection,
    path: &Path,
    verification: IntegrityCheck,
) -> Result<Option<String>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        finding: String,
    }
    let pragma = verification.pragma();
    let query = format!("SELECT {pragma} AS finding FROM pragma_{pragma} LIMIT 1");
    match diesel::sql_query(query).load::<Row>(connection) {
        Ok(findings) => Ok(findings
            .into_iter()
            .map(|row| row.finding)
            .find(|finding| finding != "ok")),
        Err(error) => match Error::from_diesel(path, "check the database", error) {
            // An index of the user's own can need a collation that only the user's program defines.
            Error {
                kind: ErrorKind::Query { source, .. },
                ..
            } => {
                log::warn!("{} could not be checked: {source}", path.display());
                Ok(None)
            }
            Error {
                kind: ErrorKind::Damaged { detail, .. },
                ..
            } => Ok(Some(detail)),
            other => Err(other),
        },
    }
}
