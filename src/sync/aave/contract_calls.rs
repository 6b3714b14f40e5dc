//! Calls of Aave's contracts and their tokens, and what they answer.

use alloy_primitives::keccak256;

use crate::node::calls::Call;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::Revision;

const WORD: usize = 32;

/// A call of a function without arguments.
pub(super) fn call(to: Address, signature: &str) -> Call {
    call_with(to, signature, &[])
}

/// A call of a function whose arguments are words.
pub(super) fn call_with(to: Address, signature: &str, words: &[[u8; WORD]]) -> Call {
    let mut data = keccak256(signature)[..4].to_vec();
    data.extend(words.iter().flatten());
    Call { to, data }
}

/// An address as an argument.
pub(super) fn word_of(address: Address) -> [u8; WORD] {
    let mut word = [0; WORD];
    word[WORD - 20..].copy_from_slice(address.as_bytes());
    word
}

/// A word of an answer.
pub(super) fn word_at(answer: &[u8], index: usize) -> Option<&[u8; WORD]> {
    let start = index.checked_mul(WORD)?;
    answer.get(start..start.checked_add(WORD)?)?.try_into().ok()
}

/// The number in a word of an answer.
pub(super) fn number_at(answer: &[u8], index: usize) -> Option<U256> {
    let word = word_at(answer, index)?;
    Some(U256(alloy_primitives::U256::from_be_bytes(*word)))
}

/// The address in a word of an answer.
pub(super) fn address_at(answer: &[u8], index: usize) -> Option<Address> {
    let (padding, address) = word_at(answer, index)?.split_last_chunk::<20>()?;
    let is_padded = padding.iter().all(|byte| *byte == 0);
    is_padded.then(|| Address::new(*address))
}

/// The addresses of an array, which is all that the answer has.
pub(super) fn addresses(answer: &[u8]) -> Option<Vec<Address>> {
    let length = usize::try_from(number_at(answer, 1)?.0).ok()?;
    // A wrong length cannot ask for more than the answer has.
    let length = length.min(answer.len() / WORD);
    (2..length + 2)
        .map(|index| address_at(answer, index))
        .collect()
}

/// The revision of a contract.
pub(super) fn revision(answer: &[u8]) -> Option<Revision> {
    let number = u32::try_from(number_at(answer, 0)?.0).ok()?;
    Revision::new(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_word_by_word() {
        let address = Address::new([0xaa; 20]);
        let mut answer = Vec::new();
        for number in [32_u8, 1] {
            answer.extend([0; 31]);
            answer.push(number);
        }
        answer.extend(word_of(address));
        assert_eq!(addresses(&answer), Some(vec![address]));
        assert_eq!(address_at(&answer, 2), Some(address));
        assert_eq!(revision(&answer), Revision::new(32).ok());
        assert_eq!(addresses(&answer[..64]), None);
        assert_eq!(word_at(&answer, usize::MAX), None);
        // An address has zeros before it.
        answer[64] = 1;
        assert_eq!(addresses(&answer), None);
    }
}
