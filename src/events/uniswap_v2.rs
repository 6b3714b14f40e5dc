//! The event of Uniswap V2's factory, which its forks have too.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::log::Log;

/// A factory has created a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairCreated {
    /// The token with the lower address.
    pub token0: Address,
    /// The other token.
    pub token1: Address,
    /// The pair's contract.
    pub pair: Address,
    /// The number of the factory's pairs, with this one. The first pair has 1.
    pub pair_count: u64,
}

impl Event for PairCreated {
    const SIGNATURE: &'static str = "PairCreated(address,address,address,uint256)";
    const TOPIC: B256 = b256!("0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[token0, token1], [pair, pair_count]| {
            Ok(Self {
                token0: token0.address("token0")?,
                token1: token1.address("token1")?,
                pair: pair.address("pair")?,
                pair_count: pair_count.count("the number of pairs")?,
            })
        })
    }
}
