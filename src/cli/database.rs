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

use std::path::Path;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::database;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::error::database_error::Error;
use crate::database::verification::integrity_check::IntegrityCheck;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Info(info::Info),
    Verify(verify::Verify),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Upgrade(upgrade::Upgrade),
    Downgrade(downgrade::Downgrade),
    Compact(compact::Compact),
    Reset(reset::Reset),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Info(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Backup(command) => command.run(context),
            Self::Restore(command) => command.run(context),
            Self::Upgrade(command) => command.run(context),
            Self::Downgrade(command) => command.run(context),
            Self::Compact(command) => command.run(context),
            Self::Reset(command) => command.run(context),
        }
    }
}

/// Succeeds for a degenbot database of any version, and warns if it is not the latest version.
fn warn_of_other_version(path: &Path) -> Result<(), Error> {
    let recognition = database::recognise(path)?;
    recognition.require_degenbot(path)?;
    if let Some(warning) = recognition.version_warning() {
        log::warn!("{warning}");
    }
    Ok(())
}

/// The levels of an option that checks a copy of the database.
fn verification() -> impl TypedValueParser<Value = IntegrityCheck> {
    PossibleValuesParser::new([
        PossibleValue::new("quick").help("The tables"),
        PossibleValue::new("full").help("The indexes too, which takes several times as long"),
    ])
    .try_map(|level| level.parse::<IntegrityCheck>())
}

/// The option of every command that asks a question.
#[derive(Debug, Args)]
struct Confirmation {
    /// Answer every question with yes
    #[arg(short = 'y', long, visible_alias = "yes")]
    force: bool,
}

/// The option of every command that waits for the locks of other programs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Waiting {
    /// How many seconds to wait for the locks of other programs
    #[arg(long, value_name = "SECONDS", default_value_t = LOCK_TIMEOUT.as_secs())]
    wait: u64,
}

impl Waiting {
    pub(in crate::cli) const fn time(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}
