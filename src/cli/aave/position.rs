//! `degenbot aave position …`

mod risk;
mod show;
mod zones;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Show what a user supplies and owes, and what it is worth
    ///
    /// Balances have their interest up to the last block that the database has. Health
    /// factor, collateral, debt, loan-to-value ratio and threshold are those that the
    /// contract says in that block, to the last digit. The prices are asked for at a node,
    /// or read from a file; without either, only the balances are shown.
    Show(show::Show),
    /// Find the users near liquidation
    ///
    /// All users with debt are valued, with the numbers that the contract says in the last
    /// block that the database has. The users nearest to liquidation come first. The prices
    /// are those of the market's oracle in the same block, asked for in one request; if the
    /// node no longer has its state, those of the newest block. A user who holds an asset
    /// without a price is named, and counts nowhere else.
    Risk(risk::Risk),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Show(command) => command.run(context),
            Self::Risk(command) => command.run(context),
        }
    }
}
