//! Foreign keys that refer to nothing.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::violation::Violation;
use crate::database::structure::schema_version::SchemaVersion;
use crate::sqlite::transaction::{Begin, transaction};

/// The broken foreign keys of some tables. Of the user's own tables only those that can be checked: a key
/// of theirs may refer to something that no key can refer to, which SQLite calls a mismatch.
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

/// Fails for violations that were not there before: rows that were broken already are not this
/// upgrade's doing and stay as they are.
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

/// An IMMEDIATE transaction with the enforcement of foreign keys off, which it leaves off: the
/// connection is for migrating only.
///
/// With them on, a table that a migration rebuilds would, when the old one is dropped, delete the
/// rows that refer to it; and the pragma has no effect inside a transaction.
pub(crate) fn with_foreign_keys_off<T>(
    connection: &mut SqliteConnection,
    path: &Path,
    operate: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let located = |error: Error| error.at(path, "migrate the database");
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .map_err(|error| located(error.into()))?;
    transaction(connection, Begin::Immediate, operate, Error::from).map_err(located)
}
