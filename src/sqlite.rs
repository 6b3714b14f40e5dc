//! The few SQLite calls that Diesel does not offer, behind safe functions.
//!
//! A [`RawConnection`](raw_connection::RawConnection) is a bare connection, opened and configured by [`crate::database`] only; its functions have
//! the shape of the ones that Diesel has announced for its own connection, so that they can be replaced one
//! by one. [`Statements`](prepared::Statements) runs prepared statements on a connection of Diesel's.

pub(crate) mod backup;
pub(crate) mod busy_handler;
pub(crate) mod connection_hooks;
pub(crate) mod prepared;
pub(crate) mod raw_connection;
pub(crate) mod transaction;

/// The version of the SQLite library in this program, such as `3.53.2`.
#[must_use]
pub(crate) fn library_version() -> &'static str {
    libsqlite3_sys::SQLITE_VERSION.to_str().unwrap_or_default()
}
