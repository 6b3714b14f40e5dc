//! Connections to a database: opening, reading without a trace, and statements with composed text.

pub(crate) mod effect_tracker;
pub(crate) mod empty_log;
pub(crate) mod hot_journal;
pub(crate) mod kept_log;
pub(crate) mod open;
pub(crate) mod own_triggers;
pub(crate) mod read_only;
pub(crate) mod sql;
