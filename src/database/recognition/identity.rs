//! What a database is.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::{Refusal, quoted};
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::database::structure::schema_object::{ObjectKind, SchemaObject};
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::{self, ALEMBIC_TABLE, MIGRATIONS_TABLE};

/// A database's stamps and structure, and what these make it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recognition {
    /// What the database is.
    pub identity: Identity,
    /// The stamps it carries.
    pub stamps: Stamps,
    /// Its structure.
    pub catalogue: Catalogue,
}

/// What a database can be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A degenbot database of a version that this program works with.
    Version {
        /// The version.
        version: SchemaVersion,
        /// Whether its stamps say so too. If not, the structure tells the version, and the next upgrade corrects the
        /// stamps.
        is_stamped_right: bool,
    },
    /// A degenbot database of this version, but a Rust-core release of the Python package has dropped the
    /// initialization maps. An upgrade computes them anew.
    WithoutMaps(SchemaVersion),
    /// A degenbot database from before the first version. An upgrade makes it anew.
    Legacy {
        /// The revision.
        revision: LegacyRevision,
        /// Whether an upgrade to the next revision has stopped on its way.
        half_way: bool,
        /// Whether its stamp says so too.
        is_stamped_right: bool,
    },
    /// A degenbot database whose stamps and structure fit nothing that is known.
    Unrecognised(Refusal),
    /// No degenbot database: it has tables of something else, or none.
    Foreign(Refusal),
}

impl Identity {
    /// The version, for a database that this program works with as it is.
    #[must_use]
    pub const fn version(&self) -> Option<SchemaVersion> {
        match self {
            Self::Version { version, .. } => Some(*version),
            _ => None,
        }
    }

    /// The version of the structure, with or without the initialization maps.
    #[must_use]
    pub const fn version_of_structure(&self) -> Option<SchemaVersion> {
        match self {
            Self::Version { version, .. } | Self::WithoutMaps(version) => Some(*version),
            _ => None,
        }
    }

    /// The version, or why there is none that this program can work with.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn version_or_refusal(&self) -> Result<SchemaVersion, Refusal> {
        match self {
            Self::Version { version, .. } => Ok(*version),
            Self::WithoutMaps(version) => Err(Refusal::MapsDropped { version: *version }),
            Self::Legacy {
                revision, half_way, ..
            } => Err(Refusal::LegacyRevision {
                revision: *revision,
                half_way: *half_way,
            }),
            Self::Unrecognised(refusal) | Self::Foreign(refusal) => Err(refusal.clone()),
        }
    }

    /// Whether its stamps say what its structure is.
    #[must_use]
    pub const fn is_stamped_right(&self) -> bool {
        match self {
            Self::Version {
                is_stamped_right, ..
            }
            | Self::Legacy {
                is_stamped_right, ..
            } => *is_stamped_right,
            _ => false,
        }
    }

    /// Whether an upgrade can bring it to a newer version.
    #[must_use]
    pub fn is_upgradable(&self) -> bool {
        match self {
            Self::Version { version, .. } => *version < SchemaVersion::latest(),
            Self::WithoutMaps(_) | Self::Legacy { .. } => true,
            Self::Unrecognised(_) | Self::Foreign(_) => false,
        }
    }
}

impl Recognition {
    /// The version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] where there is none that this program can work with.
    pub fn require_version(&self, path: &Path) -> Result<SchemaVersion, Error> {
        self.identity
            .version_or_refusal()
            .map_err(|refusal| refused(path, refusal))
    }

    /// The version of the structure, with or without the initialization maps.
    pub(crate) fn require_version_of_structure(&self, path: &Path) -> Result<SchemaVersion, Error> {
        match self.identity.version_of_structure() {
            Some(version) => Ok(version),
            None => self.require_version(path),
        }
    }

    /// Succeeds for a degenbot database of any version or none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] where the tables are not degenbot's.
    pub fn require_degenbot(&self, path: &Path) -> Result<(), Error> {
        match &self.identity {
            Identity::Foreign(refusal) => Err(refused(path, refusal.clone())),
            _ => Ok(()),
        }
    }

