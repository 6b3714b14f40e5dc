//! What a database is: which program made it, at which version of the schema.
//!
//! A database says so in up to three stamps. `__diesel_schema_migrations` is ours and the authority;
//! `alembic_version` is the Python package's, which our migrations keep in step with it;
//! `_degenbot_db_schema_version` belongs to the Python package's later, Rust-core releases. A stamp is
//! believed only where the structure bears it out, and nothing is guessed: what does not fit is a
//! [`Refusal`](crate::database::error::refusal::Refusal).

pub(crate) mod identify;
pub(crate) mod identity;
pub(crate) mod recognise;
pub(crate) mod stamps;
