//! The command line: the only code that prints, prompts or ends the process.
//!
//! Each command has its own file. A command calls the library with its arguments, and prints the report as text or
//! as JSON (`json`). `Printer` owns the streams. `Failure` turns errors into messages, hints and exit statuses.

mod aave;
mod alike;
mod arguments;
mod asking;
mod bar;
mod completions;
mod config;
mod context;
mod contradictions;
mod database;
mod endpoints;
mod estimates;
mod exchange;
mod exit_status;
mod failure;
mod follow;
mod format;
mod global_options;
mod interrupt;
mod json;
mod known_values;
mod logging;
mod man;
mod metrics_file;
mod options;
mod outcome;
mod own_file;
mod parse;
mod pool;
mod printer;
mod progress;
mod prompt;
mod quantities;
mod question_line;
#[cfg(test)]
mod reference;
mod service_manager;
mod settings_files;
mod table;
mod token;
mod unknown_command;
mod wrap;

use std::env;
use std::process::ExitCode;

use crate::cli::context::Context;
use crate::cli::exit_status::ExitStatus;
use crate::system::file_size_limit;

/// Runs the command that the arguments of the process name.
///
/// `degenbot --help` lists the exit statuses.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match parse::parse(env::args_os()) {
        Ok(cli) => cli,
        Err(other) => return other.report(),
    };
    file_size_limit::report_as_error();
    logging::initialize(cli.global.verbose, cli.global.quiet);
    interrupt::install();
    let context = Context::new(cli.global);
    let only_reads = cli.command.only_reads();
    let result = cli.command.run(&context);
    // A signal that comes now is too late: the command is done, or says why it is not.
    interrupt::finish();
    match result {
        Ok(()) => ExitStatus::Done.into(),
        Err(failure) if only_reads => failure.without_effect().report(&context.printer).into(),
        Err(failure) => failure.report(&context.printer).into(),
    }
}
