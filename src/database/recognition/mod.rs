//! Recognition of a database: the program that created it, and its schema version.
//!
//! A database has up to three stamps. `__diesel_schema_migrations` is ours and decides. `alembic_version` belongs to
//! the Python package, and our migrations keep it in step. `_degenbot_db_schema_version` belongs to the Python
//! package's later, Rust-core releases. A stamp is trusted only if the structure matches it. Nothing is guessed: any
//! other database is refused with a [`Refusal`](crate::database::error::refusal::Refusal).

pub(crate) mod expected_database;
pub(crate) mod identify;
pub(crate) mod identity;
pub(crate) mod recognise;
pub(crate) mod stamps;
