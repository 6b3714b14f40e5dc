//! Addresses of accounts and contracts.

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

const EXPECTED: &str = "an address (0x and 40 hexadecimal digits)";

/// The address of an account or contract on an EVM chain.
///
/// It is read in any letter case, because databases hold both checksummed and lower-case addresses. It
/// is displayed and stored in the mixed-case form of
/// [EIP-55](https://eips.ethereum.org/EIPS/eip-55). Two spellings of one address are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub struct Address(alloy_primitives::Address);

impl Address {
    /// The zero address, which Uniswap V4 uses for a chain's native currency.
    pub const ZERO: Self = Self(alloy_primitives::Address::ZERO);

    /// An address from its 20 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(alloy_primitives::Address::new(bytes))
    }

    /// The 20 bytes of the address.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0.0.0
    }

    /// The spellings to search for: the checksummed one, which this crate writes, and the lower-case one of old
    /// rows. They are in SQLite's sort order.
    pub(crate) fn spellings(self) -> [String; 2] {
        [
            self.0.to_checksum(None),
            alloy_primitives::hex::encode_prefixed(self.0),
        ]
    }
}

/// Whether a text is an address with its checksum, or in lower case.
pub(crate) fn is_usual_spelling(text: &str) -> bool {
    let is_lower_case = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_lower_case
        || text
            .parse::<Address>()
            .is_ok_and(|address| address.0.to_checksum_buffer(None).as_str() == text)
}

impl From<alloy_primitives::Address> for Address {
    fn from(address: alloy_primitives::Address) -> Self {
        Self(address)
    }
}

impl From<Address> for alloy_primitives::Address {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl Address {
    /// Parses an address that a person has typed. If its letters have both cases, they must be its checksum.
    ///
    /// # Errors
    ///
    /// The reason, as text.
    pub(crate) fn typed(text: &str) -> Result<Self, String> {
        let address: Self = text.parse().map_err(|error| format!("{error}"))?;
        let digits = text.get(2..).unwrap_or_default();
        let is_of_one_case =
            digits == digits.to_ascii_lowercase() || digits == digits.to_ascii_uppercase();
        if is_of_one_case || address.to_string().get(2..) == Some(digits) {
            Ok(address)
        } else {
            Err(format!(
                "its letter case is not a valid checksum, so a character may be wrong; if all characters are right, \
                 write {address}"
            ))
        }
    }
}

/// Reads `0x` (or `0X`) and 40 hexadecimal digits in any letter case. It does not check the checksum in
/// the letter case: the Python package never did, so valid databases hold addresses that would fail it.
impl FromStr for Address {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::decode(Stored::Text(text.as_bytes()))
    }
}

impl Decode for Address {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        match stored.text(EXPECTED)? {
            // The decoder skips a second 0x as a prefix, but then finds too few digits.
            [b'0', b'x' | b'X', digits @ ..] if digits.len() == 40 => {
                let mut bytes = [0; 20];
                alloy_primitives::hex::decode_to_slice(digits, &mut bytes)
                    .map_err(|_| stored.invalid(EXPECTED))?;
                Ok(Self::new(bytes))
            }
            _ => Err(stored.invalid(EXPECTED)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.to_checksum_buffer(None).as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

read_with_diesel!(Address, Text);

impl ToSql<Text, Sqlite> for Address {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_checksum(None));
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_letter_case_parses_and_displays_the_checksum() {
        // From the examples of EIP-55.
        let checksummed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        for spelling in [
            checksummed.to_owned(),
            checksummed.to_lowercase(),
            checksummed.to_uppercase(),
            checksummed.to_uppercase().replacen("0X", "0x", 1),
        ] {
            assert_eq!(
                spelling.parse::<Address>().unwrap().to_string(),
                checksummed
            );
        }
    }

    #[test]
    fn malformed_addresses_are_rejected() {
        for text in [
            "",
            "0x",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed0",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
            "0x0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            " 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.found, format!("{text:?}"));
        }
    }

    proptest! {
        #[test]
        fn spellings_are_the_checksum_and_lower_case_in_order(bytes: [u8; 20]) {
            let address = Address::new(bytes);
            let [written, old] = address.spellings();
            prop_assert!(written <= old);
            prop_assert_eq!(&written, &address.to_string());
            prop_assert_eq!(&old, &written.to_lowercase());
        }

        #[test]
        fn addresses_round_trip_through_text(bytes: [u8; 20]) {
            let address = Address::new(bytes);
            prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }
}
