//! The triggers that a message names.

/// The end of a message that names triggers.
pub(super) fn of_triggers(triggers: &[String]) -> String {
    match triggers {
        [] => String::new(),
        triggers => format!("; its triggers on these tables are {}", list(triggers)),
    }
}

/// Names for a message.
fn list(names: &[String]) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|name| name.escape_debug().to_string())
        .collect();
    names.join(", ")
}
