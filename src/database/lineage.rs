//! What a database is: which program made it, at which version of the schema.
//!
//! A database says so in up to three stamps. `__diesel_schema_migrations` is ours and the authority;
//! `alembic_version` is the Python package's, which our migrations keep in step with it;
//! `_degenbot_db_schema_version` belongs to the Python package's later, Rust-core releases. A stamp is
//! believed only where the structure bears it out, and nothing is guessed: what does not fit is a
//! [`Refusal`].

use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::catalogue::{Catalogue, Difference};
use super::look::look_at;
use super::refusal::{Refusal, quoted};
use super::stamps::{ALEMBIC_TABLE, MIGRATIONS_TABLE, RUST_CORE_TABLE, Stamps};
use super::version::{self, SchemaVersion};
use super::{Access, Error, connection};

/// The versions that the Rust-core releases 0.6.0a11 to a17 have stamped.
const RUST_CORE_STAMPS: [&str; 3] = ["1", "2", "3"];

/// What a database was found to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recognition {
    /// The stamps it carries.
    pub stamps: Stamps,
    /// Its version, or why it has none that this program can work with.
    pub version: Result<SchemaVersion, Refusal>,
    /// Whether its stamps say so too. Where they do not, it is the structure that tells the version,
    /// and the next upgrade puts the stamps right.
    pub is_stamped_right: bool,
    /// Whether its tables are those of a degenbot database, of whatever version.
    pub is_degenbot: bool,
    /// Its structure.
    pub catalogue: Catalogue,
}

/// Recognises a database without writing to it.
///
/// # Errors
///
/// Where the database cannot be read; what it was found to be is never an error.
pub fn recognise(path: &Path) -> Result<Recognition, Error> {
    let look = |connection: &mut SqliteConnection| {
        recognise_connection(connection).map_err(|error| error.at(path, "recognise the database"))
    };
    match look_at(path, look) {
        // An interrupted transaction must be rolled back before anything can be said; opening the
        // database for writing does it, as it would for any program.
        Err(Error::HotJournal { .. }) => look(&mut connection::open(path, Access::ReadWrite)?),
        other => other,
    }
}

/// Recognises the database of an open connection.
pub(super) fn recognise_connection(
    connection: &mut SqliteConnection,
) -> Result<Recognition, Error> {
    connection.transaction(|connection| {
        let catalogue = Catalogue::read(connection)?;
        let stamps = Stamps::read(connection, &catalogue)?;
        let is_degenbot = has_degenbot_tables(&catalogue);
        let (version, is_stamped_right) = determine_version(&stamps, &catalogue, is_degenbot)?;
        Ok(Recognition {
            stamps,
            version,
            is_stamped_right,
            is_degenbot,
            catalogue,
        })
    })
}

impl Recognition {
    /// The version.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where there is none that this program can work with.
    pub fn require_version(&self, path: &Path) -> Result<SchemaVersion, Error> {
        self.version
            .clone()
            .map_err(|refusal| refused(path, refusal))
    }

    /// Succeeds for a degenbot database of any version or none.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the tables are not degenbot's.
    pub fn require_degenbot(&self, path: &Path) -> Result<(), Error> {
        match &self.version {
            Err(refusal) if !self.is_degenbot => Err(refused(path, refusal.clone())),
            _ => Ok(()),
        }
    }

    /// The user's own tables, indexes, views and triggers, each as `table NAME`; empty where there is
    /// no version to tell them from ours.
    #[must_use]
    pub fn extras(&self) -> Vec<String> {
        let Ok(version) = self.version else {
            return Vec::new();
        };
        let Ok(expected) = version.catalogue() else {
            return Vec::new();
        };
        let mut extras = self.catalogue.extras_beyond(expected);
        let stamps = [MIGRATIONS_TABLE, RUST_CORE_TABLE].map(|table| format!("table {table}"));
        extras.retain(|extra| !stamps.contains(extra));
        extras
    }

