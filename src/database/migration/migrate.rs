//! In-place migration: runs the migrations between two versions in one transaction.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::kept_log::move_log;
use crate::database::connection::open::{Access, ensure_wal, open_connection};
use crate::database::connection::read_only::read_without_trace;
use crate::database::connection::sql;
use crate::database::copying::check_copy::check_source;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::staged_file;
use crate::database::installed_views::SetAside;
use crate::database::migration::foreign_keys::{violations_of, with_foreign_keys_off};
use crate::database::migration::losses::Loss;
use crate::database::migration::options::MigrateOptions;
use crate::database::migration::unfinal_blocks::UnfinalBlocks;
use crate::database::migration::user_objects::UserObjects;
use crate::database::migration::{
    alembic_leftovers, disk_need, foreign_keys, initialization_maps, losses, stamp_additions,
    unfinal_blocks, user_objects,
};
use crate::database::progress::Observer;
use crate::database::recognition::expected_database::ExpectedDatabase;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::recognition::recognise::{recognise, recognise_connection, recognise_state};
use crate::database::structure::catalogue::{Catalogue, Table};
use crate::database::structure::create_tables::create_migrations_table;
use crate::database::structure::pending_migrations::{MigrationStep, steps};
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::{sql_name, stamp_tables};
use crate::sqlite::connection_hooks::{cancellable, without_triggers};
use crate::sqlite::lock_wait::LockWait;
use crate::sqlite::transaction::{Begin, transaction};

/// What a migration has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Nothing: the database was at the version already, perhaps because another program has brought it there.
    Nothing,
    /// The stamps alone: the structure was that of the version already.
    Stamps,
    /// The schema.
    Schema,
}

/// The result of an upgrade or a downgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The version before the migration.
    pub from: SchemaVersion,
    /// The name of that version: that of the structure, or of the Rust-core release that has stamped it.
    pub name: String,
    /// What was changed.
    pub change: Change,
    /// The version after the migration.
    pub to: SchemaVersion,
    /// The names of the migrations that were run or undone, in that order. Empty if the database was at the
    /// version already.
    pub migrations: Vec<String>,
    /// The number of words of initialization maps that were computed from liquidity positions.
    pub computed_words: usize,
    /// The tables and columns with values that a downgrade has dropped.
    pub losses: Vec<Loss>,
    /// The blocks that a downgrade has taken back.
    pub taken_back: Vec<UnfinalBlocks>,
    /// The installed views that a downgrade has removed, because the older version lacks their tables.
    pub removed_views: Vec<String>,
}

/// Returns the version of a database.
///
/// # Errors
///
/// Fails with [`ErrorKind::Refused`] if the database has no version that this program supports, and with
/// another kind if it cannot be read.
pub fn current_database_version(path: &Path) -> Result<SchemaVersion, Error> {
    recognise(path)?.require_version(path)
}

/// Returns the newest version that this program knows.
#[must_use]
pub const fn latest_database_version() -> SchemaVersion {
    SchemaVersion::latest()
}

