//! Replacement: puts the new content in the place of the old content.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::rebuild::carry::Counter;
use crate::database::migration::rebuild::replace_tables::{Object, Tables};
use crate::database::migration::rebuild::task::Rebuild;
use crate::database::migration::rebuild::{indexes, replace_tables};
use crate::database::migration::user_objects::UserObjects;
use crate::database::progress::{Observer, Stage};
use crate::database::recognition::recognise::recognise_connection;

/// Replaces the old content by the new content, and checks that the result is the target version.
pub(super) fn replace_content(
    rebuild: &Rebuild<'_>,
    connection: &mut SqliteConnection,
    indexes: &[Object],
    rows: u64,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let users = users_objects(rebuild, connection)?;
    let usable = UserObjects::find(connection, rebuild.path, &rebuild.recognition.catalogue)?;
    sql::require_transaction(connection, rebuild.path)?;
    let mut counter = Counter::new(rebuild.path, observer, rows);
    let tables = Tables {
        replaced: &rebuild.replaced_tables(),
        kept: &rebuild.kept_tables(),
    };
    let all: Vec<_> = users.iter().collect();
    let lost = |error| users_object_lost(rebuild.path, &all, error);
    replace_tables::replace(connection, &tables, &mut counter).map_err(lost)?;
    let missing = replace_tables::missing_indexes(connection, &tables, indexes)?;
    indexes::make(connection, rebuild.path, rebuild.target, "main", missing).map_err(lost)?;
    for object in &users {
        let created = sql::execute(connection, &object.statement);
        created.map_err(|error| users_object_lost(rebuild.path, &[object], error.into()))?;
    }
    usable.require(connection, rebuild.path)?;
    let arrived = recognise_connection(connection)?;
    let version = arrived.require_version(rebuild.path)?;
    if version != rebuild.target || !arrived.identity.is_stamped_right() {
        return Err(ErrorKind::RebuildCheckFailed {
            detail: format!("the new database was recognised as {}", arrived.name()),
        }
        .at(rebuild.path));
    }
    counter.advance(Stage::Replacing("alembic_version"), 0)
}

/// The user's indexes and triggers on replaced tables. Views and tables of the user stay.
fn users_objects(
    rebuild: &Rebuild<'_>,
    connection: &mut SqliteConnection,
) -> Result<Vec<Object>, Error> {
    let extras = rebuild.recognition.extras();
    let replaced = rebuild.replaced_tables();
    let mut objects = replace_tables::objects(connection, "main")?;
    objects.retain(|object| {
        ["index", "trigger"].contains(&object.kind.as_str())
            && replaced.contains(&object.owner)
            && extras
                .iter()
                .any(|extra| extra.kind.as_str() == object.kind && extra.name == object.name)
    });
    Ok(objects)
}

/// Fails if an index or a trigger of the user belongs to a table that the new database lacks.
pub(super) fn refuse_objects_of_dropped_tables(
    rebuild: &Rebuild<'_>,
    connection: &mut SqliteConnection,
) -> Result<(), Error> {
    let remaining = &rebuild.target.catalogue().tables;
    let mut users = users_objects(rebuild, connection)?;
    users.retain(|object| !remaining.contains_key(&object.owner));
    if users.is_empty() {
        return Ok(());
    }
    let describe = |object: &Object| {
        let Object {
            kind, name, owner, ..
        } = object;
        format!("{kind} {name} (on {owner}, which goes)")
    };
    let objects = users.iter().map(describe).collect();
    Err(ErrorKind::ObjectsLost { objects }.at(rebuild.path))
}

/// Names the user's object that could not be created again, or whose name the new schema needs.
fn users_object_lost(path: &Path, users: &[&Object], error: Error) -> Error {
    let ErrorKind::Sql { source: cause } = &error.kind else {
        return error;
    };
    let message = cause.to_string();
    if message.contains("already exists") || message.contains("there is already") {
        return ErrorKind::ObjectsLost {
            objects: vec![message],
        }
        .at(path);
    }
    let lost = users
        .iter()
        .find(|object| message.contains("no such column") || message.contains(&object.name));
    match lost {
        Some(object) => ErrorKind::ObjectsLost {
            objects: vec![format!("{} {} ({message})", object.kind, object.name)],
        }
        .at(path),
        None => error,
    }
}
