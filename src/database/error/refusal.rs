//! Why a database is refused, in words.

use std::fmt;

use crate::database::structure::difference::Difference;
use crate::database::structure::legacy_revision::EarlierRevision;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::{ALEMBIC_TABLE, MIGRATIONS_TABLE};

/// Why a sound database is not worked with. Displayed as what follows "The database at PATH".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It has no tables.
    NoTables,
    /// It has tables, and they are not degenbot's.
    Foreign {
        /// Some of its tables.
        tables: Vec<String>,
    },
    /// It is a degenbot database without any stamp.
    NoStamp,
    /// A table for the stamp is there and empty.
    EmptyStamp {
        /// The table.
        table: &'static str,
    },
    /// It has several stamps where there must be one.
    SeveralStamps {
        /// The stamps.
        stamps: Vec<String>,
    },
    /// It carries the stamps of two programs that exclude each other.
    TwoLineages {
        /// The Alembic stamp.
        alembic: String,
        /// The stamp of the Rust-core releases.
        rust_core: String,
    },
    /// Its stamp is none that any release has used.
    UnknownStamp {
        /// The stamp.
        stamp: String,
    },
    /// Its schema is from before the first version; an upgrade makes it anew.
    EarlierRevision {
        /// The revision.
        revision: EarlierRevision,
        /// Whether an upgrade to the next revision has stopped on its way.
        half_way: bool,
    },
    /// A Rust-core release of the Python package has dropped its initialization maps; an upgrade
    /// computes them anew.
    MapsDropped {
        /// The version but for them.
        version: SchemaVersion,
    },
    /// It has a stamp that no Rust-core release of the Python package is known to use.
    RustCore {
        /// Its stamp.
        stamp: String,
    },
    /// It was upgraded by a later version of this program.
    Newer {
        /// The migration that this program does not know.
        migration: String,
    },
    /// Its list of migrations has a gap, or one that this program has never had.
    UnknownMigrations {
        /// The migrations that it lists.
        migrations: Vec<String>,
    },
    /// Its two stamps name different versions.
    StampsDisagree {
        /// The version by diesel's table.
        diesel: SchemaVersion,
        /// The revision by Alembic's table; `None` where there is no row.
        alembic: Option<String>,
    },
    /// Its structure is not that of the version on its stamp.
    StampLies {
        /// The stamp.
        stamp: String,
        /// What is different.
        differences: Vec<Difference>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTables => write!(f, "has no tables"),
            Self::Foreign { tables } => write!(
                f,
                "is not a degenbot database: its tables are {}",
                enumerate(tables)
            ),
            Self::NoStamp => write!(f, "carries no version stamp"),
            Self::EmptyStamp { table } => {
                write!(f, "carries no version stamp: its table {table} is empty")
            }
            Self::SeveralStamps { stamps } => write!(
                f,
                "carries {} version stamps: {}",
                stamps.len(),
                enumerate(stamps)
            ),
            Self::TwoLineages { alembic, rust_core } => write!(
                f,
                "carries the stamps of two lineages: Alembic revision {} and Rust-core version {}",
                quoted(alembic),
                quoted(rust_core)
            ),
            Self::UnknownStamp { stamp } => {
                write!(f, "carries an unknown version stamp: {}", quoted(stamp))
            }
            Self::EarlierRevision { revision, half_way } => {
                write!(
                    f,
                    "has the schema of {revision}, from before the first stable one ({})",
                    VersionName(SchemaVersion::all().next())
                )?;
                if *half_way {
                    write!(f, ", and an upgrade of it has stopped half-way")?;
                }
                Ok(())
            }
            Self::MapsDropped { version } => write!(
                f,
                "has the schema of {version} without the initialization maps, which a Rust-core \
                 release of the Python package has dropped"
            ),
            Self::RustCore { stamp } => write!(
                f,
                "carries a Rust-core version stamp that no known release uses: {}",
                quoted(stamp)
            ),
            Self::Newer { migration } => write!(
                f,
                "is newer than this program: it has the migration {}, and degenbot {} knows none \
                 after {}",
                quoted(migration),
                env!("CARGO_PKG_VERSION"),
                SchemaVersion::latest().migration()
            ),
            Self::UnknownMigrations { migrations } => write!(
                f,
                "lists migrations that do not lead to any version: {}",
                enumerate(migrations)
            ),
            Self::StampsDisagree { diesel, alembic } => {
                write!(
                    f,
                    "carries two version stamps that disagree: {MIGRATIONS_TABLE} says {}",
                    diesel.migration()
                )?;
                if let Some(revision) = diesel.alembic_revision() {
                    write!(f, " ({revision})")?;
                }
                write!(
                    f,
                    ", {ALEMBIC_TABLE} says {}",
                    alembic.as_deref().map_or("nothing".to_owned(), quoted)
                )
            }
            Self::StampLies { stamp, differences } => {
                let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "is stamped {stamp} and does not have that structure: {}",
                    shortened(&differences, "; ")
                )
            }
        }
    }
}

struct VersionName(Option<SchemaVersion>);

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => version.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// A stamp as it can be shown: anything but plain characters is escaped.
pub(crate) fn quoted(stamp: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-, ".contains(c);
    if !stamp.is_empty() && stamp.trim() == stamp && stamp.chars().all(plain) {
        stamp.to_owned()
    } else {
        format!("{stamp:?}")
    }
}

fn enumerate(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    shortened(&names, ", ")
}

fn shortened(parts: &[String], separator: &str) -> String {
    const SHOWN: usize = 5;
    let text = parts[..parts.len().min(SHOWN)].join(separator);
    match parts.len().checked_sub(SHOWN) {
        None | Some(0) => text,
        Some(more) => format!("{text}{separator}and {more} more"),
    }
}
