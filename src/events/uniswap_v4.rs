//! The events of Uniswap V4's pool manager.

use alloy_primitives::{B256, b256, keccak256};

use crate::events::event::{Event, decode};
use crate::events::liquidity_change::LiquidityChange;
use crate::events::malformed_event::{EventProblem, MalformedEvent};
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::hash::PoolHash;
use crate::types::integer::{FeeParts, Tick, TickSpacing};
use crate::types::log::Log;

/// The key of a pool: what distinguishes it from the other pools of the manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the contract fixes the fields")]
pub struct PoolKey {
    /// The currency with the lower address; the zero address is the chain's native currency.
    pub currency0: Address,
    /// The other currency.
    pub currency1: Address,
    /// The fee in parts of a million, or 8388608 for a fee that the hooks decide.
    pub fee: FeeParts,
    /// The distance between two ticks that can be initialized.
    pub tick_spacing: TickSpacing,
    /// The contract that the manager calls before and after operations; the zero address if there is none.
    pub hooks: Address,
}

impl PoolKey {
    /// The id of the pool: the Keccak-256 hash of the key's five words.
    #[must_use]
    pub fn id(&self) -> PoolHash {
        let mut words = [[0; 32]; 5];
        let [currency0, currency1, fee, tick_spacing, hooks] = &mut words;
        currency0[12..].copy_from_slice(self.currency0.as_bytes());
        currency1[12..].copy_from_slice(self.currency1.as_bytes());
        fee[28..].copy_from_slice(&self.fee.get().to_be_bytes());
        // A tick spacing is positive, so its padding is zero.
        tick_spacing[28..].copy_from_slice(&self.tick_spacing.get().to_be_bytes());
        hooks[12..].copy_from_slice(self.hooks.as_bytes());
        PoolHash::new(keccak256(words.as_flattened()).0)
    }
}

/// The manager has created a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Initialize {
    /// The id of the pool, which is the hash of the key.
    pub id: PoolHash,
    /// The key of the pool.
    pub key: PoolKey,
    /// The square root of the first price, times 2^96.
    pub sqrt_price: U256,
    /// The first tick.
    pub tick: Tick,
}

impl Event for Initialize {
    const SIGNATURE: &'static str =
        "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)";
    const TOPIC: B256 = b256!("0xdd466e674ea557f56295e2d0218a125ea4b4f0f6f3307b95f85e6110838d6438");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[id, currency0, currency1], [fee, tick_spacing, hooks, sqrt_price, tick]| {
                let id = PoolHash::new(id.bytes());
                let key = PoolKey {
                    currency0: currency0.address("currency0")?,
                    currency1: currency1.address("currency1")?,
                    fee: fee.fee("fee")?,
                    tick_spacing: tick_spacing.tick_spacing("tickSpacing")?,
                    hooks: hooks.address("hooks")?,
                };
                let hash = key.id();
                if id != hash {
                    return Err(EventProblem::PoolId { id, hash });
                }
                Ok(Self {
                    id,
                    key,
                    sqrt_price: sqrt_price.sqrt_price("sqrtPriceX96")?,
                    tick: tick.tick("tick")?,
                })
            },
        )
    }
}

/// Somebody has added liquidity to a pool, or removed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModifyLiquidity {
    /// The id of the pool.
    pub id: PoolHash,
    /// The lower tick of the position.
    pub tick_lower: Tick,
    /// The upper tick of the position.
    pub tick_upper: Tick,
    /// The liquidity that was added; negative if it was removed.
    pub liquidity_delta: i128,
    /// Distinguishes positions of one owner between the same ticks.
    pub salt: B256,
}

impl Event for ModifyLiquidity {
    const SIGNATURE: &'static str = "ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)";
    const TOPIC: B256 = b256!("0xf208f4912782fd25c7f114ca3723a2d5dd6f3bcc3ac8db5af63baa85f711d5ec");

    fn decode(log: &Log<'_>) -> Result<Self, MalformedEvent> {
        decode(
            log,
            |[id, sender], [tick_lower, tick_upper, liquidity_delta, salt]| {
                sender.address("sender")?;
                Ok(Self {
                    id: PoolHash::new(id.bytes()),
                    tick_lower: tick_lower.tick("tickLower")?,
                    tick_upper: tick_upper.tick("tickUpper")?,
                    liquidity_delta: liquidity_delta.liquidity_delta("liquidityDelta")?,
                    salt: B256::new(salt.bytes()),
                })
            },
        )
    }
}

impl From<ModifyLiquidity> for LiquidityChange {
    fn from(event: ModifyLiquidity) -> Self {
        Self {
            lower: event.tick_lower,
            upper: event.tick_upper,
            delta: event.liquidity_delta,
        }
    }
}
