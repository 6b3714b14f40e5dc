//! Working objects: the user's views, virtual tables and triggers that SQLite can resolve.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::firing::Firing;
use crate::database::migration::objects::{Object, free_name};
use crate::database::migration::schema_copy::{Compiler, SchemaCopy};

/// The objects of a database at one time.
#[derive(Debug)]
pub(super) struct Present {
    /// Every object but the triggers, in the order in which they can be created.
    pub(super) others: Vec<Object>,
    pub(super) triggers: Vec<Object>,
    /// A name that no object has, and with which no name begins.
    pub(super) free_name: String,
}

impl Present {
    pub(super) fn new(objects: Vec<Object>) -> Self {
        let free_name = free_name(&objects);
        let (triggers, others) = objects
            .into_iter()
            .partition(|object| object.kind == "trigger");
        Self {
            others,
            triggers,
            free_name,
        }
    }

    /// Copies the schema without the triggers.
    pub(super) fn copy(&self, path: &Path) -> Result<SchemaCopy, Error> {
        self.changed_copy(path, &[], |object| object.statement.clone())
    }

    /// Like [`Self::copy`], with other statements for the objects. `alter` changes the tables before there are views, which
    /// would change with them.
    pub(super) fn changed_copy(
        &self,
        path: &Path,
        alter: &[String],
        statement: impl Fn(&Object) -> String,
    ) -> Result<SchemaCopy, Error> {
        let mut copy = SchemaCopy::empty()?;
        let (views, others): (Vec<_>, Vec<_>) =
            self.others.iter().partition(|object| object.kind == "view");
        for object in others {
            copy.create(&statement(object))?;
        }
        for alter in alter {
            // A table whose columns change is an ordinary one.
            let _ = copy.compiler(path).attempt(alter)?;
        }
        for object in views {
            copy.create(&statement(object))?;
        }
        let mut compiler = copy.compiler(path);
        // A view can read the statistics, so the copy needs their tables.
        let _ = compiler.attempt("ANALYZE sqlite_schema")?;
        self.make_views_writable(&mut compiler)?;
        Ok(copy)
    }

    /// Lets rows be written to the views that have triggers. A trigger on a table can do that, and is looked at alone.
    fn make_views_writable(&self, compiler: &mut Compiler<'_>) -> Result<(), Error> {
        let mut number = 0;
        let owners: BTreeSet<_> = self.triggers.iter().map(|trigger| &trigger.owner).collect();
        for view in self.others.iter().filter(|object| object.kind == "view") {
            if !owners.contains(&view.name) {
                continue;
            }
            for event in ["INSERT", "UPDATE", "DELETE"] {
                number += 1;
                let (trigger, view) = (&self.free_name, sql::name(&view.name));
                let create = format!(
                    "CREATE TRIGGER main.{trigger}{number} INSTEAD OF {event} ON {view} BEGIN SELECT 1; END"
                );
                // SQLite does not look into the view here.
                let _ = compiler.attempt(&create)?;
            }
        }
        Ok(())
    }
}

/// The views, virtual tables and triggers that SQLite can resolve.
#[derive(Debug)]
pub(super) struct Working {
    /// The views and the virtual tables that can be read.
    readable: Vec<Readable>,
    /// The triggers.
    firing: Vec<Firing>,
    /// The objects that SQLite can resolve all together.
    together: Option<Together>,
}

/// A view or a virtual table.
#[derive(Debug)]
struct Readable {
    /// As `view NAME`.
    object: String,
    /// A query that SQLite can run only if it can resolve the object.
    query: String,
}

impl Readable {
    fn of(object: &Object) -> Option<Self> {
        let name = sql::name(&object.name);
        let query = match object.kind.as_str() {
            "view" => format!("SELECT 1 FROM main.{name} LIMIT 0"),
            // Its module looks at what it needs only when it is asked for a row.
            _ if object.is_virtual_table() => {
                format!("SELECT * FROM main.{name} LIMIT 1")
            }
            _ => return None,
        };
        Some(Self {
            object: format!("{} {}", object.kind, object.name),
            query,
        })
    }
}

