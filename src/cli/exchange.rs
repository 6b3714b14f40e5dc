//! `degenbot exchange …`

mod activate;
mod add;
mod deactivate;
mod list;
pub(in crate::cli) mod lookup;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Include an exchange in updates
    ///
    /// A known exchange that the database lacks is added. The database can be at any version: the tables that the command
    /// writes to are the same in all of them.
    Activate(activate::Activate),
    /// Exclude an exchange from updates
    ///
    /// Its pools stay in the database, which can be at any version.
    Deactivate(deactivate::Deactivate),
    /// List the known exchanges and those in the database
    ///
    /// It writes nothing to the database.
    List(list::List),
    /// Add an exchange that degenbot does not know
    ///
    /// It is not active yet. The database can be at any version.
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
