//! `degenbot aave market …`

mod show;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Show the reserves of markets: parameters, totals, rates and e-mode categories
    ///
    /// The totals have the interest up to the last block that the database has. No node is
    /// asked.
    Show(show::Show),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Show(command) => command.run(context),
        }
    }
}
