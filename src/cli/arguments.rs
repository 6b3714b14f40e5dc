//! The arguments of the command: the global options and the subcommands.

use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;

use crate::cli::completions::Completions;
use crate::cli::context::Context;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::global_options::GlobalOptions;
use crate::cli::man::Man;
use crate::cli::{aave, config, database, exchange, pool, token};

/// Database toolkit for EVM arbitrage and liquidation bots
///
/// It manages the SQLite file in which a bot keeps its tokens, exchanges, pools, liquidity and Aave positions. It uses
/// the database and the config file of the Python package degenbot.
#[derive(Debug, Parser)]
#[command(name = "degenbot", version, propagate_version = true, after_long_help = after_help())]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalOptions,
    #[command(subcommand)]
    pub(super) command: Command,
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
    degenbot/config.toml in $XDG_CONFIG_HOME, or in ~/.config if that is not set";

fn after_help() -> String {
    format!("{AFTER_HELP}\n\n{}", ExitStatus::table())
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Describe, check, back up, restore, upgrade and compact the database
    #[command(subcommand)]
    Database(database::Command),
    /// Choose the exchanges that updates follow
    #[command(subcommand)]
    Exchange(exchange::Command),
    /// Keep the pools up to date from a node, list and show them
    #[command(subcommand)]
    Pool(pool::Command),
    /// Fill in the names, symbols and decimals of tokens from a node
    #[command(subcommand)]
    Token(token::Command),
    /// Choose the markets of Aave V3 that updates follow
    #[command(subcommand)]
    Aave(aave::Command),
    /// Show and write the config file
    #[command(subcommand)]
    Config(config::Command),
    Completions(Completions),
    Man(Man),
}

impl Cli {
    /// A command, and the global option that it would ignore.
    pub(super) fn ignored_option(&self) -> Option<(Vec<&'static str>, &'static str)> {
        let (command, needs_config) = match &self.command {
            Command::Completions(_) => (vec!["completions"], false),
            Command::Man(_) => (vec!["man"], false),
            Command::Config(config::Command::Path(_)) => (vec!["config", "path"], true),
            _ => return None,
        };
        if self.global.database.is_some() {
            Some((command, "--database"))
        } else if self.global.config.is_some() && !needs_config {
            Some((command, "--config"))
        } else {
            None
        }
    }
}

/// A command, such as `["database", "upgrade"]`, and what two of its arguments contradict each other about.
pub(super) type Contradiction = (Vec<&'static str>, String);

impl Command {
    /// What two arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<Contradiction> {
        match self {
            Self::Database(command) => command
                .contradiction()
                .map(|(command, problem)| (vec!["database", command], problem)),
            Self::Config(command) => command
                .contradiction()
                .map(|(command, problem)| (vec!["config", command], problem)),
            Self::Pool(command) => command
                .contradiction()
                .map(|(command, problem)| (vec!["pool", command], problem)),
            Self::Aave(command) => command
                .contradiction()
                .map(|(command, problem)| (vec!["aave", command], problem)),
            Self::Exchange(_) | Self::Token(_) | Self::Completions(_) | Self::Man(_) => None,
        }
    }

    /// Whether the command changes nothing, so that nobody asks what a failed one has changed.
    pub(super) const fn only_reads(&self) -> bool {
        match self {
            Self::Database(command) => command.only_reads(),
            Self::Exchange(command) => matches!(command, exchange::Command::List(_)),
            Self::Pool(command) => !matches!(command, pool::Command::Update(_)),
            Self::Token(_) => false,
            Self::Aave(command) => command.only_reads(),
            Self::Config(_) | Self::Completions(_) | Self::Man(_) => true,
        }
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Database(command) => command.run(context),
            Self::Exchange(command) => command.run(context),
            Self::Pool(command) => command.run(context),
            Self::Token(command) => command.run(context),
            Self::Aave(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Completions(command) => command.run(context, Cli::command()),
            Self::Man(command) => command.run(context, Cli::command()),
        }
    }
}