    /// The version as its stamps tell it: that of the structure, unless they say otherwise.
    #[must_use]
    pub fn name(&self) -> String {
        let stamps = &self.stamps;
        match (&self.version, &stamps.rust_core, &stamps.alembic) {
            (Ok(version), ..) if self.is_stamped_right => version.to_string(),
            (_, Some(rust_core), _) => format!("Rust-core {}", quoted(&rust_core.join(", "))),
            (_, _, Some(alembic)) => quoted(&alembic.join(", ")),
            (Ok(version), ..) => version.to_string(),
            _ => "none".to_owned(),
        }
    }

    /// What is to be said about stamps that are not right.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let version = self
            .version
            .as_ref()
            .ok()
            .filter(|_| !self.is_stamped_right)?;
        let migration = self.stamps.diesel.iter().flatten().last();
        let stamp = match (&self.stamps.rust_core, migration) {
            (None, Some(migration)) => format!(
                "{} in {MIGRATIONS_TABLE} and {} in {ALEMBIC_TABLE}",
                quoted(migration),
                self.stamps
                    .alembic
                    .iter()
                    .flatten()
                    .next()
                    .map_or("nothing".to_owned(), |s| quoted(s)),
            ),
            _ => self.name(),
        };
        Some(format!(
            "stamped {stamp}; the structure is that of {version}"
        ))
    }

    /// What users are warned with before they work with a database that is not at the latest version.
    #[must_use]
    pub fn version_warning(&self) -> Option<String> {
        let latest = SchemaVersion::latest();
        let current = match &self.version {
            Ok(version) if *version == latest && self.is_stamped_right => return None,
            Ok(_) => self.name(),
            Err(
                Refusal::EarlierRevision { revision: stamp }
                | Refusal::UnknownStamp { stamp }
                | Refusal::RustCore { stamp }
                | Refusal::Newer { migration: stamp },
            ) => quoted(stamp),
            Err(refusal) => return Some(format!("The database {refusal}")),
        };
        Some(format!(
            "The current database revision ({current}) does not match the latest ({latest}) for \
             degenbot version {}!\nDatabase-related features may raise exceptions if you continue. \
             Perform database migrations with 'degenbot database upgrade'.",
            env!("CARGO_PKG_VERSION")
        ))
    }
}

fn refused(path: &Path, refusal: Refusal) -> Error {
    Error::Refused {
        path: path.to_owned(),
        refusal: Box::new(refusal),
    }
}

/// The tables that every release's schema has had, with columns that they have always had.
fn has_degenbot_tables(catalogue: &Catalogue) -> bool {
    catalogue.has_columns("erc20_tokens", &["id", "address", "chain"])
        && catalogue.has_columns("pools", &["id", "address", "chain"])
        && catalogue.has_columns("liquidity_positions", &["pool_id", "tick", "liquidity_net"])
}

/// What the stamps of a database amount to.
enum Claim {
    /// It is of this version.
    Version(SchemaVersion),
    /// It is of one of these, by its structure; or else it is refused for this.
    OneOf(Vec<SchemaVersion>, Refusal),
}

/// The version, and whether the stamps say so too.
fn determine_version(
    stamps: &Stamps,
    catalogue: &Catalogue,
    is_degenbot: bool,
) -> Result<(Result<SchemaVersion, Refusal>, bool), Error> {
    let claim = if catalogue.tables.is_empty() {
        Err(Refusal::NoTables)
    } else if is_degenbot {
        claim_of_stamps(stamps)
    } else {
        Err(Refusal::Foreign {
            tables: catalogue.tables.keys().cloned().collect(),
        })
    };
    Ok(match claim {
        Err(refusal) => (Err(refusal), false),
        Ok(Claim::Version(version)) => {
            let differences = structural_differences(version, catalogue)?;
            let version = if differences.is_empty() {
                Ok(version)
            } else {
                Err(Refusal::StampLies {
                    version,
                    differences,
                })
            };
            (version, true)
        }
        Ok(Claim::OneOf(versions, refusal)) => {
            let mut found = Err(refusal);
            for version in versions {
                let mut differences = structural_differences(version, catalogue)?;
                // The stamp itself is put right with the others.
                differences.retain(|difference| difference.table() != Some(ALEMBIC_TABLE));
                if differences.is_empty() {
                    found = Ok(version);
                }
            }
            (found, false)
        }
    })
}

