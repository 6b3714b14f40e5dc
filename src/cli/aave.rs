//! `degenbot aave …`

mod activate;
mod active;
mod add;
mod amounts;
mod chosen;
mod contracts;
mod deactivate;
mod findings;
mod heading;
mod list;
mod lookup;
mod market;
mod position;
mod price_file;
mod pricing;
mod repair;
mod update;
mod update_plan;
mod verify;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Include a market in updates
    ///
    /// A known market that the database lacks is added, with the name that its contract says;
    /// a node is asked for it. A market that the Python package has followed keeps its rows
    /// and its mark. The database must be at the newest version.
    ///
    /// Until Aave 3.2, markets could also have debt at a stable rate, which the database has
    /// no table for: of such a market, the debt at variable rates is right, and the debt at
    /// stable rates is missing.
    Activate(activate::Activate),
    /// Exclude a market from updates
    ///
    /// Its users and positions stay in the database, which can be at any version.
    Deactivate(deactivate::Deactivate),
    /// List the known markets and those in the database
    ///
    /// It writes nothing to the database.
    List(list::List),
    /// Add a market that degenbot does not know
    ///
    /// It is not active yet. Any market whose contracts are those of Aave V3 can be added. An
    /// update says if one of its contracts has a revision that it does not know.
    Add(add::Add),
    /// Take in what has happened in the active markets: reserves, users and positions
    ///
    /// The events come from a node of each chain, named in the config file. Every block
    /// counts once: an update that was ended goes on where it was, and blocks that are gone
    /// from the chain are undone by the next update.
    ///
    /// Each event of a token repeats the interest of the balance that it changes. If that is
    /// another one than the balance in the database has, nothing of these blocks is written.
    Update(Box<update::Update>),
    /// Show the state of markets
    #[command(subcommand)]
    Market(market::Command),
    /// Show what users supply and owe, and who is near liquidation
    #[command(subcommand)]
    Position(position::Command),
    /// Compare the active markets with what their contracts say
    ///
    /// Every reserve is compared, with its configuration, indexes and e-mode categories, and
    /// the sum of all balances with the total supply of each token. Of 100 users, of all, or
    /// of those that are named, the balances, the e-mode and the collateral are.
    ///
    /// What is compared is the state of the block that the database is at. If the node no
    /// longer has it, the events since then are added in memory, and the newest block is
    /// compared. Nothing is written. The exit status is 3 if something differs, or could not
    /// be compared.
    Verify(Box<verify::Verify>),
    /// Make users or reserves what their contracts say
    ///
    /// What differs is written anew: all balances of the users, their e-mode and collateral,
    /// or the reserves. It is the state of the last final block that the database has, so the
    /// node must have the state of that block. What came after it is taken back before, and
    /// taken in again afterwards, whatever has become of its rows since. Blocks that are gone
    /// from the chain are taken back first, and not taken in again: that is left for an update.
    ///
    /// If the balances of a token do not add up to its total supply, '--all-found' looks for
    /// users that the database has lost in the events of the token. It fails if these name
    /// nobody who is missing.
    Repair(Box<repair::Repair>),
}

impl Command {
    /// Whether the command changes nothing.
    pub(super) const fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::List(_) | Self::Market(_) | Self::Position(_) | Self::Verify(_)
        )
    }

    /// The command, and what two of its arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Update(command) => Some(("update", command.contradiction()?)),
            Self::Verify(command) => Some(("verify", command.contradiction()?)),
            Self::Repair(command) => Some(("repair", command.contradiction()?)),
            _ => None,
        }
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Activate(command) => command.run(context),
            Self::Deactivate(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Add(command) => command.run(context),
            Self::Update(command) => command.run(context),
            Self::Market(command) => command.run(context),
            Self::Position(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Repair(command) => command.run(context),
        }
    }
}
