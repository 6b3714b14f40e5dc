//! The structure of a database: its tables at every schema version and every legacy revision.

pub(crate) mod catalogue;
pub(crate) mod create_tables;
pub(crate) mod difference;
pub(crate) mod legacy_revision;
pub(crate) mod pending_migrations;
#[cfg(test)]
mod printed_schema;
pub(crate) mod schema_object;
pub(crate) mod schema_version;
pub(crate) mod sections;
pub(crate) mod sql_name;
pub(crate) mod stamp_tables;
pub(crate) mod text_format;
