//! Identification of a database by its stamps and its structure.
//!
//! A stamp is trusted only if the structure matches it. Otherwise an exact match with another known structure decides.

use crate::database::error::refusal::Refusal;
use crate::database::recognition::identity::Identity;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::difference::Difference;
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::database::structure::schema_object::{ObjectKind, SchemaObject};
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::sql_name;
use crate::database::structure::stamp_tables::{ALEMBIC_TABLE, RUST_CORE_TABLE};
use crate::models::pools::pool_family::WORD_TABLES;

/// The stamps of the Rust-core releases 0.6.0a11 to a17.
const RUST_CORE_STAMPS: [&str; 3] = ["1", "2", "3"];
/// The stamp of the Rust-core releases that drop [`WORD_TABLES`].
const STAMP_WITHOUT_MAPS: &str = "3";
/// The table that Rust-core releases add to any structure. They do not migrate the rest.
pub(crate) const LFJ_TABLE: &str = "lfj_pools";

/// The claim of a database's stamps. A refusal in a claim applies if the structure does not match.
enum StampClaim {
    /// The database is at this version.
    Version(SchemaVersion),
    /// The database is at one of these versions; the structure decides.
    OneOf(Vec<SchemaVersion>, Refusal),
    /// The database is at this legacy revision.
    Legacy(LegacyRevision),
    /// The database has no stamp, so only the release without a stamp can match.
    Unstamped(Refusal),
    /// The database has the stamp of a Rust-core release, which fits any structure.
    Anything { stamp: String, may_lack_maps: bool },
}

/// Identifies the database that has these stamps and this structure.
pub(crate) fn identify(stamps: &Stamps, catalogue: &Catalogue) -> Identity {
    if catalogue.tables.is_empty() {
        return Identity::Foreign(Refusal::NoTables);
    }
    if !has_degenbot_tables(catalogue) {
        return Identity::Foreign(Refusal::Foreign {
            tables: catalogue.tables.keys().cloned().collect(),
        });
    }
    let structure = Structure(catalogue);
    let identity = match claim_of_stamps(stamps) {
        Err(refusal) => Identity::Unrecognised(refusal),
        Ok(StampClaim::Version(version)) => structure.as_version(version),
        Ok(StampClaim::Legacy(revision)) => structure.as_legacy(revision),
        Ok(StampClaim::Unstamped(refusal)) => structure.as_unstamped(refusal),
        Ok(StampClaim::OneOf(versions, refusal)) => structure
            .one_of(versions.into_iter().rev())
            .unwrap_or(Identity::Unrecognised(refusal)),
        Ok(StampClaim::Anything {
            stamp,
            may_lack_maps,
        }) => structure.as_rust_core(&stamp, may_lack_maps),
    };
    if stamps.has_blobs {
        identity.with_wrong_stamps()
    } else {
        identity
    }
}

fn claim_of_stamps(stamps: &Stamps) -> Result<StampClaim, Refusal> {
    let migrations = stamps.diesel.as_ref().filter(|rows| !rows.is_empty());
    // An upgrade writes this list anew, so the rows of another program would be lost, whatever the other stamps say.
    let migrated = match migrations {
        Some(migrations) => Some(version_of_migrations(migrations)?),
        None => None,
    };
    let Some(rust_core) = &stamps.rust_core else {
        return match migrated {
            Some(version) => claim_of_migrations(version, stamps),
            None => claim_of_alembic(stamps),
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
        // `cutover` writes its release's stamp to a database of any structure, so the structure decides.
        [number] if RUST_CORE_STAMPS.contains(&number.as_str()) => Ok(StampClaim::Anything {
            may_lack_maps: number == STAMP_WITHOUT_MAPS,
            stamp,
        }),
        _ => Err(Refusal::RustCore { stamp }),
    }
}

fn claim_of_alembic(stamps: &Stamps) -> Result<StampClaim, Refusal> {
    match stamps.alembic.as_deref() {
        None => Ok(StampClaim::Unstamped(Refusal::NoStamp)),
        Some([]) => Ok(StampClaim::Unstamped(Refusal::EmptyStamp {
            table: ALEMBIC_TABLE,
        })),
        Some([stamp]) => match SchemaVersion::of_alembic(stamp) {
            Some(version) => Ok(StampClaim::Version(version)),
            None => LegacyRevision::named(stamp)
                .map(StampClaim::Legacy)
                .ok_or_else(|| Refusal::UnknownStamp {
                    stamp: stamp.clone(),
                }),
        },
        Some(several) => Err(Refusal::SeveralStamps {
            stamps: several.to_vec(),
        }),
    }
}

/// The version that a list of migrations leads to.
fn version_of_migrations(migrations: &[String]) -> Result<SchemaVersion, Refusal> {
    if let Some(newer) = migrations.iter().find(|migration| {
        // A later version of this program has a later number. Other texts belong to other programs.
        migration.as_str() > SchemaVersion::latest().migration()
            && migration.bytes().all(|byte| byte.is_ascii_digit())
    }) {
        return Err(Refusal::Newer {
            migration: newer.clone(),
            latest: SchemaVersion::latest(),
        });
    }
    let known = SchemaVersion::all().map(SchemaVersion::migration);
    migrations
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
        })
}

