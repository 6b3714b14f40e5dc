//! The examples, run on a new database.

use degenbot::database::{
    BackupOptions, Database, RestoreOptions, Rule, VerifyOptions, backup_sqlite_database,
    restore_sqlite_database, verify_sqlite_database,
};
use degenbot::types::ChainId;

use crate::support::content;
use crate::support::databases::empty;

#[path = "../../examples/bot.rs"]
#[expect(dead_code, reason = "the test calls what its main function calls")]
mod bot;
#[path = "../../examples/fill.rs"]
#[expect(dead_code, reason = "the test calls what its main function calls")]
mod fill;
#[path = "../../examples/list_pools.rs"]
#[expect(dead_code, reason = "the test calls what its main function calls")]
mod list_pools;
#[path = "../../examples/watch.rs"]
#[expect(dead_code, reason = "the test calls what its main function calls")]
mod watch;

/// The examples do not create a database, and say how to.
#[test]
fn examples_without_a_database_say_how_to_create_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    for error in [
        fill::fill(&path).unwrap_err(),
        bot::run(&path, &mut Vec::new()).unwrap_err(),
    ] {
        let told = error.to_string();
        assert!(
            told.contains("create the database with 'degenbot database reset'"),
            "{told}"
        );
    }
}

#[test]
fn watch_prints_what_is_new() {
    let (_folder, path) = empty();
    let watched = |reads| {
        let mut said = Vec::new();
        watch::watch(&path, reads, &mut said).unwrap();
        String::from_utf8(said).unwrap()
    };
    assert_eq!(watched(2), "0 tokens, at block \n");
    fill::fill(&path).unwrap();
    assert_eq!(watched(2), "2 tokens, at block 23000000\n");
}

#[test]
fn bot_follows_a_chain_and_starts_again_where_it_stopped() {
    let (_folder, path) = empty();
    fill::fill(&path).unwrap();
    let mut said = Vec::new();
    bot::run(&path, &mut said).unwrap();
    assert_eq!(
        String::from_utf8(said).unwrap(),
        "loaded 1 pools with ticks\n\
         block 23000001: 6 rows written, 0 deleted, 0 updates there already\n\
         block 23000002: 4 rows written, 1 deleted, 0 updates there already\n\
         loaded 1 pools with ticks again\n\
         block 23000001: 0 rows written, 0 deleted, 0 updates there already\n\
         block 23000002: 0 rows written, 0 deleted, 0 updates there already\n\
         block 23000003: 5 rows written, 0 deleted, 0 updates there already\n"
    );
    // The last block has an event that was left out, so the exchange is not at that block. Its pool is.
    let blocks = content::lines(
        &mut content::connect(&path),
        "SELECT last_update_block AS line FROM exchanges UNION ALL SELECT liquidity_update_block FROM uniswap_v3_pools",
    );
    assert_eq!(blocks, ["23000002", "23000003"]);
    let mut listed = Vec::new();
    list_pools::list(&path, &mut listed).unwrap();
    assert_eq!(
        String::from_utf8(listed).unwrap(),
        "uniswap_v3 0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640 on uniswap_v3 (chain 1): USDC / WETH\n  \
         -887270 1000000\n  \
         199000 1000\n  \
         200000 7000\n  \
         200020 -7000\n  \
         201000 -1000\n  \
         887270 -1000000\n"
    );
    let report = verify_sqlite_database(&path, &VerifyOptions::default(), &mut ()).unwrap();
    // The pool runs ahead of its exchange.
    let rules: Vec<_> = report.findings.iter().map(|found| found.rule).collect();
    assert_eq!(rules, [Rule::UpdateMark], "{report:?}");
}

#[test]
fn bot_takes_in_again_what_a_restored_backup_lacks() {
    let (_folder, path) = empty();
    fill::fill(&path).unwrap();
    let blocks = bot::chain_of_the_example().unwrap();
    let mut said = Vec::new();
    let load = || bot::Bot::load(Database::open(&path).unwrap(), ChainId::ETHEREUM).unwrap();
    let bot = load().follow(&blocks[..1], &mut said).unwrap();
    backup_sqlite_database(&path, &BackupOptions::default(), &mut ()).unwrap();
    let bot = bot.follow(&blocks[1..2], &mut said).unwrap();
    restore_sqlite_database(&path, &RestoreOptions::default(), &mut ()).unwrap();
    let restored = content::of(&path);
    let error = bot.follow(&blocks[2..], &mut said).err().unwrap();
    let expected =
        "is at block 23000001, log 9, but the update leads from block 23000002, log 2 to";
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(content::of(&path), restored);

    let error = load().follow(&blocks[2..], &mut said).err().unwrap();
    assert_eq!(
        error.to_string(),
        "block 23000002 comes before block 23000003"
    );
    load().follow(&blocks, &mut said).unwrap();
    let (_folder, never_restored) = empty();
    fill::fill(&never_restored).unwrap();
    bot::run(&never_restored, &mut said).unwrap();
    let [restored, never_restored] = [path, never_restored].map(|path| {
        let mut content = content::of(&path);
        // The times of the migrations.
        content.remove("__diesel_schema_migrations");
        content
    });
    assert_eq!(restored, never_restored);
}
