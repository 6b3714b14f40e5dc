//! The fees that only factories know.

use crate::models::pools::pool_parameters::PoolParameters;
use crate::node::calls::Call;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::sync::changes::Changes;
use crate::sync::pending::Batch;
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::integer::FeeParts;

/// Asks for the fees that only factories know.
pub(super) fn ask_fees(
    node: &Node,
    scope: &Scope,
    batch: &mut Batch<Changes>,
) -> Result<(), SyncError> {
    ask_fees_of(node, scope, vec![&mut batch.changes])
}

/// The same for changes that belong to no batch.
pub(super) fn ask_fees_of(
    node: &Node,
    scope: &Scope,
    of_batch: Vec<&mut Changes>,
) -> Result<(), SyncError> {
    let mut calls = Vec::new();
    let mut asked = Vec::new();
    for changes in of_batch {
        for (pool, facts) in changes.pools.iter_mut().zip(&changes.facts) {
            let exchange = scope.exchanges.get(facts.exchange);
            if let (Some(data), Some(exchange)) = (&facts.fee_call, exchange) {
                calls.push(Call {
                    to: exchange.deployment.factory,
                    data: data.clone(),
                });
                asked.push((pool, exchange));
            }
        }
    }
    if calls.is_empty() {
        return Ok(());
    }
    let answers = node.calls(&calls, BlockTag::Latest)?;
    for ((pool, exchange), answer) in asked.into_iter().zip(answers) {
        let failed = |detail: String| SyncError::Fee {
            exchange: Box::new(exchange.name()),
            pool: pool.address,
            detail,
        };
        let answer = answer.map_err(|failure| failed(failure.to_string()))?;
        let fee = fee_of(&answer).ok_or_else(|| {
            failed(format!(
                "{} is no fee",
                alloy_primitives::hex::encode_prefixed(&answer)
            ))
        })?;
        let fees = match &mut pool.parameters {
            PoolParameters::V2(parameters) => &mut parameters.fees,
            PoolParameters::V3(parameters) => &mut parameters.fees,
            PoolParameters::LiquidityBook(_) => continue,
        };
        fees.token0 = fee;
        fees.token1 = fee;
    }
    Ok(())
}

/// The fee in the one word of an answer.
fn fee_of(answer: &[u8]) -> Option<FeeParts> {
    let word: &[u8; 32] = answer.try_into().ok()?;
    let (padding, number) = word.split_last_chunk::<4>()?;
    if padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    FeeParts::new(u32::from_be_bytes(*number)).ok()
}
