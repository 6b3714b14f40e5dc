//! The events of Uniswap V3's factory and pools, which its forks have too.

use alloy_primitives::{B256, b256};

use crate::events::event::{Event, decode};
use crate::events::liquidity_change::LiquidityChange;
use crate::events::malformed_event::MalformedEvent;
use crate::types::address::Address;
use crate::types::integer::{FeeParts, Tick, TickSpacing};
use crate::types::log::Log;

/// A factory has created a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolCreated {
    /// The token with the lower address.
    pub token0: Address,
    /// The other token.
    pub token1: Address,
    /// The fee, in parts of a million.
    pub fee: FeeParts,
    /// The distance between two ticks that can be initialized.
    pub tick_spacing: TickSpacing,
    /// The pool's contract.
    pub pool: Address,
}

impl Event for PoolCreated {
    const SIGNATURE: &'static str = "PoolCreated(address,address,uint24,int24,address)";
    const TOPIC: B256 = b256!("0x783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(log, |[token0, token1, fee], [tick_spacing, pool]| {
            Ok(Self {
                token0: token0.address("token0")?,
                token1: token1.address("token1")?,
                fee: fee.fee("fee")?,
                tick_spacing: tick_spacing.tick_spacing("tickSpacing")?,
                pool: pool.address("pool")?,
            })
        })
    }
}

/// Somebody has added liquidity to a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mint {
    /// The lower tick of the position.
    pub tick_lower: Tick,
    /// The upper tick of the position.
    pub tick_upper: Tick,
    /// The liquidity that was added, 0 or more.
    pub amount: i128,
}

impl Event for Mint {
    const SIGNATURE: &'static str = "Mint(address,address,int24,int24,uint128,uint256,uint256)";
    const TOPIC: B256 = b256!("0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[owner, tick_lower, tick_upper], [sender, amount, _amount0, _amount1]| {
                owner.address("owner")?;
                sender.address("sender")?;
                Ok(Self {
                    tick_lower: tick_lower.tick("tickLower")?,
                    tick_upper: tick_upper.tick("tickUpper")?,
                    amount: amount.liquidity("amount")?,
                })
            },
        )
    }
}

impl From<Mint> for LiquidityChange {
    fn from(mint: Mint) -> Self {
        Self {
            lower: mint.tick_lower,
            upper: mint.tick_upper,
            delta: mint.amount,
        }
    }
}

/// Somebody has removed liquidity from a pool. An amount of zero only brings the fees of a position up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Burn {
    /// The lower tick of the position.
    pub tick_lower: Tick,
    /// The upper tick of the position.
    pub tick_upper: Tick,
    /// The liquidity that was removed, 0 or more.
    pub amount: i128,
}

impl Event for Burn {
    const SIGNATURE: &'static str = "Burn(address,int24,int24,uint128,uint256,uint256)";
    const TOPIC: B256 = b256!("0x0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[owner, tick_lower, tick_upper], [amount, _amount0, _amount1]| {
                owner.address("owner")?;
                Ok(Self {
                    tick_lower: tick_lower.tick("tickLower")?,
                    tick_upper: tick_upper.tick("tickUpper")?,
                    amount: amount.liquidity("amount")?,
                })
            },
        )
    }
}

impl From<Burn> for LiquidityChange {
    fn from(burn: Burn) -> Self {
        Self {
            lower: burn.tick_lower,
            upper: burn.tick_upper,
            delta: burn.amount.saturating_neg(),
        }
    }
}

/// The change of liquidity that an event of a pool makes: [`Mint`] adds liquidity, [`Burn`] removes it.
///
/// # Errors
///
/// [`MalformedEvent`] if the log is neither.
pub fn liquidity_change(log: &Log<'_>) -> Result<LiquidityChange, MalformedEvent> {
    if log.topics.first() == Some(&Burn::TOPIC) {
        Burn::decode(log).map(LiquidityChange::from)
    } else {
        Mint::decode(log).map(LiquidityChange::from)
    }
}
