//! The errors of operations on a database. They are values without logic, each with its text and its hint.

pub(crate) mod backup_problem;
pub(crate) mod conversion;
pub(crate) mod database_error;
pub(crate) mod effect;
pub(crate) mod error_kind;
pub(crate) mod exchange_conflict;
pub(crate) mod market_conflict;
pub(crate) mod not_checked;
pub(crate) mod obstacle;
pub(crate) mod refusal;
mod trigger_list;
pub(crate) mod violation;
