//! Texts as nodes write them: numbers, words, hashes and logs.

use std::io::Write;

/// Writes a log of a block.
pub fn log(
    address: &[u8],
    topics: &[[u8; 32]],
    data: &[[u8; 32]],
    number: u64,
    index: u32,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(br#"{"address":""#);
    hex(address, out);
    for (place, topic) in topics.iter().enumerate() {
        out.extend_from_slice(if place == 0 {
            br#"","topics":[""#
        } else {
            br#"",""#
        });
        hex(topic, out);
    }
    out.extend_from_slice(br#""],"data":""#);
    hex(data.as_flattened(), out);
    let _ = write!(out, r#"","blockNumber":"{number:#x}","transactionHash":""#);
    hex(&hash(number ^ u64::from(index) << 40), out);
    out.extend_from_slice(br#"","transactionIndex":"0x1b","blockHash":""#);
    hex(&hash(number), out);
    let _ = write!(
        out,
        r#"","blockTimestamp":"{:#x}","logIndex":"{index:#x}","removed":false}}"#,
        12 * number
    );
}

/// An address as a word.
pub fn padded(address: &[u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    word
}

/// A number as a word.
pub fn unsigned(number: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

/// The hash of a block, which is as good as any.
pub fn hash(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, part) in (0..).zip(bytes.chunks_exact_mut(8)) {
        // The generator SplitMix64.
        let mut mixed = (4 * number + place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        part.copy_from_slice(&(mixed ^ mixed >> 31).to_be_bytes());
    }
    bytes
}

pub fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: [[u8; 2]; 256] = digits();
    out.extend_from_slice(b"0x");
    let mut text = [0; 512];
    for (digits, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *digits = DIGITS[usize::from(*byte)];
    }
    out.extend_from_slice(&text[..2 * bytes.len()]);
}

const fn digits() -> [[u8; 2]; 256] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [HEX[byte >> 4], HEX[byte & 15]];
        byte += 1;
    }
    digits
}
