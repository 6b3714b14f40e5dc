//! `degenbot pool …`

mod endpoints;
mod update;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take in the new pools of the active exchanges, and the changes of their liquidity
    ///
    /// The events come from a node of each chain, named in the section [rpc] of the config
    /// file. Every block counts once: an update that was ended goes on where it was, and
    /// blocks that are gone from the chain are undone by the next update.
    Update(Box<update::Update>),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Update(command) => command.run(context),
        }
    }
}
