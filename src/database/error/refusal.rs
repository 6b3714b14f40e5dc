//! The refusals: why a database is not accepted.

use std::fmt::{self, Display};

use crate::database::structure::difference::Difference;
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::database::structure::schema_object::SchemaObject;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::stamp_tables::{ALEMBIC_TABLE, MIGRATIONS_TABLE};
use crate::documented_errors::documented_errors;
use crate::escape::escaped_name;

documented_errors! {
    /// Why an undamaged database is not accepted. Displayed as the predicate of "The database at PATH".
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Refusal(path) {
        /// It has no tables.
        NoTables
            in NotADegenbotDatabase;
            text "has no tables";
            hint "Create the tables with 'degenbot database reset'";
            when "It is an SQLite database without tables.";

        /// It has tables, but lacks one that every degenbot database has.
        Foreign {
            /// Some of its tables.
            tables: Vec<String> = vec!["notes".to_owned()],
        }
            in NotADegenbotDatabase;
            text format!("is not a degenbot database: its tables are {}", enumerate(tables));
            hint "Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file)";
            when "It has tables, and none of them is degenbot's.";

        /// It is a degenbot database without any stamp.
        NoStamp
            in NotADegenbotDatabase;
            text "carries no version stamp";
            hint NO_STAMP_HINT;
            when "It has degenbot's tables, but no stamp that records their version.";

        /// Its stamp table is empty.
        EmptyStamp {
            /// The table.
            table: &'static str = "alembic_version",
        }
            in NotADegenbotDatabase;
            text format!("carries no version stamp: its table {table} is empty");
            hint NO_STAMP_HINT;
            when "The table that should record the version has no row.";

        /// It has no stamp, and the structure of the release that wrote none, but for objects that a later version has.
        LaterObjects {
            /// The objects.
            objects: Vec<SchemaObject> = vec![SchemaObject::table("aave_v3_assets")],
        }
            in NotADegenbotDatabase;
            text {
                let objects: Vec<_> = objects.iter().map(ToString::to_string).collect();
                format!(
                    "carries no version stamp, and has what belongs to a later version: {}",
                    shortened(&objects, ", ")
                )
            };
            hint own_object_hint(path);
            when "It is of the release that wrote no stamp, and an object of the user's own has the name of one that an \
                  upgrade creates.";

        /// It has no stamp, and the structure of the release that wrote none, but for additional columns.
        UnstampedDiffers {
            /// The differences.
            differences: Vec<Difference> = vec![Difference::ColumnUnexpected {
                table: "pools".to_owned(),
                column: "COLUMN".to_owned(),
            }],
        }
            in NotADegenbotDatabase;
            text format!(
                "carries no version stamp, and the release that wrote none ({}) has another structure: {}",
                LegacyRevision::FIRST,
                listed(differences)
            );
            hint differences_hint(path, differences);
            when "It is of the release that wrote no stamp, and has a column of the user's own.";

        /// Its stamp table has several rows, where it must have one.
        SeveralStamps {
            /// The stamps.
            stamps: Vec<String> = vec!["ONE".to_owned(), "OTHER".to_owned()],
        }
            in NotADegenbotDatabase;
            text format!("carries {} version stamps: {}", stamps.len(), enumerate(stamps));
            hint TWO_PROGRAMS_HINT;
            when "The table that should record the version has several rows.";

        /// It carries the stamps of two programs, and these exclude each other.
        TwoLineages {
            /// The Alembic stamp.
            alembic: String = "ONE".to_owned(),
            /// The stamp of the Rust-core releases.
            rust_core: String = "OTHER".to_owned(),
        }
            in NotADegenbotDatabase;
            text format!(
                "carries the stamps of two lineages: Alembic revision {} and Rust-core version {}",
                quoted(alembic),
                quoted(rust_core)
            );
            hint TWO_PROGRAMS_HINT;
            when "Both Alembic and a Rust-core release of the Python package have stamped it.";

        /// No release has used its stamp.
        UnknownStamp {
            /// The stamp.
            stamp: String = "STAMP".to_owned(),
        }
            in NotADegenbotDatabase;
            text format!("carries an unknown version stamp: {}", quoted(stamp));
            hint LATER_RELEASE_HINT;
            when "No release has used its Alembic revision.";

        /// It is at a legacy revision. An upgrade rebuilds it.
        LegacyRevision {
            /// The revision.
            revision: LegacyRevision = LegacyRevision::FIRST,
            /// Whether an upgrade to the next revision is half-finished.
            half_way: bool = false,
        }
            in NotADegenbotDatabase;
            text format!(
                "has the schema of {revision}, from before the first stable one ({}){}",
                SchemaVersion::first(),
                if *half_way {
                    ", and an upgrade of it has stopped half-way"
                } else {
                    ""
                }
            );
            hint UPGRADE_HINT;
            when "It is older than the first version that this program works with, and the command is not `upgrade`.";

        /// A Rust-core release of the Python package has dropped its initialization maps. An upgrade computes them
        /// again.
        MapsDropped {
            /// The version apart from the maps.
            version: SchemaVersion = SchemaVersion::first(),
        }
            in NotADegenbotDatabase;
            text format!(
                "has the schema of {version} without the initialization maps, which a Rust-core \
                 release of the Python package has dropped"
            );
            hint UPGRADE_HINT;
            when "A Rust-core release has dropped its initialization maps, and the command is not `upgrade`.";

        /// It carries a Rust-core stamp of no known release of the Python package.
        RustCore {
            /// Its stamp.
            stamp: String = "STAMP".to_owned(),
        }
            in NotADegenbotDatabase;
            text format!("carries a Rust-core version stamp that no known release uses: {}", quoted(stamp));
            hint LATER_RELEASE_HINT;
            when "A Rust-core release that is newer than this program has stamped it.";

        /// It was upgraded by a later version of this program.
        Newer {
            /// The migration that this program does not know.
            migration: String = "20990101000000".to_owned(),
            /// The latest version that this program knows.
            latest: SchemaVersion = SchemaVersion::first(),
        }
            in NotADegenbotDatabase;
            text format!(
                "is newer than this program: it has the migration {}, and degenbot {} knows none \
                 after {}",
                quoted(migration),
                env!("CARGO_PKG_VERSION"),
                latest.migration()
            );
            hint "Install the version of degenbot that upgraded it, or a newer one";
            when "A newer degenbot has upgraded it.";

        /// Its list of migrations has gaps or unknown migrations.
        UnknownMigrations {
            /// The migrations that it lists.
            migrations: Vec<String> = vec!["20200101000000".to_owned()],
        }
            in NotADegenbotDatabase;
            text format!("lists migrations that do not lead to any version: {}", enumerate(migrations));
            hint "Another program's migrations may have been run on it";
            when "Its list of migrations has gaps, or some that degenbot has never had.";

        /// Its two stamps name different versions.
        StampsDisagree {
            /// The version in Diesel's table.
            diesel: SchemaVersion = SchemaVersion::first(),
            /// The revision in Alembic's table, or `None` if the table is missing or empty.
            alembic: Option<String> = Some("REVISION".to_owned()),
        }
            in NotADegenbotDatabase;
            text format!(
                "carries two version stamps that disagree: {MIGRATIONS_TABLE} says {}{}, {ALEMBIC_TABLE} says {}",
                diesel.migration(),
                match diesel.alembic_revision() {
                    Some(revision) => format!(" ({revision})"),
                    None => String::new(),
                },
                alembic.as_deref().map_or("nothing".to_owned(), quoted)
            );
            hint "The Python package may have changed the schema since; restore a \
                  backup from before that, or use the package to bring the database back to the version \
                  of the first stamp";
            when "Its two stamps name different versions, and its structure matches neither.";

        /// Its structure differs from the structure of the stamped version.
        StampLies {
            /// The stamp.
            stamp: String = "STAMP".to_owned(),
            /// The differences.
            differences: Vec<Difference> = vec![Difference::TableMissing {
                table: "pools".to_owned(),
            }],
        }
            in NotADegenbotDatabase;
            text format!("is stamped {stamp} and does not have that structure: {}", listed(differences));
            hint differences_hint(path, differences);
            when "Its structure matches neither the version on its stamp nor any other version.";
    }
}