/// Migrates a database in place to a newer or older version.
///
/// One transaction covers the recognition of the database, the stamps of the Python package, every migration
/// and the checks after them. The database is at the target afterwards, or exactly as before. If two processes
/// do the same at once, the second waits and finds nothing to do. A database in rollback-journal mode is put
/// into WAL mode afterwards.
///
/// Views that [`install_database_views`](crate::database::install_database_views) has made are made anew for the target.
///
/// A downgrade drops tables and columns that the older version lacks. Before it drops the journal, it takes back the
/// blocks that are not final.
/// [`plan_migration`](crate::database::migration::plan::plan_migration) lists them. `from` is the version for
/// which the caller has made that plan: a downgrade from another version is refused. With
/// [`MigrateOptions::agreed_losses`] or [`MigrateOptions::agreed_blocks`], so is one that would drop or take back more
/// than these.
///
/// # Errors
///
/// [`Error::effect`] says whether the database was changed. The function fails with
///
/// - [`ErrorKind::Refused`] if this program cannot migrate the database;
/// - [`ErrorKind::Damaged`] if a page of the database is damaged;
/// - [`ErrorKind::NotEnoughSpace`] if the disk has less room than the migration certainly needs. It may need more, up to
///   the size of the database: then it fails with [`ErrorKind::DiskFull`], and nothing is changed;
/// - [`ErrorKind::Migration`] or [`ErrorKind::ForeignKeysBroken`] if a migration fails;
/// - [`ErrorKind::NamesTaken`] if objects of the user have names that the target needs;
/// - [`ErrorKind::TargetMissed`] if the database would not be at the target after the migrations;
/// - [`ErrorKind::Locked`] if another process keeps the database locked;
/// - [`ErrorKind::VersionChanged`] if another process has migrated the database, and reaching the target would
///   now be a downgrade that nobody has planned;
/// - [`ErrorKind::ChangedMeanwhile`] if the database is not [`MigrateOptions::expected`];
/// - [`ErrorKind::MoreLosses`] if a downgrade would drop data that the caller has not agreed to lose;
/// - [`ErrorKind::Interrupted`] if the token of the options is cancelled;
/// - [`ErrorKind::ObjectsLost`] if the migration would drop indexes or triggers of the user, or break views,
///   triggers or foreign keys of theirs;
/// - [`ErrorKind::ViewsInUse`] if objects of the user use installed views;
/// - [`ErrorKind::Journal`] if blocks that are not final cannot be taken back;
/// - [`ErrorKind::TriggerInterferes`] or [`ErrorKind::TriggerOnJournal`] if blocks are taken back, and a trigger of the user
///   would change what is written;
/// - [`ErrorKind::LeftoverRows`] if rows lie in a temporary table of a failed upgrade by the Python package;
/// - [`ErrorKind::Unclear`] if a dropped initialization map cannot be computed.
pub fn migrate_sqlite_database(
    path: &Path,
    from: SchemaVersion,
    target: SchemaVersion,
    options: &MigrateOptions,
) -> Result<MigrationReport, Error> {
    let _waiting = LockWait::begin(options.wait, options.cancel.clone());
    EffectTracker::track(path, |effect| {
        let task = Task {
            agreed_losses: options.agreed_losses.as_deref(),
            agreed_blocks: options.agreed_blocks.as_deref(),
            expected: options.expected.as_ref(),
            ..Task::new(path, from, target)
        };
        let mut observer = options.cancel.clone();
        let (report, ()) = migrate_in_place(&task, &mut observer, effect, |_, _| Ok(()))?;
        Ok(report)
    })
}

/// The input of a migration in place.
pub(crate) struct Task<'task> {
    pub(crate) path: &'task Path,
    /// The version for which the caller has made a plan.
    pub(crate) from: SchemaVersion,
    pub(crate) target: SchemaVersion,
    /// The losses that the caller agrees to; `None` for any.
    pub(crate) agreed_losses: Option<&'task [Loss]>,
    /// The blocks that the caller agrees to take back; `None` for any.
    pub(crate) agreed_blocks: Option<&'task [UnfinalBlocks]>,
    /// The database that the caller knows.
    pub(crate) expected: Option<&'task ExpectedDatabase>,
}

impl<'task> Task<'task> {
    pub(crate) const fn new(path: &'task Path, from: SchemaVersion, target: SchemaVersion) -> Self {
        Self {
            path,
            from,
            target,
            agreed_losses: None,
            agreed_blocks: None,
            expected: None,
        }
    }
}

/// Like [`migrate_sqlite_database`]. The pages are checked first: SQLite overwrites a page that is in use if damage makes
/// it look free. It calls `inspect` with the database at the target, before the commit: an error
/// of `inspect` leaves the database as it was.
pub(crate) fn migrate_in_place<T>(
    task: &Task<'_>,
    observer: &mut dyn Observer,
    effect: &mut EffectTracker,
    mut inspect: impl FnMut(&mut SqliteConnection, SchemaVersion) -> Result<T, Error>,
) -> Result<(MigrationReport, T), Error> {
    let Task { path, target, .. } = *task;
    // The first recognition does not write, so that a refused database stays as it was to the byte, with its
    // log and its journal.
    let recognition = recognise(path)?;
    let version = recognition.require_version_of_structure(path)?;
    if version == target
        && recognition.identity.is_stamped_right()
        && let Some(inspected) = inspect_finished(path, target, &mut inspect)?
    {
        let report = MigrationReport {
            from: version,
            name: recognition.version_name(),
            change: Change::Nothing,
            to: version,
            migrations: Vec::new(),
            computed_words: 0,
            losses: Vec::new(),
            taken_back: Vec::new(),
            removed_views: Vec::new(),
        };
        return Ok((report, inspected));
    }
    read_without_trace(path, |connection| {
        disk_need::require_room(connection, path, version, target)
    })?;
    check_source(path, Access::ReadWrite, path, observer)?;
    staged_file::sweep(DatabaseFile::at(path).real());
    let cancel = observer.cancel_token();
    let open = || open_connection(path, Access::ReadWrite);
    let mut connection = cancellable(cancel.clone(), open)?;
    let mut scope = ForeignKeyScope::Structure;
    let report = loop {
        match migrate(&mut connection, task, scope, effect, &mut inspect)? {
            Some(report) => break report,
            None => scope = ForeignKeyScope::Everything,
        }
    };
    let (
        MigrationReport {
            from, migrations, ..
        },
        _,
    ) = &report;
    for name in migrations {
        let what = if *from <= target { "Ran" } else { "Undid" };
        log::info!("{what} the migration {name}");
    }
    if let Err(error) = ensure_wal(&mut connection, path) {
        log::warn!("The database stays in rollback-journal mode: {error}");
    }
    move_log(&mut connection, path);
    for view in &report.0.removed_views {
        log::warn!("The view {view} is gone: a database at {target} lacks its tables");
    }
    Ok(report)
}

