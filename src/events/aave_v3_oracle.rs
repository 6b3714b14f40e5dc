//! The events of Aave V3's price oracle.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::log::Log;

/// The price of an asset comes from another contract than before. The event of a new asset can come before the one that
/// lists its reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetSourceUpdated {
    /// The token.
    pub asset: Address,
    /// The contract that the oracle asks for the price; the zero address if there is none.
    pub source: Address,
}

impl Event for AssetSourceUpdated {
    const SIGNATURE: &'static str = "AssetSourceUpdated(address,address)";
    const TOPIC: B256 = b256!("0x22c5b7b2d8561d39f7f210b6b326a1aa69f15311163082308ac4877db6339dc1");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[asset, source], []| {
            Ok(Self {
                asset: asset.address("asset")?,
                source: source.address("source")?,
            })
        })
    }
}
