//! Migration: brings databases to another version of the schema.

pub(crate) mod alembic_leftovers;
pub(crate) mod assumptions;
mod disk_need;
pub(crate) mod expansion;
pub(crate) mod foreign_keys;
pub(crate) mod initialization_maps;
pub(crate) mod migrate;
pub(crate) mod options;
pub(crate) mod plan;
pub(crate) mod rebuild;
pub(crate) mod rehearsal;
pub(crate) mod route;
pub(crate) mod unfinal_blocks;
pub(crate) mod upgrade;
pub(crate) mod user_objects;
