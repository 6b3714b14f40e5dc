//! Replacement: puts the new content in the place of the old content.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::open_in_memory;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::foreign_keys::{require_known, violations_of};
use crate::database::migration::objects::{Object, objects};
use crate::database::migration::probe::{undone, verdict};
use crate::database::migration::rebuild::carry::Counter;
use crate::database::migration::rebuild::replace_tables::Tables;
use crate::database::migration::rebuild::task::Rebuild;
use crate::database::migration::rebuild::{indexes, replace_tables};
use crate::database::migration::rehearsal::schema_in_memory;
use crate::database::migration::user_objects;
use crate::database::migration::user_objects::UserObjects;
use crate::database::progress::{Observer, Stage};
use crate::database::recognition::recognise::recognise_connection;
use crate::database::structure::create_tables::create_tables;
use crate::sqlite::connection_hooks::without_quoted_texts;

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
    let own_tables = users_tables(rebuild);
    let before = violations_of(connection, rebuild.path, &own_tables)?;
    let mut counter = Counter::new(rebuild.path, observer, rows);
    replace_objects(rebuild, connection, indexes, &users, &mut counter)?;
    usable.require(connection, rebuild.path)?;
    // A value can be stored in another way than before, and a key of the user's can refer to it.
    let after = violations_of(connection, rebuild.path, &own_tables)?;
    require_known(rebuild.path, after, before)?;
    let arrived = recognise_connection(connection)?;
    user_objects::require_present(
        rebuild.path,
        rebuild.recognition,
        &arrived.catalogue,
        |_| false,
    )?;
    let version = arrived.require_version(rebuild.path)?;
    if version != rebuild.target || !arrived.identity.is_stamped_right() {
        return Err(ErrorKind::RebuildCheckFailed {
            detail: format!("the new database was recognised as {}", arrived.name()),
        }
        .at(rebuild.path));
    }
    counter.advance(Stage::Replacing("alembic_version"), 0)
}

/// Replaces the tables and their indexes, and creates the objects of the user on them again.
fn replace_objects(
    rebuild: &Rebuild<'_>,
    connection: &mut SqliteConnection,
    indexes: &[Object],
    users: &[Object],
    counter: &mut Counter<'_>,
) -> Result<(), Error> {
    let path = rebuild.path;
    let tables = Tables {
        replaced: &rebuild.replaced_tables(),
        kept: &rebuild.kept_tables(),
    };
    let lost = |error| users_object_lost(path, users, error);
    replace_tables::replace(connection, &tables, counter).map_err(lost)?;
    let missing = replace_tables::missing_indexes(connection, &tables, indexes)?;
    indexes::make(connection, path, rebuild.target, "main", missing).map_err(lost)?;
    for object in users {
        sql::execute(connection, &object.statement).map_err(|error| {
            match Error::from_diesel(path, "create an object of the user's again", error) {
                Error {
                    kind: ErrorKind::Query { source, .. },
                    ..
                } => is_lost(path, object, &source.to_string()),
                other => other,
            }
        })?;
    }
    Ok(())
}

/// Fails if an object of the user does not fit the new tables. It replaces the tables in a database in memory that has
/// the schema of the old one.
pub(super) fn rehearse(
    rebuild: &Rebuild<'_>,
    connection: &mut SqliteConnection,
) -> Result<(), Error> {
    let users = users_objects(rebuild, connection)?;
    let mut copy = schema_in_memory(connection, rebuild.path)?;
    sql::execute(&mut copy, "ATTACH ':memory:' AS new")?;
    let mut target = open_in_memory()?;
    create_tables(&mut target, rebuild.target)
        .map_err(|error| Error::from_create_tables(rebuild.path, error))?;
    let (indexes, tables): (Vec<_>, Vec<_>) = objects(&mut target, "main")?
        .into_iter()
        .partition(|object| object.kind == "index");
    for table in tables {
        let statement = &table.statement;
        sql::execute(&mut copy, &statement.replacen(" TABLE ", " TABLE new.", 1))?;
    }
    let path = rebuild.path;
    let usable = UserObjects::find(&mut copy, path, &rebuild.recognition.catalogue)?;
    let mut unambiguous = users.clone();
    unambiguous.retain(|object| object.kind == "index");
    for index in std::mem::take(&mut unambiguous) {
        if compile_unambiguously(&mut copy, path, &index)?.is_ok() {
            unambiguous.push(index);
        }
    }
    let mut observer = ();
    let mut counter = Counter::new(path, &mut observer, 0);
    replace_objects(rebuild, &mut copy, &indexes, &users, &mut counter)?;
    for index in unambiguous {
        if let Err(message) = compile_unambiguously(&mut copy, path, &index)? {
            return Err(is_lost(path, &index, &message));
        }
    }
    usable.require(&mut copy, path)
}

/// Creates an index once more where nothing in double quotes is a text. Otherwise SQLite takes the name of a column that
/// is gone for one, and the index has another meaning. Nothing is changed.
fn compile_unambiguously(
    connection: &mut SqliteConnection,
    path: &Path,
    index: &Object,
) -> Result<Result<(), String>, Error> {
    let name = sql::name(&index.name);
    let again = format!("DROP INDEX IF EXISTS main.{name}; {}", index.statement);
    undone(connection, path, |connection| {
        without_quoted_texts(connection, |connection| {
            verdict(path, connection.batch_execute(&again))
        })
    })
}

/// The user's indexes and triggers on replaced tables. Views and tables of the user stay.
fn users_objects(
    rebuild: &Rebuild<'_>,
    connection: &mut SqliteConnection,
) -> Result<Vec<Object>, Error> {
    let extras = rebuild.recognition.extras();
    let replaced = rebuild.replaced_tables();
    let mut found = objects(connection, "main")?;
    found.retain(|object| {
        ["index", "trigger"].contains(&object.kind.as_str())
            && replaced.contains(&object.owner)
            && extras
                .iter()
                .any(|extra| extra.kind.as_str() == object.kind && extra.name == object.name)
    });
    Ok(found)
}

/// The user's own tables with foreign keys.
fn users_tables(rebuild: &Rebuild<'_>) -> Vec<String> {
    let extras = rebuild.recognition.extras();
    let tables = rebuild.recognition.catalogue.tables.iter();
    tables
        .filter(|(name, table)| {
            !table.foreign_keys.is_empty() && extras.iter().any(|extra| extra.is_table(name))
        })
        .map(|(name, _)| name.clone())
        .collect()
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

/// Names the user's object that keeps the new schema from its place, or whose name the new schema needs.
fn users_object_lost(path: &Path, users: &[Object], error: Error) -> Error {
    let ErrorKind::Sql { source: cause } = &error.kind else {
        return error;
    };
    let message = cause.to_string();
    if message.contains("already exists") || message.contains("there is already") {
        return ErrorKind::NamesTaken {
            objects: vec![message],
        }
        .at(path);
    }
    let lost = users
        .iter()
        .find(|object| message.contains("no such column") || message.contains(&object.name));
    match lost {
        Some(object) => is_lost(path, object, &message),
        None => error,
    }
}

/// The error of an object of the user that cannot be created again.
fn is_lost(path: &Path, object: &Object, message: &str) -> Error {
    ErrorKind::ObjectsLost {
        objects: vec![format!("{} {} ({message})", object.kind, object.name)],
    }
    .at(path)
}
