//! What the tables of a database look like, at every version of the schema and before the first one.

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
pub(crate) mod stamp_tables;
pub(crate) mod text_format;