/// The claim of a database whose list of migrations leads to this version.
fn claim_of_migrations(version: SchemaVersion, stamps: &Stamps) -> Result<StampClaim, Refusal> {
    let alembic = stamps.alembic.clone().unwrap_or_default();
    if alembic.len() > 1 {
        return Err(Refusal::SeveralStamps { stamps: alembic });
    }
    let alembic = alembic.into_iter().next();
    if alembic.as_deref() == version.alembic_stamp() {
        return Ok(StampClaim::Version(version));
    }
    // The Python package has changed the schema since then, or a stamp was edited.
    let other = alembic.as_deref().and_then(SchemaVersion::of_alembic);
    let versions = other.into_iter().chain([version]).collect();
    Ok(StampClaim::OneOf(
        versions,
        Refusal::StampsDisagree {
            diesel: version,
            alembic,
        },
    ))
}

/// Whether an upgrade can remove the difference: the stamp's table is missing or differs, or a Rust-core release has
/// dropped the initialization maps.
fn is_lacking(difference: &Difference, may_lack_maps: bool) -> bool {
    match difference {
        Difference::TableMissing { table } if may_lack_maps => {
            table == ALEMBIC_TABLE || WORD_TABLES.contains(&table.as_str())
        }
        other => other.table() == Some(ALEMBIC_TABLE),
    }
}

/// The structure of a database, to compare with the known ones.
struct Structure<'catalogue>(&'catalogue Catalogue);