/// Calls `inspect` with a database that is at the target, without writing. Returns `None` if another process has
/// brought it to another version meanwhile.
fn inspect_finished<T>(
    path: &Path,
    target: SchemaVersion,
    inspect: &mut impl FnMut(&mut SqliteConnection, SchemaVersion) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    read_without_trace(path, |connection| {
        let inspect = |connection: &mut SqliteConnection| {
            let version = recognise_state(connection)?.require_version_of_structure(path)?;
            if version == target {
                inspect(connection, version).map(Some)
            } else {
                Ok(None)
            }
        };
        transaction(connection, Begin::Deferred, inspect, Error::from)
            .map_err(|error| error.at(path, "inspect the database"))
    })
}

/// The foreign keys that are checked before and after a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForeignKeyScope {
    /// The foreign keys of tables whose structure changes, and of tables that refer to these.
    Structure,
    /// All foreign keys.
    Everything,
}

/// Fails if the migrations have led to another version, or if the stamps do not say so.
fn require_target(
    path: &Path,
    before: &Recognition,
    arrived: &Recognition,
    target: SchemaVersion,
) -> Result<SchemaVersion, Error> {
    let to = arrived.require_version(path)?;
    if to != target {
        return Err(ErrorKind::TargetMissed {
            target,
            found: arrived.name(),
            has_own_objects: !before.extras().is_empty(),
        }
        .at(path));
    }
    if !arrived.identity.is_stamped_right() {
        let detail = format!("afterwards, they would say {}", arrived.name());
        return Err(ErrorKind::StampTable { detail }.at(path));
    }
    Ok(to)
}

