//! The few SQLite calls that Diesel does not offer, behind safe functions.
//!
//! A [`Handle`] is a bare connection, opened and configured by [`crate::database`] only; its functions have
//! the shape of the ones that Diesel has announced for its own connection, so that they can be replaced one
//! by one. [`Statements`] runs prepared statements on a connection of Diesel's.

mod backup;
mod handle;
mod opening;
mod patience;
mod statement;
mod transaction;

pub(crate) use backup::{Backup, Step};
pub(crate) use handle::{Handle, SqliteError};
pub(crate) use opening::{keeping_the_log, keeping_the_log_until_read, stoppable};
pub(crate) use patience::Patience;
pub(crate) use statement::{Bound, Statement, Statements};
pub(crate) use transaction::{Begin, transaction};

/// The version of the SQLite library in this program, such as `3.53.2`.
#[must_use]
pub(crate) fn library_version() -> &'static str {
    libsqlite3_sys::SQLITE_VERSION.to_str().unwrap_or_default()
}
