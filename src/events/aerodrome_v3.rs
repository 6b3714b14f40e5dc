//! The event of Aerodrome V3's factory (Slipstream). Its pools have the events of
//! [Uniswap V3](crate::events::uniswap_v3).

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::integer::TickSpacing;
use crate::types::log::Log;

/// The factory has created a pool. The event has no fee: the factory says it, and can change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolCreated {
    /// The token with the lower address.
    pub token0: Address,
    /// The other token.
    pub token1: Address,
    /// The distance between two ticks that can be initialized.
    pub tick_spacing: TickSpacing,
    /// The pool's contract.
    pub pool: Address,
}

impl Event for PoolCreated {
    const SIGNATURE: &'static str = "PoolCreated(address,address,int24,address)";
    const TOPIC: B256 = b256!("0xab0d57f0df537bb25e80245ef7748fa62353808c54d6e528a9dd20887aed9ac2");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[token0, token1, tick_spacing], [pool]| {
            Ok(Self {
                token0: token0.address("token0")?,
                token1: token1.address("token1")?,
                tick_spacing: tick_spacing.tick_spacing("tickSpacing")?,
                pool: pool.address("pool")?,
            })
        })
    }
}
