//! `degenbot exchange activate`: includes an exchange in updates.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exchange::lookup::{parse, unknown};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::known_values::exchange;
use crate::cli::options::Waiting;
use crate::database::exchanges::{Activation, ExchangeOptions, activate_exchange};
use crate::settings::resolve::Settings;
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Activate {
    /// The exchange, as `exchange list` shows it, such as ethereum_uniswap_v3
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(value_parser = exchange(), hide_possible_values = true)]
    name: String,
    #[command(flatten)]
    waiting: Waiting,
}

impl Activate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let settings = context.settings()?;
        let path = &settings.database.path;
        let exchange = parse(path, &self.name)?;
        let options = ExchangeOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        let _running = Cancellable::begin();
        let Some(activation) = activate_exchange(path, &exchange, &options)? else {
            return Err(unknown(path, &self.name));
        };
        warn_without_endpoint(&settings, exchange.chain);
        match activation {
            Activation::AlreadyActive => context.printer.message("Exchange is already activated."),
            Activation::Added | Activation::Activated => context
                .printer
                .message(format_args!("Activated {}.", exchange.description())),
        }
        Ok(())
    }
}

fn warn_without_endpoint(settings: &Settings, chain: ChainId) {
    if settings.rpc.contains_key(&chain) {
        return;
    }
    let file = match &settings.config_path {
        Some(path) => path.display().to_string(),
        None => "the config file".to_owned(),
    };
    log::warn!(
        "There is no RPC endpoint for chain ID {chain}, which updates need; add one to [rpc] in {file}"
    );
}
