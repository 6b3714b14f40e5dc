//! Numbers and bytes as JSON-RPC writes them.

use crate::types::integer::BlockNumber;

/// A number, such as `0x1b4`.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    // The parser would take a sign.
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

/// The number of a block.
pub(super) fn block(text: &str) -> Option<BlockNumber> {
    BlockNumber::new(number(text)?).ok()
}

/// Bytes of a fixed length.
pub(super) fn bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let digits = digits(text)?;
    (digits.len() == 2 * LENGTH).then_some(())?;
    alloy_primitives::hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// Replaces the content of `buffer` by bytes of any length.
pub(super) fn bytes_into(text: &str, buffer: &mut Vec<u8>) -> Option<()> {
    let digits = digits(text)?;
    buffer.clear();
    buffer.resize(digits.len() / 2, 0);
    alloy_primitives::hex::decode_to_slice(digits, buffer).ok()
}

/// The digits behind the `0x`. A second one would be skipped by the decoder.
fn digits(text: &str) -> Option<&str> {
    text.strip_prefix("0x")
        .filter(|digits| !digits.starts_with("0x"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_are_read_strictly() {
        assert_eq!(number("0x1B4"), Some(436));
        for text in [
            "",
            "0x",
            "1b4",
            "0x+1",
            "0x-1",
            "0xg",
            "0x10000000000000000",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(bytes("0x00fF"), Some([0, 255]));
        for text in [
            "0x", "0x00", "0x000", "00ff", "0x0x00", "0x00fg", "0x00ff00",
        ] {
            assert_eq!(bytes::<2>(text), None, "{text}");
        }
        let mut buffer = vec![9; 9];
        assert_eq!(bytes_into("0x", &mut buffer), Some(()));
        assert!(buffer.is_empty());
        assert_eq!(bytes_into("0x0102", &mut buffer), Some(()));
        assert_eq!(buffer, [1, 2]);
        assert_eq!(bytes_into("0x012", &mut buffer), None);
    }
}
