//! Firing statements: they make SQLite resolve the body of a trigger.

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;
use crate::database::migration::update_columns;
use crate::database::structure::sql_name;
use crate::sqlite::authorizer::Access;

/// A trigger with the events that would fire it. SQLite resolves the body of a trigger only when it compiles the statement
/// of such an event.
#[derive(Debug)]
pub(super) struct Firing {
    trigger: String,
    /// The events whose statements compile. Most of them do not fire the trigger.
    events: Vec<Event>,
    /// Whether the statements of all events compile.
    is_sound: bool,
}

#[derive(Debug)]
enum Event {
    Insert,
    Delete,
    /// The change of any column, for a trigger that lists no columns.
    Update,
    /// The change of this column.
    UpdateOf(String),
}

impl Firing {
    /// Finds the events whose statements compile now. The schema of the compiler has no other trigger that could be
    /// broken: it would hide this one.
    pub(super) fn find(compiler: &mut Compiler<'_>, trigger: &Object) -> Result<Self, Error> {
        let events = Event::all(compiler, trigger)?;
        let of_trigger = events.len();
        let events = alone(compiler, trigger, |compiler| {
            let mut valid = Vec::new();
            for event in events {
                if event.compile(compiler, &trigger.owner)?.is_ok() {
                    valid.push(event);
                }
            }
            Ok(valid)
        })?;
        let events = events.unwrap_or_default();
        Ok(Self {
            trigger: trigger.name.clone(),
            is_sound: events.len() == of_trigger,
            events,
        })
    }

    /// The trigger, if nothing in it is broken.
    pub(super) fn sound_trigger(&self) -> Option<&str> {
        self.is_sound.then_some(self.trigger.as_str())
    }

    pub(super) fn trigger(&self) -> &str {
        &self.trigger
    }

    /// Returns the trigger with SQLite's message if the statement of an event does not compile any more. `trigger` is as
    /// it is now.
    pub(super) fn lost(
        &self,
        compiler: &mut Compiler<'_>,
        trigger: &Object,
    ) -> Result<Option<String>, Error> {
        let columns = compiler.columns(&trigger.owner, false)?;
        let columns = columns.unwrap_or_default();
        let lost = alone(compiler, trigger, |compiler| {
            for event in &self.events {
                if let Event::UpdateOf(column) = event
                    && !sql_name::is_among(column, &columns)
                {
                    continue;
                }
                if let Err(message) = event.compile(compiler, &trigger.owner)? {
                    return Ok(Some(message));
                }
            }
            Ok(None)
        })?;
        Ok(lost
            .flatten()
            .map(|message| format!("trigger {} ({message})", self.trigger)))
    }
}

/// Returns what the trigger reads and writes on each event that fires it and whose statement compiles. The schema of the
/// compiler has no other trigger.
pub(super) fn accesses(
    compiler: &mut Compiler<'_>,
    trigger: &Object,
) -> Result<Vec<Vec<Access>>, Error> {
    let listed = update_columns::columns_of(&trigger.statement);
    let mut events = Event::all(compiler, trigger)?;
    events.retain(|event| match event {
        Event::UpdateOf(column) => sql_name::is_among(column, &listed),
        _ => true,
    });
    let accesses = alone(compiler, trigger, |compiler| {
        let mut found = Vec::new();
        for event in events {
            for statement in event.statements(compiler, &trigger.owner)? {
                if let Ok(accesses) = compiler.accesses(&statement)? {
                    found.push(accesses);
                    break;
                }
            }
        }
        Ok(found)
    })?;
    let mut accesses = accesses.unwrap_or_default();
    accesses.retain(|accesses| accesses.iter().any(|access| access.by == trigger.name));
    Ok(accesses)
}

impl Event {
    /// The events that can fire the trigger, and some that do not.
    fn all(compiler: &mut Compiler<'_>, trigger: &Object) -> Result<Vec<Self>, Error> {
        let mut events = vec![Self::Insert, Self::Delete];
        if update_columns::columns_of(&trigger.statement).is_empty() {
            events.push(Self::Update);
        } else {
            let columns = compiler.columns(&trigger.owner, false)?;
            events.extend(columns.into_iter().flatten().map(Self::UpdateOf));
        }
        Ok(events)
    }

    /// Compiles a statement of this event without running it.
    fn compile(
        &self,
        compiler: &mut Compiler<'_>,
        owner: &str,
    ) -> Result<Result<(), String>, Error> {
        let mut refused = Ok(());
        for statement in self.statements(compiler, owner)? {
            match compiler.attempt(&statement)? {
                Ok(()) => return Ok(Ok(())),
                Err(message) => refused = refused.and(Err(message)),
            }
        }
        Ok(refused)
    }

    /// The statements of this event, of which one is enough.
    fn statements(&self, compiler: &mut Compiler<'_>, owner: &str) -> Result<Vec<String>, Error> {
        let name = sql::name(owner);
        let update = |column: &String| {
            let column = sql::name(column);
            format!("EXPLAIN UPDATE main.{name} SET {column} = {column}")
        };
        Ok(match self {
            Self::Insert => vec![format!("EXPLAIN INSERT INTO main.{name} DEFAULT VALUES")],
            Self::Delete => vec![format!("EXPLAIN DELETE FROM main.{name}")],
            Self::UpdateOf(column) => vec![update(column)],
            Self::Update => {
                let columns = compiler.columns(owner, false)?.unwrap_or_default();
                columns.iter().map(update).collect()
            }
        })
    }
}

/// Runs `operate` while the trigger exists. Returns `None` if it cannot be created.
fn alone<T>(
    compiler: &mut Compiler<'_>,
    trigger: &Object,
    operate: impl FnOnce(&mut Compiler<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    if compiler.attempt(&trigger.statement)?.is_err() {
        return Ok(None);
    }
    let result = operate(compiler)?;
    let drop = format!("DROP TRIGGER main.{}", sql::name(&trigger.name));
    // It exists, so the statement is valid.
    let _ = compiler.attempt(&drop)?;
    Ok(Some(result))
}
