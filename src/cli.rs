//! The command line: the only code that prints, prompts or ends the process.
//!
//! Each command has its own file. A command calls the library with its arguments, and prints the report as text or
//! as JSON (`json`). `Printer` owns the streams. `Failure` turns errors into messages, hints and exit statuses.

mod arguments;
mod completions;
mod config;
mod context;
mod database;
mod exchange;
mod failure;
mod format;
mod global_options;
mod interrupt;
mod json;
mod logging;
mod man;
mod options;
mod printer;
mod progress;
mod prompt;
#[cfg(test)]
mod reference;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::arguments::Cli;
use crate::cli::context::Context;

/// Runs the command that the arguments of the process name.
///
/// The exit status is 0 if it is done, 1 if it failed, was refused or was aborted by the user, and 2 if
/// the arguments are wrong.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help to stdout (status 0) and errors to stderr (status 2). If the stream is closed,
            // nobody can read a message about it.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    logging::initialize(cli.global.verbose, cli.global.quiet);
    interrupt::install();
    let context = Context::new(cli.global);
    match cli.command.run(&context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&context.printer),
    }
}
