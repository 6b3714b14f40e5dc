//! User objects: checks that the user's views, triggers and foreign keys still work after a migration.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::expansion::{UserStatement, too_large};
use crate::database::migration::firing::Firing;
use crate::database::migration::parent_keys::ParentKeys;
use crate::database::migration::probe::{undone, verdict};
use crate::database::migration::update_columns::UpdateColumns;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_object::{ObjectKind, SchemaObject};
use crate::database::structure::sql_name;
use crate::database::structure::stamp_tables::MIGRATIONS_TABLE;
use crate::sqlite::connection_hooks::without_quoted_texts;
use crate::sqlite::prepared::Statements;

/// What works of the user's own.
#[derive(Debug)]
pub(crate) struct UserObjects {
    /// The views and triggers that work.
    working: Working,
    /// The views and triggers in which nothing in double quotes is a text. SQLite would take the name of a column that
    /// is gone for one, and they would go on with another meaning.
    unambiguous: Working,
    keys: ParentKeys,
    update_columns: UpdateColumns,
}

impl UserObjects {
    /// Finds the objects that work now. The caller has begun a write transaction. Nothing is changed.
    pub(crate) fn find(
        connection: &mut SqliteConnection,
        path: &Path,
        catalogue: &Catalogue,
    ) -> Result<Self, Error> {
        refuse_large(connection, path)?;
        Ok(Self {
            working: Working::find(connection, path, catalogue)?,
            unambiguous: without_quoted_texts(connection, |connection| {
                Working::find(connection, path, catalogue)
            })?,
            keys: ParentKeys::find(connection, path, catalogue)?,
            update_columns: UpdateColumns::find(connection, catalogue)?,
        })
    }

    /// Fails if one of these objects does not work any more.
    pub(crate) fn require(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), Error> {
        let mut objects = self.working.lost(connection, path)?;
        if objects.is_empty() {
            objects = without_quoted_texts(connection, |connection| {
                self.unambiguous.lost(connection, path)
            })?;
        }
        objects.extend(self.update_columns.lost(connection)?);
        objects.extend(self.keys.lost(connection, path)?);
        if objects.is_empty() {
            return Ok(());
        }
        Err(ErrorKind::ObjectsLost { objects }.at(path))
    }
}

/// The views and triggers that SQLite can resolve.
#[derive(Debug)]
struct Working {
    /// The views that can be read.
    views: Vec<String>,
    /// The statements that fire triggers and compile.
    firing: Vec<Firing>,
    /// Whether SQLite can resolve all views and triggers together.
    all: bool,
}

impl Working {
    fn find(
        connection: &mut SqliteConnection,
        path: &Path,
        catalogue: &Catalogue,
    ) -> Result<Self, Error> {
        let mut views = Vec::new();
        for view in &catalogue.views {
            if read(connection, path, view)?.is_ok() {
                views.push(view.clone());
            }
        }
        let mut firing = Vec::new();
        for statement in Firing::all(connection, catalogue)? {
            if statement.compile(connection, path)?.is_ok() {
                firing.push(statement);
            }
        }
        Ok(Self {
            views,
            firing,
            all: resolve_all(connection, path)?.is_ok(),
        })
    }

    /// The objects that SQLite cannot resolve any more, each with the reason.
    fn lost(&self, connection: &mut SqliteConnection, path: &Path) -> Result<Vec<String>, Error> {
        let mut objects = Vec::new();
        for view in &self.views {
            if let Err(message) = read(connection, path, view)? {
                objects.push(format!("view {view} ({message})"));
            }
        }
        if objects.is_empty()
            && self.all
            && let Err(message) = resolve_all(connection, path)?
        {
            // SQLite says "error in trigger NAME: no such column: …".
            let object = message.strip_prefix("error in ").unwrap_or(&message);
            objects.push(object.to_owned());
        }
        // These errors name no trigger, so they come last.
        if objects.is_empty() {
            for firing in &self.firing {
                if firing.is_possible(connection)?
                    && let Err(message) = firing.compile(connection, path)?
                {
                    let trigger = firing.culprit(connection, path)?;
                    let object = format!("{trigger} ({message})");
                    if !objects.contains(&object) {
                        objects.push(object);
                    }
                }
            }
        }
        Ok(objects)
    }
}