fn claim_of_stamps(stamps: &Stamps) -> Result<Claim, Refusal> {
    let Some(rust_core) = &stamps.rust_core else {
        return match &stamps.diesel {
            Some(migrations) if !migrations.is_empty() => claim_of_migrations(migrations, stamps),
            _ => version_on_alembic(stamps).map(Claim::Version),
        };
    };
    let stamp = rust_core.join(", ");
    if let Some(alembic) = stamps.alembic.as_ref().and_then(|rows| rows.first()) {
        return Err(Refusal::TwoLineages {
            alembic: alembic.clone(),
            rust_core: stamp,
        });
    }
    match rust_core.as_slice() {
        [] => Err(Refusal::EmptyStamp {
            table: RUST_CORE_TABLE,
        }),
        // `cutover` stamps its release's own number on any structure, so the structure decides.
        [number] if RUST_CORE_STAMPS.contains(&number.as_str()) => {
            let versions = SchemaVersion::all().collect();
            Ok(Claim::OneOf(versions, Refusal::RustCore { stamp }))
        }
        _ => Err(Refusal::RustCore { stamp }),
    }
}

fn claim_of_migrations(migrations: &[String], stamps: &Stamps) -> Result<Claim, Refusal> {
    if let Some(newer) = migrations
        .iter()
        .find(|migration| migration.as_str() > SchemaVersion::latest().migration())
    {
        return Err(Refusal::Newer {
            migration: newer.clone(),
        });
    }
    let known = SchemaVersion::all().map(SchemaVersion::migration);
    let version = migrations
        .last()
        .filter(|_| {
            migrations
                .iter()
                .zip(known)
                .all(|(ours, known)| ours == known)
        })
        .and_then(|last| SchemaVersion::of_migration(last))
        .ok_or_else(|| Refusal::UnknownMigrations {
            migrations: migrations.to_vec(),
        })?;
    let alembic = stamps.alembic.clone().unwrap_or_default();
    if alembic.len() > 1 {
        return Err(Refusal::SeveralStamps { stamps: alembic });
    }
    let alembic = alembic.into_iter().next();
    if alembic.as_deref() == version.alembic_stamp() {
        return Ok(Claim::Version(version));
    }
    // The Python package has changed the schema since, or somebody a stamp.
    let other = alembic.as_deref().and_then(SchemaVersion::of_alembic);
    let versions = other.into_iter().chain([version]).collect();
    Ok(Claim::OneOf(
        versions,
        Refusal::StampsDisagree {
            diesel: version,
            alembic,
        },
    ))
}

fn version_on_alembic(stamps: &Stamps) -> Result<SchemaVersion, Refusal> {
    match stamps.alembic.as_deref() {
        None => Err(Refusal::NoStamp),
        Some([]) => Err(Refusal::EmptyStamp {
            table: ALEMBIC_TABLE,
        }),
        Some([stamp]) => match SchemaVersion::of_alembic(stamp) {
            Some(version) => Ok(version),
            None if version::is_earlier_revision(stamp) => Err(Refusal::EarlierRevision {
                revision: stamp.clone(),
            }),
            None => Err(Refusal::UnknownStamp {
                stamp: stamp.clone(),
            }),
        },
        Some(several) => Err(Refusal::SeveralStamps {
            stamps: several.to_vec(),
        }),
    }
}

/// In what a database differs from a version, which includes what it has under a name that a later
/// version uses: pending migrations would run into it.
fn structural_differences(
    version: SchemaVersion,
    catalogue: &Catalogue,
) -> Result<Vec<Difference>, Error> {
    let expected = version.catalogue()?;
    let mut differences = catalogue.differences_from(expected);
    let later = SchemaVersion::latest().catalogue()?.extras_beyond(expected);
    differences.extend(
        catalogue
            .extras_beyond(expected)
            .into_iter()
            .filter(|extra| later.contains(extra))
            .map(|object| Difference::FromLaterVersion { object }),
    );
    Ok(differences)
}
