//! User objects: checks that the user's views, triggers and foreign keys still work after a migration.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::expansion::{UserStatement, too_large};
use crate::database::migration::objects::{Object, readable_objects};
use crate::database::migration::parent_keys::ParentKeys;
use crate::database::migration::update_columns::UpdateColumns;
use crate::database::migration::working::{Present, Working};
use crate::database::migration::{alembic_leftovers, bindings};
use crate::database::recognition::identity::Recognition;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::schema_object::{ObjectKind, SchemaObject};
use crate::database::structure::sql_name;
use crate::database::structure::stamp_tables::MIGRATIONS_TABLE;

/// What works of the user's own.
///
/// All of it is looked at in copies of the schema: what an application defines can have stand-ins there, and a trigger can
/// be looked at without the others. An object that SQLite cannot resolve would hide those that it resolves together with it.
#[derive(Debug)]
pub(crate) struct UserObjects {
    /// The views, virtual tables and triggers that work.
    working: Working,
    /// Those in which nothing in double quotes is a text. SQLite would take the name of a column that is gone for one, and
    /// they would go on with another meaning.
    unambiguous: Working,
    keys: ParentKeys,
    update_columns: UpdateColumns,
    /// The views and triggers.
    names: BTreeSet<(String, String)>,
    present: Present,
}

impl UserObjects {
    /// Finds the objects that work now. Nothing is changed.
    pub(crate) fn find(
        connection: &mut SqliteConnection,
        path: &Path,
        catalogue: &Catalogue,
    ) -> Result<Self, Error> {
        let objects = readable_objects(connection)?;
        refuse_large(path, &objects)?;
        let names = names_of(&objects);
        let present = Present::new(objects);
        let mut copy = present.copy(path)?;
        let mut compiler = copy.compiler(path);
        Ok(Self {
            working: Working::find(&mut compiler, &present)?,
            unambiguous: compiler
                .without_quoted_texts(|compiler| Working::find(compiler, &present))?,
            keys: ParentKeys::find(&mut compiler, &present.free_name, catalogue)?,
            update_columns: UpdateColumns::find(&mut compiler, &present.triggers)?,
            names,
            present,
        })
    }

    /// Fails if one of these objects is gone, does not work any more or means something else.
    pub(crate) fn require(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<(), Error> {
        let objects = readable_objects(connection)?;
        let here = names_of(&objects);
        let present = Present::new(objects);
        let mut copy = present.copy(path)?;
        let mut compiler = copy.compiler(path);
        let gone = self.names.difference(&here);
        let mut objects: Vec<_> = gone.map(|(kind, name)| format!("{kind} {name}")).collect();
        if objects.is_empty() {
            objects = self.working.lost(&mut compiler, &present)?;
        }
        if objects.is_empty() {
            objects = compiler
                .without_quoted_texts(|compiler| self.unambiguous.lost(compiler, &present))?;
        }
        objects.extend(self.update_columns.changed(&mut compiler)?);
        objects.extend(self.keys.lost(&mut compiler, &present.free_name)?);
        let mut indexes = self.present.others.iter().filter(|it| it.kind == "index");
        let may_change = !self.names.is_empty() || indexes.any(bindings::has_quoted_name);
        if objects.is_empty() && may_change {
            objects = bindings::changed(path, &self.present, &present, &mut compiler)?;
        }
        if objects.is_empty() {
            return Ok(());
        }
        Err(ErrorKind::ObjectsLost { objects }.at(path))
    }
}

/// The kinds and names of the views and triggers.
fn names_of(objects: &[Object]) -> BTreeSet<(String, String)> {
    views_and_triggers(objects)
        .map(|object| (object.kind.clone(), object.name.clone()))
        .collect()
}

/// The views and triggers. All of them are the user's.
fn views_and_triggers(objects: &[Object]) -> impl Iterator<Item = &Object> {
    objects
        .iter()
        .filter(|object| ["view", "trigger"].contains(&object.kind.as_str()))
}

/// Fails if SQLite would take too long to resolve a view or a trigger. It also does that when a migration renames or
/// drops a column.
fn refuse_large(path: &Path, objects: &[Object]) -> Result<(), Error> {
    let statements: Vec<_> = views_and_triggers(objects)
        .map(|object| UserStatement {
            object: format!("{} {}", object.kind, object.name),
            is_view: object.kind == "view",
            name: object.name.clone(),
            sql: object.statement.clone(),
        })
        .collect();
    match too_large(&statements) {
        objects if objects.is_empty() => Ok(()),
        objects => Err(ErrorKind::ObjectsTooLarge { objects }.at(path)),
    }
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
    let names_beyond = |catalogue: &Catalogue, known: &Catalogue| {
        let mut objects = Vec::new();
        for (name, table) in &catalogue.tables {
            let known = known.tables.get(name);
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
    // The database can lack tables of its version: those that a Rust-core release has dropped.
    let mut needed = names_beyond(target, catalogue);
    let migrations = MIGRATIONS_TABLE.to_owned();
    needed.push((SchemaObject::table(MIGRATIONS_TABLE), migrations));
    let views = catalogue.views.iter();
    let mut taken = names_beyond(catalogue, from);
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

/// Fails if an object of the user is gone. SQLite drops indexes and triggers with their table when a migration
/// rebuilds it. `is_set_aside` says of a view whether it was dropped on purpose.
pub(crate) fn require_present(
    path: &Path,
    before: &Recognition,
    after: &Catalogue,
    is_set_aside: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let mut here = after.extras_beyond(&Catalogue::default());
    let indexes = after.tables.values().flat_map(|table| table.indexes.keys());
    here.extend(indexes.map(|index| SchemaObject::new(ObjectKind::Index, index)));
    let mut objects = before.extras();
    objects.retain(|object| {
        let is_set_aside = object.kind == ObjectKind::View && is_set_aside(&object.name);
        !here.contains(object) && !alembic_leftovers::is_extra(object) && !is_set_aside
    });
    if objects.is_empty() {
        return Ok(());
    }
    let objects = objects.iter().map(ToString::to_string).collect();
    Err(ErrorKind::ObjectsLost { objects }.at(path))
}