/// Fails if SQLite would take too long to resolve a view or a trigger. It also does that when a migration renames or
/// drops a column.
fn refuse_large(connection: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
    let mut statements = Vec::new();
    {
        let query =
            "SELECT type, name, sql FROM main.sqlite_schema WHERE type IN ('view', 'trigger')";
        let mut rows = Statements::of(connection)?.prepare(query)?;
        while rows.step()? {
            let [kind, name, sql] = [0, 1, 2].map(|column| rows.column(column).to_text());
            statements.push(UserStatement {
                object: format!("{kind} {name}"),
                is_view: kind == "view",
                name,
                sql,
            });
        }
    }
    match too_large(&statements) {
        objects if objects.is_empty() => Ok(()),
        objects => Err(ErrorKind::ObjectsTooLarge { objects }.at(path)),
    }
}

/// Resolves a view by compiling a query of it.
fn read(
    connection: &mut SqliteConnection,
    path: &Path,
    view: &str,
) -> Result<Result<(), String>, Error> {
    let query = format!("SELECT 1 FROM {} LIMIT 0", sql::name(view));
    verdict(path, connection.batch_execute(&query))
}

/// Resolves every view and trigger, as SQLite does whenever a column is renamed.
fn resolve_all(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Result<(), String>, Error> {
    undone(connection, path, |connection| {
        verdict(
            path,
            connection.batch_execute(
                "CREATE TABLE _degenbot_probe (a); ALTER TABLE _degenbot_probe RENAME COLUMN a TO b",
            ),
        )
    })
}

/// Fails if an object of the user has a name that the target version gives to an object of its own. A migration that
/// creates its table only if it is missing would otherwise do nothing.
pub(crate) fn require_free_names(
    path: &Path,
    catalogue: &Catalogue,
    from: &Catalogue,
    target: &Catalogue,
) -> Result<(), Error> {
    // Each with the table that it belongs to.
    let names_beyond = |catalogue: &Catalogue| {
        let mut objects = Vec::new();
        for (name, table) in &catalogue.tables {
            let known = from.tables.get(name);
            if known.is_none() {
                objects.push((SchemaObject::table(name), name.clone()));
            }
            for index in table.indexes.keys() {
                if known.is_none_or(|known| !known.indexes.contains_key(index)) {
                    let object = SchemaObject::new(ObjectKind::Index, index);
                    objects.push((object, name.clone()));
                }
            }
        }
        objects
    };
    let mut needed = names_beyond(target);
    let migrations = MIGRATIONS_TABLE.to_owned();
    needed.push((SchemaObject::table(MIGRATIONS_TABLE), migrations));
    let views = catalogue.views.iter();
    let mut taken = names_beyond(catalogue);
    taken.extend(views.map(|view| (SchemaObject::new(ObjectKind::View, view), String::new())));
    taken.retain(|object| {
        // An object of the very kind, name and table is the object itself, which recognition has compared. Tables,
        // indexes and views share one namespace.
        !needed.contains(object)
            && needed
                .iter()
                .any(|(needed, _)| sql_name::is_same(&needed.name, &object.0.name))
    });
    if taken.is_empty() {
        return Ok(());
    }
    let objects = taken.iter().map(|(object, _)| object.to_string()).collect();
    Err(ErrorKind::NamesTaken { objects }.at(path))
}

/// Fails if a remaining table has a foreign key to a table for which `is_gone` returns true. Rows could not be
/// written to it any more.
pub(crate) fn require_no_dangling(
    path: &Path,
    catalogue: &Catalogue,
    is_gone: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let mut objects = Vec::new();
    for (name, table) in &catalogue.tables {
        let dangling = table.foreign_keys.iter().find(|key| is_gone(&key.table));
        if let Some(key) = dangling.filter(|_| !is_gone(name)) {
            objects.push(format!("table {name} (refers to {})", key.table));
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::ObjectsLost { objects }.at(path))
}
