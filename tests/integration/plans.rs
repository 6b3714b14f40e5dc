//! `--dry-run` of upgrades and downgrades: what it says yes to is done, and what is refused it refuses with the same
//! words.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use degenbot::database::{UpgradeOptions, plan_upgrade, upgrade_existing_sqlite_database};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::support::cases;
use crate::support::command::{on, quietly, run};
use crate::support::content;
use crate::support::corpus::{self, Copy};

const ASSUME: [&str; 2] = ["--assume", "aerodrome_v2.stable=false"];

/// The exit status and the error and its hint, without what else is printed.
fn verdict(copy: &Copy, arguments: &[&str]) -> (String, Vec<String>) {
    let told = quietly(&copy.path, arguments);
    let status = told.lines().next().unwrap().to_owned();
    let is_verdict = |line: &&str| line.starts_with("error: ") || line.starts_with("hint: ");
    let verdict = told.lines().filter(is_verdict).map(str::to_owned);
    (status, verdict.collect())
}

/// Asserts that the dry run changes nothing and says what the command then does. Returns whether it was done.
fn assert_planned(copy: &Copy, arguments: &[&str], what: &str) -> bool {
    let before = copy.files();
    let planned = verdict(copy, &[arguments, &["--dry-run"]].concat());
    assert_eq!(copy.files(), before, "{what}");
    let done = verdict(copy, &[arguments, &["--force"]].concat());
    assert_eq!(planned, done, "{what}");
    done.0 == "status: 0"
}

#[test]
fn dry_run_of_every_database_agrees_with_the_upgrade() {
    let mut names = corpus::names(&["populated", "upgraded", "odd"]);
    // The upgrade rolls its transaction back first, and a dry run must not write.
    names.retain(|name| *name != "odd/hot-journal.db");
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        let arguments = ["database", "upgrade", ASSUME[0], ASSUME[1]];
        assert_planned(&copy, &arguments, name);
    });
}

#[test]
fn plan_says_all_the_disk_that_the_upgrade_takes() {
    let mut names = corpus::names(&["populated", "upgraded", "odd"]);
    names.retain(|name| *name != "odd/hot-journal.db");
    let compared = AtomicUsize::new(0);
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        let Ok(plan) = plan_upgrade(&copy.path, &UpgradeOptions::default()) else {
            return;
        };
        // The log stays as long as another program has the database open.
        let beside = SqliteConnection::establish(&copy.path.to_string_lossy());
        let mut beside = beside.unwrap();
        if beside.batch_execute("SELECT 1 FROM sqlite_schema").is_err() {
            return;
        }
        let size = || {
            copy.files()
                .values()
                .map(|bytes| bytes.len() as u64)
                .sum::<u64>()
        };
        let before = size();
        if plan.is_done || upgrade_existing_sqlite_database(&copy.path).is_err() {
            return;
        }
        let taken = size() - before;
        assert!(taken <= plan.disk_bytes, "{name}: {taken}, {plan:?}");
        compared.fetch_add(1, Ordering::Relaxed);
    });
    assert!(compared.into_inner() > 20);
}

#[test]
fn rebuild_asks_for_no_room_for_liquidity_that_stays_in_its_tables() {
    let copy = Copy::of("populated/populated-0.5.0a2.db");
    content::connect(&copy.path)
        .batch_execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
             INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) \
             SELECT pool_id, 60 * (i - 100000), '1', '1' \
             FROM n, (SELECT min(pool_id) AS pool_id FROM uniswap_v3_pools)",
        )
        .unwrap();
    let plan = plan_upgrade(&copy.path, &UpgradeOptions::default()).unwrap();
    assert!(plan.disk_bytes > plan.bytes, "{plan:?}");
    assert!(plan.disk_bytes < 2 * plan.bytes, "{plan:?}");
}

