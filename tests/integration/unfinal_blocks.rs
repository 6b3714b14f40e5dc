//! A downgrade that drops the journal first takes back the blocks that are not final.

use std::path::{Path, PathBuf};

use degenbot::database::{
    Effect, MigrateOptions, SchemaVersion, create_new_sqlite_database, migrate_sqlite_database,
    plan_migration,
};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::support::command::{quietly, settled};
use crate::support::content;

/// Block 101 created a pool and its tokens; block 100 is final.
const BLOCKS: &str = r"
    INSERT INTO exchanges (id, chain_id, name, active, last_update_block, factory) VALUES
        (1, 1, 'uniswap_v2', 1, 101, '0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f');
    INSERT INTO erc20_tokens (id, chain, address, name) VALUES
        (1, 1, '0x0202020202020202020202020202020202020202', NULL),
        (2, 1, '0x0505050505050505050505050505050505050505', 'named since');
    INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) VALUES
        (1, '0x6565656565656565656565656565656565656565', 1, 'uniswap_v2', 1, 2, 1);
    INSERT INTO uniswap_v2_pools VALUES (1, 3, 3, 1000);
    INSERT INTO chain_blocks (chain_id, number, hash, is_final) VALUES
        (1, 100, '0x' || lower(hex(zeroblob(32))), 1), (1, 101, '0x' || lower(hex(randomblob(32))), 0);
    INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values)
        SELECT 1, 101, 'erc20_tokens', id, NULL, json_object('id', id, 'chain', chain, 'address', address)
        FROM erc20_tokens;
    INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values)
        SELECT 1, 101, 'pools', id, NULL, json_object('id', id, 'address', address, 'chain', chain,
            'kind', kind, 'token0_id', token0_id, 'token1_id', token1_id, 'exchange_id', exchange_id)
        FROM pools;
    INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values)
        SELECT 1, 101, 'uniswap_v2_pools', pool_id, NULL, json_object('pool_id', pool_id,
            'fee_token0', fee_token0, 'fee_token1', fee_token1, 'fee_denominator', fee_denominator)
        FROM uniswap_v2_pools;
";

fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    run(&path, BLOCKS);
    (folder, path)
}

fn run(path: &Path, sql: &str) {
    content::connect(path).batch_execute(sql).unwrap();
}

fn older() -> SchemaVersion {
    "20260618000000".parse().unwrap()
}

fn count(path: &Path, sql: &str) -> i64 {
    diesel::dsl::sql::<diesel::sql_types::BigInt>(sql)
        .get_result(&mut content::connect(path))
        .unwrap()
}

#[test]
fn downgrade_takes_back_what_is_not_final() {
    let (_folder, path) = database();
    let plan = plan_migration(&path, older()).unwrap();
    let blocks: Vec<_> = plan.unfinal.iter().map(ToString::to_string).collect();
    assert_eq!(
        blocks,
        ["what came after block 100 of chain 1, up to block 101"]
    );
    let from = SchemaVersion::latest();
    migrate_sqlite_database(&path, from, older(), &MigrateOptions::default()).unwrap();
    for table in ["pools", "uniswap_v2_pools", "erc20_tokens"] {
        assert_eq!(count(&path, &format!("SELECT count(*) FROM {table}")), 0);
    }
    assert_eq!(count(&path, "SELECT last_update_block FROM exchanges"), 100);
}

/// That version has the journal, and no facts of markets.
#[test]
fn downgrade_of_the_version_that_brought_the_journal_takes_them_back_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    let (latest, first) = (SchemaVersion::latest(), "20261127000000".parse().unwrap());
    let options = MigrateOptions::default();
    migrate_sqlite_database(&path, latest, first, &options).unwrap();
    run(&path, BLOCKS);
    migrate_sqlite_database(&path, first, older(), &options).unwrap();
    assert_eq!(count(&path, "SELECT count(*) FROM pools"), 0);
}

#[test]
fn downgrade_is_refused_if_a_row_has_changed_since() {
    let (_folder, path) = database();
    run(&path, "UPDATE uniswap_v2_pools SET fee_token0 = 4");
    let from = SchemaVersion::latest();
    let error =
        migrate_sqlite_database(&path, from, older(), &MigrateOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The blocks that are not final cannot be taken back: uniswap_v2_pools row 1 of pool \
         0x6565656565656565656565656565656565656565 is no longer as block 101 left it"
    );
    assert_eq!(error.effect, Some(Effect::Nothing));
    assert_eq!(count(&path, "SELECT count(*) FROM chain_journal"), 4);
}

#[test]
fn token_of_a_pool_of_others_stays() {
    let (_folder, path) = database();
    run(
        &path,
        "INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) VALUES
            (2, '0x00000000000000000000000000000000000000AA', 1, 'uniswap_v2', 1, 1, 1)",
    );
    let from = SchemaVersion::latest();
    migrate_sqlite_database(&path, from, older(), &MigrateOptions::default()).unwrap();
    assert_eq!(count(&path, "SELECT id FROM pools"), 2);
    assert_eq!(count(&path, "SELECT id FROM erc20_tokens"), 1);
}

#[test]
fn command_says_what_it_takes_back() {
    let (_folder, path) = database();
    let version = older().to_string();
    let output = quietly(&path, &["database", "downgrade", "--to", &version, "-y"]);
    let latest = SchemaVersion::latest().to_string();
    insta::assert_snapshot!(settled(&output.replace(&latest, "[LATEST]")));
}
