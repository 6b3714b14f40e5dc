//! The state of pools as their contracts have it at a block.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use alloy_primitives::{B256, I256, U256, keccak256};

use crate::node::calls::{Call, CallFailure};
use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::BlockTag;
use crate::types::address::Address;
use crate::types::hash::PoolHash;
use crate::types::integer::TickSpacing;

/// The last tick that a pool can have, on either side of zero.
const LAST_TICK: i32 = 887_272;

/// How many calls one thread makes at a time.
const PART: usize = 400;

/// How many slots are asked for in one call of `extsload`.
const SLOTS: usize = 100;

/// The answer of a contract, or what it refuses.
pub(super) type Answer = Result<Vec<u8>, CallFailure>;

/// The answers to a part of the calls.
type PartAnswer = Result<Vec<Answer>, NodeError>;

/// Where the liquidity of a pool stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    /// In the pool's own contract.
    Pool(Address),
    /// In a manager, under the pool's hash.
    Manager(Address, PoolHash),
}

/// Makes calls on several threads. The answers are in the order of the calls.
pub(super) fn ask(
    node: &Node,
    threads: usize,
    calls: &[Call],
    at: BlockTag,
) -> Result<Vec<Answer>, NodeError> {
    let parts: Vec<&[Call]> = calls.chunks(PART).collect();
    if parts.len() <= 1 {
        return node.calls(calls, at);
    }
    let next = AtomicUsize::new(0);
    let answers = parts.iter().map(|_| None).collect();
    let answers: Mutex<Vec<Option<PartAnswer>>> = Mutex::new(answers);
    let work = || {
        while let Some((index, part)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            parts.get(index).map(|part| (index, part))
        } {
            let answer = node.calls(part, at);
            if answer.is_err() {
                next.store(parts.len(), Ordering::Relaxed);
            }
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = answers.get_mut(index) {
                *place = Some(answer);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(parts.len()).max(1) {
            // Without another thread, this one asks alone.
            let _ = thread::Builder::new()
                .name("calls".to_owned())
                .spawn_scoped(scope, work);
        }
        work();
    });
    let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut all = Vec::with_capacity(calls.len());
    // The first failure ends the others, so what is behind it may be missing.
    for answer in answers.into_iter().flatten() {
        all.extend(answer?);
    }
    Ok(all)
}

/// The first four bytes of a function's hash.
fn selector(signature: &str) -> Vec<u8> {
    keccak256(signature)[..4].to_vec()
}

/// The call of a function without arguments.
pub(super) fn plain_call(to: Address, signature: &str) -> Call {
    Call {
        to,
        data: selector(signature),
    }
}

fn signed_word(number: i64) -> [u8; 32] {
    I256::try_from(number).unwrap_or_default().to_be_bytes()
}

/// The only word of an answer, or the first one.
pub(super) fn word(answer: &[u8]) -> Option<U256> {
    let (word, _) = answer.split_first_chunk::<32>()?;
    Some(U256::from_be_bytes(*word))
}

/// An address in a word.
pub(super) fn address(answer: &[u8]) -> Option<Address> {
    let (word, _) = answer.split_first_chunk::<32>()?;
    let (padding, address) = word.split_last_chunk::<20>()?;
    padding
        .iter()
        .all(|byte| *byte == 0)
        .then(|| Address::new(*address))
}

/// The positions of all words that a pool's bitmap can have.
pub(super) fn word_range(spacing: TickSpacing) -> std::ops::RangeInclusive<i64> {
    let last = i64::from(LAST_TICK / spacing.get());
    (-last >> 8)..=(last >> 8)
}

/// The tick of a bit, if a pool can have it.
fn tick_of(word: i64, bit: usize, spacing: TickSpacing) -> Option<i64> {
    let compressed = word
        .checked_mul(256)?
        .checked_add(i64::try_from(bit).ok()?)?;
    compressed.checked_mul(spacing.get().into())
}

/// The ticks that a word says are initialized.
pub(super) fn ticks_of_word(word: i64, bitmap: U256, spacing: TickSpacing) -> BTreeSet<i64> {
    let bits = (0..256).filter(|bit| bitmap.bit(*bit));
    bits.filter_map(|bit| tick_of(word, bit, spacing)).collect()
}

/// What is read of a pool's liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Word(i64),
    Tick(i64),
    /// The first slot of a pool inside a manager. It is not zero if there is such a pool.
    Price,
}

impl Holder {
    /// The calls that read items.
    pub(super) fn calls(&self, items: &[Item]) -> Vec<Call> {
        match self {
            Self::Pool(pool) => {
                // Once for all items: a hash takes as long as the rest of a call.
                let bitmap = selector("tickBitmap(int16)");
                let ticks = selector("ticks(int24)");
                let call = |item: &Item| {
                    let data = match item {
                        Item::Word(word) => [bitmap.as_slice(), &signed_word(*word)].concat(),
                        Item::Tick(tick) => [ticks.as_slice(), &signed_word(*tick)].concat(),
                        Item::Price => selector("slot0()"),
                    };
                    Call { to: *pool, data }
                };
                items.iter().map(call).collect()
            }
            Self::Manager(manager, hash) => {
                let slots = Slots::of(*hash);
                let function = selector("extsload(bytes32[])");
                let call = |items: &[Item]| {
                    let mut data = function.clone();
                    data.extend_from_slice(&U256::from(32).to_be_bytes::<32>());
                    data.extend_from_slice(&U256::from(items.len()).to_be_bytes::<32>());
                    for item in items {
                        data.extend_from_slice(slots.slot(*item).as_slice());
                    }
                    Call { to: *manager, data }
                };
                items.chunks(SLOTS).map(call).collect()
            }
        }
    }

