//! The failure of a command that goes through several chains.

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::sync::aave::update::SkippedMarket;
use crate::sync::report::Skipped;
use crate::sync::sync_error::SyncError;
use crate::types::integer::ChainId;

/// Reports what failed. The last failure becomes that of the command.
pub(in crate::cli) fn outcome(
    context: &Context,
    outcomes: impl Iterator<Item = (ChainId, Vec<Skipped>, Result<(), SyncError>)>,
) -> Result<(), Failure> {
    let failures = outcomes.flat_map(|(chain, skipped, result)| {
        let skipped = skipped.into_iter().map(|skipped| Failure::ExchangeSkipped {
            exchange: skipped.exchange,
            reason: skipped.reason,
        });
        let failed = result.err().map(|error| of_chain(chain, error));
        skipped.chain(failed).collect::<Vec<_>>()
    });
    last_of(context, failures.collect())
}

/// What is left undone of the markets of a chain: what was skipped, and the errors.
type OfMarkets = (ChainId, Vec<SkippedMarket>, Vec<SyncError>);

/// Reports what failed of markets. The last failure becomes that of the command.
pub(in crate::cli) fn markets_outcome(
    context: &Context,
    outcomes: impl Iterator<Item = OfMarkets>,
) -> Result<(), Failure> {
    let failures = outcomes.flat_map(|(chain, skipped, errors)| {
        let skipped = skipped.into_iter().map(|skipped| Failure::MarketSkipped {
            market: skipped.market,
            reason: skipped.reason,
        });
        let failed = errors.into_iter().map(|error| of_chain(chain, error));
        skipped.chain(failed).collect::<Vec<_>>()
    });
    last_of(context, failures.collect())
}

/// Reports all failures but the last, which becomes that of the command.
pub(in crate::cli) fn last_of(
    context: &Context,
    mut failures: Vec<Failure>,
) -> Result<(), Failure> {
    let last = failures.pop();
    for failure in failures {
        failure.report(&context.printer);
    }
    last.map_or(Ok(()), Err)
}

/// The failure of a chain.
pub(in crate::cli) fn of_chain(chain: ChainId, error: SyncError) -> Failure {
    Failure::Sync {
        chain,
        error: Box::new(error),
    }
}
