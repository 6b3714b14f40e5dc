//! Sessions for bots: a pool of connections, its sessions, and snapshots of one state.

pub(crate) mod connection_manager;
pub(crate) mod database;
mod first_write;
pub(crate) mod read_only_database;
pub(crate) mod session;
pub(crate) mod snapshot;