    /// The values of items: the words as they are, the net and the gross liquidity of ticks. `Err` has the reason why
    /// there is no value.
    pub(super) fn values(&self, items: &[Item], answers: &[Answer]) -> Result<Vec<Value>, String> {
        let no_answer = || "the contract does not answer as a pool does".to_owned();
        let refused = |failure: &CallFailure| failure.to_string();
        match self {
            Self::Pool(_) => items
                .iter()
                .zip(answers)
                .map(|(item, answer)| {
                    let answer = answer.as_ref().map_err(refused)?;
                    let first = word(answer).ok_or_else(no_answer)?;
                    Ok(match item {
                        Item::Tick(_) => {
                            let second = answer.get(32..).and_then(word).ok_or_else(no_answer)?;
                            Value::Tick {
                                net: low_signed(second),
                                gross: low(first),
                            }
                        }
                        Item::Word(_) | Item::Price => Value::Word(first),
                    })
                })
                .collect(),
            Self::Manager(..) => {
                let mut values = Vec::with_capacity(items.len());
                for (items, answer) in items.chunks(SLOTS).zip(answers) {
                    let answer = answer.as_ref().map_err(refused)?;
                    let slots = answer.get(64..).unwrap_or_default();
                    let (slots, rest) = slots.as_chunks::<32>();
                    if slots.len() != items.len() || !rest.is_empty() {
                        return Err(no_answer());
                    }
                    for (item, slot) in items.iter().zip(slots) {
                        let slot = U256::from_be_bytes(*slot);
                        values.push(match item {
                            Item::Tick(_) => Value::Tick {
                                net: low_signed(slot >> 128),
                                gross: low(slot),
                            },
                            Item::Word(_) | Item::Price => Value::Word(slot),
                        });
                    }
                }
                Ok(values)
            }
        }
    }
}

/// The value of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Word(U256),
    Tick { net: i128, gross: u128 },
}

/// The lower half of a word.
fn low(word: U256) -> u128 {
    (word & U256::from(u128::MAX)).to()
}

/// The lower half of a word as a signed number.
fn low_signed(word: U256) -> i128 {
    low(word).cast_signed()
}

/// The places of a pool in the storage of Uniswap V4's manager. The mapping of its pools is in slot 6, the ticks and the
/// bitmap of a pool are the fifth and the sixth of its fields.
struct Slots {
    state: U256,
}

impl Slots {
    fn of(pool: PoolHash) -> Self {
        Self {
            state: slot_of(*pool.as_bytes(), U256::from(6)).into(),
        }
    }

    fn slot(&self, item: Item) -> B256 {
        let field = |offset: u64| self.state.wrapping_add(U256::from(offset));
        match item {
            Item::Price => self.state.into(),
            Item::Tick(tick) => slot_of(signed_word(tick), field(4)),
            Item::Word(word) => slot_of(signed_word(word), field(5)),
        }
    }
}

/// The slot of a key in the mapping at another slot.
fn slot_of(key: [u8; 32], mapping: U256) -> B256 {
    keccak256([key, mapping.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::liquidity::tick_bitmap::bitmap_position;
    use crate::types::integer::Tick;

    #[test]
    fn words_reach_from_the_first_tick_to_the_last() {
        for (spacing, expected) in [(1, -3466..=3465), (60, -58..=57), (200, -18..=17)] {
            let spacing = TickSpacing::new(spacing).unwrap();
            let range = word_range(spacing);
            assert_eq!(range, expected);
            let last = LAST_TICK / spacing.get() * spacing.get();
            for (tick, word) in [(last, range.end()), (-last, range.start())] {
                let tick = Tick::new(tick).unwrap();
                let (found, _) = bitmap_position(tick, spacing).unwrap();
                assert_eq!(i64::from(found.get()), *word);
            }
        }
    }

    #[test]
    fn bits_are_ticks() {
        let spacing = TickSpacing::new(60).unwrap();
        let bitmap = (U256::from(1) << 255) | U256::from(1);
        let ticks: Vec<_> = ticks_of_word(-1, bitmap, spacing).into_iter().collect();
        assert_eq!(ticks, [-256 * 60, -60]);
    }

    #[test]
    fn halves_of_a_word_are_gross_and_net() {
        let net: U256 = U256::from((-5_i128).cast_unsigned()) << 128;
        let slot: U256 = net | U256::from(7);
        let answer = [[0; 64].as_slice(), &slot.to_be_bytes::<32>()].concat();
        let holder = Holder::Manager(Address::ZERO, PoolHash::new([1; 32]));
        let values = holder.values(&[Item::Tick(60)], &[Ok(answer)]);
        assert_eq!(values, Ok(vec![Value::Tick { net: -5, gross: 7 }]));
        let values = holder.values(&[Item::Tick(60)], &[Ok(Vec::new())]);
        assert!(values.is_err());
    }
}
