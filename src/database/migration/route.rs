//! The way by which a database gets to another version.

use std::path::Path;

use serde::Serialize;

use crate::database::error::database_error::Error;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::recognition::recognise::recognise;
use crate::database::structure::schema_version::SchemaVersion;

/// How a database gets to another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// In place, in one transaction.
    InPlace,
    /// In place, where the initialization maps are computed from the liquidity positions.
    InPlaceWithMaps,
    /// By a new database that is built beside it.
    Rebuild,
}

/// Where a database's way to another version begins, and how it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The version as the stamps tell it.
    pub name: String,
    /// The version of the database; none where it is made anew.
    pub from: Option<SchemaVersion>,
    /// The version that it leads to.
    pub to: SchemaVersion,
    /// How it goes.
    pub method: Method,
    /// What is to be said about stamps that are not right.
    pub remark: Option<String>,
    /// Whether the database is at its end already, with the right stamps.
    pub is_done: bool,
}

impl Route {
    /// The route of a database that was recognised.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) for a database that cannot be brought to the
    /// version.
    pub(crate) fn of(
        recognition: &Recognition,
        path: &Path,
        to: SchemaVersion,
    ) -> Result<Self, Error> {
        let (from, method) = match recognition.identity {
            Identity::Legacy { .. } => (None, Method::Rebuild),
            Identity::WithoutMaps(version) if version <= to => {
                (Some(version), Method::InPlaceWithMaps)
            }
            _ => (Some(recognition.require_version(path)?), Method::InPlace),
        };
        Ok(Self {
            name: recognition.name(),
            from,
            to,
            method,
            remark: recognition.remark(),
            is_done: from == Some(to) && recognition.identity.is_stamped_right(),
        })
    }

    /// Whether the version that it leads to is older than the database's.
    #[must_use]
    pub fn is_step_back(&self) -> bool {
        self.from.is_some_and(|from| from > self.to)
    }
}

/// Finds the way of a database to a version, without looking at its rows. An interrupted transaction is rolled back.
///
/// # Errors
///
/// [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) for a database that cannot be brought to the version;
/// otherwise where the database cannot be read.
pub fn find_route(path: &Path, to: SchemaVersion) -> Result<Route, Error> {
    Route::of(&recognise(path)?, path, to)
}
