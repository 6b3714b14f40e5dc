//! Firing statements: they make SQLite resolve the body of a trigger.

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;
use crate::database::migration::update_columns;
use crate::database::structure::sql_name;

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
        let mut events = vec![Event::Insert, Event::Delete];
        if update_columns::columns_of(&trigger.statement).is_empty() {
            events.push(Event::Update);
        } else {
            let columns = compiler.columns(&trigger.owner, false)?;
            events.extend(columns.into_iter().flatten().map(Event::UpdateOf));
        }
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

impl Event {
    /// Compiles a statement of this event without running it.
    fn compile(
        &self,
        compiler: &mut Compiler<'_>,
        owner: &str,
    ) -> Result<Result<(), String>, Error> {
        let name = sql::name(owner);
        let update = |column: &str| {
            let column = sql::name(column);
            format!("EXPLAIN UPDATE main.{name} SET {column} = {column}")
        };
        match self {
            Self::Insert => {
                compiler.attempt(&format!("EXPLAIN INSERT INTO main.{name} DEFAULT VALUES"))
            }
            Self::Delete => compiler.attempt(&format!("EXPLAIN DELETE FROM main.{name}")),
            Self::UpdateOf(column) => compiler.attempt(&update(column)),
            Self::Update => {
                let mut refused = Ok(());
                for column in compiler.columns(owner, false)?.unwrap_or_default() {
                    match compiler.attempt(&update(&column))? {
                        Ok(()) => return Ok(Ok(())),
                        Err(message) => refused = refused.and(Err(message)),
                    }
                }
                Ok(refused)
            }
        }
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