/// Runs every migration to the target, or none. Returns `None` and rolls back if a migration has changed rows,
/// so that all foreign keys must be checked.
///
/// The user's triggers do not fire meanwhile: they are for the rows that programs write, and one on a table of stamps
/// could change any row unnoticed. They do fire while blocks are taken back, because they did when an update took the
/// blocks in; one that writes to the same tables is refused.
pub(crate) fn migrate<T>(
    connection: &mut SqliteConnection,
    task: &Task<'_>,
    scope: ForeignKeyScope,
    effect: &mut EffectTracker,
    inspect: &mut impl FnMut(&mut SqliteConnection, SchemaVersion) -> Result<T, Error>,
) -> Result<Option<(MigrationReport, T)>, Error> {
    let (path, target) = (task.path, task.target);
    let mut is_enough = true;
    let migrated = with_foreign_keys_off(connection, path, effect, |connection| {
        let recognition = recognise_connection(connection)?;
        let from = recognition.require_version_of_structure(path)?;
        let losses = require_agreed(connection, task, &recognition, from)?;
        if from <= target {
            let catalogue = &recognition.catalogue;
            let (from, target) = (from.catalogue(), target.catalogue());
            user_objects::require_free_names(path, catalogue, from, target)?;
        }
        if !recognition.identity.is_stamped_right() {
            let dropped = [stamp_tables::RUST_CORE_TABLE];
            stamp_additions::require_none(path, &recognition.catalogue, &dropped)?;
        }
        stamp_additions::require_no_references(connection, path, &recognition.catalogue, target)?;
        let steps = steps(from, target);
        let (catalogue, of_target) = (&recognition.catalogue, target.catalogue());
        let unfinal = unfinal_blocks::to_take_back(connection, catalogue, of_target)?;
        if let Some(agreed) = task.agreed_blocks {
            require_no_more(path, unfinal_blocks::beyond(&unfinal, agreed))?;
        }
        // They are no objects of the user, and are made anew for the target.
        sql::require_transaction(connection, path)?;
        let installed_views = SetAside::of(connection, path)?;
        let usable = UserObjects::find(connection, path, &recognition.catalogue)?;
        sql::require_transaction(connection, path)?;
        // What triggers of the user write while blocks are taken back can be in any table.
        let scope = if unfinal.is_empty() {
            scope
        } else {
            ForeignKeyScope::Everything
        };
        let mut tables = tables_to_check(&recognition.catalogue, from, target, scope);
        let computed_words = without_triggers(connection, |connection| {
            put_stamps_right(connection, &recognition, from)
                .map_err(|error| about_stamps(path, error))?;
            alembic_leftovers::drop_all(connection, path, &recognition.catalogue)?;
            initialization_maps::restore(connection, path, &recognition.catalogue)
        })?;
        let before = violations_of(connection, path, &tables)?;
        // The user's triggers ran when an update added the rows. So they run when the rows go.
        unfinal_blocks::take_back(connection, path, &unfinal)?;
        without_triggers(connection, |connection| {
            let changes = total_changes(connection)?;
            for step in &steps {
                step.run(connection).map_err(|error| {
                    Error::from_step(path, &error, !recognition.extras().is_empty())
                })?;
            }
            is_enough = scope == ForeignKeyScope::Everything
                || total_changes(connection)? - changes == rows_stamped(from, target);
            Ok::<_, Error>(())
        })?;
        if !is_enough {
            return Err(diesel::result::Error::RollbackTransaction.into());
        }
        let arrived = recognise_connection(connection)?;
        let to = require_target(path, &recognition, &arrived, target)?;
        tables.retain(|table| arrived.catalogue.tables.contains_key(table));
        let after = violations_of(connection, path, &tables)?;
        foreign_keys::require_known(path, after, before)?;
        user_objects::require_present(path, &recognition, &arrived.catalogue, |view| {
            installed_views.has(view)
        })?;
        user_objects::require_no_dangling(path, &arrived.catalogue, |table| {
            sql_name::is_among(table, recognition.catalogue.tables.keys())
                && !sql_name::is_among(table, arrived.catalogue.tables.keys())
        })?;
        usable.require(connection, path)?;
        let removed_views = installed_views.restore(connection, to)?;
        let inspected = inspect(connection, to)?;
        let report = MigrationReport {
            from,
            name: recognition.version_name(),
            change: change_of(&recognition.identity, &steps),
            to,
            migrations: steps.iter().map(MigrationStep::name).collect(),
            computed_words,
            losses,
            taken_back: unfinal,
            removed_views,
        };
        Ok((report, inspected))
    });
    if migrated.is_err() {
        effect.find_out(|| {
            let _patient = LockWait::to_the_end();
            let identity = recognise(path)?.identity;
            Ok(identity.version() == Some(target) && identity.is_stamped_right())
        });
    }
    if is_enough {
        migrated.map(Some)
    } else {
        Ok(None)
    }
}

/// What these steps change of a database.
fn change_of(identity: &Identity, steps: &[MigrationStep]) -> Change {
    match identity {
        Identity::Version {
            is_stamped_right, ..
        } if steps.is_empty() => {
            if *is_stamped_right {
                Change::Nothing
            } else {
                Change::Stamps
            }
        }
        _ => Change::Schema,
    }
}

/// Fails if the database is not what the caller has agreed to migrate. Returns the data that the migration drops.
fn require_agreed(
    connection: &mut SqliteConnection,
    task: &Task<'_>,
    recognition: &Recognition,
    from: SchemaVersion,
) -> Result<Vec<Loss>, Error> {
    let (path, planned, target) = (task.path, task.from, task.target);
    // An upgrade loses nothing from any version, and a database at the target needs no step.
    if from != planned && from != target && from.max(planned) > target {
        return Err(ErrorKind::VersionChanged {
            planned,
            found: from,
        }
        .at(path));
    }
    let is_done = from == target && recognition.identity.is_stamped_right();
    if let Some(expected) = task.expected.filter(|_| !is_done) {
        expected.require_recognised(path, recognition)?;
    }
    if from <= target {
        return Ok(Vec::new());
    }
    // Other programs may have written since the plan was made. Here they cannot.
    let losses = losses::find(connection, from, target)?;
    if let Some(agreed) = task.agreed_losses {
        require_no_more(path, losses::beyond(&losses, agreed))?;
    }
    Ok(losses)
}

