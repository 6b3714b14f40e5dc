//! The event of Aerodrome V2's factory.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::log::Log;

/// The factory has created a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolCreated {
    /// The token with the lower address.
    pub token0: Address,
    /// The other token.
    pub token1: Address,
    /// Whether the pool is for tokens of about the same value.
    pub stable: bool,
    /// The pool's contract.
    pub pool: Address,
    /// The number of the factory's pools, with this one. The first pool has 1.
    pub pool_count: u64,
}

impl Event for PoolCreated {
    const SIGNATURE: &'static str = "PoolCreated(address,address,bool,address,uint256)";
    const TOPIC: B256 = b256!("0x2128d88d14c80cb081c1252a5acff7a264671bf199ce226b53788fb26065005e");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[token0, token1, stable], [pool, pool_count]| {
            Ok(Self {
                token0: token0.address("token0")?,
                token1: token1.address("token1")?,
                stable: stable.flag("stable")?,
                pool: pool.address("pool")?,
                pool_count: pool_count.count("the number of pools")?,
            })
        })
    }
}
