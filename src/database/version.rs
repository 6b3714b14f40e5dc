//! The versions of the schema and their names.

use std::fmt;
use std::sync::OnceLock;

use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::catalogue::Catalogue;
use super::{Error, connection};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Each migration's version, oldest first, with the Alembic revision that it brings the schema to.
const VERSIONS: &[(&str, Option<&str>)] = &[
    ("20251108000000", Some("eb4080485a56")),
    ("20260210000000", Some("a512dbce9854")),
    ("20260312000000", Some("5d2dfe7292b3")),
    ("20260320000000", Some("9c411aeeb15e")),
    ("20260330000000", Some("b0b9e84d5527")),
    ("20260402000000", Some("e0aaad8ad486")),
    ("20260521000000", Some("2606a6c7f5ee")),
];

/// The Alembic revisions of the Python package before its first stable schema, oldest first.
const EARLIER_REVISIONS: &[&str] = &[
    "9347bbfcd47a",
    "756fba1f75f4",
    "87fd9fc7ae00",
    "5c8805573ab3",
    "3199199def8c",
    "a4f59783919f",
    "d1f98e2c3b18",
    "bd7ca13a7d39",
    "b781499591ed",
    "3eb6b82dc42d",
    "fec1e047973b",
    "723fe25c87b8",
    "311beed36e7b",
    "7dc2ca38053f",
    "4eada4ae4a55",
    "2afcff276d90",
    "fb9abf7c7d57",
    "b8e0b921299a",
    "50b39bafa0be",
    "8b29ed99a2ac",
    "04f858f979a9",
    "901adb947000",
    "39e331854eb2",
    "8c69198e6a21",
    "8aa4babb128a",
    "b20f5564b3b6",
    "03e723f439dc",
    "bbb8d61cef9c",
    "e453c9cd9e51",
    "082ee8a3d339",
    "6a77c4e07151",
    "66930706257e",
    "12321f192db4",
    "4c5e6157714b",
    "6f376d34618b",
    "06a3739885a0",
];

/// A version of the schema that this program knows.
///
/// Displayed as the Alembic revision where there is one for it, else as the migration's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaVersion(usize);

impl SchemaVersion {
    /// The version that this program brings databases to.
    #[must_use]
    pub const fn latest() -> Self {
        Self(VERSIONS.len() - 1)
    }

    /// Every version, oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..VERSIONS.len()).map(Self)
    }

    /// The version of the migration that leads to this schema, as in `__diesel_schema_migrations`.
    #[must_use]
    pub const fn migration(self) -> &'static str {
        VERSIONS[self.0].0
    }

    /// The Alembic revision of exactly this schema, if the Python package has one.
    #[must_use]
    pub const fn alembic_revision(self) -> Option<&'static str> {
        VERSIONS[self.0].1
    }

    /// What a database of this version carries in `alembic_version`: the revision of this schema or
    /// of the last one before it that has a revision.
    #[must_use]
    pub fn alembic_stamp(self) -> Option<&'static str> {
        VERSIONS[..=self.0]
            .iter()
            .rev()
            .find_map(|version| version.1)
    }

    pub(super) fn of_alembic(revision: &str) -> Option<Self> {
        Self::all().find(|version| version.alembic_revision() == Some(revision))
    }

    pub(super) fn of_migration(migration: &str) -> Option<Self> {
        Self::all().find(|version| version.migration() == migration)
    }

    /// This version and all before it.
    pub(super) fn up_to(self) -> impl Iterator<Item = Self> {
        (0..=self.0).map(Self)
    }

    /// The structure of a database of this version.
    pub(super) fn catalogue(self) -> Result<&'static Catalogue, Error> {
        static CATALOGUES: OnceLock<Vec<Catalogue>> = OnceLock::new();
        let catalogues = match CATALOGUES.get() {
            Some(catalogues) => catalogues,
            None => {
                let built = build_catalogues()?;
                CATALOGUES.get_or_init(|| built)
            }
        };
        Ok(&catalogues[self.0])
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.alembic_revision().unwrap_or(self.migration()))
    }
}

/// Whether this is a revision of the Python package that is older than any version here.
pub(super) fn is_earlier_revision(revision: &str) -> bool {
    EARLIER_REVISIONS.contains(&revision)
}

/// The migrations after `current` (all of them for `None`), oldest first.
pub(super) fn migrations_after(
    current: Option<SchemaVersion>,
) -> Result<Vec<Box<dyn Migration<Sqlite>>>, Error> {
    let mut migrations: Vec<_> = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(|error| Error::embedded(&*error))?;
    migrations.retain(|migration| {
        let version = SchemaVersion::of_migration(&migration.name().version().to_string());
        version > current
    });
    migrations.sort_by_key(|migration| migration.name().version().to_string());
    Ok(migrations)
}

/// Builds every version's structure by running the migrations on a database in memory.
fn build_catalogues() -> Result<Vec<Catalogue>, Error> {
    let mut connection = connection::open_in_memory()?;
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| Error::embedded(&*error);
    // Creates the table that the migrations are recorded in.
    connection.applied_migrations().map_err(broken)?;
    let mut catalogues = Vec::with_capacity(VERSIONS.len());
    for migration in migrations_after(None)? {
        connection.run_migration(&*migration).map_err(broken)?;
        catalogues.push(Catalogue::read(&mut connection)?);
    }
    for catalogue in &mut catalogues {
        catalogue.tables.remove(super::lineage::MIGRATIONS_TABLE);
    }
    Ok(catalogues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_versions_is_that_of_the_migrations() {
        let migrations = migrations_after(None).unwrap();
        let of_migrations: Vec<_> = migrations
            .iter()
            .map(|migration| migration.name().version().to_string())
            .collect();
        let of_table: Vec<_> = SchemaVersion::all()
            .map(|version| version.migration().to_owned())
            .collect();
        assert_eq!(of_migrations, of_table);
    }

    #[test]
    fn names() {
        let latest = SchemaVersion::latest();
        assert_eq!(latest.to_string(), "2606a6c7f5ee");
        assert_eq!(latest.migration(), "20260521000000");
        assert_eq!(SchemaVersion::of_alembic("2606a6c7f5ee"), Some(latest));
        assert_eq!(SchemaVersion::of_migration("20260521000000"), Some(latest));
        assert_eq!(SchemaVersion::of_alembic("756fba1f75f4"), None);
        assert!(is_earlier_revision("756fba1f75f4"));
        assert!(!is_earlier_revision("eb4080485a56"));
    }
}
