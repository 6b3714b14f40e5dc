//! Migration plan: the dry run of an upgrade or a downgrade.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::require_writable_format;
use crate::database::connection::read_only::read_without_trace;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::Refusal;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::disk_space;
use crate::database::migration::losses::Loss;
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::rebuild::notices::RebuildNotices;
use crate::database::migration::route::{Method, Route};
use crate::database::migration::unfinal_blocks::UnfinalBlocks;
use crate::database::migration::{
    disk_need, losses, rebuild, rehearsal, take_back_rehearsal, unfinal_blocks,
};
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::recognise_connection;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::pending_migrations::{MigrationStep, steps};
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::verification::integrity_check::{IntegrityCheck, first_damage};
use crate::sqlite::transaction::{Begin, transaction};

/// The dry run of an upgrade or a downgrade.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MigrationPlan {
    /// The stamps in the database.
    pub stamps: Stamps,
    /// The name of the version: that of the structure, or of the Rust-core release that has stamped it.
    pub name: String,
    /// A remark about wrong stamps.
    pub remark: Option<String>,
    /// The name of the structure: a version, or a revision before the first version.
    pub structure: String,
    /// The version of the database; `None` for a rebuild.
    pub from: Option<SchemaVersion>,
    /// The version that the database would have.
    pub to: SchemaVersion,
    /// The method of the migration.
    pub method: Method,
    /// The names of the migrations that would be run or undone, in that order.
    pub migrations: Vec<String>,
    /// Whether the database is at the target already, with the right stamps.
    pub is_done: bool,
    /// Why the database cannot be used before an upgrade.
    pub refusal: Option<Refusal>,
    /// Blocks that a downgrade would take back, because they are not final.
    pub unfinal: Vec<UnfinalBlocks>,
    /// The triggers of the user's own that can run while these blocks are taken back, and that are not tried: they look at
    /// rows that can change until then. Others are tried, and the plan fails if one of them raises an error.
    pub untried_triggers: Vec<String>,
    /// Tables and columns with values that a downgrade would drop.
    pub losses: Vec<Loss>,
    /// Tables and columns that a rebuild does not carry over, each as `TABLE` or `TABLE.COLUMN`.
    pub dropped: Vec<String>,
    /// What a rebuild does to rows without the user's own objects noticing.
    pub notices: RebuildNotices,
    /// A missing assumption, without which the upgrade would fail.
    pub needs: Option<String>,
    /// The assumptions that are known not to be needed, as
    /// [`Assumption::subject`](crate::database::Assumption::subject) says them. Only the rebuild itself can judge those
    /// about factories.
    pub unused_assumptions: Vec<String>,
    /// The number of rows of each table.
    pub rows: Vec<(String, i64)>,
    /// The size of the database with its log, in bytes.
    pub bytes: u64,
    /// The additional disk space that the migration could need, in bytes. With less than a part of it that is certain,
    /// the migration and its plan are refused.
    pub disk_bytes: u64,
    /// The free space on the disk, in bytes, if the file system reports it.
    pub free_bytes: Option<u64>,
    /// The estimated duration in seconds, from the number of rows.
    pub seconds: u64,
}

/// Rows that a rebuild carries over, checks and puts in place in a second. `cargo bench --bench upgrade`
/// measures it with a million rows; the value is rounded down.
const REBUILT_ROWS_PER_SECOND: u64 = 200_000;

/// Plans a migration by
/// [`migrate_sqlite_database`](crate::database::migration::migrate::migrate_sqlite_database), without writing.
///
/// # Errors
///
/// Fails if the database cannot be read, and with the error with which the migration would be refused. For that, it reads
/// every page. If blocks are to be taken back, what [`MigrationPlan::untried_triggers`] would raise does not make the plan
/// fail.
pub fn plan_migration(path: &Path, target: SchemaVersion) -> Result<MigrationPlan, Error> {
    let plan = plan_without_pages(path, target)?;
    require_sound_pages(path, &plan)?;
    Ok(plan)
}

