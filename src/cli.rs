//! The command line: the only code that prints, prompts or ends the process.
//!
//! Each command has its own file. A command calls the library with its arguments, and prints the report as text or
//! as JSON (`json`). `Printer` owns the streams. `Failure` turns errors into messages, hints and exit statuses.

mod completions;
mod config;
mod context;
mod database;
mod exchange;
mod failure;
mod format;
mod interrupt;
mod json;
mod logging;
mod man;
mod printer;
mod progress;
mod prompt;
#[cfg(test)]
mod reference;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgAction;
use clap::Args;
use clap::Parser;
use clap::Subcommand;

use crate::cli::context::Context;

/// Database toolkit for EVM arbitrage and liquidation bots
///
/// It manages the SQLite file in which a bot keeps its tokens, exchanges, pools, liquidity and Aave positions. It uses
/// the database and the config file of the Python package degenbot.
#[derive(Debug, Parser)]
#[command(name = "degenbot", version, propagate_version = true, after_long_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  degenbot database info
  degenbot database upgrade --dry-run
  degenbot --database other.db database backup

Which database:
  The first of these that is given:
    --database PATH
    the environment variable DEGENBOT_DB_PATH
    path in the section [database] of the config file
    degenbot.db in the folder of the config file

Which config file:
  The first of these that is given; the last one need not exist:
    --config PATH
    the environment variable DEGENBOT_CONFIG
    degenbot/config.toml in $XDG_CONFIG_HOME, or in ~/.config if that is not set

Exit status:
  0  done
  1  failed, refused, or aborted by the user
  2  wrong arguments";

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options", next_display_order = 100)]
#[expect(clippy::doc_markdown, reason = "the comments are the help text")]
struct GlobalOptions {
    /// Use the database at this path [env: DEGENBOT_DB_PATH]
    #[arg(long, global = true, value_name = "PATH")]
    database: Option<PathBuf>,
    /// Read the config file at this path [env: DEGENBOT_CONFIG]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Print more messages; give it twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Print only errors and questions
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Describe, check, back up, restore, upgrade and compact the database
    #[command(subcommand)]
    Database(database::Command),
    /// Choose the exchanges that updates of the Python package follow
    #[command(subcommand)]
    Exchange(exchange::Command),
    /// Show and write the config file
    #[command(subcommand)]
    Config(config::Command),
    Completions(completions::Completions),
    Man(man::Man),
}

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
    let result = match cli.command {
        Command::Database(command) => command.run(&context),
        Command::Exchange(command) => command.run(&context),
        Command::Config(command) => command.run(&context),
        Command::Completions(command) => command.run(&context),
        Command::Man(command) => command.run(&context),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&context.printer),
    }
}
