//! The events of a market after the block that the database has.

use crate::node::client::Node;
use crate::node::header::Header;
use crate::sync::aave::market_decoder::{MarketChanges, MarketDecoder};
use crate::sync::aave::market_event::MarketEvent;
use crate::sync::aave::market_scope::ScopedMarket;
use crate::sync::decode::{Decode as _, Which};
use crate::sync::scope::Scope;
use crate::sync::sync_error::SyncError;
use crate::types::integer::BlockNumber;

/// Asks for the events of a market, by its place in the scope, from the block after its mark to another one.
pub(super) fn events_after(
    node: &Node,
    scope: &Scope<ScopedMarket>,
    index: usize,
    mark: BlockNumber,
    to: &Header,
) -> Result<Vec<MarketEvent>, SyncError> {
    let decoder = MarketDecoder::new(scope, &[index]);
    let (Some(filter), true) = (decoder.filter(Which::First), mark < to.number) else {
        return Ok(Vec::new());
    };
    let from = mark.next();
    let answer = node.logs(filter, from, to.number, Some(to.hash))?;
    let mut changes: MarketChanges = decoder.decode(Which::First, &answer.logs)?;
    decoder.complete(node, (from, to.number), to.hash, &mut changes)?;
    Ok(changes.events)
}
