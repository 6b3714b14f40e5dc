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
    fn integer(expected: &'static str, found: i128) -> Self {
        Self {
            expected,
            found: found.to_string(),
        }
    }
}
