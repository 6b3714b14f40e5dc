//! The identity of a database: the result of its recognition.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::{Refusal, quoted};
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::database::structure::schema_object::{ObjectKind, SchemaObject};
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::{self, ALEMBIC_TABLE, MIGRATIONS_TABLE};

/// The stamps and the structure of a database, and the identity that follows from them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recognition {
    /// The identity.
    pub identity: Identity,
    /// The stamps.
    pub stamps: Stamps,
    /// The structure.
    pub catalogue: Catalogue,
}

/// The identity of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A degenbot database at a version that this program works with.
    Version {
        /// The version.
        version: SchemaVersion,
        /// Whether the stamps match the structure. If not, the structure decides, and the next upgrade corrects the
        /// stamps.
        is_stamped_right: bool,
    },
    /// A degenbot database at this version, without the initialization maps, which a Rust-core release of the Python
    /// package has dropped. An upgrade computes them again.
    WithoutMaps(SchemaVersion),
    /// A degenbot database at a legacy revision, older than the first version. An upgrade rebuilds it.
    Legacy {
        /// The revision.
        revision: LegacyRevision,
        /// Whether an upgrade to the next revision is half-finished.
        half_way: bool,
        /// Whether the stamp matches the structure.
        is_stamped_right: bool,
    },
    /// A degenbot database whose stamps and structure match no known schema.
    Unrecognised(Refusal),
    /// Not a degenbot database. It has other tables, or none.
    Foreign(Refusal),
}

impl Identity {
    /// The version, if this program works with the database as it is.
    #[must_use]
    pub const fn version(&self) -> Option<SchemaVersion> {
        match self {
            Self::Version { version, .. } => Some(*version),
            _ => None,
        }
    }

    /// The version of the structure, even if the initialization maps are missing.
    #[must_use]
    pub const fn version_of_structure(&self) -> Option<SchemaVersion> {
        match self {
            Self::Version { version, .. } | Self::WithoutMaps(version) => Some(*version),
            _ => None,
        }
    }

    /// The version, or the refusal if this program cannot work with the database.
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

    /// The same identity with stamps that the next upgrade corrects.
    pub(crate) fn with_wrong_stamps(mut self) -> Self {
        if let Self::Version {
            is_stamped_right, ..
        }
        | Self::Legacy {
            is_stamped_right, ..
        } = &mut self
        {
            *is_stamped_right = false;
        }
        self
    }

    /// Whether the stamps match the structure.
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

    /// Whether there is an upgrade to a newer version.
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
    /// [`ErrorKind::Refused`] if this program cannot work with the database.
    pub fn require_version(&self, path: &Path) -> Result<SchemaVersion, Error> {
        self.identity
            .version_or_refusal()
            .map_err(|refusal| refused(path, refusal))
    }

    /// The version of the structure, even if the initialization maps are missing.
    pub(crate) fn require_version_of_structure(&self, path: &Path) -> Result<SchemaVersion, Error> {
        match self.identity.version_of_structure() {
            Some(version) => Ok(version),
            None => self.require_version(path),
        }
    }

    /// Checks that it is a degenbot database, of any version or of an unknown one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] if the tables are not degenbot's.
    pub fn require_degenbot(&self, path: &Path) -> Result<(), Error> {
        match &self.identity {
            Identity::Foreign(refusal) => Err(refused(path, refusal.clone())),
            _ => Ok(()),
        }
    }

    /// The user's own tables, indexes, views and triggers. Empty if the database matches no known structure.
    #[must_use]
    pub fn extras(&self) -> Vec<SchemaObject> {
        let mut extras = match &self.identity {
            Identity::Version { version, .. } | Identity::WithoutMaps(version) => {
                self.catalogue.extras_beyond(version.catalogue())
            }
            Identity::Legacy { revision, .. } => {
                let mut extras = self.catalogue.extras_beyond(revision.catalogue());
                // A half-finished upgrade has objects of both revisions.
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

    /// The name of the schema that the structure matches, if there is one: a version, a revision or a release.
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

    /// The version according to the stamps. Without stamps, it is that of the structure.
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

    /// The name of the version that the database has. Stamps that contradict the structure do not count, except that a
    /// Rust-core release has only a number, and no structure of its own.
    #[must_use]
    pub fn version_name(&self) -> String {
        match self.structure() {
            Some(structure) if self.stamps.rust_core.is_none() => structure,
            _ => self.name(),
        }
    }

    /// A remark about wrong stamps and about a half-finished upgrade. Displayed as the predicate of "The database is".
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
                    "half-way to {next}: an upgrade by the Python package has stopped"
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
        let blob = if self.stamps.has_blobs {
            " (stored as another type than text)"
        } else {
            ""
        };
        Some(format!(
            "stamped {stamp}{blob}; the structure is that of {structure}{half_way}"
        ))
    }

    /// The warning about a database that is not at the latest version.
    #[must_use]
    pub fn version_warning(&self) -> Option<String> {
        let latest = SchemaVersion::latest();
        let current = match &self.identity {
            Identity::Version {
                version,
                is_stamped_right: true,
            } if *version == latest => return None,
            Identity::Version { .. } | Identity::WithoutMaps(_) | Identity::Legacy { .. } => {
                self.version_name()
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
        if matches!(self.identity, Identity::Unrecognised(_)) {
            return Some(format!(
                "The database is at {current}, which this program does not know (its latest is {latest})"
            ));
        }
        if self.identity.version() == Some(latest) {
            return Some(format!(
                "The database is at the latest version ({latest}), but its stamp is another: 'degenbot database upgrade' \
                 corrects it"
            ));
        }
        Some(format!(
            "The database is at {current}, not at the latest ({latest}): 'degenbot database upgrade' brings it there"
        ))
    }
}

fn refused(path: &Path, refusal: Refusal) -> Error {
    ErrorKind::Refused {
        refusal: Box::new(refusal),
    }
    .at(path)
    .with_effect(Effect::Nothing)
}
