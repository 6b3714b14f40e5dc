//! `degenbot aave add`: adds an unknown market.

use clap::Args;

use crate::cli::asking::Nodes;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::known_values::chain_id;
use crate::cli::options::{Waiting, first_block};
use crate::database::aave_markets::{MarketOptions, add_market};
use crate::deployments::invalid_market::InvalidMarket;
use crate::deployments::market::Market;
use crate::deployments::market_name::MarketName;
use crate::escape::escaped_name;
use crate::types::address::Address;
use crate::types::integer::{BlockNumber, ChainId};

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the help text")]
pub(in crate::cli) struct Add {
    /// The chain ID, or the name of a chain, such as base
    #[arg(long, value_parser = chain_id(), hide_possible_values = true)]
    chain: ChainId,
    /// The contract PoolAddressesProvider of the market
    #[arg(long, value_name = "ADDRESS", value_parser = Address::typed)]
    provider: Address,
    /// The name on that chain that commands shall give it
    ///
    /// Without it, it is made of the name that the contract says: of 'Spark Protocol',
    /// it would be spark_protocol.
    #[arg(long)]
    name: Option<String>,
    /// The block in which the market was deployed; updates begin there
    ///
    /// Without it, the first update begins at the chain's first block, which can take hours.
    #[arg(long, value_name = "BLOCK", value_parser = first_block)]
    from_block: Option<BlockNumber>,
    #[command(flatten)]
    nodes: Nodes,
    #[command(flatten)]
    waiting: Waiting,
}

impl Add {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let (chain, provider) = (self.chain, self.provider);
        let new = |name: String| {
            let market = Market::new(MarketName { chain, name }, provider)?;
            Ok::<_, InvalidMarket>(match self.from_block {
                Some(block) => market.with_first_block(block),
                None => market,
            })
        };
        // What is wrong with the arguments is said before a node is asked.
        let named = match (self.name.clone(), Market::with_provider(chain, provider)) {
            (None, None) => None,
            (name, known) => {
                let known = known.map(|known| known.name.clone().into_owned());
                Some(new(name.or(known).unwrap_or_default())?)
            }
        };
        let _running = Cancellable::begin();
        let facts = self.nodes.ask(&settings, chain, provider, None)?;
        let market = match named {
            Some(market) => market,
            None => new(name_of(&facts.market_id)).map_err(|error| match error {
                // The arguments are right.
                InvalidMarket::Name { .. } => Failure::UnusableName {
                    chain,
                    provider,
                    market_id: facts.market_id.clone(),
                },
                error => error.into(),
            })?,
        };
        let options = MarketOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        add_market(&settings.database.path, &market, &facts, &options)?;
        let name = market.market_name();
        context.printer.message(format_args!(
            "Added {}, which is called '{}'. Activate it with 'degenbot aave activate {name}'.",
            name.description(),
            escaped_name(&facts.market_id),
        ));
        Ok(())
    }
}

/// A name for commands, made of the one that a contract says.
fn name_of(market_id: &str) -> String {
    let words = market_id
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(str::to_ascii_lowercase).collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_consists_of_the_words_of_the_contract() {
        for (market_id, expected) in [
            ("Spark Protocol", "spark_protocol"),
            (" Aave -  Base\u{1b}Market ", "aave_base_market"),
            ("é", ""),
        ] {
            assert_eq!(name_of(market_id), expected);
        }
    }
}
