//! Tests of the library and of the command against real databases.

#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails by panicking"
)]

mod aave;
mod aave_accounts;
mod aave_positions;
mod aave_tokens;
mod aave_update;
mod aave_verify;
mod agreed;
mod arguments;
mod backup;
mod backup_rotation;
mod beside;
mod cases;
mod clones;
mod compact;
mod concurrency;
mod config;
mod cut_file;
mod damage;
mod downgrade;
mod effects;
mod events;
mod examples;
mod exchange;
mod exchange_contracts;
#[cfg(feature = "export")]
mod export;
mod faults;
mod foreign_text;
mod free_list;
mod fuzz;
mod info;
mod injection;
mod inodes;
mod installed_views;
mod interrupt;
mod json;
mod kept_log;
mod late_signal;
mod lifecycle;
mod limits;
mod lineages;
mod liquidity;
mod litestream;
mod lock_wait;
mod markets;
mod memory;
mod migration_rows;
mod moved_file;
mod node;
mod own_objects;
mod own_objects_in_upgrades;
mod own_objects_meaning;
mod plans;
mod pool_addresses;
mod pool_charts;
mod pool_reports;
mod pool_update;
mod pools;
mod prompts;
mod raised;
mod read_only;
mod read_only_database;
mod rebuild;
mod recognition;
mod reset;
mod restore;
mod rollback_journal;
mod rowids;
mod schema;
mod sessions;
mod shell;
mod sources;
mod special_files;
mod status;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the soak test and the benches use the rest")]
mod support;
mod tokens;
mod traces;
mod unfinal_blocks;
mod updates;
mod upgrade;
mod values;
mod verify;
mod verify_threads;
mod views;
mod whole_file;