/// Fails if there are losses that the caller has not agreed to.
fn require_no_more(path: &Path, losses: Vec<String>) -> Result<(), Error> {
    if losses.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::MoreLosses { losses }.at(path))
}

/// The tables whose foreign keys the migrations between two versions can break.
fn tables_to_check(
    catalogue: &Catalogue,
    from: SchemaVersion,
    target: SchemaVersion,
    scope: ForeignKeyScope,
) -> Vec<String> {
    let versions = from.min(target)..=from.max(target);
    let structures: Vec<_> = SchemaVersion::all()
        .filter(|version| versions.contains(version))
        .map(SchemaVersion::catalogue)
        .collect();
    // Indexes are not compared: an index changes no row.
    let changes = |table: &str| {
        structures.windows(2).any(|pair| {
            let [before, after] = [pair[0], pair[1]]
                .map(|structure| sql_name::find(&structure.tables, table).map(|t| &t.columns));
            before != after
        })
    };
    let is_touched = |(name, table): &(&String, &Table)| {
        changes(name) || table.foreign_keys.iter().any(|key| changes(&key.table))
    };
    catalogue
        .tables
        .iter()
        .filter(|table| scope == ForeignKeyScope::Everything || is_touched(table))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The number of rows that the migrations between two versions write in the tables of stamps. Diesel's table
/// changes by one row for each migration. Alembic's row changes if the revision does.
fn rows_stamped(from: SchemaVersion, target: SchemaVersion) -> i64 {
    let versions = from.min(target)..=from.max(target);
    let stamps: Vec<_> = SchemaVersion::all()
        .filter(|version| versions.contains(version))
        .map(SchemaVersion::alembic_stamp)
        .collect();
    let rows = stamps
        .windows(2)
        .map(|pair| 1 + i64::from(pair[0] != pair[1]));
    rows.sum()
}

/// The number of rows that this connection has written, without those of the schema.
fn total_changes(connection: &mut SqliteConnection) -> QueryResult<i64> {
    sql::number(connection, "SELECT total_changes() AS number")
}

/// The error of a statement that SQLite rejects on a table of stamps.
pub(crate) fn about_stamps(path: &Path, error: Error) -> Error {
    let error = error.at(path, "record the version");
    match error.kind.rejection() {
        Some(source) => {
            let detail = source.to_string();
            error.with_kind(ErrorKind::StampTable { detail })
        }
        None => error,
    }
}

/// Records the migrations that the Python package has done by its own means, and corrects every stamp that
/// contradicts the structure.
fn put_stamps_right(
    connection: &mut SqliteConnection,
    recognition: &Recognition,
    version: SchemaVersion,
) -> Result<(), Error> {
    let recorded = create_migrations_table(connection)?;
    if recorded == 0 || !recognition.identity.is_stamped_right() {
        let table = stamp_tables::MIGRATIONS_TABLE;
        connection.batch_execute(&format!("DELETE FROM {table}"))?;
        for version in version.up_to() {
            diesel::sql_query(format!("INSERT INTO {table} (version) VALUES (?)"))
                .bind::<Text, _>(version.migration())
                .execute(connection)?;
        }
    }
    if !recognition.identity.is_stamped_right() {
        connection.batch_execute(&format!(
            "DROP TABLE IF EXISTS {rust_core}; \
             CREATE TABLE IF NOT EXISTS {alembic} \
             (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)); \
             DELETE FROM {alembic}",
            rust_core = stamp_tables::RUST_CORE_TABLE,
            alembic = stamp_tables::ALEMBIC_TABLE,
        ))?;
        if let Some(stamp) = version.alembic_stamp() {
            diesel::sql_query(format!(
                "INSERT INTO {} (version_num) VALUES (?)",
                stamp_tables::ALEMBIC_TABLE
            ))
            .bind::<Text, _>(stamp)
            .execute(connection)?;
        }
    }
    Ok(())
}
