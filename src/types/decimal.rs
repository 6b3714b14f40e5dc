//! Integers beyond 64 bits, stored as decimal text in `VARCHAR(78)` columns.
//!
//! The Python package writes `str(int)`, so the one valid text of a number is its canonical decimal
//! form: ASCII digits, a leading `-` for a negative number, no leading zero, no `+`, no space. Any
//! other text means that something else wrote the row, and is rejected.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::{Sqlite, SqliteValue};

use super::{InvalidValue, read_text};

/// Whether `text` is the canonical decimal form of some integer.
fn is_canonical(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

macro_rules! decimal {
    ($(#[$doc:meta])* $name:ident($inner:ty), $expected:literal) => {
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
                if !is_canonical(text) {
                    return Err(InvalidValue::text($expected, text));
                }
                text.parse()
                    .map(Self)
                    .map_err(|_| InvalidValue::text($expected, text))
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

        impl FromSql<Text, Sqlite> for $name {
            fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                Ok(read_text(&mut value, $expected)?.parse()?)
            }
        }

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
    I128(i128), "the decimal text of an int128"
}
decimal! {
    /// A Solidity `uint128`, such as the gross liquidity of a tick.
    U128(u128), "the decimal text of a uint128"
}
decimal! {
    /// A Solidity `uint256`, such as a balance or a word of a tick bitmap.
    U256(alloy_primitives::U256), "the decimal text of a uint256"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_form_is_read() {
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
    fn limits() {
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

    proptest! {
        #[test]
        fn round_trips(signed: i128, unsigned: u128, limbs: [u64; 4]) {
            prop_assert_eq!(I128(signed).to_string().parse::<I128>().unwrap(), I128(signed));
            prop_assert_eq!(U128(unsigned).to_string().parse::<U128>().unwrap(), U128(unsigned));
            let wide = U256(alloy_primitives::U256::from_limbs(limbs));
            prop_assert_eq!(wide.to_string().parse::<U256>().unwrap(), wide);
        }
    }
}
