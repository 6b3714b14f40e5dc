//! `degenbot config …`

mod init;
mod path;
mod show;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the settings in force, and the source of each
    Show(show::Show),
    /// Print the path of the config file, whether or not it exists
    Path(path::Path),
    /// Write a config file
    Init(init::Init),
}

impl Command {
    /// The command, and what two of its arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Init(command) => Some(("init", command.contradiction()?)),
            _ => None,
        }
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Show(command) => command.run(context),
            Self::Path(command) => command.run(context),
            Self::Init(command) => command.run(context),
        }
    }
}
