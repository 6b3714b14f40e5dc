//! Bringing any database that a user can have to the newest version.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file;
use crate::database::migration::migrate::{MigrationReport, migrate_in_place};
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::rebuild;
use crate::database::migration::rebuild::{Outcome, RebuildReport};
use crate::database::migration::route::{Method, find_route};
use crate::database::progress::Observer;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::quick_scan;
use crate::database::verification::quick_scan::SuspectRows;

/// What an upgrade did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpgradeReport {
    /// What the database was before, by its stamp.
    pub from: String,
    /// The version now.
    pub to: SchemaVersion,
    /// The names of the migrations that were run, in that order; none for a database that was at the
    /// version already, or that was made anew.
    pub migrations: Vec<String>,
    /// The words of initialization maps that were computed from liquidity positions, in place.
    pub computed_words: usize,
    /// What was done to make the database anew, where that was necessary.
    pub rebuild: Option<RebuildReport>,
    /// Rows that are not as they should be, and were not so before: they stay as they are. Only the
    /// first rows of a large table are looked at.
    pub unsound: Vec<SuspectRows>,
}

/// Brings a database to the newest version: [`upgrade_sqlite_database`] with nothing assumed and nobody
/// watching.
///
/// # Errors
///
/// Those of [`upgrade_sqlite_database`].
pub fn upgrade_existing_sqlite_database(path: &Path) -> Result<UpgradeReport, Error> {
    upgrade_sqlite_database(path, &UpgradeOptions::default(), &mut ())
}

/// Brings a database to a newer version, whichever release has made it.
///
/// Of a known version, it is migrated in place
/// ([`migrate_sqlite_database`](crate::database::migration::migrate::migrate_sqlite_database)). The initialization maps
/// that a Rust-core release of the Python package has dropped are computed from the liquidity
/// positions. A database from before the first version is made anew: a new one is built beside it,
/// compared with it row by row and put in its place in one transaction, and the original is kept beside
/// it under the name in the report.
///
/// # Errors
///
/// Those of [`migrate_sqlite_database`](crate::database::migration::migrate::migrate_sqlite_database); and for a
/// database that is made anew, [`ErrorKind::Unclear`] and [`ErrorKind::AssumptionNeeded`] where rows do not say what
/// they must, [`ErrorKind::ObjectsLost`] where an index, trigger or view of the user's own has no place in the new
/// schema, [`ErrorKind::NotEnoughSpace`], and [`ErrorKind::Interrupted`] where the observer asks for it. The database
/// is then as it was.
pub fn upgrade_sqlite_database(
    path: &Path,
    options: &UpgradeOptions,
    observer: &mut dyn Observer,
) -> Result<UpgradeReport, Error> {
    let target = options.target;
    // Of an upgrade that was killed after it had put everything in place.
    staged_file::sweep(DatabaseFile::at(path).real());
    let route = find_route(path, target)?;
    let from = route.name.clone();
    if route.method == Method::Rebuild
        && let Outcome::Done(report) = rebuild::rebuild(path, options, observer)?
    {
        log::info!("Made {} anew at version {target}", path.display());
        return Ok(UpgradeReport {
            from,
            to: target,
            migrations: Vec::new(),
            computed_words: 0,
            rebuild: Some(report),
            unsound: quick_scan::scan(path, target)?,
        });
    }
    if route.is_step_back() {
        return Err(ErrorKind::VersionChanged {
            planned: target,
            found: route.from.unwrap_or(target),
        }
        .at(path));
    }
    let planned = route.from.unwrap_or(target);
    let MigrationReport {
        to,
        migrations,
        computed_words,
        ..
    } = migrate_in_place(path, planned, target, options.wait, observer.cancel_token())?;
    Ok(UpgradeReport {
        from,
        to,
        migrations,
        computed_words,
        rebuild: None,
        unsound: quick_scan::scan(path, to)?,
    })
}
