//! Migration: brings databases to another version of the schema.

pub(crate) mod alembic_leftovers;
pub(crate) mod assumptions;
mod bindings;
mod disk_need;
pub(crate) mod expansion;
mod firing;
pub(crate) mod foreign_keys;
pub(crate) mod initialization_maps;
pub(crate) mod losses;
pub(crate) mod migrate;
mod objects;
pub(crate) mod options;
mod parent_keys;
pub(crate) mod plan;
mod probe;
pub(crate) mod rebuild;
pub(crate) mod rehearsal;
pub(crate) mod route;
mod schema_copy;
mod sql_tokens;
pub(crate) mod stamp_additions;
mod take_back_rehearsal;
pub(crate) mod unfinal_blocks;
mod update_columns;
pub(crate) mod upgrade;
pub(crate) mod user_objects;
mod working;