/// Like [`plan_migration`], for a migration that follows at once and looks at the pages itself.
pub(crate) fn plan_without_pages(
    path: &Path,
    target: SchemaVersion,
) -> Result<MigrationPlan, Error> {
    let options = UpgradeOptions::default().target(target);
    let plan = plan_in(path, &options, Direction::Either)?;
    match plan.refusal {
        Some(refusal) => Err(ErrorKind::Refused {
            refusal: Box::new(refusal),
        }
        .at(path)
        .with_effect(Effect::Nothing)),
        None => Ok(plan),
    }
}

/// Plans an upgrade by
/// [`upgrade_sqlite_database`](crate::database::migration::upgrade::upgrade_sqlite_database), without writing.
///
/// # Errors
///
/// Fails if the database cannot be read, and with the error with which the upgrade would be refused. For that, it reads
/// every page. Two things do not make the plan fail: a missing assumption, which the plan names, and the rows of a database from before the first
/// version, which only the rebuild itself can judge.
///
/// If the target is older than the database, the plan is that of a downgrade, which the upgrade would refuse.
pub fn plan_upgrade(path: &Path, options: &UpgradeOptions) -> Result<MigrationPlan, Error> {
    let plan = plan_in(path, options, Direction::Up)?;
    if plan.from.is_none_or(|from| from <= plan.to) {
        require_sound_pages(path, &plan)?;
    }
    Ok(plan)
}

/// Fails if the migration would be refused because a page is damaged.
fn require_sound_pages(path: &Path, plan: &MigrationPlan) -> Result<(), Error> {
    if plan.is_done {
        return Ok(());
    }
    read_without_trace(path, |connection| {
        match first_damage(connection, path, IntegrityCheck::Quick)? {
            Some(detail) => Err(ErrorKind::Damaged { detail }.at(path)),
            None => Ok(()),
        }
    })
}

/// The directions in which a migration may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Either,
}

fn plan_in(
    path: &Path,
    options: &UpgradeOptions,
    direction: Direction,
) -> Result<MigrationPlan, Error> {
    read_without_trace(path, |connection| {
        let plan = |connection: &mut SqliteConnection| plan(connection, path, options, direction);
        transaction(connection, Begin::Deferred, plan, Error::from)
            .map_err(|error| error.at(path, "plan the migration"))
    })
}

/// Checks whether [`upgrade_sqlite_database`](crate::database::migration::upgrade::upgrade_sqlite_database) would be
/// refused, as far as that shows without writing, so that nobody is asked to confirm an upgrade that is bound to fail.
///
/// # Errors
///
/// Fails with the error of the upgrade, such as [`ErrorKind::AssumptionNeeded`] or [`ErrorKind::ReadOnly`].
pub fn check_upgrade(path: &Path, options: &UpgradeOptions) -> Result<(), Error> {
    let check = |connection: &mut SqliteConnection| -> Result<(), Error> {
        let recognition = recognise_connection(connection)?;
        let route = Route::of(&recognition, path, options.target)?;
        if route.is_done || route.is_step_back() {
            return Ok(());
        }
        require_possible(connection, path, &recognition, options, route.method)?;
        let assumptions = &options.assumptions;
        match rebuild::missing_assumption(connection, path, &recognition, assumptions)? {
            Some(missing) => Err(missing),
            None => Ok(()),
        }
    };
    read_without_trace(path, |connection| {
        transaction(connection, Begin::Deferred, check, Error::from)
            .map_err(|error| error.at(path, "plan the migration"))
    })
    .map_err(|error| error.with_effect(Effect::Nothing))
}

