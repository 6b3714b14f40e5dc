//! Booleans, stored as 0 or 1.

use diesel::deserialize::FromSqlRow;
use diesel::sql_types::Bool;

use crate::types::invalid_value::InvalidValue;
use crate::types::stored::{Decode, Stored, read_with_diesel};

const EXPECTED: &str = "a flag (0 or 1)";

/// Reads a `BOOLEAN` column strictly; row types hold the `bool`.
///
/// SQLite has no boolean type. The Python package stores 0 and 1; without this check, the text `true`
/// would be read as false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub struct Flag(bool);

impl From<Flag> for bool {
    fn from(flag: Flag) -> Self {
        flag.0
    }
}

impl Decode for Flag {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        match stored.integer(EXPECTED)? {
            0 => Ok(Self(false)),
            1 => Ok(Self(true)),
            _ => Err(stored.invalid(EXPECTED)),
        }
    }
}

/// Reads a `bool`, which row types hold, as a [`Flag`].
impl Decode for bool {
    fn decode(stored: Stored<'_>) -> Result<Self, InvalidValue> {
        Flag::decode(stored).map(Self::from)
    }
}

read_with_diesel!(Flag, Bool);
