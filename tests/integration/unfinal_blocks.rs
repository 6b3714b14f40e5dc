//! A downgrade that drops the journal first takes back the blocks that are not final.

use std::path::{Path, PathBuf};

use degenbot::database::{
    Effect, Error, ErrorKind, MigrateOptions, SchemaVersion, create_new_sqlite_database,
    migrate_sqlite_database, plan_migration,
};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::{Value, json};

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

/// The error with which the downgrade is refused, which is that of its plan.
fn refused(path: &Path) -> Error {
    let planned = plan_migration(path, older()).unwrap_err();
    let from = SchemaVersion::latest();
    let error =
        migrate_sqlite_database(path, from, older(), &MigrateOptions::default()).unwrap_err();
    assert_eq!(planned.to_string(), error.to_string());
    assert_eq!(planned.hint(), error.hint());
    assert_eq!(
        [planned.effect, error.effect],
        [Some(Effect::Nothing); 2],
        "{error}"
    );
    error
}

fn downgrade(path: &Path) {
    plan_migration(path, older()).unwrap();
    let from = SchemaVersion::latest();
    migrate_sqlite_database(path, from, older(), &MigrateOptions::default()).unwrap();
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
    let options = MigrateOptions::default();
    let report = migrate_sqlite_database(&path, from, older(), &options).unwrap();
    assert_eq!(report.taken_back, plan.unfinal);
    for table in ["pools", "uniswap_v2_pools", "erc20_tokens"] {
        assert_eq!(count(&path, &format!("SELECT count(*) FROM {table}")), 0);
    }
    assert_eq!(count(&path, "SELECT last_update_block FROM exchanges"), 100);
}

/// A program that follows the chain goes on between a question and its answer.
#[test]
fn downgrade_takes_back_no_blocks_but_those_that_were_agreed_to() {
    let (_folder, path) = database();
    let from = SchemaVersion::latest();
    let agreed = plan_migration(&path, older()).unwrap().unfinal;
    let next = "UPDATE chain_blocks SET is_final = 1 WHERE number = 101; \
                INSERT INTO chain_blocks (chain_id, number, hash, is_final) \
                VALUES (1, 102, '0x' || lower(hex(randomblob(32))), 0)";
    run(&path, next);
    let options = MigrateOptions::default().agreed_blocks(agreed);
    let error = migrate_sqlite_database(&path, from, older(), &options).unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::MoreLosses { losses }
            if *losses == ["what came after block 101 of chain 1, up to block 102"]),
        "{error}"
    );
    assert_eq!(error.effect, Some(Effect::Nothing));
    let options = options.agreed_blocks(plan_migration(&path, older()).unwrap().unfinal);
    migrate_sqlite_database(&path, from, older(), &options).unwrap();
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
    let error = refused(&path);
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
fn downgrade_names_the_table_that_refers_to_what_goes() {
    const POOL: &str = "of pool 0x6565656565656565656565656565656565656565";
    for (key, row) in [
        ("pools (id)", "pools row 1"),
        ("Pools", "pools row 1"),
        ("pools (address)", "pools row 1"),
        ("uniswap_v2_pools (pool_id)", "uniswap_v2_pools row 1"),
    ] {
        let (_folder, path) = database();
        let value = if key.contains("address") {
            "'0x6565656565656565656565656565656565656565'"
        } else {
            "1"
        };
        run(
            &path,
            &format!(
                "CREATE UNIQUE INDEX addressed ON pools (address); \
                 CREATE TABLE mine (p REFERENCES {key}); INSERT INTO mine VALUES ({value})"
            ),
        );
        let error = refused(&path);
        assert_eq!(
            error.to_string(),
            format!(
                "The blocks that are not final cannot be taken back: {row} {POOL} cannot be set back to before block 101: \
                 mine refers to it (p)"
            )
        );
        assert_eq!(
            error.hint(),
            "Look at the rows of mine with the sqlite3 shell, delete those that refer to it, and run the command again"
        );
        run(&path, "DELETE FROM mine");
        downgrade(&path);
    }
}

