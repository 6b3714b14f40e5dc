//! The schema versions and their names.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::database::structure::sections::{Section, sections};

/// Each migration's version, oldest first, with the Alembic revision that it brings the schema to.
const VERSIONS: &[(&str, Option<&str>)] = &[
    ("20251108000000", Some("eb4080485a56")),
    ("20260210000000", Some("a512dbce9854")),
    ("20260312000000", Some("5d2dfe7292b3")),
    ("20260320000000", Some("9c411aeeb15e")),
    ("20260330000000", Some("b0b9e84d5527")),
    ("20260402000000", Some("e0aaad8ad486")),
    ("20260521000000", Some("2606a6c7f5ee")),
    ("20260618000000", None),
    ("20261127000000", None),
    ("20261128000000", None),
    // To add one: CONTRIBUTING.md, "A column" or "A migration".
];

/// The releases of the Python package that have the schema of a version, by its migration.
const RELEASES: &[(&str, &[&str])] = &[
    ("20251108000000", &["0.5.0b4", "0.5.0"]),
    ("20260330000000", &["0.6.0a1", "0.6.0a1.post1"]),
    ("20260402000000", &["0.6.0a2"]),
    (
        "20260521000000",
        &[
            "0.6.0a3", "0.6.0a4", "0.6.0a5", "0.6.0a6", "0.6.0a7", "0.6.0a8", "0.6.0a9",
            "0.6.0a10", // From here on they have a Rust core.
            "0.6.0a11", "0.6.0a12",
        ],
    ),
    (
        "20260618000000",
        &["0.6.0a13", "0.6.0a14", "0.6.0a15", "0.6.0a16", "0.6.0a17"],
    ),
];

/// The releases with a schema from before the first version.
const EARLY_RELEASES: [&str; 5] = ["0.5.0a1", "0.5.0a2", "0.5.0b1", "0.5.0b2", "0.5.0b3"];

/// The structures: what each version adds to the version before it and removes from it.
const STRUCTURES: &str = include_str!("versions.txt");

/// A version of the schema that this program knows.
///
/// Displayed as its Alembic revision if it has one, and otherwise as the migration's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaVersion(usize);

impl SchemaVersion {
    /// The oldest version.
    #[must_use]
    pub const fn first() -> Self {
        Self(0)
    }

    /// The newest version.
    #[must_use]
    pub const fn latest() -> Self {
        Self(VERSIONS.len() - 1)
    }

    /// Every version, oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..VERSIONS.len()).map(Self)
    }

    /// The version of the migration that creates this schema, as `__diesel_schema_migrations` records it.
    #[must_use]
    pub const fn migration(self) -> &'static str {
        VERSIONS[self.0].0
    }

    /// The Alembic revision with exactly this schema, if the Python package has one.
    #[must_use]
    pub const fn alembic_revision(self) -> Option<&'static str> {
        VERSIONS[self.0].1
    }

    /// The content of `alembic_version` in a database of this version: the revision of this schema, or of the last
    /// schema before it that has a revision.
    #[must_use]
    pub fn alembic_stamp(self) -> Option<&'static str> {
        VERSIONS[..=self.0]
            .iter()
            .rev()
            .find_map(|version| version.1)
    }

    /// The releases of the Python package that create this schema, the oldest first. Those from 0.6.0a11 on record their
    /// version in a table of their own besides.
    #[must_use]
    pub fn releases(self) -> &'static [&'static str] {
        let of_version = RELEASES
            .iter()
            .find(|(migration, _)| *migration == self.migration());
        of_version.map_or(&[], |(_, releases)| releases)
    }

    /// The releases of the Python package that this program knows, the oldest first.
    #[cfg(feature = "cli")]
    pub(crate) fn all_releases() -> impl Iterator<Item = &'static str> {
        let of_versions = Self::all().flat_map(Self::releases);
        EARLY_RELEASES.iter().chain(of_versions).copied()
    }

    pub(crate) fn of_alembic(revision: &str) -> Option<Self> {
        Self::all().find(|version| version.alembic_revision() == Some(revision))
    }

    pub(crate) fn of_migration(migration: &str) -> Option<Self> {
        Self::all().find(|version| version.migration() == migration)
    }

    /// The number of migrations from a database without tables to this version.
    pub(crate) const fn number(self) -> usize {
        self.0 + 1
    }

    /// This version and all before it.
    pub(crate) fn up_to(self) -> impl Iterator<Item = Self> {
        (0..=self.0).map(Self)
    }

    /// The structure of a database of this version.
    pub(crate) fn catalogue(self) -> &'static Catalogue {
        static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| sections("version", STRUCTURES));
        SECTIONS[self.0].catalogue()
    }
}

