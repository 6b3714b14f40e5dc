//! Safe wrappers of the SQLite calls that Diesel lacks.
//!
//! [`RawConnection`](raw_connection::RawConnection) is a connection without Diesel. Only [`crate::database`] opens and
//! configures one. Its functions have the signatures that Diesel has announced for its own connection, so they can be
//! replaced one by one. [`Statements`](prepared::Statements) runs prepared statements on a Diesel connection.

pub(crate) mod authorizer;
pub(crate) mod auto_checkpoint;
pub(crate) mod backup;
pub(crate) mod build_options;
pub(crate) mod busy_handler;
pub(crate) mod connection_hooks;
pub(crate) mod file_uri;
pub(crate) mod lock_wait;
pub(crate) mod moved_file;
pub(crate) mod pages;
pub(crate) mod pragma_watch;
pub(crate) mod prepared;
pub(crate) mod raised;
pub(crate) mod raw_connection;
pub(crate) mod rolled_back;
pub(crate) mod stand_ins;
pub(crate) mod system_failure;
pub(crate) mod transaction;

/// The version of the SQLite library in this program, such as `3.53.2`.
#[must_use]
pub(crate) fn library_version() -> &'static str {
    libsqlite3_sys::SQLITE_VERSION.to_str().unwrap_or_default()
}
