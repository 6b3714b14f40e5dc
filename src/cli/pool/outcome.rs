//! The failure of a command that goes through several chains.

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::sync::report::Skipped;
use crate::sync::sync_error::SyncError;
use crate::types::integer::ChainId;

/// Reports what failed. The last failure becomes that of the command.
pub(super) fn outcome(
    context: &Context,
    outcomes: impl Iterator<Item = (ChainId, Vec<Skipped>, Result<(), SyncError>)>,
) -> Result<(), Failure> {
    let mut failure = None;
    for (chain, skipped, result) in outcomes {
        for skipped in skipped {
            let skipped = Failure::ExchangeSkipped {
                exchange: skipped.exchange,
                reason: skipped.reason,
            };
            if let Some(failure) = failure.replace(skipped) {
                failure.report(&context.printer);
            }
        }
        if let Err(error) = result {
            let failed = Failure::Sync {
                chain,
                error: Box::new(error),
            };
            if let Some(failure) = failure.replace(failed) {
                failure.report(&context.printer);
            }
        }
    }
    failure.map_or(Ok(()), Err)
}
