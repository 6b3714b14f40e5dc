//! `degenbot aave deactivate`: excludes a market from updates.

use clap::Args;

use crate::cli::aave::lookup::{parse, unknown};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::known_values::market;
use crate::cli::options::Waiting;
use crate::database::aave_markets::{MarketDeactivation, MarketOptions, deactivate_market};
use crate::deployments::market::Market;

#[derive(Debug, Args)]
pub(in crate::cli) struct Deactivate {
    /// The market, as `aave list` shows it, such as ethereum_aave_v3
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(value_parser = market(), hide_possible_values = true)]
    name: String,
    #[command(flatten)]
    waiting: Waiting,
}

impl Deactivate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        let market = parse(&path, &self.name)?;
        let options = MarketOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        let _running = Cancellable::begin();
        let deactivation = deactivate_market(&path, &market, &options)?;
        let printer = &context.printer;
        let description = market.description();
        match deactivation {
            Some(MarketDeactivation::Deactivated) => {
                printer.message(format_args!("Deactivated {description}."));
            }
            Some(MarketDeactivation::AlreadyInactive) => {
                printer.message("Market is already deactivated.");
            }
            None if Market::of(&market).is_some() => {
                printer.message(format_args!("The database has no entry for {description}."));
            }
            None => return Err(unknown(&path, &self.name)),
        }
        Ok(())
    }
}
