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

use crate::database::connection::open::{Access, open_connection};
use crate::database::connection::read_only::look_at;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::refusal::{Refusal, quoted};
use crate::database::recognition::identify;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::legacy_revision::EarlierRevision;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::{ALEMBIC_TABLE, MIGRATIONS_TABLE, RUST_CORE_TABLE};

/// What a database was found to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recognition {
    /// The stamps it carries.
    pub stamps: Stamps,
    /// Its version, or why it has none that this program can work with.
    pub version: Result<SchemaVersion, Refusal>,
    /// What an upgrade brings it in from, where it has no version and can be given one.
    pub origin: Option<Origin>,
    /// Whether its stamps say so too. Where they do not, it is the structure that tells the version,
    /// and the next upgrade puts the stamps right.
    pub is_stamped_right: bool,
    /// Whether its tables are those of a degenbot database, of whatever version.
    pub is_degenbot: bool,
    /// Its structure.
    pub catalogue: Catalogue,
}

/// What a database is that no version of this program stands for and that an upgrade can bring in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The schema is from before the first version, and is made anew.
    Earlier {
        /// The revision.
        revision: EarlierRevision,
        /// Whether an upgrade to the next revision has stopped on its way.
        half_way: bool,
    },
    /// A Rust-core release has dropped the initialization maps, which are computed anew.
    WithoutMaps(SchemaVersion),
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
        Err(error) if matches!(error.kind, ErrorKind::HotJournal) => {
            look(&mut open_connection(path, Access::ReadWrite)?)
        }
        other => other,
    }
}

/// Recognises the database of an open connection.
pub(crate) fn recognise_connection(
    connection: &mut SqliteConnection,
) -> Result<Recognition, Error> {
    connection.transaction(recognise_state)
}

/// The same, in the transaction that the connection is in.
pub(crate) fn recognise_state(connection: &mut SqliteConnection) -> Result<Recognition, Error> {
    let catalogue = Catalogue::read(connection)?;
    let stamps = Stamps::read(connection, &catalogue)?;
    let is_degenbot = has_degenbot_tables(&catalogue);
    let found = identify::determine(&stamps, &catalogue, is_degenbot);
    Ok(Recognition {
        stamps,
        version: found.version,
        origin: found.origin,
        is_stamped_right: found.is_stamped_right,
        is_degenbot,
        catalogue,
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
    /// no structure to tell them from ours.
    #[must_use]
    pub fn extras(&self) -> Vec<String> {
        let expected = match (&self.version, &self.origin) {
            (Ok(version), _) | (_, Some(Origin::WithoutMaps(version))) => version.catalogue(),
            (_, Some(Origin::Earlier { revision, .. })) => revision.catalogue(),
            _ => return Vec::new(),
        };
        let mut extras = self.catalogue.extras_beyond(expected);
        if matches!(self.origin, Some(Origin::Earlier { .. })) {
            // Half-way between two revisions there is something of both.
            extras.retain(|extra| !self.is_of_some_revision(extra));
        }
        let stamps = [MIGRATIONS_TABLE, ALEMBIC_TABLE, RUST_CORE_TABLE];
        let stamps = stamps.map(|table| format!("table {table}"));
        extras.retain(|extra| !stamps.contains(extra));
        extras
    }

    fn is_of_some_revision(&self, extra: &str) -> bool {
        match extra.split_once(' ') {
            Some(("table", name)) => EarlierRevision::any_has_table(name),
            Some(("index", name)) => self.catalogue.tables.iter().any(|(table, properties)| {
                properties
                    .indexes
                    .get(name)
                    .is_some_and(|index| EarlierRevision::any_has_index(table, name, index))
            }),
            _ => false,
        }
    }

    /// What the structure is that of, where that is known: a version, a revision or a release.
    #[must_use]
    pub fn structure(&self) -> Option<String> {
        match (&self.version, &self.origin) {
            (Ok(version), _) => Some(version.to_string()),
            (_, Some(Origin::Earlier { revision, .. })) => Some(revision.to_string()),
            (_, Some(Origin::WithoutMaps(version))) => {
                Some(format!("{version} without the initialization maps"))
            }
            _ => None,
        }
    }

    /// The version as its stamps tell it: that of the structure, unless they say otherwise.
    #[must_use]
    pub fn name(&self) -> String {
        let stamps = &self.stamps;
        match (self.structure(), &stamps.rust_core, &stamps.alembic) {
            (Some(structure), ..) if self.is_stamped_right => structure,
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
        let half_way = match self.origin {
            Some(Origin::Earlier {
                revision,
                half_way: true,
            }) => {
                let (next, _) = revision.next();
                Some(format!(
                    "on the way to {next}, where an upgrade by the Python package has stopped"
                ))
            }
            _ => None,
        };
        if self.is_stamped_right {
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
        let current = match &self.version {
            Ok(version) if *version == latest && self.is_stamped_right => return None,
            Ok(_) => self.name(),
            Err(_) if self.origin.is_some() => self.name(),
            Err(
                Refusal::UnknownStamp { stamp }
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
    ErrorKind::Refused {
        refusal: Box::new(refusal),
    }
    .at(path)
}

/// The tables that every release's schema has had, with columns that they have always had.
fn has_degenbot_tables(catalogue: &Catalogue) -> bool {
    catalogue.has_columns("erc20_tokens", &["id", "address", "chain"])
        && catalogue.has_columns("pools", &["id", "address", "chain"])
        && catalogue.has_columns("liquidity_positions", &["pool_id", "tick", "liquidity_net"])
}
