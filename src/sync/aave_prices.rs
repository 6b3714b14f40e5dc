//! The prices that the oracle of an Aave V3 market has.

use alloy_primitives::U256 as Number;

use crate::aave::prices::AavePrices;
use crate::node::calls::{Call, CallFailure};
use crate::node::client::Node;
use crate::node::error::NodeError;
use crate::node::header::BlockTag;
use crate::sync::at_block::lacks_state;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::{BlockNumber, Timestamp};

const WORD: usize = 32;

/// `getAssetsPrices(address[])`.
const ASSETS_PRICES: [u8; 4] = [0x9d, 0x23, 0xd9, 0xf2];
/// `getAssetPrice(address)`.
const ASSET_PRICE: [u8; 4] = [0xb3, 0x59, 0x6f, 0x07];
/// `BASE_CURRENCY_UNIT()`.
const UNIT: [u8; 4] = [0x8c, 0x89, 0xb6, 0x4f];
/// `BASE_CURRENCY()`.
const CURRENCY: [u8; 4] = [0xe1, 0x9f, 0x47, 0x00];

/// Prices, and the block in which the oracle has them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OraclePrices {
    /// The prices that the oracle has.
    pub prices: AavePrices,
    /// The base currency: the zero address for the US dollar, otherwise a token. `None` if the oracle does not say it.
    pub base_currency: Option<Address>,
    /// The block.
    pub block: BlockNumber,
    /// The time of the block, if it is the newest one.
    pub time: Option<Timestamp>,
    /// Whether it is the newest block, because the node lacks the state of the one that was asked for.
    pub is_newest: bool,
    /// The assets without a price, and why.
    pub missing: Vec<(Address, String)>,
}

/// Asks an oracle for prices in a block. If the node no longer has the state of that block, or does not have it yet, the
/// oracle is asked in the newest block of the node.
///
/// One request asks for all of them. If the oracle refuses, because it has no price for one of them, each is asked for by
/// itself.
///
/// # Errors
///
/// Any [`NodeError`]. An asset without a price is none.
pub fn ask_aave_prices(
    node: &Node,
    oracle: Address,
    assets: &[Address],
    block: BlockNumber,
) -> Result<OraclePrices, NodeError> {
    /// How often the newest block is looked up, if the node forgets the state of one at once.
    const TRIES: u32 = 3;
    let mut tries = 0;
    loop {
        let head = node.header(BlockTag::Latest)?;
        let is_behind = head.as_ref().is_some_and(|head| head.number < block);
        if tries == 0 && !is_behind {
            match ask(node, oracle, assets, block) {
                Err(error) if lacks_state(&error) && head.is_some() => {}
                asked => return asked,
            }
        }
        tries += 1;
        let at = head.as_ref().map_or(block, |head| head.number);
        match ask(node, oracle, assets, at) {
            Err(error) if lacks_state(&error) && tries < TRIES => {}
            asked => {
                return asked.map(|prices| OraclePrices {
                    is_newest: true,
                    time: head.and_then(|head| Timestamp::new(head.timestamp).ok()),
                    ..prices
                });
            }
        }
    }
}

fn ask(
    node: &Node,
    oracle: Address,
    assets: &[Address],
    block: BlockNumber,
) -> Result<OraclePrices, NodeError> {
    let at = BlockTag::Number(block);
    let call = |data: Vec<u8>| Call { to: oracle, data };
    let first = [
        call(for_all(assets)),
        call(UNIT.to_vec()),
        call(CURRENCY.to_vec()),
    ];
    let answers = node.calls(&first, at)?;
    let answer = |place: usize| answers.get(place).and_then(|answer| answer.as_ref().ok());
    let (all, unit, currency) = (answer(0), answer(1), answer(2));
    let Some(unit) = unit.and_then(|answer| word(answer)) else {
        return Ok(without_unit(assets, block));
    };
    let mut found = OraclePrices {
        prices: AavePrices::new(unit),
        base_currency: currency.and_then(|answer| address(answer)),
        block,
        time: None,
        is_newest: false,
        missing: Vec::new(),
    };
    if let Some(prices) = all.and_then(|answer| words(answer, assets.len())) {
        for (asset, price) in assets.iter().zip(prices) {
            found.prices.set(*asset, price);
        }
        return Ok(found);
    }
    let single: Vec<_> = assets.iter().map(|asset| call(for_one(*asset))).collect();
    for (asset, answer) in assets.iter().zip(node.calls(&single, at)?) {
        match price(&answer) {
            Ok(price) => found.prices.set(*asset, price),
            Err(reason) => found.missing.push((*asset, reason)),
        }
    }
    Ok(found)
}

