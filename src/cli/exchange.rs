//! `degenbot exchange …`

mod activate;
mod add;
mod deactivate;
mod list;
mod lookup;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Include an exchange in updates
    Activate(activate::Activate),
    /// Exclude an exchange from updates
    Deactivate(deactivate::Deactivate),
    /// List the known exchanges and those in the database
    ///
    /// It writes nothing to the database.
    List(list::List),
    /// Add an exchange that degenbot does not know
    Add(add::Add),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Activate(command) => command.run(context),
            Self::Deactivate(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Add(command) => command.run(context),
        }
    }
}
