//! A database that many threads work with.

pub(crate) mod database;
pub(crate) mod session;
pub(crate) mod snapshot;
