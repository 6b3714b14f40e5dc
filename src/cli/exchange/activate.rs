//! `degenbot exchange activate`: includes an exchange in updates.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::endpoints::warn_without_endpoint;
use crate::cli::exchange::add::{init_code_hash, kinds};
use crate::cli::exchange::lookup::{parse, unknown};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::known_values::exchange;
use crate::cli::options::{Waiting, first_block};
use crate::database::exchanges::contract_facts::ContractFacts;
use crate::database::exchanges::{Activation, ExchangeOptions, activate_exchange};
use crate::deployments::exchange_kind::ExchangeKind;
use crate::types::hash::CodeHash;
use crate::types::integer::BlockNumber;

#[derive(Debug, Args)]
pub(in crate::cli) struct Activate {
    /// The exchange, as `exchange list` shows it, such as ethereum_uniswap_v3
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(value_parser = exchange(), hide_possible_values = true)]
    name: String,
    /// The kind of its pools, for one that was added without or with another
    #[arg(long, value_parser = kinds())]
    kind: Option<ExchangeKind>,
    /// The first block that can have events, where the first update begins
    #[arg(long, value_name = "BLOCK", value_parser = first_block)]
    from_block: Option<BlockNumber>,
    /// The hash of the code that deploys a pool, or 'none'
    ///
    /// Updates check the addresses of new pools with it. With 'none' they do not, which is for
    /// a test chain, or an exchange that deploys other code.
    #[arg(long, value_name = "HASH", value_parser = hash_or_none)]
    init_code_hash: Option<Checked>,
    #[command(flatten)]
    waiting: Waiting,
}

/// The hash by which addresses are checked, or none.
#[derive(Debug, Clone, Copy)]
struct Checked(Option<CodeHash>);

fn hash_or_none(text: &str) -> Result<Checked, String> {
    if text == "none" {
        return Ok(Checked(None));
    }
    let hash = init_code_hash(text).map_err(|error| format!("{error}, or none"))?;
    Ok(Checked(Some(CodeHash::new(hash.0))))
}

impl Activate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let path = &settings.database.path;
        let exchange = parse(path, &self.name)?;
        let facts = ContractFacts {
            kind: self.kind,
            first_block: self.from_block,
            init_code_hash: self.init_code_hash.map(|Checked(hash)| hash),
        };
        let recorded = recorded(&facts);
        let options = ExchangeOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone())
            .facts(facts);
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
        if let Some(recorded) = recorded {
            context.printer.message(recorded);
        }
        Ok(())
    }
}

/// Says what is recorded of an exchange, in the place of what was known before.
fn recorded(facts: &ContractFacts) -> Option<String> {
    let kind = facts.kind.map(|kind| format!("kind {kind}"));
    let first_block = facts
        .first_block
        .map(|block| format!("first block {block}"));
    let hash = facts.init_code_hash.map(|hash| match hash {
        Some(hash) => format!("init code hash {hash}"),
        None => "no init code hash".to_owned(),
    });
    let parts: Vec<_> = [kind, first_block, hash].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("Recorded: {}.", parts.join(", ")))
}
