//! New databases: an empty one, and one that looks like a bot's.

use std::path::PathBuf;

use degenbot::database::{Database, create_new_sqlite_database};
use degenbot::types::ChainId;
use tempfile::TempDir;

use super::generator::{Size, generate};

/// A database of the newest version without rows.
pub fn empty() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    (folder, path)
}

/// A database of three thousand pools.
pub fn generated() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    let size = Size {
        pools: 3_000,
        ticks: 20_000,
        seed: 5,
    };
    generate(&path, size).unwrap();
    let database = Database::open(&path).unwrap();
    (folder, database)
}

/// The chain that most pools of a generated database are on.
pub fn chain() -> ChainId {
    ChainId::new(1).unwrap()
}