#[test]
fn token_to_which_the_user_refers_stays() {
    let (_folder, path) = database();
    run(
        &path,
        "CREATE UNIQUE INDEX addressed ON erc20_tokens (address); \
         CREATE TABLE mine (t REFERENCES erc20_tokens (address)); \
         INSERT INTO mine SELECT address FROM erc20_tokens WHERE id = 1",
    );
    downgrade(&path);
    assert_eq!(count(&path, "SELECT id FROM erc20_tokens"), 1);
    assert_eq!(
        count(&path, "SELECT count(*) FROM pragma_foreign_key_check"),
        0
    );
}

/// A block gave the pool the fee to which the user's row refers.
#[test]
fn downgrade_refuses_to_set_back_a_value_to_which_the_user_refers() {
    let (_folder, path) = database();
    run(
        &path,
        "INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) VALUES
            (2, '0x00000000000000000000000000000000000000AA', 1, 'uniswap_v2', 1, 1, 1);
         INSERT INTO uniswap_v2_pools VALUES (2, 5, 5, 1000);
         INSERT INTO chain_journal (chain_id, block, table_name, row_id, old_values, new_values) VALUES
            (1, 101, 'uniswap_v2_pools', 2, '{\"fee_token0\":4}',
             '{\"pool_id\":2,\"fee_token0\":5,\"fee_token1\":5,\"fee_denominator\":1000}');
         CREATE UNIQUE INDEX charged ON uniswap_v2_pools (fee_token0);
         CREATE TABLE mine (fee INTEGER REFERENCES uniswap_v2_pools (fee_token0));
         INSERT INTO mine VALUES (5)",
    );
    assert_eq!(
        refused(&path).to_string(),
        "The blocks that are not final cannot be taken back: uniswap_v2_pools row 2 of pool \
         0x00000000000000000000000000000000000000AA cannot be set back to before block 101: mine refers to it (fee)"
    );
    run(&path, "DELETE FROM mine");
    downgrade(&path);
}

/// They ran when an update added the rows.
#[test]
fn triggers_of_the_user_run_when_rows_go() {
    let (_folder, path) = database();
    run(
        &path,
        "CREATE VIRTUAL TABLE names USING fts5 (name, content = 'erc20_tokens', content_rowid = 'id');
         INSERT INTO names (names) VALUES ('rebuild');
         CREATE TRIGGER unnamed AFTER DELETE ON erc20_tokens BEGIN
             INSERT INTO names (names, rowid, name) VALUES ('delete', old.id, old.name);
         END",
    );
    let found = "SELECT count(*) FROM names WHERE names MATCH 'named'";
    assert_eq!(count(&path, found), 1);
    downgrade(&path);
    assert_eq!(count(&path, found), 0);
    run(
        &path,
        "INSERT INTO names (names, rank) VALUES ('integrity-check', 1)",
    );
}

/// SQLite does not check foreign keys meanwhile, so it does not keep the trigger from this.
#[test]
fn downgrade_refuses_to_break_keys_by_triggers_of_the_user() {
    let (_folder, path) = database();
    run(
        &path,
        "CREATE TABLE watched (address TEXT PRIMARY KEY); INSERT INTO watched SELECT address FROM pools;
         CREATE TABLE mine (watched REFERENCES watched); INSERT INTO mine SELECT address FROM watched;
         CREATE TRIGGER unwatched AFTER DELETE ON pools BEGIN
             DELETE FROM watched WHERE address = old.address;
         END",
    );
    let from = SchemaVersion::latest();
    let error =
        migrate_sqlite_database(&path, from, older(), &MigrateOptions::default()).unwrap_err();
    let ErrorKind::ForeignKeysBroken { violations } = &error.kind else {
        panic!("{error}");
    };
    let violations: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(violations, ["mine row 1 (to watched)"]);
    assert_eq!(error.effect, Some(Effect::Nothing));
    run(&path, "DELETE FROM mine");
    downgrade(&path);
    assert_eq!(count(&path, "SELECT count(*) FROM watched"), 0);
}

