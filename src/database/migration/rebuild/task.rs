//! Rebuild task: the old database, the target, and the tables that are replaced.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::assumptions::Assumptions;
use crate::database::migration::options::UpgradeOptions;
use crate::database::migration::rebuild::source::LegacySource;
use crate::database::migration::{alembic_leftovers, user_objects};
use crate::database::recognition::identify::LFJ_TABLE;
use crate::database::recognition::identity::{Identity, Recognition};
use crate::database::structure::legacy_revision::LegacyRevision;
use crate::database::structure::schema_object::ObjectKind;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::{sql_name, stamp_tables};
use crate::models::pools::pool_family::LIQUIDITY_TABLES;

/// The input of a rebuild.
#[derive(Clone, Copy)]
pub(super) struct Rebuild<'rebuild> {
    pub(super) path: &'rebuild Path,
    pub(super) recognition: &'rebuild Recognition,
    pub(super) revision: LegacyRevision,
    pub(super) half_way: bool,
    pub(super) target: SchemaVersion,
    pub(super) assumptions: &'rebuild Assumptions,
}

impl<'rebuild> Rebuild<'rebuild> {
    /// The rebuild of a database; `None` if it is at a version.
    pub(super) fn of(
        path: &'rebuild Path,
        recognition: &'rebuild Recognition,
        options: &'rebuild UpgradeOptions,
    ) -> Option<Self> {
        let Identity::Legacy {
            revision, half_way, ..
        } = recognition.identity
        else {
            return None;
        };
        Some(Self {
            path,
            recognition,
            revision,
            half_way,
            target: options.target,
            assumptions: &options.assumptions,
        })
    }

    pub(super) fn source(&self) -> LegacySource<'rebuild> {
        LegacySource::new(&self.recognition.catalogue, self.revision)
    }

    /// The tables of the old database that are replaced by new ones.
    pub(super) fn replaced_tables(&self) -> Vec<String> {
        let kept = self.kept_tables();
        let mut tables = self.old_tables();
        tables.retain(|table| !kept.contains(&table.as_str()));
        tables
    }

    /// The liquidity tables that are the same in the old and the new schema.
    pub(super) fn kept_tables(&self) -> Vec<&'static str> {
        let target = &self.target.catalogue().tables;
        let is_same = |table: &&str| {
            let tables = [&self.recognition.catalogue.tables, target].map(|t| t.get(*table));
            matches!(tables, [Some(old), Some(new)]
                if old.columns == new.columns
                    && old.foreign_keys == new.foreign_keys
                    && old.unique_constraints == new.unique_constraints)
        };
        LIQUIDITY_TABLES.into_iter().filter(is_same).collect()
    }

    /// The tables of the old database without those of the user.
    pub(super) fn old_tables(&self) -> Vec<String> {
        let mut known = vec![
            self.revision.catalogue(),
            self.target.catalogue(),
            SchemaVersion::latest().catalogue(),
        ];
        if self.half_way {
            known.push(self.revision.next().1);
        }
        let is_ours = |table: &String| {
            known
                .iter()
                .any(|structure| structure.tables.contains_key(table))
                || stamp_tables::TABLES.contains(&table.as_str())
                || alembic_leftovers::is_leftover(table)
        };
        // If only a later version than the target has the table, the rebuild does not drop it.
        let is_later = |table: &String| table == LFJ_TABLE && !known[1].tables.contains_key(table);
        let tables = self.recognition.catalogue.tables.keys();
        tables
            .filter(|table| is_ours(table) && !is_later(table))
            .cloned()
            .collect()
    }

    /// Fails if an object of the user has a name that the new database gives to a table or an index.
    pub(super) fn refuse_taken_names(&self) -> Result<(), Error> {
        let target = &self.target.catalogue().tables;
        let mut taken = self.recognition.extras();
        taken.retain(|object| {
            // Recognition has compared the tables of a later version. Triggers have a namespace of their own.
            let is_compared = object.kind == ObjectKind::Table && target.contains_key(&object.name);
            let mut indexes = target.values().flat_map(|table| table.indexes.keys());
            let is = |name: &String| sql_name::is_same(name, &object.name);
            object.kind != ObjectKind::Trigger
                && !is_compared
                && (target.keys().any(is) || indexes.any(is))
        });
        if taken.is_empty() {
            return Ok(());
        }
        let objects = taken.iter().map(ToString::to_string).collect();
        Err(ErrorKind::NamesTaken { objects }.at(self.path))
    }

    /// Fails if a table of the user refers to a table that the new database lacks.
    pub(super) fn refuse_dangling(&self) -> Result<(), Error> {
        let gone = self.old_tables();
        let remaining = &self.target.catalogue().tables;
        user_objects::require_no_dangling(self.path, &self.recognition.catalogue, |table| {
            sql_name::is_among(table, &gone) && !sql_name::is_among(table, remaining.keys())
        })
    }
}
