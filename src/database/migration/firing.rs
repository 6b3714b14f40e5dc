//! Firing statements: they make SQLite resolve the body of a trigger.

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::bytecode::Program;
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;
use crate::database::migration::sql_tokens::{Token, tokens};
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
        let columns = compiler.columns(&trigger.owner, false)?;
        let columns = columns.unwrap_or_default();
        let listed = update_columns::columns_of(&trigger.statement);
        let events = Event::all(&listed, &columns);
        let of_trigger = events.len();
        let events = alone(compiler, trigger, |compiler| {
            let mut valid = Vec::new();
            for event in events {
                if event.compile(compiler, &trigger.owner, &columns)?.is_ok() {
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
                if let Err(message) = event.compile(compiler, &trigger.owner, &columns)? {
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

/// What SQLite makes of the statement of each event that can fire the trigger, and of some that do not; `None` if the
/// statement does not compile. `columns` are columns of the trigger's table. The schema of the compiler has no other trigger.
pub(super) fn programs(
    compiler: &mut Compiler<'_>,
    trigger: &Object,
    columns: &[String],
) -> Result<Vec<Option<Program>>, Error> {
    let statements = statements(trigger, columns);
    let programs = alone(compiler, trigger, |compiler| {
        let mut programs = Vec::new();
        for statements in &statements {
            let mut found = None;
            for statement in statements {
                found = found.or(compiler.program(statement)?.ok());
            }
            programs.push(found);
        }
        Ok(programs)
    })?;
    Ok(programs.unwrap_or_else(|| vec![None; statements.len()]))
}

/// What the trigger reads and writes on all events that fire it and whose statements compile. The schema of the compiler has
/// no other trigger.
pub(super) fn accesses(
    compiler: &mut Compiler<'_>,
    trigger: &Object,
) -> Result<Vec<Access>, Error> {
    let columns = compiler.columns(&trigger.owner, false)?;
    let statements = statements(trigger, &columns.unwrap_or_default());
    let accesses = alone(compiler, trigger, |compiler| {
        let mut found = Vec::new();
        for statement in statements.iter().flatten() {
            found.extend(compiler.accesses(statement)?.unwrap_or_default());
        }
        Ok(found)
    })?;
    Ok(accesses.unwrap_or_default())
}

/// Whether the trigger fires when a row is added.
pub(super) fn fires_at_insert(trigger: &Object) -> bool {
    let tokens = tokens(&trigger.statement);
    let mut words = tokens.windows(2);
    let event = words.find(|pair| matches!(pair, [Token::Word(_), Token::Word(on)] if on == "on"));
    // The last of the columns after UPDATE OF could be called so.
    update_columns::columns_of(&trigger.statement).is_empty()
        && matches!(event, Some([Token::Word(event), _]) if event == "insert")
}

/// The statements of each event, of which one is enough.
fn statements(trigger: &Object, columns: &[String]) -> Vec<Vec<String>> {
    let listed = update_columns::columns_of(&trigger.statement);
    let mut events = Event::all(&listed, columns);
    events.retain(|event| match event {
        Event::UpdateOf(column) => sql_name::is_among(column, &listed),
        _ => true,
    });
    let statements = events
        .iter()
        .map(|event| event.statements(&trigger.owner, columns));
    statements.collect()
}

impl Event {
    /// The events that can fire a trigger, and some that do not. `listed` are the columns that it lists after UPDATE OF,
    /// `columns` those of its table.
    fn all(listed: &[String], columns: &[String]) -> Vec<Self> {
        let mut events = vec![Self::Insert, Self::Delete];
        if listed.is_empty() {
            events.push(Self::Update);
        } else {
            events.extend(columns.iter().cloned().map(Self::UpdateOf));
        }
        events
    }

    /// Compiles a statement of this event without running it.
    fn compile(
        &self,
        compiler: &mut Compiler<'_>,
        owner: &str,
        columns: &[String],
    ) -> Result<Result<(), String>, Error> {
        let mut refused = Ok(());
        for statement in self.statements(owner, columns) {
            match compiler.attempt(&statement)? {
                Ok(()) => return Ok(Ok(())),
                Err(message) => refused = refused.and(Err(message)),
            }
        }
        Ok(refused)
    }

    /// The statements of this event, of which one is enough.
    fn statements(&self, owner: &str, columns: &[String]) -> Vec<String> {
        let name = sql::name(owner);
        let update = |column: &String| {
            let column = sql::name(column);
            format!("EXPLAIN UPDATE main.{name} SET {column} = {column}")
        };
        match self {
            Self::Insert => vec![format!("EXPLAIN INSERT INTO main.{name} DEFAULT VALUES")],
            Self::Delete => vec![format!("EXPLAIN DELETE FROM main.{name}")],
            Self::UpdateOf(column) => vec![update(column)],
            Self::Update => columns.iter().map(update).collect(),
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
