//! `degenbot pool …`

mod cells;
mod filters;
mod findings;
mod liquidity_chart;
mod liquidity_svg;
mod list;
mod pool_table;
mod prices;
mod repair;
mod show;
mod update;
mod update_plan;
mod verify;
mod which;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take in the new pools of the active exchanges, and the changes of their liquidity
    ///
    /// The events come from a node of each chain, named in the config file. Every block
    /// counts once: an update that was ended goes on where it was, and blocks that are gone
    /// from the chain are undone by the next update.
    Update(Box<update::Update>),
    /// List the pools: exchange, kind, address, tokens, fee, mark and number of ticks
    ///
    /// The pools are ordered by their exchange and ID. A file or a pipe gets complete
    /// addresses. On a terminal, those of tokens are shortened, and all of them if it has
    /// fewer than 190 columns.
    List(list::List),
    /// Show a pool and draw its liquidity
    ///
    /// A pool is named by its address, by the hash that a Uniswap V4 pool has for an
    /// address, by its ID, or by its two tokens, each by its address or its symbol.
    /// If several pools match, they are listed.
    Show(Box<show::Show>),
    /// Compare pools with what their contracts say on the chain
    ///
    /// It compares tokens, fees, tick spacings, the liquidity of every tick, all words of
    /// the bitmaps and the marks, and how many pools an exchange has. The state is that of
    /// the block that the database is at; if the node no longer has it, the events since
    /// then are added in memory, and the newest state is compared. Nothing is changed, and
    /// an update can run meanwhile. The exit status is 3 if something differs or cannot be
    /// compared. 'pool repair' makes pools right again.
    Verify(Box<verify::Verify>),
    /// Make pools as the events of their chain say
    ///
    /// The events of the pools are read from their creation on, and what differs is written
    /// anew: tokens, fees, ticks, bitmaps and marks. With --exchange, all pools of an
    /// exchange are compared, and those that the database lacks are added. Blocks that can
    /// disappear from the chain are taken back before, and taken in again afterwards. All
    /// or nothing is written.
    Repair(Box<repair::Repair>),
}

impl Command {
    /// The command, and what two of its arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Update(command) => Some(("update", command.contradiction()?)),
            Self::List(command) => Some(("list", command.contradiction()?)),
            Self::Verify(command) => Some(("verify", command.contradiction()?)),
            Self::Repair(command) => Some(("repair", command.contradiction()?)),
            Self::Show(command) => Some(("show", command.contradiction()?)),
        }
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Update(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Repair(command) => command.run(context),
        }
    }
}
