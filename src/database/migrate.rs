//! Bringing a database to another version of the schema, in place.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::MigrationHarness;

use super::foreign_keys::{check_foreign_keys, foreign_key_violations};
use super::lineage::{self, Recognition, recognise_connection};
use super::version::{self, SchemaVersion, Step};
use super::{Access, Error, connection, stamps};

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
}

/// The version of a database.
///
/// # Errors
///
/// [`Error::Refused`] for a database that has no version this program can work with; otherwise where
/// the database cannot be read.
pub fn current_database_version(path: &Path) -> Result<SchemaVersion, Error> {
    lineage::recognise(path)?.require_version(path)
}

/// The version that this program brings databases to.
#[must_use]
pub const fn latest_database_version() -> SchemaVersion {
    SchemaVersion::latest()
}

/// The names of the migrations that a database of this version lacks, oldest first.
///
/// # Errors
///
/// Only where this program itself is broken.
pub fn pending_migrations(current: SchemaVersion) -> Result<Vec<String>, Error> {
    let pending = version::migrations_after(Some(current))?;
    Ok(pending.iter().map(|m| m.name().to_string()).collect())
}

/// Brings a database to the newest version, in place.
///
/// One transaction covers recognising the database, taking over a database of the Python package,
/// every pending migration and the checks after them: it is at the newest version afterwards or
/// exactly as before. Of two processes that upgrade at once, the second waits and finds nothing to do.
/// A database in rollback-journal mode is put into WAL mode afterwards.
///
/// # Errors
///
/// [`Error::Refused`] for a database that this program does not know how to upgrade,
/// [`Error::Migration`] and [`Error::ForeignKeysBroken`] where a migration fails, [`Error::Locked`]
/// where another process keeps the database locked.
pub fn upgrade_existing_sqlite_database(path: &Path) -> Result<MigrationReport, Error> {
    let from = current_database_version(path)?;
    migrate_sqlite_database(path, from, SchemaVersion::latest())
}

/// Brings a database to a version, newer or older than its own, in place.
///
/// As [`upgrade_existing_sqlite_database`], of which it is the general form. A step back drops what the
/// older version has no place for; [`plan_migration`](super::plan_migration) tells what that is. So
/// `from` is the version that the caller has planned for: a step back is taken from no other one.
///
/// # Errors
///
/// Those of [`upgrade_existing_sqlite_database`], [`Error::VersionChanged`] where another process has
/// brought the database to a version from which the way would lead back unplanned, and
/// [`Error::ObjectsLost`] where a step back would take indexes or triggers of the user's own along.
pub fn migrate_sqlite_database(
    path: &Path,
    from: SchemaVersion,
    target: SchemaVersion,
) -> Result<MigrationReport, Error> {
    // Looked at first without writing, so that a database that is refused stays as it was to the
    // byte, with its log and its journal.
    let recognition = lineage::recognise(path)?;
    let version = recognition.require_version(path)?;
    if version == target && recognition.is_stamped_right {
        return Ok(MigrationReport {
            from: version,
            to: version,
            migrations: Vec::new(),
        });
    }
    let mut connection = connection::open(path, Access::ReadWrite)?;
    let report = migrate(&mut connection, path, from, target)?;
    if let Err(error) = connection::ensure_wal(&mut connection, path) {
        log::warn!("The database stays in rollback-journal mode: {error}");
    }
    Ok(report)
}

/// Takes every step to the target, all or nothing.
fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
    planned: SchemaVersion,
    target: SchemaVersion,
) -> Result<MigrationReport, Error> {
    with_foreign_keys_off(connection, path, |connection| {
        let recognition = recognise_connection(connection)?;
        let from = recognition.require_version(path)?;
        // Steps up lose nothing, wherever they begin; and who is there already need not go.
        if from != planned && from != target && from.max(planned) > target {
            return Err(Error::VersionChanged {
                path: path.to_owned(),
                planned,
                found: from,
            });
        }
        let steps = version::steps(from, target)?;
        put_stamps_right(connection, &recognition, from)?;

        let before = foreign_key_violations(connection)?;
        for step in &steps {
            take(connection, path, step)?;
        }
        check_foreign_keys(connection, path, &before)?;

        let arrived = recognise_connection(connection)?;
        let to = arrived.require_version(path)?;
        check_objects(path, &recognition, &arrived)?;
        Ok(MigrationReport {
            from,
            to,
            migrations: steps.iter().map(Step::name).collect(),
        })
    })
}

