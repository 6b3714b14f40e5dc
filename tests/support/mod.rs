//! What the tests are written with, one file a subject. The benches and examples use the generator alone.

pub mod aave_logs;
pub mod aave_market;
pub mod aave_positions;
pub mod aave_recording;
pub mod aave_state;
pub mod cases;
pub mod command;
pub mod content;
pub mod contract_state;
pub mod corpus;
pub mod databases;
pub mod event_logs;
pub mod fake_chain;
pub mod faults;
pub mod generator;
pub mod node_faults;
pub mod node_server;
pub mod observer;
#[cfg(target_os = "linux")]
pub mod replicating;
pub mod rows;
pub mod terminal;
pub mod unprivileged;
pub mod variant;
pub mod versions;
