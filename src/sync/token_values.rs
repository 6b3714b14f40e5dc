//! What token contracts answer when they are asked for their name, symbol and decimals.

use crate::types::integer::Decimals;

const WORD: usize = 32;

/// A text: a `string`, or the `bytes32` of old tokens. `None` if it is neither, not UTF-8, or longer than any name.
pub(super) fn text(answer: &[u8]) -> Option<String> {
    /// How many bytes a name can have. A contract can answer with megabytes.
    const LONGEST: usize = 4_096;
    let bytes = if answer.len() == WORD {
        padded_text(answer)?
    } else {
        let length_at = number(answer.get(..WORD)?)?;
        let text_at = length_at.checked_add(WORD)?;
        let length = number(answer.get(length_at..text_at)?)?;
        answer.get(text_at..text_at.checked_add(length)?)?
    };
    let text = str::from_utf8(bytes).ok()?;
    (text.len() <= LONGEST).then(|| text.to_owned())
}

/// The bytes of a `bytes32` before its padding. The padding is at the end; otherwise it is a number.
fn padded_text(word: &[u8]) -> Option<&[u8]> {
    let length = word
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let bytes = word.get(..length)?;
    (!bytes.contains(&0)).then_some(bytes)
}

/// The decimals. `None` if it is no `uint8`.
pub(super) fn decimals(answer: &[u8]) -> Option<Decimals> {
    let number = u8::try_from(number(answer.get(..WORD)?)?).ok()?;
    Decimals::new(number).ok()
}

/// The number in a word, if it is small enough for a place in the answer.
fn number(word: &[u8]) -> Option<usize> {
    let (high, low) = word.split_last_chunk::<4>()?;
    if high.iter().any(|byte| *byte != 0) {
        return None;
    }
    usize::try_from(u32::from_be_bytes(*low)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(number: u32) -> [u8; WORD] {
        let mut word = [0; WORD];
        word[28..].copy_from_slice(&number.to_be_bytes());
        word
    }

    /// A `string` as contracts encode it.
    fn string(text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        let mut answer = [word(32), word(length)].concat();
        answer.extend(text);
        answer.resize(answer.len().next_multiple_of(WORD), 0);
        answer
    }

    fn bytes32(text: &[u8]) -> Vec<u8> {
        let mut answer = text.to_vec();
        answer.resize(WORD, 0);
        answer
    }

    #[test]
    fn texts_are_strings_or_padded_words() {
        for (answer, expected) in [
            (string(b"USDC"), Some("USDC")),
            (string(b""), Some("")),
            (string("“é” 🦄".as_bytes()), Some("“é” 🦄")),
            (string(b"a\0b"), Some("a\0b")),
            (string(&[0xff, b'A']), None),
            (bytes32(b"MKR"), Some("MKR")),
            (bytes32(b""), Some("")),
            (bytes32(&[0xff, b'A']), None),
            (
                bytes32(&[b'x'; 32]),
                Some("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            ),
            (word(18).to_vec(), None),
            (Vec::new(), None),
            (vec![0; 31], None),
            // The text is said to be longer than the answer, and to begin behind it.
            ([word(32), word(33), word(0)].concat(), None),
            ([word(96), word(1), word(0)].concat(), None),
            ([[0xff; 32], word(1)].concat(), None),
            ([word(u32::MAX), word(1)].concat(), None),
        ] {
            assert_eq!(text(&answer).as_deref(), expected, "{answer:?}");
        }
        assert_eq!(text(&string(&[b'x'; 4_096])).unwrap().len(), 4_096);
        assert_eq!(text(&string(&[b'x'; 4_097])), None);
    }

    #[test]
    fn decimals_are_those_that_fit() {
        for (answer, expected) in [
            (word(0).to_vec(), Some(0)),
            (word(255).to_vec(), Some(255)),
            (word(256).to_vec(), None),
            (word(300).to_vec(), None),
            ([0xff; 32].to_vec(), None),
            (Vec::new(), None),
            (vec![18], None),
        ] {
            let found = decimals(&answer).map(|decimals| decimals.to_string());
            let expected = expected.map(|number: u8| number.to_string());
            assert_eq!(found, expected, "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_panics_and_strings_are_read(answer: Vec<u8>, written in "\\PC{0,80}") {
            let _ = (text(&answer), decimals(&answer));
            let answer = string(written.as_bytes());
            prop_assert_eq!(text(&answer), Some(written));
        }
    }
}
