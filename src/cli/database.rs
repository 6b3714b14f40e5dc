//! `degenbot database …`

mod backup;
mod compact;
mod downgrade;
mod info;
mod plan;
mod reset;
mod restore;
mod upgrade;
mod verify;

pub(super) use info::line;

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Context, Failure};
use crate::database::{self, Error, LOCK_TIMEOUT};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copy the database to PATH.bak, while other programs go on using it
    Backup(backup::Backup),
    /// Make a backup the database again
    Restore(restore::Restore),
    /// Empty the database, or create it
    Reset(reset::Reset),
    /// Bring the database to the newest version of the schema
    Upgrade(upgrade::Upgrade),
    /// Bring the database back to an older version of the schema
    Downgrade(downgrade::Downgrade),
    /// Give unused space back to the disk
    Compact(compact::Compact),
    /// Describe the database, without writing to it
    Info(info::Info),
    /// Look for damage, and for rows that cannot be right
    Verify(verify::Verify),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Backup(command) => command.run(context),
            Self::Restore(command) => command.run(context),
            Self::Reset(command) => command.run(context),
            Self::Upgrade(command) => command.run(context),
            Self::Downgrade(command) => command.run(context),
            Self::Compact(command) => command.run(context),
            Self::Info(command) => command.run(context),
            Self::Verify(command) => command.run(context),
        }
    }
}

/// Succeeds for a degenbot database of any version, and warns where that is not the latest.
fn warn_of_other_version(path: &Path) -> Result<(), Error> {
    let recognition = database::recognise(path)?;
    recognition.require_degenbot(path)?;
    if let Some(warning) = recognition.version_warning() {
        log::warn!("{warning}");
    }
    Ok(())
}

/// The option of every command that asks before it goes on.
#[derive(Debug, Args)]
struct Confirmation {
    /// Do not ask, go on
    #[arg(short = 'y', long, visible_alias = "yes")]
    force: bool,
}

/// The option of every command that works beside other programs.
#[derive(Debug, Args)]
struct Waiting {
    /// Wait so long for locks of other programs
    #[arg(long, value_name = "SECONDS", default_value_t = LOCK_TIMEOUT.as_secs())]
    wait: u64,
}

impl Waiting {
    const fn time(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}
