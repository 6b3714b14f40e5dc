//! Table replacement: replaces tables of the old database by those of the new one, in the same file.
//!
//! This runs in the transaction that has locked the old content since before it was read. A program that has
//! the database open sees either the old or the new tables, and no commit can come in between.

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::objects::{Object, objects};
use crate::database::migration::rebuild::carry::{Counter, count};
use crate::database::progress::Stage;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::legacy_revision::LegacyRevision;

/// The replaced and the kept tables of the old database.
#[derive(Debug)]
pub(super) struct Tables<'rebuild> {
    /// Tables that are dropped and replaced by the new ones.
    pub(super) replaced: &'rebuild [String],
    /// Tables that keep their rows and get the new indexes.
    pub(super) kept: &'rebuild [&'static str],
}

/// Replaces tables of `main` by those of `new`.
pub(super) fn replace(
    connection: &mut SqliteConnection,
    tables: &Tables<'_>,
    counter: &mut Counter<'_>,
) -> Result<(), Error> {
    for table in tables.replaced {
        let table = sql::name(table);
        sql::execute(connection, &format!("DROP TABLE main.{table}"))?;
    }
    let mut new = objects(connection, "new")?;
    new.retain(|object| !tables.kept.contains(&object.owner.as_str()));
    // The tables are empty and have no other indexes yet, so that SQLite can copy whole B-trees below.
    for object in &new {
        sql::execute(connection, &object.statement)?;
    }
    for table in new.iter().filter(|object| object.kind == "table") {
        let name = sql::name(&table.name);
        sql::execute(
            connection,
            &format!("INSERT INTO main.{name} SELECT * FROM new.{name}"),
        )?;
        let rows = count(connection, "main", &table.name)?;
        counter.advance(
            Stage::Replacing(&table.name),
            rows.try_into().unwrap_or_default(),
        )?;
    }
    Ok(())
}

/// Returns those of `indexes` that `main` lacks. Drops the indexes that an old revision has on kept tables
/// and the new schema lacks.
pub(super) fn missing_indexes<'index>(
    connection: &mut SqliteConnection,
    tables: &Tables<'_>,
    indexes: &'index [Object],
) -> Result<Vec<&'index Object>, Error> {
    let mut old = objects(connection, "main")?;
    old.retain(|object| object.kind == "index" && tables.kept.contains(&object.owner.as_str()));
    let structure = Catalogue::read(connection)?;
    for index in &old {
        let properties = structure
            .tables
            .get(&index.owner)
            .and_then(|table| table.indexes.get(&index.name));
        let is_ours = match properties {
            Some(properties) => {
                LegacyRevision::any_has_index(&index.owner, &index.name, properties)
            }
            None => false,
        };
        let is_wanted = indexes.iter().any(|new| new.name == index.name);
        if is_ours && !is_wanted {
            let name = sql::name(&index.name);
            sql::execute(connection, &format!("DROP INDEX main.{name}"))?;
        }
    }
    let is_missing = |index: &&Object| !old.iter().any(|old| old.name == index.name);
    Ok(indexes.iter().filter(is_missing).collect())
}
