//! A database that many threads work with: a pool of connections, sessions and snapshots.

pub(crate) mod connection_manager;
pub(crate) mod database;
pub(crate) mod session;
pub(crate) mod snapshot;
