//! Integers beyond 64 bits, stored as decimal text in `VARCHAR(78)` columns.
//!
//! The Python package writes `str(int)`. So a number has one valid text, its canonical decimal form:
//! ASCII digits, a leading `-` for a negative number, no leading zero, no `+`, no space. Any other text
//! comes from another program and is rejected.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::serialize;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

use crate::types::invalid_value::InvalidValue;
use crate::types::stored::{Decode, Stored, read_with_diesel};

/// The digits of a canonical number, in groups of 19, which fit into 64 bits; the most significant group
/// comes first. The limit is 78 digits, the length of the greatest uint256.
///
/// A bot decodes two such texts for every tick when it starts, so eight digits are decoded at a time.
struct Digits<'text>(&'text [u8]);

impl<'text> Digits<'text> {
    const GROUP: usize = 19;
    const LONGEST: usize = 78;

    fn new(text: &'text [u8]) -> Option<Self> {
        match text {
            [b'0'] => Some(Self(text)),
            [b'1'..=b'9', ..] if text.len() <= Self::LONGEST => Some(Self(text)),
            _ => None,
        }
    }

    /// The groups, each with ten to the power of its length. A group with any other character than a digit
    /// is `None`.
    fn groups(self) -> impl Iterator<Item = Option<(u64, u64)>> + use<'text> {
        let (first, others) = self.0.split_at(self.0.len() % Self::GROUP);
        (!first.is_empty())
            .then_some(first)
            .into_iter()
            .chain(others.chunks_exact(Self::GROUP))
            .map(|group| Some((group_value(group)?, POWERS_OF_TEN[group.len()])))
    }
}

/// 10⁰ to 10¹⁹.
const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// The value of up to 19 digits, or `None` if one is not a digit.
fn group_value(digits: &[u8]) -> Option<u64> {
    let (eights, rest) = digits.as_chunks::<8>();
    let mut value = 0;
    for eight in eights {
        value = value * 100_000_000 + eight_digits(*eight)?;
    }
    for digit in rest {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// The value of eight digits in one word. It adds up pairs, then pairs of pairs, then the two halves.
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);
    let value = u64::from_le_bytes(digits);
    // Adding 6 leaves the high half of 0x30 to 0x39 as it is, and changes that of 0x3a to 0x3f.
    let high = 0xf0f0_f0f0_f0f0_f0f0;
    if value & high != ZEROS || value.wrapping_add(0x0606_0606_0606_0606) & high != ZEROS {
        return None;
    }
    let ones = value - ZEROS;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// Parses a number of at most 128 bits.
fn parse_u128(text: &[u8]) -> Option<u128> {
    let mut number = 0_u128;
    for group in Digits::new(text)?.groups() {
        let (value, power) = group?;
        number = number
            .checked_mul(power.into())?
            .checked_add(value.into())?;
    }
    Some(number)
}

/// Parses a signed number. A negative number is a `-` and its absolute value; there is no negative zero.
fn parse_i128(text: &[u8]) -> Option<i128> {
    match text {
        [b'-', absolute @ ..] => match parse_u128(absolute)? {
            0 => None,
            absolute => 0_i128.checked_sub_unsigned(absolute),
        },
        text => parse_u128(text)?.try_into().ok(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it splits a product into its two halves"
)]
fn parse_u256(text: &[u8]) -> Option<alloy_primitives::U256> {
    let mut limbs = [0_u64; 4];
    for group in Digits::new(text)?.groups() {
        let (mut carry, power) = group?;
        for limb in &mut limbs {
            let sum = u128::from(*limb) * u128::from(power) + u128::from(carry);
            (*limb, carry) = (sum as u64, (sum >> 64) as u64);
        }
        if carry != 0 {
            return None;
        }
    }
    Some(alloy_primitives::U256::from_limbs(limbs))
}

macro_rules! decimal {
    ($(#[$doc:meta])* $name:ident($inner:ty), $parse:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromSqlRow, AsExpression,
        )]
        #[diesel(sql_type = Text)]
        pub struct $name(pub $inner);

        impl From<$inner> for $name {
            fn from(number: $inner) -> Self {
                Self(number)
            }
        }

        impl From<$name> for $inner {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::decode(Stored::Text(text.as_bytes()))
            }
        }

        impl Decode for $name {
            fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
                $parse(stored.text($expected)?)
                    .map(Self)
                    .ok_or_else(|| stored.invalid($expected))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        read_with_diesel!($name, Text);

        impl ToSql<Text, Sqlite> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.0.to_string());
                Ok(IsNull::No)
            }
        }
    };
}