const NO_STAMP_HINT: &str = "An upgrade by the Python package may have failed half-way; restore \
                             a backup from before it";

const TWO_PROGRAMS_HINT: &str = "Two programs have claimed the database; restore a backup from \
                                 before that";

const LATER_RELEASE_HINT: &str = "A later release may know it: check for a newer degenbot";

const UPGRADE_HINT: &str = "Bring it to the newest version with 'degenbot database upgrade'";

fn own_object_hint(path: &dyn Display) -> String {
    format!(
        "If this is an object of your own, give it another name with the sqlite3 shell. If not, restore {}",
        earlier_backup(path)
    )
}

/// What to do about a database whose structure has these differences.
fn differences_hint(path: &dyn Display, differences: &[Difference]) -> String {
    let is_object = |difference: &Difference| difference.is_from_later_version();
    let is_column = |difference: &Difference| difference.is_of_additional_column(differences);
    let backup = earlier_backup(path);
    if differences.iter().all(is_object) {
        own_object_hint(path)
    } else if differences.iter().all(is_column) {
        format!(
            "If this is a column of your own, move it to a table of your own with the sqlite3 shell. If not, restore \
             {backup}"
        )
    } else if differences
        .iter()
        .all(|one| is_object(one) || is_column(one))
    {
        format!(
            "If these are your own, give the objects other names and move the columns to a table of your own, with the \
             sqlite3 shell. If not, restore {backup}"
        )
    } else {
        format!("Restore {backup}")
    }
}

fn listed(differences: &[Difference]) -> String {
    let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
    shortened(&differences, "; ")
}

/// Nobody has looked whether it is there.
fn earlier_backup(path: &dyn Display) -> String {
    format!("a backup from before the schema was changed ({path}.bak, if you have one)")
}

impl Refusal {
    /// The hint: what to do next about the database at `path`.
    pub(crate) fn hint(&self, path: &dyn Display) -> String {
        self.next_step(path)
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

/// A stamp for display. A stamp with unusual characters is quoted and escaped.
pub(crate) fn quoted(stamp: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-, ".contains(c);
    if !stamp.is_empty() && stamp.trim() == stamp && stamp.chars().all(plain) {
        escaped_name(stamp)
    } else {
        escaped_name(&format!("{stamp:?}"))
    }
}

fn enumerate(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    shortened(&names, ", ")
}

pub(super) fn shortened(parts: &[String], separator: &str) -> String {
    const SHOWN: usize = 5;
    let text = parts[..parts.len().min(SHOWN)].join(separator);
    match parts.len().checked_sub(SHOWN) {
        None | Some(0) => text,
        Some(more) => format!("{text}{separator}and {more} more"),
    }
}
