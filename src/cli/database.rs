//! `degenbot database …`

mod backup;
mod compact;
mod info;
mod reset;
mod upgrade;

use clap::{Args, Subcommand};

use super::{Context, Failure};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copy the database to PATH.bak, while other programs go on using it
    Backup(backup::Backup),
    /// Empty the database, or create it
    Reset(reset::Reset),
    /// Bring the database to the newest version of the schema
    Upgrade(upgrade::Upgrade),
    /// Give unused space back to the disk
    Compact(compact::Compact),
    /// Describe the database, without writing to it
    Info(info::Info),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Backup(command) => command.run(context),
            Self::Reset(command) => command.run(context),
            Self::Upgrade(command) => command.run(context),
            Self::Compact(command) => command.run(context),
            Self::Info(command) => command.run(context),
        }
    }
}

/// The option of every command that asks before it goes on.
#[derive(Debug, Args)]
struct Confirmation {
    /// Do not ask, go on
    #[arg(short = 'y', long, visible_alias = "yes")]
    force: bool,
}
