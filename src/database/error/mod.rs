//! Why an operation on a database failed: values without logic, each with its text and the next step.

pub(crate) mod conversion;
pub(crate) mod database_error;
pub(crate) mod error_kind;
pub(crate) mod exchange_conflict;
pub(crate) mod obstacle;
pub(crate) mod refusal;
pub(crate) mod violation;