    /// The user's own tables, indexes, views and triggers; empty where there is
    /// no structure to tell them from ours.
    #[must_use]
    pub fn extras(&self) -> Vec<SchemaObject> {
        let mut extras = match &self.identity {
            Identity::Version { version, .. } | Identity::WithoutMaps(version) => {
                self.catalogue.extras_beyond(version.catalogue())
            }
            Identity::Legacy { revision, .. } => {
                let mut extras = self.catalogue.extras_beyond(revision.catalogue());
                // Half-way between two revisions there is something of both.
                extras.retain(|extra| !self.is_of_some_revision(extra));
                extras
            }
            Identity::Unrecognised(_) | Identity::Foreign(_) => return Vec::new(),
        };
        extras.retain(|extra| {
            !stamp_tables::TABLES
                .iter()
                .any(|table| extra.is_table(table))
        });
        extras
    }

    fn is_of_some_revision(&self, extra: &SchemaObject) -> bool {
        match extra.kind {
            ObjectKind::Table => LegacyRevision::any_has_table(&extra.name),
            ObjectKind::Index => self.catalogue.tables.iter().any(|(table, properties)| {
                properties
                    .indexes
                    .get(&extra.name)
                    .is_some_and(|index| LegacyRevision::any_has_index(table, &extra.name, index))
            }),
            ObjectKind::View | ObjectKind::Trigger => false,
        }
    }

    /// What the structure is that of, where that is known: a version, a revision or a release.
    #[must_use]
    pub fn structure(&self) -> Option<String> {
        match &self.identity {
            Identity::Version { version, .. } => Some(version.to_string()),
            Identity::WithoutMaps(version) => {
                Some(format!("{version} without the initialization maps"))
            }
            Identity::Legacy { revision, .. } => Some(revision.to_string()),
            Identity::Unrecognised(_) | Identity::Foreign(_) => None,
        }
    }

    /// The version as its stamps tell it: that of the structure, unless they say otherwise.
    #[must_use]
    pub fn name(&self) -> String {
        let stamps = &self.stamps;
        match (self.structure(), &stamps.rust_core, &stamps.alembic) {
            (Some(structure), ..) if self.identity.is_stamped_right() => structure,
            (_, Some(rust_core), _) => format!("Rust-core {}", quoted(&rust_core.join(", "))),
            (_, _, Some(alembic)) => quoted(&alembic.join(", ")),
            (Some(structure), ..) => structure,
            _ => "none".to_owned(),
        }
    }

    /// What is to be said about stamps that are not right, and about an upgrade that was left half-way.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let structure = self.structure()?;
        let half_way = match self.identity {
            Identity::Legacy {
                revision,
                half_way: true,
                ..
            } => {
                let (next, _) = revision.next();
                Some(format!(
                    "on the way to {next}, where an upgrade by the Python package has stopped"
                ))
            }
            _ => None,
        };
        if self.identity.is_stamped_right() {
            return half_way.map(|half_way| format!("stamped {structure} and {half_way}"));
        }
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
        let half_way = half_way.map_or(String::new(), |half_way| format!(", {half_way}"));
        Some(format!(
            "stamped {stamp}; the structure is that of {structure}{half_way}"
        ))
    }

    /// What users are warned with before they work with a database that is not at the latest version.
    #[must_use]
    pub fn version_warning(&self) -> Option<String> {
        let latest = SchemaVersion::latest();
        let current = match &self.identity {
            Identity::Version {
                version,
                is_stamped_right: true,
            } if *version == latest => return None,
            Identity::Version { .. } | Identity::WithoutMaps(_) | Identity::Legacy { .. } => {
                self.name()
            }
            Identity::Unrecognised(
                Refusal::UnknownStamp { stamp }
                | Refusal::RustCore { stamp }
                | Refusal::Newer {
                    migration: stamp, ..
                },
            ) => quoted(stamp),
            Identity::Unrecognised(refusal) | Identity::Foreign(refusal) => {
                return Some(format!("The database {refusal}"));
            }
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
    ErrorKind::Refused {
        refusal: Box::new(refusal),
    }
    .at(path)
}
