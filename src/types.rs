//! Column types, which check each value when it is read.
//!
//! SQLite stores any value in any column, and converts silently: it reads a text as the number 0, and
//! cuts a number off to 32 bits. The types here check the stored type, parse the value, and reject
//! invalid values. They store values in the Python package's form, which can differ from the form that
//! they display.

mod address;
mod cell;
mod decimal;
mod flag;
mod integer;
mod kind;
mod pool_hash;
mod stored;

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

pub(crate) use stored::{Decode, Encode, Stored};

use stored::read_with_diesel;

/// A value that its type does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct InvalidValue {
    /// The form of a valid value.
    pub expected: &'static str,
    /// The value that was found, as SQL would write it, shortened.
    pub found: String,
}

impl InvalidValue {
    fn integer(expected: &'static str, found: i128) -> Self {
        Self {
            expected,
            found: found.to_string(),
        }
    }
}