impl Structure<'_> {
    /// Identifies a database whose stamp names a version.
    fn as_version(&self, version: SchemaVersion) -> Identity {
        let differences = self.differences_from_version(version);
        if differences.is_empty() {
            return Identity::Version {
                version,
                is_stamped_right: true,
            };
        }
        let refusal = Refusal::StampLies {
            stamp: version.to_string(),
            differences,
        };
        self.like_any(false, refusal)
    }

    /// Identifies a database whose stamp names a legacy revision.
    fn as_legacy(&self, revision: LegacyRevision) -> Identity {
        // A killed upgrade can leave the first version's structure without its stamp.
        if let Some(version) = self.one_of(SchemaVersion::all()) {
            return version;
        }
        if let Some(legacy) = self.exactly_legacy(revision) {
            return legacy;
        }
        if self.differences_from_legacy(revision, true).is_empty() {
            return Identity::Legacy {
                revision,
                half_way: true,
                is_stamped_right: true,
            };
        }
        let refusal = Refusal::StampLies {
            stamp: revision.to_string(),
            differences: self.differences_from_legacy(revision, false),
        };
        self.like_any(false, refusal)
    }

    /// Identifies a database with the stamp of a Rust-core release. That stamp says nothing about the structure.
    fn as_rust_core(&self, stamp: &str, may_lack_maps: bool) -> Identity {
        let refusal = Refusal::StampLies {
            stamp: format!("Rust-core {stamp}"),
            differences: self.differences_from_nearest(may_lack_maps),
        };
        let found = self.like_any(may_lack_maps, refusal);
        if !matches!(found, Identity::Unrecognised(_)) {
            return found;
        }
        let is_lacking = |difference: &Difference| is_lacking(difference, may_lack_maps);
        LegacyRevision::all()
            .rev()
            .find(|revision| {
                self.differences_from_legacy(*revision, true)
                    .iter()
                    .all(is_lacking)
            })
            .map_or(found, |revision| Identity::Legacy {
                revision,
                half_way: true,
                is_stamped_right: false,
            })
    }

    /// Identifies a database without a stamp, which can only be of the release that wrote none.
    fn as_unstamped(&self, refusal: Refusal) -> Identity {
        if let Some(legacy) = self.exactly_legacy(LegacyRevision::FIRST) {
            return legacy;
        }
        let differences = self.differences_from_legacy(LegacyRevision::FIRST, false);
        let may_be_own = differences.iter().all(|difference| {
            difference.is_from_later_version() || difference.is_additional_column()
        });
        if !may_be_own {
            return Identity::Unrecognised(refusal);
        }
        let objects: Option<Vec<_>> = differences
            .iter()
            .map(|difference| match difference {
                Difference::FromLaterVersion { object } => Some(object.clone()),
                _ => None,
            })
            .collect();
        Identity::Unrecognised(match objects {
            Some(objects) => Refusal::LaterObjects { objects },
            None => Refusal::UnstampedDiffers { differences },
        })
    }

    /// Identifies the legacy revision, if the structure is exactly the revision's.
    fn exactly_legacy(&self, revision: LegacyRevision) -> Option<Identity> {
        self.differences_from_legacy(revision, false)
            .is_empty()
            .then_some(Identity::Legacy {
                revision,
                half_way: false,
                is_stamped_right: true,
            })
    }

    /// Finds the first of these versions with the same structure, apart from the stamp.
    fn one_of(&self, mut versions: impl Iterator<Item = SchemaVersion>) -> Option<Identity> {
        versions
            .find(|version| self.is_version_but_for_its_stamp(*version))
            .map(|version| Identity::Version {
                version,
                is_stamped_right: false,
            })
    }

    /// Finds the known schema that this structure equals, whatever the stamp. Otherwise returns the refusal.
    fn like_any(&self, may_lack_maps: bool, refusal: Refusal) -> Identity {
        if let Some(version) = self.one_of(SchemaVersion::all().rev()) {
            return version;
        }
        let is_lacking = |difference: &Difference| is_lacking(difference, may_lack_maps);
        for version in SchemaVersion::all().rev() {
            if self
                .differences_from_version(version)
                .iter()
                .all(is_lacking)
            {
                return Identity::WithoutMaps(version);
            }
        }
        for revision in LegacyRevision::all().rev() {
            let exact = self.0.differences_from(revision.catalogue());
            let known = self.differences_from_legacy(revision, false);
            if exact.iter().chain(&known).all(is_lacking) {
                return Identity::Legacy {
                    revision,
                    half_way: false,
                    is_stamped_right: false,
                };
            }
        }
        Identity::Unrecognised(refusal)
    }

    /// The fewest differences from a known schema, of those that an upgrade cannot remove.
    fn differences_from_nearest(&self, may_lack_maps: bool) -> Vec<Difference> {
        let versions = SchemaVersion::all().rev();
        let versions = versions.map(|version| self.differences_from_version(version));
        let revisions = LegacyRevision::all().rev();
        let revisions = revisions.map(|revision| self.differences_from_legacy(revision, false));
        let lasting = versions.chain(revisions).map(|mut differences| {
            differences.retain(|difference| !is_lacking(difference, may_lack_maps));
            differences
        });
        lasting.min_by_key(Vec::len).unwrap_or_default()
    }

    fn is_version_but_for_its_stamp(&self, version: SchemaVersion) -> bool {
        // An upgrade corrects the stamp's table together with the other stamps.
        self.differences_from_version(version)
            .iter()
            .all(|difference| difference.table() == Some(ALEMBIC_TABLE))
    }

    /// Lists the differences from a version. They include objects with a name that a later version uses, because a
    /// pending migration would fail on them.
    fn differences_from_version(&self, version: SchemaVersion) -> Vec<Difference> {
        let expected = version.catalogue();
        let mut differences = self.0.differences_from(expected);
        let later = SchemaVersion::latest().catalogue().extras_beyond(expected);
        differences.extend(
            self.0
                .extras_beyond(expected)
                .into_iter()
                .filter(|extra| later.contains(extra) && !self.is_lfj_table(extra))
                .map(|object| Difference::FromLaterVersion { object }),
        );
        differences
    }

    /// Lists the differences of the tables and columns from a revision. With `half_way`, a half-finished upgrade to the
    /// next revision is not a difference.
    fn differences_from_legacy(&self, revision: LegacyRevision, half_way: bool) -> Vec<Difference> {
        let expected = revision.catalogue();
        let next = if half_way {
            revision.next().1
        } else {
            expected
        };
        let mut differences = self.0.column_differences_from(expected, next);
        differences.retain(|difference| difference.table() != Some(ALEMBIC_TABLE));
        let latest = SchemaVersion::latest().catalogue();
        for view in &self.0.views {
            if sql_name::is_among(view, latest.tables.keys()) {
                let object = SchemaObject::new(ObjectKind::View, view);
                differences.push(Difference::FromLaterVersion { object });
            }
        }
        for table in self.0.tables.keys() {
            let is_known = expected.tables.contains_key(table) || next.tables.contains_key(table);
            let object = SchemaObject::table(table);
            if !is_known
                && sql_name::is_among(table, latest.tables.keys())
                && table != ALEMBIC_TABLE
                && !self.is_lfj_table(&object)
            {
                differences.push(Difference::FromLaterVersion { object });
            }
        }
        differences
    }

    /// Whether this is the table that Rust-core releases add to any structure, with the columns that they give it. The
    /// migration that adds this table accepts an existing one.
    fn is_lfj_table(&self, object: &SchemaObject) -> bool {
        object.is_table(LFJ_TABLE)
            && self.0.tables.get(LFJ_TABLE)
                == SchemaVersion::latest().catalogue().tables.get(LFJ_TABLE)
    }
}

/// Whether there are the tables and columns that the schema of every release has.
fn has_degenbot_tables(catalogue: &Catalogue) -> bool {
    catalogue.has_columns("erc20_tokens", &["id", "address", "chain"])
        && catalogue.has_columns("pools", &["id", "address", "chain"])
        && catalogue.has_columns("liquidity_positions", &["pool_id", "tick", "liquidity_net"])
}