fn plan(
    connection: &mut SqliteConnection,
    path: &Path,
    options: &UpgradeOptions,
    direction: Direction,
) -> Result<MigrationPlan, Error> {
    let target = options.target;
    let recognition = recognise_connection(connection)?;
    let route = Route::of(&recognition, path, target)?;
    let is_possible = direction == Direction::Either || !route.is_step_back();
    if is_possible && !route.is_done {
        require_possible(connection, path, &recognition, options, route.method)?;
    }
    let Route {
        name,
        from,
        method,
        remark,
        is_done,
        ..
    } = route;
    let extras = recognition.extras();
    let mut rows = Vec::new();
    for table in recognition.catalogue.tables.keys() {
        if !extras.iter().any(|extra| extra.is_table(table)) {
            rows.push((table.clone(), sql::count(connection, table, "1")?));
        }
    }
    let needs = rebuild::missing_assumption(connection, path, &recognition, &options.assumptions)?;
    let bytes = DatabaseFile::at(path).bytes_with_log();
    let needed = match (method, from) {
        (_, _) if is_done => 0,
        (Method::Rebuild, _) | (_, None) => {
            rebuild::disk_bytes(connection, &DatabaseFile::at(path), &recognition, options)?
        }
        (method, Some(from)) => {
            let has_maps = method == Method::InPlaceWithMaps;
            let computed = if has_maps { bytes } else { 0 };
            disk_need::at_most(connection, path, from, target, computed)?
        }
    };
    let unfinal = match from {
        Some(_) => {
            let catalogue = &recognition.catalogue;
            unfinal_blocks::to_take_back(connection, catalogue, target.catalogue())?
        }
        None => Vec::new(),
    };
    let total: i64 = rows.iter().map(|(_, rows)| rows).sum();
    Ok(MigrationPlan {
        name,
        remark,
        structure: recognition.structure().unwrap_or_default(),
        dropped: rebuild::dropped_from(&recognition),
        notices: RebuildNotices::expected(connection, path, &recognition)?,
        is_done,
        refusal: recognition.identity.version_or_refusal().err(),
        needs: needs.map(|error| error.to_string()),
        from,
        to: target,
        method,
        unused_assumptions: rebuild::needless_assumptions(
            connection,
            &recognition,
            &options.assumptions,
        )?,
        migrations: match from {
            Some(from) => steps(from, target)
                .iter()
                .map(MigrationStep::name)
                .collect(),
            None => Vec::new(),
        },
        untried_triggers: take_back_rehearsal::untried_triggers(connection, path, &unfinal)?,
        unfinal,
        losses: match from {
            Some(from) if method == Method::InPlace => losses::find(connection, from, target)?,
            _ => Vec::new(),
        },
        rows,
        bytes,
        disk_bytes: needed,
        free_bytes: disk_space::free_bytes(DatabaseFile::at(path).real()),
        seconds: match method {
            Method::InPlace => 1,
            _ => u64::try_from(total).unwrap_or_default() / REBUILT_ROWS_PER_SECOND + 1,
        },
        stamps: recognition.stamps,
    })
}

/// Fails if the migration would be refused. The checks are those of the migration.
fn require_possible(
    connection: &mut SqliteConnection,
    path: &Path,
    recognition: &Recognition,
    options: &UpgradeOptions,
    method: Method,
) -> Result<(), Error> {
    let file = DatabaseFile::existing(path)?;
    file.require_writable()?;
    file.require_writable_folder()?;
    require_writable_format(path)?;
    match method {
        Method::Rebuild => {
            let needed = rebuild::disk_bytes(connection, &file, recognition, options)?;
            disk_space::require_room(path, file.real(), needed)?;
            rebuild::require_structure(connection, path, recognition, options)
        }
        Method::InPlace | Method::InPlaceWithMaps => {
            let from = recognition.require_version_of_structure(path)?;
            disk_need::require_room(connection, path, from, options.target)?;
            rehearsal::require_possible(connection, path, recognition, options.target)?;
            let catalogue = &recognition.catalogue;
            let target = options.target.catalogue();
            let unfinal = unfinal_blocks::to_take_back(connection, catalogue, target)?;
            take_back_rehearsal::require_possible(connection, path, catalogue, &unfinal)
        }
    }
}