#[test]
fn dry_run_refuses_what_the_command_refuses() {
    let upgrade = ["database", "upgrade", ASSUME[0], ASSUME[1]].as_slice();
    let downgrade = ["database", "downgrade", "--to", "eb4080485a56"].as_slice();
    let older = "populated/populated-0.5.0.db";
    let latest = "populated/populated-0.6.0a4.db";
    let legacy = "populated/populated-0.5.0a2.db";
    let leftover = "CREATE TABLE _alembic_tmp_pools (id, address); \
                    INSERT INTO _alembic_tmp_pools VALUES (123456789, 'nowhere else')";
    let refused = [
        (
            older,
            "CREATE TABLE lfj_pools (mine); INSERT INTO lfj_pools VALUES (1)",
            upgrade,
        ),
        (older, leftover, upgrade),
        (legacy, leftover, upgrade),
        (
            latest,
            "CREATE VIEW mine AS SELECT id FROM aave_v3_users",
            downgrade,
        ),
        (
            latest,
            "CREATE TRIGGER mine AFTER INSERT ON pools BEGIN DELETE FROM aave_v3_users; END",
            downgrade,
        ),
        (
            latest,
            "CREATE INDEX mine ON aave_v3_users (address)",
            downgrade,
        ),
        (
            latest,
            "CREATE TABLE mine (id INTEGER PRIMARY KEY, user REFERENCES aave_v3_users (id))",
            downgrade,
        ),
        // The old tables have columns that the new ones lack.
        (
            legacy,
            "CREATE VIEW mine AS SELECT token0 FROM uniswap_v2_pools",
            upgrade,
        ),
        (
            legacy,
            "CREATE INDEX mine ON uniswap_v2_pools (token0)",
            upgrade,
        ),
        (
            legacy,
            "CREATE TRIGGER mine AFTER INSERT ON uniswap_v2_pools BEGIN SELECT NEW.token0; END",
            upgrade,
        ),
        (
            legacy,
            "CREATE TABLE mine (a); \
             CREATE TRIGGER noted AFTER INSERT ON mine BEGIN DELETE FROM uniswap_v2_pools WHERE token0 = 1; END",
            upgrade,
        ),
        (
            legacy,
            "CREATE INDEX mine ON erc20_tokens (lower(symbol)); PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, 'lower', 'my_function') WHERE name = 'mine'",
            upgrade,
        ),
        (
            legacy,
            "CREATE TABLE ix_liquidity_pools_token_ids (mine)",
            upgrade,
        ),
        (
            "populated/populated-0.6.0a17.db",
            "UPDATE liquidity_positions SET tick = 'x' WHERE id = (SELECT min(id) FROM liquidity_positions)",
            upgrade,
        ),
    ];
    assert_refused(&refused);
}

#[test]
fn dry_run_refuses_what_only_the_schema_of_an_object_shows() {
    let latest = "populated/populated-0.6.0a4.db";
    let downgrade = ["database", "downgrade", "--to", "eb4080485a56"].as_slice();
    let downgrade_a_little = ["database", "downgrade", "--to", "0.6.0a1"].as_slice();
    assert_refused(&[
        // SQLite does not need it to read the schema.
        (
            latest,
            "CREATE INDEX mine ON pools (id); PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = 'CREATE INDEX mine ON pools (id COLLATE my_order)' WHERE name = 'mine'",
            downgrade,
        ),
        // In double quotes, SQLite takes the name of a column that is gone for a text.
        (
            latest,
            "CREATE VIEW mine AS SELECT \"price_source\" FROM aave_v3_assets",
            downgrade_a_little,
        ),
        (
            latest,
            "CREATE TRIGGER mine AFTER UPDATE OF price_source ON aave_v3_assets BEGIN SELECT 1; END",
            downgrade_a_little,
        ),
    ]);
}

/// Asserts that the dry run and the command refuse each of these: a database, what is changed in it, the command.
fn assert_refused(refused: &[(&str, &str, &[&str])]) {
    for (database, statements, arguments) in refused {
        let copy = Copy::of(database);
        let mut connection = content::connect(&copy.path);
        connection.batch_execute(statements).unwrap();
        drop(connection);
        let what = format!("{database}, {statements}");
        assert!(
            !assert_planned(&copy, arguments, &what),
            "{what}: it was done"
        );
    }
}

/// The pages of a table that no plan counts or reads otherwise.
#[test]
fn dry_run_looks_at_every_page() {
    let upgrade = ["database", "upgrade", ASSUME[0], ASSUME[1]].as_slice();
    let downgrade = ["database", "downgrade", "--to", "eb4080485a56"].as_slice();
    for (database, arguments) in [
        ("populated/populated-0.5.0a2.db", upgrade),
        ("populated/populated-0.5.0.db", upgrade),
        ("populated/populated-0.6.0a4.db", downgrade),
    ] {
        let copy = Copy::of(database);
        let mut connection = content::connect(&copy.path);
        connection
            .batch_execute(
                "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM; \
                 CREATE TABLE mine (a); INSERT INTO mine VALUES ('no page of ours')",
            )
            .unwrap();
        drop(connection);
        // The last page is that of the table. The place of its only row is beyond it.
        let mut bytes = fs::read(&copy.path).unwrap();
        let page = bytes.len() - 4096;
        assert_eq!(bytes[page], 13);
        bytes[page + 8..page + 10].copy_from_slice(&[0xff, 0xff]);
        fs::write(&copy.path, bytes).unwrap();
        assert!(!assert_planned(&copy, arguments, database), "{database}");
    }
}

