//! Upgrade: brings a database of any known origin to a newer version.

use std::path::Path;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file;
use crate::database::migration::migrate::{Change, MigrationReport, Task, migrate_in_place};
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::rebuild;
use crate::database::migration::rebuild::{Outcome, RebuildReport};
use crate::database::migration::route::{Method, find_route};
use crate::database::progress::Observer;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::quick_scan;
use crate::database::verification::quick_scan::SuspectRows;
use crate::sqlite::lock_wait::LockWait;

/// The result of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpgradeReport {
    /// The name of the version before the upgrade: that of the structure, or of the Rust-core release that has stamped it.
    pub from: String,
    /// The version before the upgrade; `None` for a rebuild.
    pub from_version: Option<SchemaVersion>,
    /// What was changed.
    pub change: Change,
    /// The version after the upgrade.
    pub to: SchemaVersion,
    /// The names of the migrations that were run, in that order. Empty for a rebuild, or if the database was at
    /// the version already.
    pub migrations: Vec<String>,
    /// The number of words of initialization maps that were computed in place from liquidity positions.
    pub computed_words: usize,
    /// The result of the rebuild, if one was necessary.
    pub rebuild: Option<RebuildReport>,
    /// Suspect rows, which were suspect before the upgrade too. They stay as they are. Only the first rows of a
    /// large table are checked.
    pub unsound: Vec<SuspectRows>,
    /// The assumptions that were not needed, as [`Assumption::subject`](crate::database::Assumption::subject) says them.
    pub unused_assumptions: Vec<String>,
}

/// Upgrades a database to the newest version: [`upgrade_sqlite_database`] with default options and no observer.
///
/// # Errors
///
/// Fails with the errors of [`upgrade_sqlite_database`].
pub fn upgrade_existing_sqlite_database(path: &Path) -> Result<UpgradeReport, Error> {
    upgrade_sqlite_database(path, &UpgradeOptions::default(), &mut ())
}

/// Upgrades a database of any release to a newer version.
///
/// - A database of a known version is migrated in place, as by
///   [`migrate_sqlite_database`](crate::database::migration::migrate::migrate_sqlite_database). Initialization
///   maps that a Rust-core release of the Python package has dropped are computed from the liquidity positions.
/// - A database before the first version is rebuilt: a new database is built beside it, compared with it row by
///   row, and replaces its content in one transaction. The original is kept beside it; the report has its name.
///
/// # Errors
///
/// The pages of the database are checked first: SQLite overwrites a page that is in use if damage makes it look free.
///
/// [`Error::effect`] says whether the database was changed. The function fails with [`ErrorKind::Damaged`], with the
/// errors of
/// [`migrate_sqlite_database`](crate::database::migration::migrate::migrate_sqlite_database), and with
/// [`ErrorKind::Interrupted`] if the observer asks for it. If the database is not [`UpgradeOptions::expected`], it fails with
/// [`ErrorKind::ChangedMeanwhile`]. A rebuild also fails with
///
/// - [`ErrorKind::Unclear`] if rows lack a value or contradict each other;
/// - [`ErrorKind::AssumptionNeeded`] if an assumption is missing;
/// - [`ErrorKind::ObjectsLost`] if an index, trigger or view of the user does not fit the new schema;
/// - [`ErrorKind::NotEnoughSpace`] if the new database and the original do not fit on the disk;
/// - [`ErrorKind::RebuildCheckFailed`] if a row of the new database differs from its origin.
pub fn upgrade_sqlite_database(
    path: &Path,
    options: &UpgradeOptions,
    observer: &mut dyn Observer,
) -> Result<UpgradeReport, Error> {
    let _waiting = LockWait::begin(options.wait, observer.cancel_token());
    EffectTracker::track(path, |effect| upgrade(path, options, observer, effect))
}

fn upgrade(
    path: &Path,
    options: &UpgradeOptions,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
) -> Result<UpgradeReport, Error> {
    let target = options.target;
    // An upgrade that was killed after its commit has left temporary files.
    staged_file::sweep(DatabaseFile::at(path).real());
    let route = find_route(path, target)?;
    if route.method == Method::Rebuild
        && let Outcome::Done(from, report, unsound) =
            rebuild::rebuild(path, options, observer, effect)?
    {
        log::debug!("Rebuilt {} at version {target}", path.display());
        return Ok(UpgradeReport {
            from,
            from_version: None,
            change: Change::Schema,
            to: target,
            migrations: Vec::new(),
            computed_words: 0,
            unused_assumptions: report.unused_assumptions.clone(),
            rebuild: Some(*report),
            unsound,
        });
    }
    if route.is_step_back() {
        return Err(ErrorKind::VersionChanged {
            planned: target,
            found: route.from.unwrap_or(target),
        }
        .at(path));
    }
    let task = Task {
        expected: options.expected.as_ref(),
        ..Task::new(path, route.from.unwrap_or(target), target)
    };
    let (migrated, unsound) = migrate_in_place(&task, observer, effect, quick_scan::scan)?;
    let MigrationReport {
        from,
        name,
        change,
        to,
        migrations,
        computed_words,
        ..
    } = migrated;
    Ok(UpgradeReport {
        from: name,
        from_version: Some(from),
        change,
        to,
        migrations,
        computed_words,
        rebuild: None,
        unsound,
        unused_assumptions: options.assumptions.subjects(),
    })
}
