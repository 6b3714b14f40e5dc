//! The migrations between two schema versions.

use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::EmbeddedMigrations;
use diesel_migrations::MigrationHarness;
use diesel_migrations::embed_migrations;

use crate::database::structure::schema_version::SchemaVersion;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// A migration to run, or to revert.
pub(crate) enum MigrationStep {
    Up(Box<dyn Migration<Sqlite>>),
    Down(Box<dyn Migration<Sqlite>>),
}

impl MigrationStep {
    /// The migration's name.
    pub(crate) fn name(&self) -> String {
        let (Self::Up(migration) | Self::Down(migration)) = self;
        migration.name().to_string()
    }

    /// Runs or reverts the migration.
    pub(crate) fn run(&self, connection: &mut SqliteConnection) -> Result<(), MigrationStepError> {
        let taken = match self {
            Self::Up(migration) => connection.run_migration(&**migration),
            Self::Down(migration) => connection.revert_migration(&**migration),
        };
        match taken {
            Ok(_) => Ok(()),
            Err(error) => Err(MigrationStepError::new(self.name(), &*error)),
        }
    }
}

/// The error of a migration whose SQL failed.
#[derive(Debug)]
pub(crate) struct MigrationStepError {
    /// The migration's name.
    pub(crate) migration: String,
    /// SQLite's message.
    pub(crate) message: String,
}

impl MigrationStepError {
    fn new(migration: String, source: &dyn std::error::Error) -> Self {
        // diesel_migrations puts the migration's name before the cause, and the error's type is private.
        let message = source.to_string();
        let message = match message.split_once(" with: ") {
            Some((_, cause)) => cause.to_owned(),
            None => message,
        };
        Self { migration, message }
    }
}

/// The steps from a database without tables to a version.
pub(crate) fn steps_from_empty(to: SchemaVersion) -> Vec<MigrationStep> {
    let mut up = migrations_after(None);
    up.truncate(to.number());
    up.into_iter().map(MigrationStep::Up).collect()
}

/// The steps from one version to another.
pub(crate) fn steps(from: SchemaVersion, to: SchemaVersion) -> Vec<MigrationStep> {
    if from <= to {
        let mut up = migrations_after(Some(from));
        up.truncate(to.number() - from.number());
        return up.into_iter().map(MigrationStep::Up).collect();
    }
    let mut down = migrations_after(Some(to));
    down.truncate(from.number() - to.number());
    down.into_iter().rev().map(MigrationStep::Down).collect()
}

/// The migrations after `current` (all of them for `None`), oldest first.
pub(crate) fn migrations_after(current: Option<SchemaVersion>) -> Vec<Box<dyn Migration<Sqlite>>> {
    let mut migrations = all_migrations();
    migrations.retain(|migration| {
        let version = SchemaVersion::of_migration(&migration.name().version().to_string());
        version > current
    });
    migrations
}

/// The embedded migrations, oldest first. A test compares them with the versions.
pub(crate) fn all_migrations() -> Vec<Box<dyn Migration<Sqlite>>> {
    // Reading the embedded migrations cannot fail.
    let mut migrations: Vec<_> =
        MigrationSource::<Sqlite>::migrations(&MIGRATIONS).unwrap_or_default();
    migrations.sort_by_key(|migration| migration.name().version().to_string());
    migrations
}

/// The names of the migrations that a database of this version lacks, oldest first.
#[must_use]
pub fn pending_migrations(current: SchemaVersion) -> Vec<String> {
    let pending = migrations_after(Some(current));
    pending.iter().map(|m| m.name().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write;
    use std::fs;

    use alloy_primitives::keccak256;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    const CHECKSUMS: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/database/structure/checksums.txt"
    );

    /// A database that has run a migration does not run it again, so an edit would reach only the databases that have not.
    /// With `DEGENBOT_WRITE_CHECKSUMS`, adds the lines of new migrations; those of others stay.
    #[test]
    fn checksums_of_old_migrations_stay() {
        let mut text = fs::read_to_string(CHECKSUMS).unwrap();
        let known: BTreeMap<String, String> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' '))
            .map(|(name, checksum)| (name.to_owned(), checksum.to_owned()))
            .collect();
        let mut names: Vec<_> = fs::read_dir(FOLDER)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        for name in known.keys() {
            assert!(names.contains(name), "{name} is gone from migrations/");
        }
        let mut new = Vec::new();
        for name in names {
            let statements = fs::read(format!("{FOLDER}/{name}/up.sql")).unwrap();
            let checksum = keccak256(statements).to_string();
            if let Some(known) = known.get(&name) {
                assert_eq!(
                    *known, checksum,
                    "up.sql of {name} was edited: make a new migration (\"A migration\" in CONTRIBUTING.md)"
                );
            } else {
                writeln!(text, "{name} {checksum}").unwrap();
                new.push(name);
            }
        }
        if std::env::var_os("DEGENBOT_WRITE_CHECKSUMS").is_some() {
            fs::write(CHECKSUMS, text).unwrap();
        } else {
            assert!(
                new.is_empty(),
                "checksums.txt lacks {new:?}; add them with DEGENBOT_WRITE_CHECKSUMS=1 cargo test --lib checksums"
            );
        }
    }
}
