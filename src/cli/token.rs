//! `degenbot token …`

mod update;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Ask tokens for the names, symbols and decimals that the database lacks
    ///
    /// They are stored as the contracts have them. What a contract does not say, or what the
    /// database cannot hold, stays empty: a text that is not UTF-8, or more than 255
    /// decimals. Such tokens are asked again by the next update.
    Update(update::Update),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Update(command) => command.run(context),
        }
    }
}
