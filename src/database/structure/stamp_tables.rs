//! The tables in which programs mark the version of a database.

/// Diesel's table of the migrations that were run.
pub(crate) const MIGRATIONS_TABLE: &str = "__diesel_schema_migrations";
/// Alembic's table with the revision.
pub(crate) const ALEMBIC_TABLE: &str = "alembic_version";
/// The Rust-core releases' table with their version.
pub(crate) const RUST_CORE_TABLE: &str = "_degenbot_db_schema_version";

/// All of them.
pub(crate) const TABLES: [&str; 3] = [MIGRATIONS_TABLE, ALEMBIC_TABLE, RUST_CORE_TABLE];
