//! Hashes of 32 bytes: of pools inside a pool manager, of blocks, and of code.

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

/// Defines a hash of 32 bytes, which is stored as text.
macro_rules! hash {
    ($(#[$meta:meta])* $name:ident, $expected:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromSqlRow, AsExpression)]
        #[diesel(sql_type = Text)]
        pub struct $name([u8; 32]);

        impl $name {
            /// A hash from its 32 bytes.
            #[must_use]
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes of the hash.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
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
                match stored.text($expected)? {
                    [b'0', b'x' | b'X', digits @ ..] if digits.len() == 64 => {
                        let mut bytes = [0; 32];
                        alloy_primitives::hex::decode_to_slice(digits, &mut bytes)
                            .map_err(|_| stored.invalid($expected))?;
                        Ok(Self(bytes))
                    }
                    _ => Err(stored.invalid($expected)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&alloy_primitives::hex::encode_prefixed(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        read_with_diesel!($name, Text);

        impl ToSql<Text, Sqlite> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.to_string());
                Ok(IsNull::No)
            }
        }
    };
}

hash!(
    /// The id of a pool inside a pool manager (Uniswap V4's `PoolId`), which is the Keccak-256 hash of its
    /// key.
    ///
    /// It is read in any letter case, and displayed and stored in lower case, as the Python package does.
    PoolHash,
    "a pool hash (0x and 64 hexadecimal digits)"
);

hash!(
    /// The hash of a block. It is read in any letter case, and displayed and stored in lower case.
    BlockHash,
    "a block hash (0x and 64 hexadecimal digits)"
);

hash!(
    /// The Keccak-256 hash of a contract's code, such as the init code that a factory deploys pools with. It is read
    /// in any letter case, and displayed and stored in lower case.
    CodeHash,
    "a code hash (0x and 64 hexadecimal digits)"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn malformed_hashes_are_rejected() {
        let digits = "ab".repeat(32);
        for text in [
            String::new(),
            digits.clone(),
            format!("0x{}", &digits[1..]),
            format!("0x{digits}0"),
            format!("0x{}g", &digits[1..]),
            format!("0x0x{}", &digits[2..]),
        ] {
            assert!(text.parse::<PoolHash>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn hash_parses_in_any_letter_case(bytes: [u8; 32]) {
            let hash = PoolHash::new(bytes);
            let text = hash.to_string();
            prop_assert_eq!(text.to_lowercase(), text.clone());
            prop_assert_eq!(text.to_uppercase().parse::<PoolHash>().unwrap(), hash);
            prop_assert_eq!(text.parse::<PoolHash>().unwrap(), hash);
        }
    }
}
