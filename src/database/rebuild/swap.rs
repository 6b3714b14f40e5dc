//! Putting the content of the new database in the place of the old one's, in the file that is there.
//!
//! It happens in the transaction that has locked the old content since before it was read: a program
//! that has the database open sees the old tables or the new ones, and no commit can come in between.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use super::carry::{Counter, count};
use crate::database::Error;
use crate::database::catalogue::Catalogue;
use crate::database::earlier::EarlierRevision;
use crate::database::observer::Stage;
use crate::database::sql;

/// Something in the schema, with the statement that makes it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Object {
    /// `table`, `index`, `view` or `trigger`.
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// The table that it belongs to.
    #[diesel(sql_type = Text)]
    pub(super) owner: String,
    #[diesel(sql_type = Text)]
    pub(super) statement: String,
}

/// Every object of a schema that a statement has made, tables first.
pub(super) fn objects(connection: &mut SqliteConnection, schema: &str) -> QueryResult<Vec<Object>> {
    diesel::sql_query(format!(
        "SELECT type AS kind, name, tbl_name AS owner, sql AS statement FROM {schema}.sqlite_schema \
         WHERE sql NOTNULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY type <> 'table', rowid"
    ))
    .load(connection)
}

/// Which tables of the old database are replaced, and which stay where they are.
#[derive(Debug)]
pub(super) struct Tables<'rebuild> {
    /// Dropped; the new ones take their place.
    pub(super) replaced: &'rebuild [String],
    /// Left with their rows; they get the new indexes.
    pub(super) staying: &'rebuild [&'static str],
}

/// Replaces tables of `main` by those of `new` and makes the user's own indexes and triggers on them
/// anew.
pub(super) fn swap(
    connection: &mut SqliteConnection,
    tables: &Tables<'_>,
    users: &[Object],
    counter: &mut Counter<'_>,
) -> Result<(), Error> {
    for table in tables.replaced {
        let table = sql::name(table);
        sql::execute(connection, &format!("DROP TABLE main.{table}"))?;
    }
    let (staying, new): (Vec<_>, Vec<_>) = objects(connection, "new")?
        .into_iter()
        .partition(|object| tables.staying.contains(&object.owner.as_str()));
    // Into empty tables with the same indexes SQLite copies the trees as they are.
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
    change_indexes(connection, tables, &staying)?;
    for object in users {
        sql::execute(connection, &object.statement)?;
    }
    Ok(())
}

/// Gives the tables that stay the indexes that the new ones have instead of those of old revisions.
fn change_indexes(
    connection: &mut SqliteConnection,
    tables: &Tables<'_>,
    new: &[Object],
) -> Result<(), Error> {
    let old = objects(connection, "main")?;
    let old: Vec<_> = old
        .iter()
        .filter(|object| object.kind == "index")
        .filter(|object| tables.staying.contains(&object.owner.as_str()))
        .collect();
    let structure = Catalogue::read(connection)?;
    for index in &old {
        let properties = structure
            .tables
            .get(&index.owner)
            .and_then(|table| table.indexes.get(&index.name));
        let is_ours = match properties {
            Some(properties) => {
                EarlierRevision::any_has_index(&index.owner, &index.name, properties)?
            }
            None => false,
        };
        let is_wanted = new.iter().any(|new| new.name == index.name);
        if is_ours && !is_wanted {
            let name = sql::name(&index.name);
            sql::execute(connection, &format!("DROP INDEX main.{name}"))?;
        }
    }
    for index in new.iter().filter(|object| object.kind == "index") {
        if !old.iter().any(|old| old.name == index.name) {
            sql::execute(connection, &index.statement)?;
        }
    }
    Ok(())
}
