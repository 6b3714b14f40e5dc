//! Bringing a database to another version of the schema, in place.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::cancel::CancelToken;
use crate::database::connection::open::{Access, ensure_wal, open_connection, set_busy_timeout};
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::DatabaseFile;
use crate::database::migration::foreign_keys::{violations_of, with_foreign_keys_off};
use crate::database::migration::options::MigrateOptions;
use crate::database::migration::user_objects::UserObjects;
use crate::database::migration::{
    alembic_leftovers, foreign_keys, initialization_maps, user_objects,
};
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::recognise::{recognise, recognise_connection};
use crate::database::structure::catalogue::{Catalogue, Table};
use crate::database::structure::create_tables::create_migrations_table;
use crate::database::structure::pending_migrations::{MigrationStep, steps};
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables;
use crate::sqlite::connection_hooks::cancellable;

/// What an upgrade or a downgrade did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The version before.
    pub from: SchemaVersion,
    /// The version now.
    pub to: SchemaVersion,
    /// The names of the migrations that were run or undone, in that order; none for a database that
    /// was at the version already.
    pub migrations: Vec<String>,
    /// The words of initialization maps that were computed from liquidity positions.
    pub computed_words: usize,
}

/// The version of a database.
///
/// # Errors
///
/// [`ErrorKind::Refused`] for a database that has no version this program can work with; otherwise where the database
/// cannot be read.
pub fn current_database_version(path: &Path) -> Result<SchemaVersion, Error> {
    recognise(path)?.require_version(path)
}

/// The version that this program brings databases to.
#[must_use]
pub const fn latest_database_version() -> SchemaVersion {
    SchemaVersion::latest()
}

/// Brings a database to a version, newer or older than its own, in place.
///
/// One transaction covers recognising the database, taking over a database of the Python package,
/// every migration and the checks after them: it is at the target afterwards or exactly as before. Of
/// two processes that do the same at once, the second waits and finds nothing to do. A database in
/// rollback-journal mode is put into WAL mode afterwards.
///
/// A step back drops what the older version has no place for;
/// [`plan_migration`](crate::database::migration::plan::plan_migration) tells what that is. So `from` is the version that the
/// caller has planned for: a step back is taken from no other one.
///
/// # Errors
///
/// [`ErrorKind::Refused`] for a database that this program does not know how to migrate, [`ErrorKind::Migration`] and
/// [`ErrorKind::ForeignKeysBroken`] where a migration fails, [`ErrorKind::Locked`] where another process keeps the
/// database locked, [`ErrorKind::VersionChanged`] where another process has brought the database to a version from
/// which the way would lead back unplanned, and [`ErrorKind::ObjectsLost`] where a step back would take indexes or
/// triggers of the user's own along.
pub fn migrate_sqlite_database(
    path: &Path,
    from: SchemaVersion,
    target: SchemaVersion,
    options: &MigrateOptions,
) -> Result<MigrationReport, Error> {
    migrate_in_place(path, from, target, options.wait, None)
}

/// The same; cancelling the token ends it with everything as it was.
pub(crate) fn migrate_in_place(
    path: &Path,
    from: SchemaVersion,
    target: SchemaVersion,
    wait: Duration,
    cancel: Option<CancelToken>,
) -> Result<MigrationReport, Error> {
    // Looked at first without writing, so that a database that is refused stays as it was to the
    // byte, with its log and its journal.
    let recognition = recognise(path)?;
    let version = recognition.require_version_of_structure(path)?;
    if version == target && recognition.identity.is_stamped_right() {
        return Ok(MigrationReport {
            from: version,
            to: version,
            migrations: Vec::new(),
            computed_words: 0,
        });
    }
    DatabaseFile::at(path).require_writable()?;
    let mut connection = cancellable(cancel, || open_connection(path, Access::ReadWrite))?;
    set_busy_timeout(&mut connection, path, wait)?;
    let mut scope = ForeignKeyScope::Structure;
    let report = loop {
        match migrate(&mut connection, path, from, target, scope)? {
            Some(report) => break report,
            None => scope = ForeignKeyScope::Everything,
        }
    };
    if let Err(error) = ensure_wal(&mut connection, path) {
        log::warn!("The database stays in rollback-journal mode: {error}");
    }
    Ok(report)
}

