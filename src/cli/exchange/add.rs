//! `degenbot exchange add`: adds an unknown exchange.

use alloy_primitives::B256;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::known_values::chain_id;
use crate::cli::options::{Waiting, first_block};
use crate::database::exchanges::{ExchangeOptions, add_exchange};
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_kind::ExchangeKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the help text")]
// clap does not wrap the usage line.
#[command(
    override_usage = "degenbot exchange add [OPTIONS] --chain <CHAIN> --name <NAME>\n           \
                      --kind <KIND> --factory <ADDRESS>"
)]
pub(in crate::cli) struct Add {
    /// The chain ID, or the name of a chain, such as base
    #[arg(long, value_parser = chain_id(), hide_possible_values = true)]
    chain: ChainId,
    /// The name on that chain; it must end like the kind, such as camelot_v2
    ///
    /// From this ending, such as _v3, the Python package knows how to update liquidity. Its `pool update`
    /// stops at an active exchange whose chain and name it does not know.
    #[arg(long)]
    name: String,
    /// The kind of its pools
    #[arg(long, value_parser = kinds())]
    kind: ExchangeKind,
    /// The factory contract; with the kind uniswap_v4, the pool manager
    #[arg(long, visible_alias = "pool-manager", value_name = "ADDRESS", value_parser = Address::typed)]
    factory: Address,
    /// The contract that deploys the pools, if that is not the factory
    #[arg(long, value_name = "ADDRESS", value_parser = Address::typed)]
    deployer: Option<Address>,
    /// The contract that reads the pools; only with the kind uniswap_v4
    #[arg(long, value_name = "ADDRESS", value_parser = Address::typed)]
    state_view: Option<Address>,
    /// The block in which the factory was deployed; updates begin there
    ///
    /// Without it, the first update begins at the chain's first block, which can take hours.
    #[arg(long, value_name = "BLOCK", value_parser = first_block)]
    from_block: Option<BlockNumber>,
    /// The hash of the code that deploys a pool, with which updates check addresses
    ///
    /// It is the Keccak-256 hash that the exchange's own contracts use to compute the address of a pool. Without it,
    /// an update believes the address in the event of a pool's creation.
    #[arg(long, value_name = "HASH", value_parser = init_code_hash)]
    init_code_hash: Option<B256>,
    #[command(flatten)]
    waiting: Waiting,
}

impl Add {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        let exchange = ExchangeName {
            chain: self.chain,
            name: self.name,
        };
        let mut deployment = Deployment::new(
            exchange.clone(),
            self.kind,
            self.factory,
            self.deployer,
            self.state_view,
        )?;
        if let Some(block) = self.from_block {
            deployment = deployment.with_first_block(block);
        }
        if let Some(hash) = self.init_code_hash {
            deployment = deployment.with_init_code_hash(hash)?;
        }
        let options = ExchangeOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        let _running = Cancellable::begin();
        add_exchange(&path, &deployment, &options)?;
        context.printer.message(format_args!(
            "Added {}. Activate it with 'degenbot exchange activate {exchange}'.",
            exchange.description()
        ));
        Ok(())
    }
}

pub(super) fn kinds() -> impl TypedValueParser<Value = ExchangeKind> {
    PossibleValuesParser::new(ExchangeKind::all().map(ExchangeKind::as_str))
        .try_map(|kind| kind.parse::<ExchangeKind>())
}

pub(super) fn init_code_hash(text: &str) -> Result<B256, &'static str> {
    text.strip_prefix("0x")
        .filter(|digits| digits.len() == 64)
        .and_then(|digits| digits.parse().ok())
        .ok_or("expected a hash (0x and 64 hexadecimal digits)")
}
