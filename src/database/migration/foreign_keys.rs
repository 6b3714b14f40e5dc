//! The foreign key checks of a migration.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::violation::Violation;
use crate::database::migration::objects::{free_name, readable_objects};
use crate::database::migration::parent_keys::{columns_of_table_with, table_with};
use crate::database::migration::probe::{undone, verdict};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_version::SchemaVersion;
use crate::database::structure::sql_name;

/// Returns the broken foreign keys of some tables. A user's own table can have a key that SQLite cannot check: it refers to
/// columns that are not unique, which SQLite calls a mismatch. The other keys of the table are checked.
pub(crate) fn violations_of(
    connection: &mut SqliteConnection,
    path: &Path,
    tables: &[String],
) -> Result<Vec<Violation>, Error> {
    let ours = &SchemaVersion::latest().catalogue().tables;
    let mut violations = Vec::new();
    for table in tables {
        match check(connection, table) {
            Ok(found) => violations.extend(found),
            Err(error) if ours.contains_key(table) => return Err(error.into()),
            Err(error) => {
                log::debug!("The foreign keys of {table} cannot be checked together: {error}");
                violations.extend(violations_of_each_key(connection, path, table)?);
            }
        }
    }
    Ok(violations)
}

fn check(connection: &mut SqliteConnection, table: &str) -> QueryResult<Vec<Violation>> {
    diesel::sql_query("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check(?)")
        .bind::<Text, _>(table)
        .load(connection)
}

/// Checks each foreign key of a table that SQLite can check, in a copy of its columns.
fn violations_of_each_key(
    connection: &mut SqliteConnection,
    path: &Path,
    name: &str,
) -> Result<Vec<Violation>, Error> {
    let free_name = free_name(&readable_objects(connection)?);
    let catalogue = Catalogue::read(connection)?;
    let mut violations = Vec::new();
    let Some(table) = catalogue.tables.get(name) else {
        return Ok(violations);
    };
    let from = format!("FROM main.{}", sql::name(name));
    // A column hides a rowid of its name, and a WITHOUT ROWID table has none.
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|rowid| {
        !sql_name::is_among(rowid, table.columns.keys())
            && sql::execute(connection, &format!("SELECT {rowid} {from} LIMIT 0")).is_ok()
    });
    for key in &table.foreign_keys {
        let columns: Vec<_> = key.columns.iter().map(|(own, _)| sql::name(own)).collect();
        let fill = format!(
            "{}; INSERT INTO main.{free_name} (rowid, {}) SELECT {}, {} {from}",
            table_with(&free_name, key),
            columns_of_table_with(key),
            rowid.unwrap_or("NULL"),
            columns.join(", ")
        );
        let found = undone(connection, path, |connection| {
            let filled = connection.batch_execute(&fill);
            verdict(path, filled.and_then(|()| check(connection, &free_name)))
        })?;
        match found {
            Ok(found) => violations.extend(found.into_iter().map(|violation| Violation {
                table: name.to_owned(),
                rowid: rowid.and(violation.rowid),
                ..violation
            })),
            Err(message) => log::debug!("A foreign key of {name} cannot be checked: {message}"),
        }
    }
    Ok(violations)
}

/// Fails if there are violations that did not exist before the migration. Rows that were broken already stay as
/// they are.
pub(crate) fn require_known(
    path: &Path,
    mut violations: Vec<Violation>,
    before: Vec<Violation>,
) -> Result<(), Error> {
    let mut known: BTreeMap<Violation, usize> = BTreeMap::new();
    for violation in before {
        *known.entry(violation).or_default() += 1;
    }
    violations.retain(|violation| match known.get_mut(violation) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    if violations.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::ForeignKeysBroken { violations }.at(path))
}

