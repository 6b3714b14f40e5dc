//! `degenbot database …`

mod backup;
mod beside_litestream;
mod compact;
mod downgrade;
#[cfg(feature = "export")]
mod export;
mod info;
mod kept_file;

mod plan;
mod replace_existing;
mod replica;
mod reset;
mod restore;
mod status;
mod upgrade;
mod verify;
mod version_warning;
mod views;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

// To add one: CONTRIBUTING.md, "A command".
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Info(info::Info),
    Status(status::Status),
    Verify(verify::Verify),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Upgrade(upgrade::Upgrade),
    Downgrade(downgrade::Downgrade),
    Compact(compact::Compact),
    Reset(reset::Reset),
    #[cfg(feature = "export")]
    Export(export::Export),
    Views(views::Views),
}

impl Command {
    /// The command, and what two of its arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Backup(command) => Some(("backup", command.contradiction()?)),
            Self::Upgrade(command) => Some(("upgrade", command.contradiction()?)),
            _ => None,
        }
    }

    /// Whether the command changes nothing.
    pub(super) const fn only_reads(&self) -> bool {
        match self {
            Self::Info(_) | Self::Status(_) | Self::Verify(_) => true,
            Self::Views(command) => command.only_reads(),
            _ => false,
        }
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Info(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Backup(command) => command.run(context),
            Self::Restore(command) => command.run(context),
            Self::Upgrade(command) => command.run(context),
            Self::Downgrade(command) => command.run(context),
            Self::Compact(command) => command.run(context),
            Self::Reset(command) => command.run(context),
            #[cfg(feature = "export")]
            Self::Export(command) => command.run(context),
            Self::Views(command) => command.run(context),
        }
    }
}
