//! The tick that a pool is at, which no database has: swaps move it.

use alloy_primitives::{I256, U256};

use crate::database::reports::pool_info::PoolInfo;
use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::BlockTag;
use crate::sync::at_block::lacks_state;
use crate::sync::chain_state::{Holder, Item, Value, word};
use crate::types::integer::{BlockNumber, Tick};
use crate::types::sql_value::SqlValue;

/// The tick that a pool is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurrentTick {
    /// The tick.
    pub tick: Tick,
    /// The block.
    pub block: BlockNumber,
}

/// Asks the contract of a pool, or its manager, for the current tick in the newest block of the node. `None` if it does
/// not answer as one with ticks, or the pool has no price yet.
///
/// # Errors
///
/// Any [`NodeError`]: [`OtherChain`](NodeError::OtherChain) if the node is of another chain.
pub fn ask_current_tick(node: &Node, pool: &PoolInfo) -> Result<Option<CurrentTick>, NodeError> {
    /// How often the newest block is looked up, if the node forgets the state of one at once.
    const TRIES: u32 = 3;
    let Some(holder) = holder(pool) else {
        return Ok(None);
    };
    let calls = holder.calls(&[Item::Price]);
    let mut tries = 0;
    loop {
        let Some(head) = node.header(BlockTag::Latest)? else {
            return Ok(None);
        };
        tries += 1;
        let answers = match node.calls(&calls, BlockTag::Number(head.number)) {
            Err(error) if lacks_state(&error) && tries < TRIES => continue,
            answers => answers?,
        };
        let answer = answers.first().and_then(|answer| answer.as_ref().ok());
        let tick = match holder {
            Holder::Pool(_) => answer.and_then(|answer| of_answer(answer)),
            Holder::Manager(..) => {
                let values = holder.values(&[Item::Price], &answers);
                match values.as_deref() {
                    Ok([Value::Word(slot)]) => of_slot(*slot),
                    _ => None,
                }
            }
        };
        return Ok(tick.map(|tick| CurrentTick {
            tick,
            block: head.number,
        }));
    }
}

/// What is asked about a pool, if its row says that.
fn holder(pool: &PoolInfo) -> Option<Holder> {
    let text = |value: &Option<SqlValue>| match value {
        Some(SqlValue::Text(text)) => Some(text.clone()),
        _ => None,
    };
    if let Some(address) = text(&pool.address) {
        return Some(Holder::Pool(address.parse().ok()?));
    }
    let manager = text(&pool.manager)?.parse().ok()?;
    Some(Holder::Manager(
        manager,
        text(&pool.pool_hash)?.parse().ok()?,
    ))
}

/// The tick in an answer of `slot0()`: the second word, if the first one is a price.
fn of_answer(answer: &[u8]) -> Option<Tick> {
    let price = word(answer)?;
    let tick = I256::from_raw(word(answer.get(32..)?)?);
    let tick = i32::try_from(tick).ok()?;
    Tick::new(tick).ok().filter(|_| !price.is_zero())
}

/// The tick in the first slot of a pool inside a manager: 24 bits above the 160 of the price.
fn of_slot(slot: U256) -> Option<Tick> {
    let price: U256 = slot << 96;
    let bits: U256 = (slot >> 160) & U256::from(0xff_ffff);
    let bits: u32 = bits.to();
    // The sign is that of the 24 bits.
    let tick = (bits << 8).cast_signed() >> 8;
    Tick::new(tick).ok().filter(|_| !price.is_zero())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(price: u64, tick: i64) -> Vec<u8> {
        let tick = I256::try_from(tick).unwrap();
        let words = [U256::from(price).to_be_bytes(), tick.to_be_bytes::<32>()];
        [words.as_flattened(), &[0; 5 * 32]].concat()
    }

    fn slot(price: u64, tick: i32) -> U256 {
        let fees = U256::from(0x0bb8) << 208;
        let tick = U256::from(tick.cast_unsigned() & 0xff_ffff) << 160;
        fees | tick | U256::from(price)
    }

    #[test]
    fn what_is_no_price_has_no_tick() {
        assert_eq!(of_answer(&answer(0, 5)), None);
        assert_eq!(of_slot(slot(0, 5)), None);
        assert_eq!(of_answer(&answer(1, 887_273)), None);
        assert_eq!(of_answer(&answer(1, i64::MIN)), None);
        assert_eq!(of_slot(slot(1, 887_273)), None);
        assert_eq!(of_answer(&answer(1, 5)[..63]), None);
        assert_eq!(of_answer(&[]), None);
    }

    proptest! {
        #[test]
        fn ticks_keep_their_sign(tick in -887_272_i32..=887_272, price in 1_u64..) {
            let expected = Tick::new(tick).ok();
            prop_assert_eq!(of_answer(&answer(price, tick.into())), expected);
            prop_assert_eq!(of_slot(slot(price, tick)), expected);
        }
    }
}
