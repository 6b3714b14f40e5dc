//! Copies of a database, and operations that replace its content.

pub(crate) mod backup;
pub(crate) mod check_copy;
pub(crate) mod compact;
pub(crate) mod consistent_copy;
pub(crate) mod content_summary;
pub(crate) mod create;
pub(crate) mod file_swap;
pub(crate) mod overwrite;
pub(crate) mod preserve_original;
pub(crate) mod publish;
mod replication_tables;
pub(crate) mod reset;
pub(crate) mod restore;
pub(crate) mod rotation;
mod same_rows;
mod source;
mod text_encoding;
pub(crate) mod vacuum;