#[test]
fn downgrade_refuses_triggers_that_change_what_it_sets_back() {
    let (_folder, path) = database();
    run(
        &path,
        "CREATE TRIGGER mine AFTER DELETE ON pools BEGIN DELETE FROM erc20_tokens; END",
    );
    let error = refused(&path);
    assert!(
        matches!(&error.kind, ErrorKind::TriggerInterferes { trigger, .. } if trigger == "mine"),
        "{error}"
    );
    run(
        &path,
        "DROP TRIGGER mine; \
         CREATE TRIGGER mine BEFORE DELETE ON pools BEGIN SELECT RAISE(IGNORE); END",
    );
    let error = refused(&path);
    assert_eq!(
        error.to_string(),
        "The blocks that are not final cannot be taken back: a trigger of your own ignores a row that is set back in pools"
    );
    assert!(error.hint().contains("drop the one that does it"));
}

/// A trigger that looks only at the row that fires it says in a plan what it would say. One that looks at others is named.
#[test]
fn plan_has_what_triggers_raise_or_names_those_that_it_does_not_try() {
    for trigger in [
        "BEFORE DELETE ON pools BEGIN SELECT raise(ABORT, 'own'); END",
        "AFTER DELETE ON erc20_tokens WHEN old.name = 'named since' BEGIN SELECT raise(FAIL, 'own'); END",
        "AFTER UPDATE OF last_update_block ON exchanges BEGIN \
         SELECT CASE WHEN new.last_update_block < old.last_update_block THEN raise(ABORT, 'own') END; END",
    ] {
        let (_folder, path) = database();
        run(&path, &format!("CREATE TRIGGER mine {trigger}"));
        let error = refused(&path);
        assert!(error.to_string().contains("own"), "{trigger}: {error}");
    }
    let (_folder, path) = database();
    run(
        &path,
        "CREATE TABLE kept (id); INSERT INTO kept VALUES (1); \
         CREATE TRIGGER mine BEFORE DELETE ON pools WHEN old.id IN (SELECT id FROM kept) \
         BEGIN SELECT raise(ABORT, 'own'); END; \
         CREATE TRIGGER other BEFORE DELETE ON pools WHEN old.id > 7 BEGIN SELECT raise(ABORT, 'own'); END; \
         CREATE TRIGGER elsewhere BEFORE DELETE ON kept BEGIN DELETE FROM kept; END",
    );
    let plan = plan_migration(&path, older()).unwrap();
    assert_eq!(plan.untried_triggers, ["mine"]);
    let version = older().to_string();
    let told = quietly(
        &path,
        &["database", "downgrade", "--to", &version, "--dry-run"],
    );
    let named = "\nNot tried  trigger mine, which can run and refuse while blocks are taken back\n";
    assert!(told.contains(named), "{told}");
    run(&path, "DELETE FROM kept");
    downgrade(&path);
}

#[test]
fn command_says_what_it_takes_back() {
    let (_folder, path) = database();
    let version = older().to_string();
    let output = quietly(&path, &["database", "downgrade", "--to", &version, "-y"]);
    let latest = SchemaVersion::latest().to_string();
    insta::assert_snapshot!(settled(&output.replace(&latest, "[LATEST]")));
}

#[test]
fn json_has_what_is_taken_back() {
    let (_folder, path) = database();
    let version = older().to_string();
    let taken_back = |arguments: &[&str]| {
        let downgrade = ["database", "downgrade", "--to", &version, "--json"];
        let output = quietly(&path, &[&downgrade, arguments].concat());
        let (_, document) = output.split_once("--- stdout\n").unwrap();
        let (document, _) = document.split_once("--- stderr").unwrap();
        let document: Value = serde_json::from_str(document).unwrap();
        document["taken_back"].clone()
    };
    let blocks = json!([{ "chain_id": 1, "keep": 100, "last": 101 }]);
    assert_eq!(taken_back(&["--dry-run"]), blocks);
    assert_eq!(taken_back(&["--yes"]), blocks);
    assert_eq!(taken_back(&["--yes"]), json!([]), "nothing is left to do");
}
