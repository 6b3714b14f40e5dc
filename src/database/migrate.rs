//! Bringing a database to the newest schema, in place.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::migration::Migration;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::MigrationHarness;
use serde::Serialize;

use super::catalogue::Catalogue;
use super::lineage::{self, recognise_connection};
use super::version::{self, SchemaVersion};
use super::{Access, Error, connection};

/// What an upgrade did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpgradeReport {
    /// The version before.
    pub from: SchemaVersion,
    /// The version now.
    pub to: SchemaVersion,
    /// The names of the migrations that were run, oldest first; none for a database that was at the
    /// newest version already.
    pub applied: Vec<String>,
}

/// A row whose foreign key refers to nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, QueryableByName, Serialize)]
pub struct Violation {
    /// The table of the row.
    #[diesel(sql_type = Text)]
    pub table: String,
    /// The row's id, where the table has ids.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub rowid: Option<i64>,
    /// The table that lacks the row referred to.
    #[diesel(sql_type = Text)]
    pub parent: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rowid {
            Some(rowid) => write!(f, "{} row {rowid} (to {})", self.table, self.parent),
            None => write!(f, "{} (to {})", self.table, self.parent),
        }
    }
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
pub fn upgrade_existing_sqlite_database(path: &Path) -> Result<UpgradeReport, Error> {
    // Looked at first without writing, so that a database that is refused stays as it was to the
    // byte, with its log and its journal.
    let version = current_database_version(path)?;
    if version == SchemaVersion::latest() {
        return Ok(UpgradeReport {
            from: version,
            to: version,
            applied: Vec::new(),
        });
    }
    let mut connection = connection::open(path, Access::ReadWrite)?;
    let report = migrate(&mut connection, path)?;
    if let Err(error) = connection::ensure_wal(&mut connection, path) {
        log::warn!("The database stays in rollback-journal mode: {error}");
    }
    Ok(report)
}

/// Runs what is pending, all or nothing.
fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<UpgradeReport, Error> {
    with_foreign_keys_off(connection, path, |connection| {
        let from = recognise_connection(connection)?.require_version(path)?;
        let pending = version::migrations_after(Some(from))?;
        adopt(connection, from)?;

        let before = foreign_key_violations(connection)?;
        for migration in &pending {
            run(connection, path, &**migration)?;
        }
        check_foreign_keys(connection, path, &before)?;

        let to = recognise_connection(connection)?.require_version(path)?;
        Ok(UpgradeReport {
            from,
            to,
            applied: pending.iter().map(|m| m.name().to_string()).collect(),
        })
    })
}

/// Runs every migration on a database that has no tables.
pub(super) fn migrate_empty(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    with_foreign_keys_off(connection, path, |connection| {
        create_migrations_table(connection)?;
        for migration in version::migrations_after(None)? {
            run(connection, path, &*migration)?;
        }
        Ok(())
    })
}

/// An IMMEDIATE transaction with the enforcement of foreign keys off.
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
    let result = connection.immediate_transaction(operate).map_err(located);
    connection
        .batch_execute("PRAGMA foreign_keys = ON")
        .map_err(|error| located(error.into()))?;
    result
}

fn run(
    connection: &mut SqliteConnection,
    path: &Path,
    migration: &dyn Migration<Sqlite>,
) -> Result<(), Error> {
    log::info!("Running migration {}", migration.name());
    match connection.run_migration(migration) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::from_migration(path, migration, &*error)),
    }
}

/// Records the migrations that a database of this version has by other means: the Python package's.
fn adopt(connection: &mut SqliteConnection, version: SchemaVersion) -> Result<(), Error> {
    if create_migrations_table(connection)? > 0 {
        return Ok(());
    }
    for version in version.up_to() {
        diesel::sql_query(format!(
            "INSERT INTO {} (version) VALUES (?)",
            lineage::MIGRATIONS_TABLE
        ))
        .bind::<Text, _>(version.migration())
        .execute(connection)?;
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

/// The broken foreign keys of every table of ours, and of the user's own tables that can be checked: a
/// key of theirs may refer to something that no key can refer to, which SQLite calls a mismatch.
fn foreign_key_violations(connection: &mut SqliteConnection) -> Result<Vec<Violation>, Error> {
    let ours = &SchemaVersion::latest().catalogue()?.tables;
    let mut violations = Vec::new();
    for table in Catalogue::read(connection)?.tables.keys() {
        let found =
            diesel::sql_query("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check(?)")
                .bind::<Text, _>(table)
                .load::<Violation>(connection);
        match found {
            Ok(found) => violations.extend(found),
            Err(error) if ours.contains_key(table) => return Err(error.into()),
            Err(error) => log::debug!("The foreign keys of {table} cannot be checked: {error}"),
        }
    }
    Ok(violations)
}

/// Fails for violations that were not there before: rows that were broken already are not this
/// upgrade's doing and stay as they are.
fn check_foreign_keys(
    connection: &mut SqliteConnection,
    path: &Path,
    before: &[Violation],
) -> Result<(), Error> {
    let mut known: BTreeMap<&Violation, usize> = BTreeMap::new();
    for violation in before {
        *known.entry(violation).or_default() += 1;
    }
    let mut violations = foreign_key_violations(connection)?;
    violations.retain(|violation| match known.get_mut(violation) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::ForeignKeysBroken {
        path: path.to_owned(),
        violations,
    })
}
