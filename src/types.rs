//! Column types: what a value of the database means, checked when it is read.
//!
//! SQLite stores whatever it is given in any column, and its own conversions are silent: a text read
//! as a number is 0, a number beyond 32 bits read as one of 32 bits is cut. So every column whose
//! values have a meaning has a type here that looks at the stored type, parses the value and rejects
//! what it cannot stand for. The form on disk is the Python package's and is kept apart from how a
//! value is displayed.

pub(crate) mod address;
pub(crate) mod cell;
pub(crate) mod decimal;
pub(crate) mod flag;
pub(crate) mod integer;
pub(crate) mod invalid_value;
pub(crate) mod kind;
pub(crate) mod pool_hash;
pub(crate) mod stored;

pub use address::Address;
pub use cell::Cell;
pub use decimal::{I128, U128, U256};
pub use flag::Flag;
pub use integer::{
    BasisPoints, BinStep, BlockNumber, ChainId, Decimals, EModeCategoryId, FeeParts, LogIndex,
    Revision, Tick, TickSpacing, WordPosition,
};
pub use invalid_value::InvalidValue;
pub use kind::{ManagedPoolKind, PoolKind, PoolManagerKind};
pub use pool_hash::PoolHash;

pub(crate) use stored::{Decode, Encode, Stored};