/// The prices of an oracle that does not say what their unit is, so that they mean nothing.
fn without_unit(assets: &[Address], block: BlockNumber) -> OraclePrices {
    let reason = "the oracle does not say the unit of its prices".to_owned();
    OraclePrices {
        prices: AavePrices::new(AavePrices::DOLLAR),
        base_currency: None,
        block,
        time: None,
        is_newest: false,
        missing: assets
            .iter()
            .map(|asset| (*asset, reason.clone()))
            .collect(),
    }
}

fn price(answer: &Result<Vec<u8>, CallFailure>) -> Result<U256, String> {
    match answer {
        Ok(answer) => word(answer).ok_or_else(|| "the oracle's answer is no price".to_owned()),
        Err(refusal) => Err(refusal.to_string()),
    }
}

/// The call of `getAssetsPrices`.
fn for_all(assets: &[Address]) -> Vec<u8> {
    let mut data = Vec::from(ASSETS_PRICES);
    // The list begins after this word.
    data.extend(number(WORD));
    data.extend(number(assets.len()));
    for asset in assets {
        data.extend(padded(*asset));
    }
    data
}

/// The call of `getAssetPrice`.
fn for_one(asset: Address) -> Vec<u8> {
    let mut data = Vec::from(ASSET_PRICE);
    data.extend(padded(asset));
    data
}

fn number(number: usize) -> [u8; WORD] {
    Number::from(number).to_be_bytes()
}

fn padded(address: Address) -> [u8; WORD] {
    let mut word = [0; WORD];
    word[WORD - address.as_bytes().len()..].copy_from_slice(address.as_bytes());
    word
}

/// The number in an answer of one word.
fn word(answer: &[u8]) -> Option<U256> {
    let (word, _) = answer.split_first_chunk::<WORD>()?;
    Some(U256(Number::from_be_bytes(*word)))
}

fn address(answer: &[u8]) -> Option<Address> {
    let (word, _) = answer.split_first_chunk::<WORD>()?;
    let (zeros, bytes) = word.split_first_chunk::<12>()?;
    let bytes: [u8; 20] = bytes.try_into().ok()?;
    (*zeros == [0; 12]).then(|| Address::new(bytes))
}

/// The numbers in an answer that is a list of so many.
fn words(answer: &[u8], count: usize) -> Option<Vec<U256>> {
    let (head, words) = answer.split_at_checked(2 * WORD)?;
    let is_list = head[..WORD] == number(WORD) && head[WORD..] == number(count);
    let (words, rest) = words.as_chunks::<WORD>();
    if !is_list || words.len() != count || !rest.is_empty() {
        return None;
    }
    let numbers = words.iter().map(|word| U256(Number::from_be_bytes(*word)));
    Some(numbers.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn calls_are_encoded_as_contracts_read_them() {
        let assets = [Address::new([0x11; 20]), Address::new([0x22; 20])];
        assert_eq!(
            alloy_primitives::hex::encode(for_all(&assets)),
            "9d23d9f2\
             0000000000000000000000000000000000000000000000000000000000000020\
             0000000000000000000000000000000000000000000000000000000000000002\
             0000000000000000000000001111111111111111111111111111111111111111\
             0000000000000000000000002222222222222222222222222222222222222222"
        );
        assert_eq!(
            alloy_primitives::hex::encode(for_one(assets[0])),
            "b3596f070000000000000000000000001111111111111111111111111111111111111111"
        );
    }

    fn list(prices: &[u64]) -> Vec<u8> {
        let mut answer = [number(WORD), number(prices.len())].concat();
        for price in prices {
            answer.extend(Number::from(*price).to_be_bytes::<WORD>());
        }
        answer
    }

    #[test]
    fn a_list_of_another_length_is_none() {
        let answer = list(&[7, 9]);
        let seven_and_nine = [7, 9].map(|it| U256(Number::from(it))).to_vec();
        assert_eq!(words(&answer, 2), Some(seven_and_nine));
        assert_eq!(words(&answer, 1), None);
        assert_eq!(words(&answer, 3), None);
        assert_eq!(words(&answer[..127], 2), None);
        assert_eq!(words(&[answer, vec![0]].concat(), 2), None);
        assert_eq!(words(&[], 0), None);
        assert_eq!(words(&list(&[]), 0), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn no_answer_panics(answer: Vec<u8>, count in 0..4_usize) {
            let _ = (words(&answer, count), word(&answer), address(&answer));
        }

        #[test]
        fn lists_are_read(prices: Vec<u64>) {
            let read = words(&list(&prices), prices.len()).unwrap();
            let expected: Vec<_> = prices.into_iter().map(|it| U256(Number::from(it))).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
