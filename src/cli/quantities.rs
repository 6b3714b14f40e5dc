//! Amounts as options take them: times such as `26h`, and sizes such as `1G`.

use std::time::Duration;

/// The units of times, in seconds.
const TIMES: [(&str, u64); 5] = [
    ("s", 1),
    ("m", 60),
    ("h", 3_600),
    ("d", 86_400),
    ("w", 604_800),
];

/// The units of sizes, in bytes.
const SIZES: [(&str, u64); 5] = [
    ("", 1),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
];

/// A time with its unit.
pub(super) fn time(text: &str) -> Result<Duration, &'static str> {
    parse(text, &TIMES)
        .map(Duration::from_secs)
        .ok_or("expected a time with a unit, such as 90s, 30m, 26h, 7d or 2w")
}

/// A size in bytes, or with a unit of 1,024 bytes and its powers.
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    parse(text.strip_suffix("iB").unwrap_or(text), &SIZES)
        .ok_or("expected a size such as 64K, 500M or 1G, or a number of bytes")
}

/// A number with its unit; `None` if it is none, or too large.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        for (text, expected) in [
            ("26h", Some(93_600)),
            ("30m", Some(1_800)),
            ("7d", Some(604_800)),
            ("0s", Some(0)),
            ("2w", Some(1_209_600)),
            ("26", None),
            ("h", None),
            ("", None),
            ("1.5h", None),
            ("-1h", None),
            ("+1h", None),
            ("26 h", None),
            ("26H", None),
            ("1h30m", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(time(text).ok(), expected, "{text}");
        }
        for (text, expected) in [
            ("0", Some(0)),
            ("1000", Some(1_000)),
            ("64K", Some(64 << 10)),
            ("500M", Some(500 << 20)),
            ("1G", Some(1 << 30)),
            ("1GiB", Some(1 << 30)),
            ("1g", None),
            ("1GB", None),
            ("G", None),
            ("16777216T", None),
        ] {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }
}
