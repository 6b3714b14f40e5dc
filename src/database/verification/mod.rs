//! Verification of a database: damage and invalid rows.

pub(crate) mod btree;
mod check_constraints;
pub(crate) mod checker;
pub(crate) mod crew;
pub(crate) mod file_check;
pub(crate) mod findings;
pub(crate) mod free_list;
pub(crate) mod integrity_check;
pub(crate) mod keys;
pub(crate) mod liquidity;
pub(crate) mod pages;
pub(crate) mod plan;
pub(crate) mod pools;
pub(crate) mod quick_scan;
pub(crate) mod readers;
pub(crate) mod relations;
pub(crate) mod reporter;
pub(crate) mod rule;
pub(crate) mod values;
pub(crate) mod verify;
