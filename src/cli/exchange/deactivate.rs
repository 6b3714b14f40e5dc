//! `degenbot exchange deactivate`: excludes an exchange from updates.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exchange::lookup::{parse, unknown};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::known_values::exchange;
use crate::cli::options::Waiting;
use crate::database::exchanges::{Deactivation, ExchangeOptions, deactivate_exchange};
use crate::deployments::deployment::Deployment;

#[derive(Debug, Args)]
pub(in crate::cli) struct Deactivate {
    /// The exchange, as `exchange list` shows it, such as ethereum_uniswap_v3
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(value_parser = exchange(), hide_possible_values = true)]
    name: String,
    #[command(flatten)]
    waiting: Waiting,
}

impl Deactivate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        let exchange = parse(&path, &self.name)?;
        let options = ExchangeOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        let _running = Cancellable::begin();
        let deactivation = deactivate_exchange(&path, &exchange, &options)?;
        let printer = &context.printer;
        let description = exchange.description();
        match deactivation {
            Some(Deactivation::Deactivated) => {
                printer.message(format_args!("Deactivated {description}."));
            }
            Some(Deactivation::AlreadyInactive) => {
                printer.message("Exchange is already deactivated.");
            }
            None if Deployment::of(&exchange).is_some() => {
                printer.message(format_args!("The database has no entry for {description}."));
            }
            None => return Err(unknown(&path, &self.name)),
        }
        Ok(())
    }
}
