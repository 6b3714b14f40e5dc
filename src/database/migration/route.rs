//! Migration route: how a database gets to another version.

use std::path::Path;

use serde::Serialize;

use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::migration::user_objects;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::recognition::recognise::recognise;
use crate::database::structure::schema_version::SchemaVersion;

/// The method of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// In place, in one transaction.
    InPlace,
    /// In place, with initialization maps that are computed from the liquidity positions.
    InPlaceWithMaps,
    /// By a rebuild: a new database is built beside the old one.
    Rebuild,
}

/// The start, the end and the method of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The name of the version: that of the structure, or of the Rust-core release that has stamped it.
    pub name: String,
    /// The version of the database; `None` for a rebuild.
    pub from: Option<SchemaVersion>,
    /// The target version.
    pub to: SchemaVersion,
    /// The method of the migration.
    pub method: Method,
    /// A remark about wrong stamps.
    pub remark: Option<String>,
    /// Whether the database is at the target already, with the right stamps.
    pub is_done: bool,
}

impl Route {
    /// Returns the route of a recognised database.
    ///
    /// # Errors
    ///
    /// Fails with [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) if the database cannot be brought
    /// to the version, and with [`ErrorKind::NamesTaken`](crate::database::ErrorKind::NamesTaken) if objects of the
    /// user are in the way.
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
        let route = Self {
            name: recognition.version_name(),
            from,
            to,
            method,
            remark: recognition.remark(),
            is_done: from == Some(to) && recognition.identity.is_stamped_right(),
        };
        if let Some(from) = from.filter(|_| !route.is_step_back()) {
            let (from, to) = (from.catalogue(), to.catalogue());
            user_objects::require_free_names(path, &recognition.catalogue, from, to)
                .map_err(|error| error.with_effect(Effect::Nothing))?;
        }
        Ok(route)
    }

    /// Whether the target is older than the version of the database.
    #[must_use]
    pub fn is_step_back(&self) -> bool {
        self.from.is_some_and(|from| from > self.to)
    }
}

/// Finds the route of a database to a version, without reading its rows. An interrupted transaction is rolled
/// back.
///
/// # Errors
///
/// Fails with [`ErrorKind::Refused`](crate::database::ErrorKind::Refused) if the database cannot be brought to
/// the version, and with another kind if it cannot be read.
pub fn find_route(path: &Path, to: SchemaVersion) -> Result<Route, Error> {
    Route::of(&recognise(path)?, path, to)
}