impl Working {
    pub(super) fn find(compiler: &mut Compiler<'_>, present: &Present) -> Result<Self, Error> {
        let mut readable = Vec::new();
        let mut together = Together::default();
        for object in &present.others {
            let Some(one) = Readable::of(object) else {
                continue;
            };
            if compiler.attempt(&one.query)?.is_ok() {
                if object.kind == "view" {
                    together.views.insert(object.name.clone());
                }
                readable.push(one);
            }
        }
        let mut firing = Vec::new();
        for trigger in &present.triggers {
            let one = Firing::find(compiler, trigger)?;
            together
                .triggers
                .extend(one.sound_trigger().map(str::to_owned));
            firing.push(one);
        }
        Ok(Self {
            readable,
            firing,
            together: together.without_broken(compiler, present)?,
        })
    }

    /// The objects that SQLite cannot resolve any more, each with the reason.
    pub(super) fn lost(
        &self,
        compiler: &mut Compiler<'_>,
        present: &Present,
    ) -> Result<Vec<String>, Error> {
        let mut objects = Vec::new();
        for Readable { object, query } in &self.readable {
            if let Err(message) = compiler.attempt(query)? {
                objects.push(format!("{object} ({message})"));
            }
        }
        if objects.is_empty()
            && let Some(together) = &self.together
            && let Err(message) = together.resolve(compiler, present)?
        {
            // SQLite says "error in trigger NAME: no such column: …".
            let object = message.strip_prefix("error in ").unwrap_or(&message);
            objects.push(object.to_owned());
        }
        if objects.is_empty() {
            let triggers: BTreeMap<_, _> = present
                .triggers
                .iter()
                .map(|trigger| (trigger.name.as_str(), trigger))
                .collect();
            for firing in &self.firing {
                if let Some(trigger) = triggers.get(firing.trigger()) {
                    objects.extend(firing.lost(compiler, trigger)?);
                }
            }
        }
        Ok(objects)
    }
}

/// Views and triggers, by their names.
#[derive(Debug, Default)]
struct Together {
    views: BTreeSet<String>,
    triggers: BTreeSet<String>,
}

impl Together {
    /// Removes the objects that SQLite cannot resolve together with the others, so that they do not hide them.
    fn without_broken(
        mut self,
        compiler: &mut Compiler<'_>,
        present: &Present,
    ) -> Result<Option<Self>, Error> {
        while let Err(message) = self.resolve(compiler, present)? {
            let is_named = |kind: &str, name: &String| {
                let start = format!("error in {kind} {name}");
                let rest = message.strip_prefix(&start);
                rest.is_some_and(|rest| rest.starts_with(':') || rest.starts_with(' '))
            };
            let before = self.views.len() + self.triggers.len();
            self.views.retain(|view| !is_named("view", view));
            self.triggers
                .retain(|trigger| !is_named("trigger", trigger));
            if self.views.len() + self.triggers.len() == before {
                return Ok(None);
            }
        }
        Ok(Some(self))
    }

    /// Resolves these objects, as SQLite does whenever a column is renamed.
    fn resolve(
        &self,
        compiler: &mut Compiler<'_>,
        present: &Present,
    ) -> Result<Result<(), String>, Error> {
        compiler.undone(|compiler| {
            for object in &present.others {
                if object.kind == "view" && !self.views.contains(&object.name) {
                    let drop = format!("DROP VIEW IF EXISTS main.{}", sql::name(&object.name));
                    let _ = compiler.attempt(&drop)?;
                }
            }
            for trigger in &present.triggers {
                if self.triggers.contains(&trigger.name) {
                    let _ = compiler.attempt(&trigger.statement)?;
                }
            }
            let probe = &present.free_name;
            let create = format!("CREATE TABLE main.{probe} (a)");
            if let Err(message) = compiler.attempt(&create)? {
                return Ok(Err(message));
            }
            compiler.attempt(&format!("ALTER TABLE main.{probe} RENAME COLUMN a TO b"))
        })
    }
}
