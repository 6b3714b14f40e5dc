//! SQLite connections: how they are opened, and statements whose text is put together.

pub(crate) mod open;
pub(crate) mod read_only;
pub(crate) mod sql;