/// Fails if an object of the user's own is gone: an index or a trigger goes with its table when that is
/// rebuilt.
fn check_objects(path: &Path, before: &Recognition, after: &Recognition) -> Result<(), Error> {
    let kept = after.extras();
    let mut objects = before.extras();
    objects.retain(|object| !kept.contains(object));
    if objects.is_empty() {
        return Ok(());
    }
    Err(Error::ObjectsLost {
        path: path.to_owned(),
        objects,
    })
}

/// Runs every migration on a database that has no tables.
pub(super) fn migrate_empty(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    with_foreign_keys_off(connection, path, |connection| {
        create_migrations_table(connection)?;
        for migration in version::migrations_after(None)? {
            take(connection, path, &Step::Up(migration))?;
        }
        Ok(())
    })
}

/// An IMMEDIATE transaction with the enforcement of foreign keys off, which it leaves off: the
/// connection is for migrating only.
///
/// With them on, a table that a migration rebuilds would, when the old one is dropped, delete the
/// rows that refer to it; and the pragma has no effect inside a transaction.
fn with_foreign_keys_off<T>(
    connection: &mut SqliteConnection,
    path: &Path,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let located = |error: Error| error.at(path, "migrate the database");
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .map_err(|error| located(error.into()))?;
    connection.immediate_transaction(operate).map_err(located)
}

fn take(connection: &mut SqliteConnection, path: &Path, step: &Step) -> Result<(), Error> {
    let (migration, taken) = match step {
        Step::Up(migration) => {
            log::info!("Running migration {}", migration.name());
            (migration, connection.run_migration(&**migration))
        }
        Step::Down(migration) => {
            log::info!("Undoing migration {}", migration.name());
            (migration, connection.revert_migration(&**migration))
        }
    };
    match taken {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::from_migration(path, &**migration, &*error)),
    }
}

/// Records the migrations that a database has by other means, the Python package's, and makes every
/// stamp that says otherwise say the same.
fn put_stamps_right(
    connection: &mut SqliteConnection,
    recognition: &Recognition,
    version: SchemaVersion,
) -> Result<(), Error> {
    let recorded = create_migrations_table(connection)?;
    if recorded == 0 || !recognition.is_stamped_right {
        let table = stamps::MIGRATIONS_TABLE;
        connection.batch_execute(&format!("DELETE FROM {table}"))?;
        for version in version.up_to() {
            diesel::sql_query(format!("INSERT INTO {table} (version) VALUES (?)"))
                .bind::<Text, _>(version.migration())
                .execute(connection)?;
        }
    }
    if !recognition.is_stamped_right {
        connection.batch_execute(&format!(
            "DROP TABLE IF EXISTS {rust_core}; \
             CREATE TABLE IF NOT EXISTS {alembic} \
             (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)); \
             DELETE FROM {alembic}",
            rust_core = stamps::RUST_CORE_TABLE,
            alembic = stamps::ALEMBIC_TABLE,
        ))?;
        if let Some(stamp) = version.alembic_stamp() {
            diesel::sql_query(format!(
                "INSERT INTO {} (version_num) VALUES (?)",
                stamps::ALEMBIC_TABLE
            ))
            .bind::<Text, _>(stamp)
            .execute(connection)?;
        }
    }
    Ok(())
}

/// Creates diesel's table of migrations where it is not there; the number of rows it has.
fn create_migrations_table(connection: &mut SqliteConnection) -> Result<usize, Error> {
    match connection.applied_migrations() {
        Ok(applied) => Ok(applied.len()),
        Err(error) => Err(match error.downcast::<diesel::result::Error>() {
            Ok(error) => Error::Sql(*error),
            Err(error) => Error::embedded(&*error),
        }),
    }
}
