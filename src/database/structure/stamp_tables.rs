//! The stamp tables, in which programs record the version of a database.

/// Diesel's table of applied migrations.
pub(crate) const MIGRATIONS_TABLE: &str = "__diesel_schema_migrations";
/// Alembic's table with its revision.
pub(crate) const ALEMBIC_TABLE: &str = "alembic_version";
/// The Rust-core releases' table with their version.
pub(crate) const RUST_CORE_TABLE: &str = "_degenbot_db_schema_version";

/// All stamp tables.
pub(crate) const TABLES: [&str; 3] = [MIGRATIONS_TABLE, ALEMBIC_TABLE, RUST_CORE_TABLE];
