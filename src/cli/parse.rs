//! Parsing of the arguments, and what is printed if they name no command: help, the version, or what is wrong.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use clap::error::Error;

use crate::cli::arguments::Cli;
use crate::cli::contradictions;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::printer::{self, Printer};
use crate::cli::unknown_command;
use crate::database::files::named_files;
use crate::escape::escaped;
use crate::settings::endpoint::{endpoint_without_key, text_without_keys};

/// Arguments that name no command to run.
#[derive(Debug)]
pub(super) enum NoCommand {
    /// They ask for help or the version, or are wrong.
    Error(Error),
    /// They name a command that does not exist, and this says what to type instead.
    Advice(Failure),
}

/// Parses the arguments of the process, the first of which is the name of the program.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, NoCommand> {
    let arguments: Vec<_> = arguments.collect();
    let error = match contradictions::parse(&arguments) {
        Ok(cli) => {
            name_files(&arguments);
            return Ok(cli);
        }
        Err(error) => error,
    };
    let shown: Vec<_> = shown(&arguments).into_iter().map(OsString::from).collect();
    Err(match unknown_command::advice(&error, &shown) {
        Some(failure) => NoCommand::Advice(failure),
        None => NoCommand::Error(presentable(error, &arguments, &shown)),
    })
}

/// Names every file that an argument may be the path of, whatever its option is for: none of them is cleaned away.
fn name_files(arguments: &[OsString]) {
    for argument in arguments {
        named_files::add(Path::new(argument));
        let mut parts = argument.as_bytes().splitn(2, |byte| *byte == b'=');
        if let (Some(_option), Some(value)) = (parts.next(), parts.next()) {
            named_files::add(Path::new(OsStr::from_bytes(value)));
        }
    }
}

/// The error as it may be shown. clap's texts quote arguments, among styles of their own; so the error is made anew, of
/// arguments without hidden characters and node keys.
fn presentable(error: Error, arguments: &[OsString], shown: &[OsString]) -> Error {
    if shown == arguments {
        return error;
    }
    match contradictions::parse(shown) {
        Err(other) if other.kind() == error.kind() => other,
        // Only the characters that are not shown are wrong.
        _ => Error::raw(
            error.kind(),
            "an argument is invalid or not UTF-8\n\nFor more information, try '--help'.\n",
        ),
    }
}

/// The arguments without hidden characters and node keys.
fn shown(arguments: &[OsString]) -> Vec<String> {
    let mut is_node = false;
    let mut shown = Vec::new();
    for argument in arguments {
        let text = escaped(argument.to_string_lossy()).to_string();
        shown.push(match text.split_once('=') {
            _ if is_node && !text.starts_with('-') => node_without_key(&text),
            Some((option, node)) if OF_NODES.contains(&option) => {
                format!("{option}={}", node_without_key(node))
            }
            _ => text_without_keys(&text, ""),
        });
        is_node = OF_NODES.contains(&text.as_str());
    }
    shown
}

/// The options whose value has the address of a node.
const OF_NODES: [&str; 2] = ["--rpc", "--ws"];

/// The value of such an option: `1=NODE`.
fn node_without_key(value: &str) -> String {
    match value.split_once('=') {
        // There is nothing to hide, and the error is that of an address that is missing.
        Some((_, "")) => value.to_owned(),
        Some((chain, node)) if chain.chars().all(char::is_alphanumeric) => {
            format!("{chain}={}", endpoint_without_key(node))
        }
        _ => endpoint_without_key(value),
    }
}

impl NoCommand {
    /// Prints help and the version to stdout, errors to stderr.
    pub(super) fn report(&self) -> ExitCode {
        let error = match self {
            Self::Error(error) => error,
            Self::Advice(failure) => return failure.report(&Printer::new(false, false)).into(),
        };
        let text = error.render();
        if error.use_stderr() {
            printer::wrong_arguments(&text);
            return ExitStatus::WrongArguments.into();
        }
        match printer::help(&text) {
            Ok(()) => ExitStatus::Done.into(),
            Err(error) => Failure::Output { error }
                .report(&Printer::new(false, false))
                .into(),
        }
    }
}