decimal! {
    /// A Solidity `int128`, such as the net liquidity of a tick.
    I128(i128), parse_i128, "the decimal text of an int128"
}
decimal! {
    /// A Solidity `uint128`, such as the gross liquidity of a tick.
    U128(u128), parse_u128, "the decimal text of a uint128"
}
decimal! {
    /// A Solidity `uint256`, such as a balance or a word of a tick bitmap.
    U256(alloy_primitives::U256), parse_u256, "the decimal text of a uint256"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_canonical_decimals_parse() {
        for text in [
            "", "-", " 5", "5 ", "+7", "-0", "00", "007", "1e18", "0x10", "1_000", "1.0", "٣",
        ] {
            assert!(text.parse::<I128>().is_err(), "{text:?}");
            assert!(text.parse::<U128>().is_err(), "{text:?}");
            assert!(text.parse::<U256>().is_err(), "{text:?}");
        }
        assert_eq!("0".parse::<U256>().unwrap(), U256::default());
    }

    #[test]
    fn decimals_parse_up_to_the_limits_of_their_type() {
        let max = alloy_primitives::U256::MAX.to_string();
        assert_eq!(max.len(), 78);
        assert_eq!(max.parse::<U256>().unwrap().0, alloy_primitives::U256::MAX);
        let beyond =
            "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        assert!(beyond.parse::<U256>().is_err());
        assert!("-1".parse::<U256>().is_err());
        assert!("-1".parse::<U128>().is_err());
        assert!(
            "340282366920938463463374607431768211456"
                .parse::<U128>()
                .is_err()
        );
        assert!(
            "170141183460469231731687303715884105728"
                .parse::<I128>()
                .is_err()
        );
        let min = "-170141183460469231731687303715884105728";
        assert_eq!(min.parse::<I128>().unwrap().0, i128::MIN);
    }

    /// A reference decoder: a text is valid if the standard library parses it and writes it the same way.
    fn reference<T: FromStr + fmt::Display>(text: &[u8]) -> Option<T> {
        let text = str::from_utf8(text).ok()?;
        text.parse()
            .ok()
            .filter(|number: &T| number.to_string() == text)
    }

    fn agree(text: &[u8]) {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(parse_i128(text), reference(text), "{shown:?}");
        assert_eq!(parse_u128(text), reference(text), "{shown:?}");
        assert_eq!(parse_u256(text), reference(text), "{shown:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn decimals_round_trip_through_text(signed: i128, unsigned: u128, limbs: [u64; 4]) {
            prop_assert_eq!(I128(signed).to_string().parse::<I128>().unwrap(), I128(signed));
            prop_assert_eq!(U128(unsigned).to_string().parse::<U128>().unwrap(), U128(unsigned));
            let wide = U256(alloy_primitives::U256::from_limbs(limbs));
            prop_assert_eq!(wide.to_string().parse::<U256>().unwrap(), wide);
        }

        #[test]
        fn digits_parse_as_in_std(text in "-?[0-9]{0,80}") {
            agree(text.as_bytes());
        }

        #[test]
        fn bytes_parse_as_in_std(bytes: Vec<u8>) {
            agree(&bytes);
        }

        #[test]
        fn altered_digits_parse_as_in_std(text in "[1-9][0-9]{0,77}", place: prop::sample::Index, byte: u8) {
            let mut text = text.into_bytes();
            let place = place.index(text.len());
            text[place] = byte;
            agree(&text);
        }

        #[test]
        fn decimals_compare_like_their_numbers(one: i128, other: i128) {
            prop_assert_eq!(I128(one).cmp(&I128(other)), one.cmp(&other));
        }
    }
}
