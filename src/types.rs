//! Column types: what a value of the database means, checked when it is read.
//!
//! SQLite stores whatever it is given in any column, and its own conversions are silent: a text read
//! as a number is 0, a number beyond 32 bits read as one of 32 bits is cut. So every column whose
//! values have a meaning has a type here that looks at the stored type, parses the value and rejects
//! what it cannot stand for. The form on disk is the Python package's and is kept apart from how a
//! value is displayed.

mod address;
mod cell;
mod decimal;
mod flag;
mod integer;
mod kind;
mod pool_hash;

pub use address::Address;
pub use cell::Cell;
pub use decimal::{I128, U128, U256};
pub use flag::Flag;
pub use integer::{
    BasisPoints, BinStep, BlockNumber, ChainId, Decimals, EModeCategoryId, FeeParts, LogIndex,
    Revision, Tick, TickSpacing, WordPosition,
};
pub use kind::{ManagedPoolKind, PoolKind, PoolManagerKind};
pub use pool_hash::PoolHash;

use diesel::sqlite::{SqliteType, SqliteValue};

/// A stored or given value that its type cannot stand for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct InvalidValue {
    /// What a valid value looks like.
    pub expected: &'static str,
    /// What was there instead: the value as it would be written in SQL, shortened.
    pub found: String,
}

impl InvalidValue {
    fn text(expected: &'static str, found: &str) -> Self {
        const SHOWN: usize = 100;
        let mut shown: String = found.chars().take(SHOWN).collect();
        if shown.len() < found.len() {
            shown.push('…');
        }
        Self {
            expected,
            found: format!("{shown:?}"),
        }
    }

    fn integer(expected: &'static str, found: i128) -> Self {
        Self {
            expected,
            found: found.to_string(),
        }
    }

    fn storage(expected: &'static str, found: Option<SqliteType>) -> Self {
        let found = match found {
            None => "NULL",
            Some(SqliteType::Binary) => "a BLOB",
            Some(SqliteType::Text) => "text",
            Some(SqliteType::Float | SqliteType::Double) => "a floating-point number",
            Some(SqliteType::Integer | SqliteType::SmallInt | SqliteType::Long) => "an integer",
        };
        Self {
            expected,
            found: found.to_owned(),
        }
    }
}

/// The text of a value that is stored as text, or why it is not one.
fn read_text<'value>(
    value: &'value mut SqliteValue<'_, '_, '_>,
    expected: &'static str,
) -> Result<&'value str, InvalidValue> {
    match value.value_type() {
        Some(SqliteType::Text) => Ok(value.read_text()),
        other => Err(InvalidValue::storage(expected, other)),
    }
}

/// The number of a value that is stored as an integer, or why it is not one.
fn read_integer(
    value: &mut SqliteValue<'_, '_, '_>,
    expected: &'static str,
) -> Result<i64, InvalidValue> {
    match value.value_type() {
        Some(SqliteType::Long | SqliteType::Integer | SqliteType::SmallInt) => {
            Ok(value.read_long())
        }
        Some(SqliteType::Text) => Err(InvalidValue::text(expected, value.read_text())),
        other => Err(InvalidValue::storage(expected, other)),
    }
}