#[test]
fn dry_run_allows_objects_that_are_not_in_the_way() {
    let own = "CREATE TABLE mine (a, b COLLATE nocase); CREATE INDEX harmless ON mine (b); \
               CREATE VIEW seen AS SELECT count(*) FROM pools; \
               CREATE TRIGGER noted AFTER INSERT ON mine BEGIN UPDATE mine SET a = 1; END; \
               CREATE VIRTUAL TABLE words USING fts5(word); \
               CREATE INDEX computed ON pools (lower(kind)); PRAGMA writable_schema = ON; \
               UPDATE sqlite_schema SET sql = replace(sql, 'lower', 'my_function') WHERE name = 'computed'";
    let upgrade = ["database", "upgrade"].as_slice();
    for (database, arguments) in [
        ("populated/populated-0.5.0.db", upgrade),
        (
            "populated/populated-0.6.0a4.db",
            &["database", "downgrade", "--to", "eb4080485a56"],
        ),
    ] {
        let copy = Copy::of(database);
        let mut connection = content::connect(&copy.path);
        connection.batch_execute(own).unwrap();
        drop(connection);
        assert!(assert_planned(&copy, arguments, database), "{database}");
    }
}

#[test]
fn command_that_only_corrects_stamps_says_so() {
    let latest = degenbot::database::latest_database_version().to_string();
    for arguments in [
        ["database", "upgrade", "--force"].as_slice(),
        &["database", "downgrade", "--to", &latest, "--force"],
    ] {
        for sql in [
            "DROP TABLE alembic_version",
            "DELETE FROM alembic_version",
            "UPDATE alembic_version SET version_num = 'eb4080485a56'",
            "UPDATE alembic_version SET version_num = 'garbage'",
        ] {
            let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
            content::connect(&copy.path).batch_execute(sql).unwrap();
            let arguments = [arguments, &["--json=compact"]].concat();
            let told = quietly(&copy.path, &arguments);
            let corrected = format!(
                "Corrected the stamps of the database at degenbot.db, which is at version {latest}.\n"
            );
            assert!(told.starts_with("status: 0\n"), "{sql}: {told}");
            assert!(told.ends_with(&corrected), "{sql}: {told}");
            let from = format!("\"from\":{{\"name\":\"{latest}\"");
            assert!(told.contains(&from), "{sql}: {told}");
            let again = quietly(&copy.path, &arguments);
            assert!(
                again.contains("is already at the latest version"),
                "{sql}: {again}"
            );
        }
    }
}

/// A command that goes to another version says so, with the version that the database had, whatever its stamps say.
#[test]
fn stamps_do_not_decide_what_a_migration_is_called() {
    let stamp = |version: &str| format!("UPDATE alembic_version SET version_num = '{version}'");
    let older = "populated/populated-0.5.0.db";
    let newer = "populated/populated-0.6.0a4.db";
    let upgrade = ["database", "upgrade", "--to", "2606a6c7f5ee"].as_slice();
    let downgrade = ["database", "downgrade", "--to", "eb4080485a56"].as_slice();
    for (name, sql, arguments, said, done) in [
        (
            newer,
            stamp("eb4080485a56"),
            downgrade,
            "downgraded from version 2606a6c7f5ee to eb4080485a56",
            "Downgraded",
        ),
        (
            older,
            stamp("2606a6c7f5ee"),
            upgrade,
            "upgraded from version eb4080485a56 to 2606a6c7f5ee",
            "Upgraded",
        ),
        (
            newer,
            stamp("b0b9e84d5527"),
            &upgrade[..2],
            "upgraded from version 2606a6c7f5ee to ",
            "Upgraded",
        ),
        (
            older,
            stamp("2606a6c7f5ee"),
            downgrade,
            "has the structure of version eb4080485a56; its stamps",
            "Corrected",
        ),
    ] {
        let copy = Copy::of(name);
        content::connect(&copy.path).batch_execute(&sql).unwrap();
        let told = run(
            on(&copy.path, &[arguments, &["--json=compact"]].concat()),
            "y\n",
        );
        assert!(told.contains(said), "{name}: {sql}: {told}");
        assert!(
            told.contains(&format!("\n{done} the ")),
            "{name}: {sql}: {told}"
        );
        let from = if name == newer {
            "2606a6c7f5ee"
        } else {
            "eb4080485a56"
        };
        let from = format!("\"from\":{{\"name\":\"{from}\",\"alembic\":\"{from}\"");
        assert!(told.contains(&from), "{name}: {sql}: {told}");
    }
}

#[test]
fn dry_run_with_nothing_to_do_says_so_in_one_line() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let latest = degenbot::database::latest_database_version().to_string();
    for arguments in [
        ["database", "upgrade", "--dry-run"].as_slice(),
        &["database", "downgrade", "--to", &latest, "--dry-run"],
    ] {
        assert_eq!(
            quietly(&copy.path, arguments),
            format!(
                "status: 0\n--- stdout\nThe database at degenbot.db is already at the latest version ({latest}).\n\
                 --- stderr\n"
            )
        );
    }
}
