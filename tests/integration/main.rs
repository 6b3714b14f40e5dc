//! Tests of the library and of the command against real databases.

#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails by panicking"
)]

mod aave;
mod backup;
mod beside;
mod command;
mod compact;
mod concurrency;
mod config;
mod content;
mod corpus;
mod downgrade;
mod exchange;
mod faults;
#[path = "../generator/mod.rs"]
#[expect(dead_code, reason = "the benches use the rest")]
mod generator;
mod info;
mod injection;
mod json;
mod lifecycle;
mod lineages;
mod liquidity;
mod outcomes;
mod pools;
mod prompts;
mod rebuild;
mod recognition;
mod reset;
mod restore;
mod schema;
mod sessions;
mod shell;
mod terminal;
mod updates;
mod upgrade;
mod values;
mod verify;
