//! Arguments that contradict each other: an error, where otherwise the last one would win silently.
//!
//! clap refuses an option that is given twice to one command. Three cases remain. A global option can be given before and
//! behind the command. An option that can be repeated, such as `--assume`, can say two things about one subject. An option
//! can be one that the command, or this use of it, does not look at.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::Error;
use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::arguments::Cli;

/// Parses the arguments of a process, the first of which is its name.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, Error> {
    let cli = Cli::try_parse_from(arguments)?;
    if let Some(option) = repeated_global_option(arguments) {
        let problem = format!("the argument '{option}' cannot be used multiple times");
        return Err(conflict(&[], problem));
    }
    if cli.global.quiet && cli.global.verbose > 0 {
        let problem = "the argument '--quiet' cannot be used with '--verbose...'".to_owned();
        return Err(conflict(&[], problem));
    }
    if let Some((command, option)) = cli.ignored_option() {
        let problem = format!("the argument '{option} <PATH>' has no effect here");
        return Err(conflict(&command, problem));
    }
    match cli.command.contradiction() {
        Some((command, problem)) => Err(conflict(&command, problem)),
        None => Ok(cli),
    }
}

/// The error about a command, such as `["database", "upgrade"]`.
fn conflict(command: &[&str], problem: String) -> Error {
    let mut tree = Cli::command();
    tree.build();
    let found = command
        .iter()
        .try_fold(&tree, |tree, name| tree.find_subcommand(name));
    found
        .unwrap_or(&tree)
        .clone()
        .error(ErrorKind::ArgumentConflict, problem)
}

/// The global option that is given more than once, anywhere in the arguments. An option's value cannot begin with `-`, so
/// it is not taken for an option.
fn repeated_global_option(arguments: &[OsString]) -> Option<&'static str> {
    let (mut database, mut config, mut quiet) = (0, 0, 0);
    let arguments = arguments.iter().skip(1).map(|one| one.to_string_lossy());
    for argument in arguments.take_while(|argument| argument != "--") {
        match argument
            .split_once('=')
            .map_or(&*argument, |(name, _)| name)
        {
            "--database" => database += 1,
            "--config" => config += 1,
            "--quiet" => quiet += 1,
            short if short.starts_with('-') && !short.starts_with("--") => {
                quiet += short.matches('q').count();
            }
            _ => {}
        }
    }
    [
        ("--database <PATH>", database),
        ("--config <PATH>", config),
        ("--quiet", quiet),
    ]
    .into_iter()
    .find_map(|(option, number)| (number > 1).then_some(option))
}