/// Parses an Alembic revision, a migration's version, an unambiguous prefix of one, or the name of a release of the Python
/// package, such as `0.5.0`.
impl FromStr for SchemaVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(version) = Self::all().find(|version| version.releases().contains(&text)) {
            return Ok(version);
        }
        let names = |version: Self| [version.alembic_revision(), Some(version.migration())];
        let mut found = Self::all().filter(|version| {
            let names = names(*version);
            !text.is_empty() && names.iter().flatten().any(|name| name.starts_with(text))
        });
        match (found.next(), found.next()) {
            (Some(version), None) => Ok(version),
            (first, _) => Err(UnknownVersion {
                text: text.to_owned(),
                is_ambiguous: first.is_some(),
                is_early: LegacyRevision::named(text).is_some() || EARLY_RELEASES.contains(&text),
            }),
        }
    }
}

/// The error of a text that names no version, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVersion {
    text: String,
    is_ambiguous: bool,
    /// Whether it names a schema from before the first version.
    is_early: bool,
}

impl std::error::Error for UnknownVersion {}

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_early {
            return write!(
                f,
                "'{}' is from before the first version, to which nothing goes back; the oldest version is {}",
                self.text,
                SchemaVersion::first()
            );
        }
        let what = if self.is_ambiguous {
            "matches several versions"
        } else {
            "is not a version"
        };
        write!(f, "'{}' {what}; the versions are", self.text)?;
        for (number, version) in SchemaVersion::all().enumerate() {
            let separator = if number == 0 { "" } else { "," };
            write!(f, "{separator} {version}")?;
            if version.alembic_revision().is_some() {
                write!(f, " ({})", version.migration())?;
            }
            match version.releases() {
                [] => {}
                [release] => write!(f, " of {release}")?,
                [first, .., last] => write!(f, " of {first} to {last}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.alembic_revision().unwrap_or(self.migration()))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use diesel_migrations::MigrationHarness;

    use super::*;
    use crate::database::connection::open::open_in_memory;
    use crate::database::structure::pending_migrations::{all_migrations, migrations_after};
    use crate::database::structure::stamp_tables;

    /// With `DEGENBOT_WRITE_STRUCTURES`, writes `versions.txt` instead of comparing it. See "A migration" in
    /// CONTRIBUTING.md.
    #[test]
    fn versions_txt_equals_the_structures_that_the_migrations_create() {
        // A version that is not listed would be left out.
        compare_versions_with_migrations();
        let mut text = String::from(
            "# The parts of the schema that each version adds (+) and removes (-).\n\
             # Generated from the migrations; see \"A migration\" in CONTRIBUTING.md.\n",
        );
        let mut before: Vec<String> = Vec::new();
        let mut connection = open_in_memory().unwrap();
        connection.applied_migrations().unwrap();
        for migration in migrations_after(None) {
            connection.run_migration(&*migration).unwrap();
            let mut catalogue = Catalogue::read(&mut connection).unwrap();
            catalogue.tables.remove(stamp_tables::MIGRATIONS_TABLE);
            let parts = catalogue.parts();
            writeln!(text, "version {}", migration.name().version()).unwrap();
            for part in before.iter().filter(|part| !parts.contains(part)) {
                writeln!(text, "- {part}").unwrap();
            }
            for part in parts.iter().filter(|part| !before.contains(part)) {
                writeln!(text, "+ {part}").unwrap();
            }
            before = parts;
        }
        if std::env::var_os("DEGENBOT_WRITE_STRUCTURES").is_some() {
            let path = concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/src/database/structure/versions.txt"
            );
            std::fs::write(path, text).unwrap();
        } else {
            assert_eq!(
                STRUCTURES, text,
                "versions.txt is stale; write it with DEGENBOT_WRITE_STRUCTURES=1 cargo test --lib structures"
            );
        }
    }

    #[test]
    fn every_version_has_the_structure_that_its_migration_creates() {
        let mut connection = open_in_memory().unwrap();
        connection.applied_migrations().unwrap();
        for (migration, version) in migrations_after(None).iter().zip(SchemaVersion::all()) {
            connection.run_migration(&**migration).unwrap();
            let mut catalogue = Catalogue::read(&mut connection).unwrap();
            catalogue.tables.remove(stamp_tables::MIGRATIONS_TABLE);
            assert_eq!(version.catalogue(), &catalogue);
        }
    }

    /// Fails unless `VERSIONS` lists exactly the folders of `migrations/`, in their order. Says what to write. Reads the
    /// folders themselves: a new one does not make cargo compile the migrations again.
    fn compare_versions_with_migrations() {
        let mut steps = String::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        let mut versions = Vec::new();
        for name in names {
            let version = name.split('_').next().unwrap().replace('-', "");
            if SchemaVersion::of_migration(&version).is_none() {
                writeln!(steps, "add (\"{version}\", None), for migrations/{name}").unwrap();
            }
            versions.push(version);
        }
        for version in SchemaVersion::all().map(SchemaVersion::migration) {
            if !versions.iter().any(|of_folder| of_folder == version) {
                writeln!(
                    steps,
                    "remove \"{version}\", which no folder of migrations/ has"
                )
                .unwrap();
            }
        }
        if !VERSIONS.is_sorted_by(|one, next| one.0 < next.0) {
            steps.push_str("put the versions in ascending order, each once\n");
        }
        assert!(
            steps.is_empty(),
            "VERSIONS in src/database/structure/schema_version.rs is not the list of migrations:\n{steps}"
        );
    }

    #[test]
    fn versions_are_those_of_the_migrations() {
        compare_versions_with_migrations();
        let compiled: Vec<_> = all_migrations()
            .iter()
            .map(|migration| migration.name().version().to_string())
            .collect();
        let listed: Vec<_> = SchemaVersion::all().map(SchemaVersion::migration).collect();
        assert_eq!(compiled, listed);
    }

    #[test]
    fn version_names_are_found_by_unambiguous_prefix() {
        let without_revision = SchemaVersion::of_migration("20260618000000").unwrap();
        assert_eq!(without_revision.to_string(), "20260618000000");
        assert_eq!(without_revision.migration(), "20260618000000");
        assert_eq!(without_revision.alembic_revision(), None);
        assert_eq!(without_revision.alembic_stamp(), Some("2606a6c7f5ee"));
        for name in ["20260618000000", "20260618"] {
            assert_eq!(name.parse(), Ok(without_revision), "{name}");
        }

        let with_revision = SchemaVersion::of_migration("20260521000000").unwrap();
        assert_eq!(with_revision.to_string(), "2606a6c7f5ee");
        assert_eq!(with_revision.alembic_stamp(), Some("2606a6c7f5ee"));
        assert_eq!(
            SchemaVersion::of_alembic("2606a6c7f5ee"),
            Some(with_revision)
        );
        assert_eq!(SchemaVersion::of_alembic("756fba1f75f4"), None);
        for name in ["2606a6c7f5ee", "26", "20260521000000", "202605"] {
            assert_eq!(name.parse(), Ok(with_revision), "{name}");
        }
        for (release, revision) in [
            ("0.5.0", "eb4080485a56"),
            ("0.5.0b4", "eb4080485a56"),
            ("0.6.0a1.post1", "b0b9e84d5527"),
            ("0.6.0a1", "b0b9e84d5527"),
            ("0.6.0a10", "2606a6c7f5ee"),
            ("0.6.0a11", "2606a6c7f5ee"),
            ("0.6.0a12", "2606a6c7f5ee"),
        ] {
            assert_eq!(
                release.parse(),
                Ok(SchemaVersion::of_alembic(revision).unwrap())
            );
        }
        for release in ["0.6.0a13", "0.6.0a17"] {
            assert_eq!(release.parse(), Ok(without_revision), "{release}");
        }
        for (migration, _) in RELEASES {
            assert!(
                SchemaVersion::of_migration(migration).is_some(),
                "{migration}"
            );
        }
        for name in [
            "",
            "2",
            "2026",
            "756fba1f75f4",
            "2606a6c7f5eee",
            "0",
            "0.5",
            "0.5.0a1",
            "0.6.0a18",
        ] {
            assert!(name.parse::<SchemaVersion>().is_err(), "{name}");
        }
    }

    #[test]
    fn early_revisions_and_releases_are_told_from_unknown_names() {
        let told = |name: &str| name.parse::<SchemaVersion>().unwrap_err().to_string();
        for name in ["756fba1f75f4", "0.5.0a1", "0.5.0b3"] {
            assert_eq!(
                told(name),
                format!(
                    "'{name}' is from before the first version, to which nothing goes back; the oldest version is \
                     eb4080485a56"
                )
            );
        }
        assert!(told("0.4.0").contains("is not a version; the versions are"));
    }

    #[test]
    fn last_legacy_structure_is_that_of_the_first_version() {
        let last = LegacyRevision::all().next_back().unwrap();
        let first = SchemaVersion::first();
        assert_eq!(
            last.next(),
            (first.alembic_revision().unwrap(), first.catalogue())
        );
    }
}
