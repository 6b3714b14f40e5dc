//! The records of rows and of index entries (<https://sqlite.org/fileformat2.html>, section 2.1).

use std::cmp::Ordering;

use crate::database::verification::btree::page::{Doubt, Sound, varint};
use crate::types::stored::Stored;

/// The place of a value in a record: its serial type and its offset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    kind: u32,
    at: usize,
}

/// Reads the header of a record of `length` bytes, of which `bytes` are the first ones. The places of its values replace
/// those in `places`.
pub(super) fn read_header(bytes: &[u8], length: usize, places: &mut Vec<Place>) -> Sound {
    const DOUBT: Doubt = Doubt("the header of a record is malformed");
    places.clear();
    let (header, mut at) = varint(bytes, 0)?;
    let header = usize::try_from(header).map_err(|_| DOUBT)?;
    let header_bytes = bytes.get(..header).ok_or(DOUBT)?;
    let mut value_at = header;
    while at < header {
        let (kind, bytes_of_kind) = varint(header_bytes, at)?;
        let kind = u32::try_from(kind).map_err(|_| DOUBT)?;
        places.push(Place { kind, at: value_at });
        value_at += size_of_value(kind).ok_or(DOUBT)?;
        at += bytes_of_kind;
    }
    if at == header && value_at == length {
        Ok(())
    } else {
        Err(DOUBT)
    }
}

/// The size of a value by its serial type.
#[inline]
fn size_of_value(kind: u32) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => Some(kind as usize),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        _ => Some((kind as usize - 12) / 2),
    }
}

impl Place {
    /// The value. It has to be within the given first bytes of the record.
    #[inline]
    pub(super) fn value<'bytes>(&self, bytes: &'bytes [u8]) -> Sound<Stored<'bytes>> {
        const DOUBT: Doubt = Doubt("a value is far behind its row");
        let size = size_of_value(self.kind).ok_or(DOUBT)?;
        let bytes = bytes.get(self.at..self.at + size).ok_or(DOUBT)?;
        let integer = || {
            let is_negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
            let start = if is_negative { -1 } else { 0 };
            bytes
                .iter()
                .fold(start, |value: i64, byte| value << 8 | i64::from(*byte))
        };
        Ok(match self.kind {
            0 => Stored::Null,
            1..=6 => Stored::Integer(integer()),
            7 => Stored::Real(f64::from_bits(integer().cast_unsigned())),
            8 => Stored::Integer(0),
            9 => Stored::Integer(1),
            kind if kind % 2 == 0 => Stored::Blob(bytes),
            _ => Stored::Text(bytes),
        })
    }

    pub(super) const fn is_null(&self) -> bool {
        self.kind == 0
    }

    pub(super) const fn is_real(&self) -> bool {
        self.kind == 7
    }

    pub(super) const fn is_text(&self) -> bool {
        self.kind > 12 && self.kind % 2 == 1
    }

    pub(super) const fn is_number(&self) -> bool {
        matches!(self.kind, 1..=9)
    }
}

/// The order of two values in an index. `None` for a real number, which may equal an integer.
#[inline]
pub(super) fn compare(one: Stored<'_>, other: Stored<'_>) -> Option<Ordering> {
    let rank = |value: &Stored<'_>| match value {
        Stored::Null => Some(0),
        Stored::Integer(_) => Some(1),
        Stored::Real(_) => None,
        Stored::Text(_) => Some(2),
        Stored::Blob(_) => Some(3),
    };
    Some(match (one, other) {
        (Stored::Integer(one), Stored::Integer(other)) => one.cmp(&other),
        (Stored::Text(one), Stored::Text(other)) | (Stored::Blob(one), Stored::Blob(other)) => {
            one.cmp(other)
        }
        _ => rank(&one)?.cmp(&rank(&other)?),
    })
}

/// Adds a value to the text of a key, so that different keys have different texts.
#[inline]
pub(super) fn add_to_key(key: &mut Vec<u8>, value: Stored<'_>) -> Sound {
    match value {
        Stored::Null => key.push(0),
        Stored::Integer(number) => {
            key.push(1);
            key.extend_from_slice(&number.to_le_bytes());
        }
        Stored::Text(bytes) | Stored::Blob(bytes) => {
            key.push(if matches!(value, Stored::Text(_)) {
                2
            } else {
                3
            });
            key.extend_from_slice(&bytes.len().to_le_bytes());
            key.extend_from_slice(bytes);
        }
        Stored::Real(_) => return Err(Doubt("a real number is in an index")),
    }
    Ok(())
}

/// Whether SQLite might convert a text to a number without a loss. It does so in a column for numbers.
pub(super) fn may_be_number(text: &[u8]) -> bool {
    let mut before = b' ';
    let mut has_digit = false;
    for &byte in text {
        let fits = match byte {
            b'+' | b'-' => matches!(before, b'e' | b'E' | b' ' | b'\t'..=b'\r'),
            b'.' | b'e' | b'E' | b' ' | b'\t'..=b'\r' => true,
            _ => byte.is_ascii_digit(),
        };
        if !fits {
            return false;
        }
        has_digit |= byte.is_ascii_digit();
        before = byte;
    }
    has_digit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_serial_types() {
        let record = [
            10, 0, 1, 2, 8, 9, 7, 16, 15, 12, //
            0xff, 0x01, 0x00, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, b'a', b'b', b'c',
        ];
        let mut places = Vec::new();
        read_header(&record, record.len(), &mut places).unwrap();
        let values: Vec<_> = places
            .iter()
            .map(|place| place.value(&record).unwrap())
            .collect();
        assert_eq!(
            values,
            [
                Stored::Null,
                Stored::Integer(-1),
                Stored::Integer(256),
                Stored::Integer(0),
                Stored::Integer(1),
                Stored::Real(1.0),
                Stored::Blob(b"ab"),
                Stored::Text(b"c"),
                Stored::Blob(b""),
            ]
        );
        assert!(read_header(&record, record.len() + 1, &mut places).is_err());
        assert!(read_header(&record[..9], record.len(), &mut places).is_err());
        assert!(read_header(&[2, 10], 2, &mut places).is_err());
    }

    #[test]
    fn texts_that_may_be_numbers_are_told_from_others() {
        for text in ["1", " -1.5e+7 ", ".5", "1e5", "+3", "1 2"] {
            assert!(may_be_number(text.as_bytes()), "{text}");
        }
        for text in ["", "x", "2026-01-02", "0x10", "12:00", "e", "1_000"] {
            assert!(!may_be_number(text.as_bytes()), "{text}");
        }
    }
}
