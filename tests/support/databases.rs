//! New databases: an empty one, and one that looks like a bot's.

use std::path::PathBuf;

use degenbot::database::{Database, create_new_sqlite_database};
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use super::content;
use super::corpus::Copy;
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

/// A database with a pool of WETH and USDC, 31, that has liquidity around two prices and everywhere.
pub fn weth_and_usdc() -> Copy {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute(
            "DELETE FROM liquidity_positions WHERE pool_id = 31;
         INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) VALUES
             (31, -887220, '1000000000000000', '1000000000000000'),
             (31, -201000, '4000000000000000', '4000000000000000'),
             (31, -199200, '9000000000000000', '9000000000000000'),
             (31, -197400, '-9000000000000000', '9000000000000000'),
             (31, -196200, '-4000000000000000', '4000000000000000'),
             (31, 887220, '-1000000000000000', '1000000000000000');
         UPDATE erc20_tokens SET symbol = 'WETH', decimals = 18 WHERE id = (SELECT token0_id FROM pools WHERE id = 31);
         UPDATE erc20_tokens SET symbol = 'USDC', decimals = 6 WHERE id = (SELECT token1_id FROM pools WHERE id = 31)",
        )
        .unwrap();
    copy
}
