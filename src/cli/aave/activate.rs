//! `degenbot aave activate`: includes a market in updates.

use clap::Args;

use crate::cli::aave::lookup::{parse, unknown};
use crate::cli::asking::Nodes;
use crate::cli::context::Context;
use crate::cli::endpoints::warn_without_endpoint;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::known_values::market;
use crate::cli::options::Waiting;
use crate::database::aave_markets::{
    MarketActivation, MarketOptions, activate_market, list_markets,
};
use crate::database::migration::migrate::current_database_version;
use crate::deployments::market::Market;

#[derive(Debug, Args)]
pub(in crate::cli) struct Activate {
    /// The market, as `aave list` shows it, such as ethereum_aave_v3
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(value_parser = market(), hide_possible_values = true)]
    name: String,
    #[command(flatten)]
    nodes: Nodes,
    #[command(flatten)]
    waiting: Waiting,
}

impl Activate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let path = &settings.database.path;
        let market = parse(path, &self.name)?;
        let mut options = MarketOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        let _running = Cancellable::begin();
        // What the database cannot take in is refused before a node is looked for.
        current_database_version(path)?;
        let stored = list_markets(path)?;
        let is_stored = stored.iter().any(|it| it.market.as_ref() == Some(&market));
        if let Some(known) = Market::of(&market)
            && (!is_stored || !self.nodes.rpc.is_empty())
        {
            let facts = self
                .nodes
                .ask(&settings, known.chain, known.provider, known.gho)?;
            options = options.facts(facts);
        }
        let Some(activation) = activate_market(path, &market, &options)? else {
            return Err(unknown(path, &self.name));
        };
        if self.nodes.rpc.is_empty() {
            warn_without_endpoint(&settings, market.chain);
        }
        match activation {
            MarketActivation::AlreadyActive => {
                context.printer.message("Market is already activated.");
            }
            MarketActivation::Added | MarketActivation::Activated => context
                .printer
                .message(format_args!("Activated {}.", market.description())),
        }
        Ok(())
    }
}
