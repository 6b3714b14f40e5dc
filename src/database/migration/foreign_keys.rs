//! The foreign key checks of a migration.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::effect_tracker::EffectTracker;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::violation::Violation;
use crate::database::structure::schema_version::SchemaVersion;

/// Returns the broken foreign keys of some tables. A user's own table is skipped if SQLite cannot check it: its
/// key can refer to columns that are not unique, which SQLite calls a mismatch.
pub(crate) fn violations_of(
    connection: &mut SqliteConnection,
    tables: &[String],
) -> Result<Vec<Violation>, Error> {
    let ours = &SchemaVersion::latest().catalogue().tables;
    let mut violations = Vec::new();
    for table in tables {
        let found =
            diesel::sql_query("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check(?)")
                .bind::<Text, _>(table)
                .load::<Violation>(connection);
        match found {
            Ok(found) => violations.extend(found),
            Err(error) if ours.contains_key(table) => return Err(error.into()),
            Err(error) => log::debug!("The foreign keys of {table} cannot be checked: {error}"),
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
        let before = violations_of(&mut connection, &tables).unwrap();
        assert_eq!(before.len(), 1);
        assert!(require_known(path, before.clone(), before.clone()).is_ok());
        connection
            .batch_execute("DELETE FROM pools WHERE id = 2")
            .unwrap();
        let after = violations_of(&mut connection, &tables).unwrap();
        let refused = require_known(path, after, before).unwrap_err();
        let ErrorKind::ForeignKeysBroken { violations } = refused.kind else {
            unreachable!("{refused:?}");
        };
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].rowid, Some(2));
    }
}
