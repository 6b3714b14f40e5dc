//! Column types, which check each value when it is read.
//!
//! SQLite stores any value in any column, and converts silently: it reads a text as the number 0, and
//! cuts a number off to 32 bits. The types here check the stored type, parse the value, and reject
//! invalid values. They store values in the Python package's form, which can differ from the form that
//! they display.

pub(crate) mod address;
pub(crate) mod decimal;
pub(crate) mod flag;
pub(crate) mod hash;
pub(crate) mod integer;
pub(crate) mod invalid_value;
pub(crate) mod kind;
pub(crate) mod log;
pub(crate) mod sql_value;
pub(crate) mod stored;
pub(crate) mod sync_cursor;

pub use address::Address;
pub use decimal::{I128, U128, U256};
pub use flag::Flag;
pub use hash::{BlockHash, CodeHash, PoolHash};
pub use integer::{
    BasisPoints, BinStep, BlockNumber, ChainId, Decimals, EModeCategoryId, FeeParts, LogIndex,
    Revision, Tick, TickSpacing, Timestamp, WordPosition,
};
pub use invalid_value::InvalidValue;
pub use kind::{ManagedPoolKind, PoolKind, PoolManagerKind, TransferAmount};
pub use log::{Log, Logs};
pub use sql_value::SqlValue;