/// Which foreign keys are looked at before and after a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ForeignKeyScope {
    /// Those of the tables whose structure it changes, and those that refer to these.
    Structure,
    /// All.
    Everything,
}

/// Takes every step to the target, all or nothing. `None`, and nothing done, where it turns out that
/// rows were changed and all foreign keys must be looked at.
fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
    planned: SchemaVersion,
    target: SchemaVersion,
    scope: ForeignKeyScope,
) -> Result<Option<MigrationReport>, Error> {
    let mut is_enough = true;
    let migrated = with_foreign_keys_off(connection, path, |connection| {
        let recognition = recognise_connection(connection)?;
        let from = recognition.require_version_of_structure(path)?;
        // Steps up lose nothing, wherever they begin; and who is there already need not go.
        if from != planned && from != target && from.max(planned) > target {
            return Err(ErrorKind::VersionChanged {
                planned,
                found: from,
            }
            .at(path));
        }
        let steps = steps(from, target);
        let usable = UserObjects::find(connection, path, &recognition.catalogue)?;
        sql::require_transaction(connection, path)?;
        put_stamps_right(connection, &recognition, from)?;
        alembic_leftovers::drop_all(connection, path, &recognition.catalogue)?;
        let computed_words =
            initialization_maps::restore(connection, path, &recognition.catalogue)?;

        let mut tables = tables_to_check(&recognition.catalogue, from, target, scope);
        let before = violations_of(connection, &tables)?;
        let changes = total_changes(connection)?;
        for step in &steps {
            step.run(connection)
                .map_err(|error| Error::from_step(path, error))?;
        }
        is_enough = scope == ForeignKeyScope::Everything
            || total_changes(connection)? - changes == rows_stamped(from, target);
        if !is_enough {
            return Err(diesel::result::Error::RollbackTransaction.into());
        }
        let arrived = recognise_connection(connection)?;
        let to = arrived.require_version(path)?;
        tables.retain(|table| arrived.catalogue.tables.contains_key(table));
        let after = violations_of(connection, &tables)?;
        foreign_keys::require_known(path, after, before)?;
        check_objects(path, &recognition, &arrived)?;
        user_objects::require_no_dangling(path, &arrived.catalogue, |table| {
            recognition.catalogue.tables.contains_key(table)
                && !arrived.catalogue.tables.contains_key(table)
        })?;
        usable.require(connection, path)?;
        Ok(MigrationReport {
            from,
            to,
            migrations: steps.iter().map(MigrationStep::name).collect(),
            computed_words,
        })
    });
    if is_enough {
        migrated.map(Some)
    } else {
        Ok(None)
    }
}

/// The tables of the database whose foreign keys the steps between two versions can break.
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
    // An index changes no row.
    let changes = |table: &str| {
        structures.windows(2).any(|pair| {
            let [before, after] =
                [pair[0], pair[1]].map(|structure| structure.tables.get(table).map(|t| &t.columns));
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

/// How many rows the steps between two versions write in the tables of the stamps: diesel's has one for
/// each step, and Alembic's row changes where the revision does.
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

/// How many rows this connection has written, not counting the schema's own.
fn total_changes(connection: &mut SqliteConnection) -> QueryResult<i64> {
    sql::number(connection, "SELECT total_changes() AS number")
}

/// Fails if an object of the user's own is gone: an index or a trigger goes with its table when that is
/// rebuilt.
fn check_objects(path: &Path, before: &Recognition, after: &Recognition) -> Result<(), Error> {
    // What was the user's own can have become ours: a table that a later version adds.
    let here = after.catalogue.extras_beyond(&Catalogue::default());
    let own = after.extras();
    let mut objects = before.extras();
    objects.retain(|object| {
        !here.contains(object) && !own.contains(object) && !alembic_leftovers::is_extra(object)
    });
    if objects.is_empty() {
        return Ok(());
    }
    let objects = objects.iter().map(ToString::to_string).collect();
    Err(ErrorKind::ObjectsLost { objects }.at(path))
}

/// Records the migrations that a database has by other means, the Python package's, and makes every
/// stamp that says otherwise say the same.
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