/// Runs `operate` in an IMMEDIATE transaction with foreign keys off; its commit is the operation's change. They stay
/// off: the connection is for migrations only.
///
/// A migration that rebuilds a table drops the old one. With foreign keys on, that would delete the rows that
/// refer to it. The pragma is set before the transaction because it has no effect inside one.
pub(crate) fn with_foreign_keys_off<T>(
    connection: &mut SqliteConnection,
    path: &Path,
    effect: &mut EffectTracker,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let located = |error: Error| error.at(path, "migrate the database");
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .map_err(|error| located(error.into()))?;
    effect.write(connection, operate).map_err(located)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::connection::open::open_in_memory;

    #[test]
    fn new_violations_are_refused_and_old_ones_stay() {
        let path = Path::new("degenbot.db");
        let mut connection = open_in_memory().unwrap();
        connection
            .batch_execute(
                "PRAGMA foreign_keys = OFF; \
                 CREATE TABLE pools (id INTEGER PRIMARY KEY); INSERT INTO pools VALUES (1), (2); \
                 CREATE TABLE positions (id INTEGER PRIMARY KEY, pool REFERENCES pools (id)); \
                 INSERT INTO positions VALUES (1, 1), (2, 2), (3, 9)",
            )
            .unwrap();
        let tables = ["pools".to_owned(), "positions".to_owned()];
        let before = violations_of(&mut connection, path, &tables).unwrap();
        assert_eq!(before.len(), 1);
        assert!(require_known(path, before.clone(), before.clone()).is_ok());
        connection
            .batch_execute("DELETE FROM pools WHERE id = 2")
            .unwrap();
        let after = violations_of(&mut connection, path, &tables).unwrap();
        let refused = require_known(path, after, before).unwrap_err();
        let ErrorKind::ForeignKeysBroken { violations } = refused.kind else {
            unreachable!("{refused:?}");
        };
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].rowid, Some(2));
    }
    #[test]
    fn keys_beside_a_mismatch_are_checked() {
        let path = Path::new("degenbot.db");
        let mut connection = open_in_memory().unwrap();
        connection
            .batch_execute(
                "PRAGMA foreign_keys = OFF; \
                 CREATE TABLE pools (id INTEGER PRIMARY KEY, kind, hash TEXT, UNIQUE (hash, kind)); \
                 INSERT INTO pools VALUES (1, 'a', '7'), (2, 'b', 'x'); \
                 CREATE TABLE mine (pool REFERENCES pools, kind REFERENCES pools (kind), hash, \
                   FOREIGN KEY (hash, kind) REFERENCES pools (hash, kind)); \
                 INSERT INTO mine (rowid, pool, kind, hash) \
                   VALUES (5, 1, 'a', 7), (6, 2, 'none', 'x'), (7, 9, 'b', 'x'), (8, 9, NULL, 'y'); \
                 CREATE TABLE keyed (pool PRIMARY KEY REFERENCES pools, kind REFERENCES pools (kind)) WITHOUT ROWID; \
                 INSERT INTO keyed VALUES (1, 'a'), (9, 'a'); \
                 CREATE TABLE hidden (rowid REFERENCES pools, kind REFERENCES pools (kind)); \
                 INSERT INTO hidden (_rowid_, rowid, kind) VALUES (4, 9, 'a'), (3, 9, 'a')",
            )
            .unwrap();
        let tables = ["mine", "keyed", "hidden"].map(str::to_owned);
        let objects = "SELECT count(*) AS number FROM sqlite_schema";
        let before = sql::number(&mut connection, objects).unwrap();
        let violations = violations_of(&mut connection, path, &tables).unwrap();
        let mut violations: Vec<_> = violations.iter().map(ToString::to_string).collect();
        violations.sort();
        assert_eq!(
            violations,
            [
                "hidden row 3 (to pools)",
                "hidden row 4 (to pools)",
                "keyed (to pools)",
                "mine row 6 (to pools)",
                "mine row 7 (to pools)",
                "mine row 8 (to pools)",
            ]
        );
        assert_eq!(sql::number(&mut connection, objects).unwrap(), before);
    }
}
