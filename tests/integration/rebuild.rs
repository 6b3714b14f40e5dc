//! Databases that are made anew: what stops it, what it leaves alone, and how the new one takes its place.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use degenbot::database::{
    self, Assumption, AutoVacuum, ErrorKind, UpgradeOptions, inspect_sqlite_database, plan_upgrade,
    upgrade_existing_sqlite_database, upgrade_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::command::{on, quietly, run, settled};
use crate::support::content::{self, lines};
use crate::support::corpus::{Copy, upgrade_options};
use crate::support::observer::StopAt;

const A2: &str = "populated/populated-0.5.0a2.db";

/// A copy of a database with something changed in it.
fn changed(name: &str, statements: &str) -> Copy {
    let copy = Copy::of(name);
    let statements = format!("PRAGMA foreign_keys = OFF; {statements}");
    content::connect(&copy.path)
        .batch_execute(&statements)
        .unwrap();
    copy
}

#[test]
fn upgrade_of_an_early_database_asks_plans_and_reports() {
    let copy = Copy::of(A2);
    let before = copy.files();
    insta::assert_snapshot!(
        "dry_run",
        settled(&quietly(&copy.path, &["database", "upgrade", "--dry-run"]))
    );
    let refused = quietly(&copy.path, &["database", "upgrade", "-y"]);
    insta::assert_snapshot!("assumption", refused);
    // Nobody is asked about what cannot be.
    assert_eq!(
        run(on(&copy.path, &["database", "upgrade"]), "y\n"),
        refused
    );
    insta::assert_snapshot!(
        "no_assumption",
        quietly(
            &copy.path,
            &["database", "upgrade", "-y", "--assume", "stable"]
        )
    );
    assert_eq!(copy.files(), before);
    insta::assert_snapshot!(
        "done",
        settled(&run(
            on(
                &copy.path,
                &[
                    "database",
                    "upgrade",
                    "--assume",
                    "aerodrome_v2.stable=true"
                ]
            ),
            "y\n"
        ))
    );
    let stable = lines(
        &mut content::connect(&copy.path),
        "SELECT DISTINCT CAST(stable AS TEXT) AS line FROM aerodrome_v2_pools",
    );
    assert_eq!(stable, ["1"]);

    let copy = Copy::of("upgraded/FAILED-0.5.0b1-to-0.5.0b2.db");
    insta::assert_snapshot!(
        "half_way",
        settled(&quietly(&copy.path, &["database", "upgrade", "-y"]))
    );
    let copy = Copy::of("populated/populated-0.6.0a17.db");
    insta::assert_snapshot!(
        "maps_dry_run",
        settled(&quietly(&copy.path, &["database", "upgrade", "--dry-run"]))
    );
    let told = quietly(&copy.path, &["database", "upgrade", "-y"]);
    insta::assert_snapshot!("maps", settled(&told));
}

/// Statements that make rows of an 0.5.0a2 database unclear, and what is then said.
const UNCLEAR: &[(&str, &str)] = &[
    (
        "UPDATE uniswap_v2_pools SET token0 = '0x12' WHERE pool_id = 1",
        "token '0x12' on chain 8453: this is not a token address",
    ),
    (
        "UPDATE uniswap_v2_pools SET token0 = x'1234' WHERE pool_id = 1",
        "token X'1234' on chain 8453: this is not a token address",
    ),
    (
        "INSERT INTO erc20_tokens SELECT 9001, lower(address), chain, '', '', 0 FROM erc20_tokens WHERE id = 22; \
         UPDATE uniswap_v3_pools SET token0 = '0x' || upper(substr(token0, 3)) WHERE pool_id = 31",
        "several rows of erc20_tokens have this address in other letter cases",
    ),
    (
        "DELETE FROM uniswap_v2_pools WHERE pool_id = 1",
        "pools 1: a token of the pool is missing from all tables",
    ),
    (
        "INSERT INTO uniswap_v2_pools SELECT 777, token0, token1, factory, deployer, fee_token0, fee_token1, \
         fee_denominator FROM uniswap_v2_pools WHERE pool_id = 1",
        "uniswap_v2_pools 777: there is no such pool",
    ),
    (
        "INSERT INTO camelot_v2_pools SELECT * FROM uniswap_v2_pools WHERE pool_id = 1",
        "pools 1: the pool is in the tables of several kinds",
    ),
    (
        "UPDATE pools SET chain = 'abc' WHERE id = 1",
        "pools 1: the pool's chain or kind is of the wrong type",
    ),
    (
        "UPDATE uniswap_v2_pools SET factory = '' WHERE pool_id = 1",
        "factory '': this is not an address, and pools have it",
    ),
    (
        "UPDATE uniswap_v2_pools SET token0 = '0x' || char(0) || substr(token0, 4) WHERE pool_id = 1",
        "this is not a token address",
    ),
    (
        "UPDATE uniswap_v4_pools SET pool_hash = x'12' WHERE managed_pool_id = 2",
        "uniswap_v4_pools 2: this is not a pool hash",
    ),
    (
        "DELETE FROM managed_pools WHERE id = 2",
        "uniswap_v4_pools 2: the pool has no manager",
    ),
    (
        "INSERT INTO pools SELECT 778, address, chain, kind FROM pools WHERE id = 1; \
         INSERT INTO uniswap_v2_pools SELECT 778, token0, token1, factory, deployer, fee_token0, fee_token1, \
         fee_denominator FROM uniswap_v2_pools WHERE pool_id = 1",
        "several rows have these values, which must be unique in the new schema",
    ),
    (
        "UPDATE uniswap_v3_pools SET factory = '0x' || substr(factory, 3, 39) || '1' WHERE pool_id = 31",
        "uniswap_v3 on chain 8453: some pools have no factory and could belong to several exchanges",
    ),
    (
        "UPDATE pancakeswap_v3_pools SET deployer = '0x0000000000000000000000000000000000000001' \
         WHERE pool_id = 32",
        "pancakeswap_v3 on chain 1: pools of one factory have several deployers",
    ),
    (
        "UPDATE uniswap_v3_pools SET factory = NULL",
        "the exchange's factory is unknown",
    ),
];

#[test]
fn rebuild_refuses_rows_that_would_have_to_be_guessed_and_names_them() {
    for (statements, expected) in UNCLEAR {
        let copy = changed(A2, statements);
        let before = copy.files();
        let error = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Unclear { .. }),
            "{statements}: {error}"
        );
        assert!(
            error.to_string().contains(expected),
            "{statements}: {error}"
        );
        assert_eq!(copy.files(), before, "{statements}");
    }
    // The first release knows V3 pools only.
    let copy = changed(
        "populated/populated-0.5.0a1.db",
        "UPDATE pools SET kind = 'uniswap_v2' WHERE id = 9",
    );
    let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("pools 9: release 0.5.0a1 has no pools of this kind"),
        "{error}"
    );
    // A word of an initialization map is made of a tick and a spacing.
    let copy = changed(
        "populated/populated-0.6.0a17.db",
        "DELETE FROM uniswap_v3_pools WHERE pool_id = 69",
    );
    let before = copy.files();
    let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
    assert!(
        error.to_string().contains("liquidity_positions 71"),
        "{error}"
    );
    assert_eq!(content::of(&copy.path), {
        let same = Copy::of(A2);
        fs::write(&same.path, &before["degenbot.db"]).unwrap();
        content::of(&same.path)
    });
}

#[test]
fn rebuild_names_rows_with_text_that_is_not_utf8() {
    for (statement, row) in [
        (
            "UPDATE aerodrome_v2_pools SET token0 = CAST(x'3078ff41' AS TEXT) WHERE pool_id = \
             (SELECT min(pool_id) FROM aerodrome_v2_pools)",
            "this is not a token address",
        ),
        (
            "UPDATE pools SET kind = CAST(x'ff41' AS TEXT) WHERE id = (SELECT min(id) FROM pools)",
            "pools ",
        ),
    ] {
        let copy = changed(A2, statement);
        let before = content::of(&copy.path);
        let error = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Unclear { .. }), "{error:?}");
        assert!(error.to_string().contains(row), "{error}");
        assert_eq!(content::of(&copy.path), before);
    }
}

#[test]
fn rebuild_takes_missing_values_from_assumptions() {
    let copy = changed(A2, "UPDATE uniswap_v3_pools SET factory = NULL");
    let mut options = upgrade_options();
    let factory = "0x1F98431c8aD98523631AE4a59f267346ea31F984";
    for chain in [1, 8453] {
        let text = format!("factory.{chain}.uniswap_v3={}", factory.to_lowercase());
        let Ok(Assumption::Factory(told)) = text.parse() else {
            panic!("{text}");
        };
        options.assumptions.factories.push(told);
    }
    upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    let factories = lines(
        &mut content::connect(&copy.path),
        "SELECT DISTINCT x.factory AS line FROM uniswap_v3_pools JOIN pools AS p ON p.id = pool_id \
         JOIN exchanges AS x ON x.id = p.exchange_id",
    );
    assert_eq!(factories, [factory]);
}

#[test]
fn rebuild_adds_tokens_that_only_pools_refer_to() {
    let copy = changed(
        A2,
        "DELETE FROM erc20_tokens WHERE id = 14; \
         UPDATE uniswap_v3_pools SET token0 = lower(token0) WHERE pool_id = 31; \
         UPDATE sushiswap_v3_pools SET token0 = '0X' || upper(substr(token0, 3)) WHERE pool_id = 26",
    );
    let report = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    assert_eq!(report.rebuild.unwrap().added_tokens, 1);
    let mut connection = content::connect(&copy.path);
    let added = lines(
        &mut connection,
        "SELECT t.address || ' ' || t.chain || ' ' || coalesce(name, symbol, decimals, 'null') AS line \
         FROM erc20_tokens AS t JOIN pools AS p ON p.token0_id = t.id WHERE p.id = 26",
    );
    assert_eq!(
        added,
        ["0x4200000000000000000000000000000000000006 8453 null"]
    );
    let found = lines(
        &mut connection,
        "SELECT CAST(token0_id AS TEXT) AS line FROM pools WHERE id = 31",
    );
    assert_eq!(found, ["22"]);
}

const MINE: &str = "CREATE TABLE mine (pool INTEGER REFERENCES pools (id), note TEXT); \
                    INSERT INTO mine VALUES (1, 'first'); \
                    CREATE INDEX mine_by_kind ON pools (kind); \
                    CREATE TABLE log (line TEXT); \
                    CREATE TRIGGER mine_on_tokens AFTER INSERT ON erc20_tokens \
                    BEGIN INSERT INTO log VALUES (new.address); END; \
                    CREATE VIEW mine_seen AS SELECT id, address FROM pools;";

#[test]
fn rebuild_keeps_the_users_own_objects() {
    let copy = changed(A2, MINE);
    let before = database::recognise(&copy.path).unwrap().extras();
    assert_eq!(before.len(), 5, "{before:?}");
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    assert_eq!(database::recognise(&copy.path).unwrap().extras(), before);
    let mut connection = content::connect(&copy.path);
    assert_eq!(
        lines(&mut connection, "SELECT pool || note AS line FROM mine"),
        ["1first"]
    );
    assert_eq!(lines(&mut connection, "SELECT line FROM log"), [""; 0]);
    assert_eq!(
        lines(
            &mut connection,
            "SELECT CAST(count(*) AS TEXT) AS line FROM mine_seen"
        ),
        ["75"]
    );
    connection
        .batch_execute("INSERT INTO erc20_tokens (chain, address) VALUES (1, 'x')")
        .unwrap();
    assert_eq!(lines(&mut connection, "SELECT line FROM log"), ["x"]);
}

#[test]
fn rebuild_refuses_user_objects_that_have_no_place_and_names_them() {
    for (statement, name) in [
        (
            "CREATE INDEX gone ON uniswap_v2_pools (token0)",
            "index gone",
        ),
        (
            "CREATE TRIGGER gone AFTER UPDATE ON uniswap_v3_pools \
             BEGIN SELECT new.has_liquidity; END",
            "trigger gone",
        ),
        (
            "CREATE VIEW gone AS SELECT token0 FROM uniswap_v2_pools",
            "view gone",
        ),
        (
            "CREATE TABLE mine (x); CREATE TRIGGER gone AFTER INSERT ON mine \
             BEGIN INSERT INTO metadata (key, value) VALUES ('x', 'y'); END",
            "trigger gone",
        ),
        (
            "CREATE TRIGGER gone AFTER INSERT ON metadata BEGIN SELECT 1; END",
            "trigger gone (on metadata",
        ),
        (
            "CREATE INDEX gone ON metadata (value)",
            "index gone (on metadata",
        ),
        // In double quotes, SQLite takes the name of a column that is gone for a text.
        (
            "CREATE VIEW gone AS SELECT \"token0\" FROM uniswap_v2_pools",
            "view gone",
        ),
        (
            "CREATE TRIGGER gone AFTER UPDATE ON uniswap_v2_pools \
             BEGIN DELETE FROM uniswap_v2_pools WHERE \"token0\" = 1; END",
            "trigger gone",
        ),
        (
            "CREATE TRIGGER gone AFTER UPDATE OF \"token0\" ON uniswap_v2_pools BEGIN SELECT 1; END",
            "trigger gone",
        ),
        (
            "CREATE INDEX gone ON uniswap_v2_pools (lower(\"token0\"))",
            "index gone",
        ),
        (
            "CREATE INDEX gone ON uniswap_v2_pools (pool_id) WHERE \"token0\" > ''",
            "index gone",
        ),
        (
            "ALTER TABLE pools ADD COLUMN mine",
            "column pools.mine should not be there",
        ),
    ] {
        let copy = changed(A2, statement);
        let before = content::of(&copy.path);
        let Err(error) = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()) else {
            panic!("{statement}");
        };
        assert!(error.to_string().contains(name), "{statement}: {error}");
        // What depends on a table that goes shows without building anything.
        if name.contains("(on ") {
            let planned = plan_upgrade(&copy.path, &upgrade_options()).unwrap_err();
            assert_eq!(planned.to_string(), error.to_string());
        }
        assert_eq!(content::of(&copy.path), before, "{statement}");
        let files: Vec<_> = copy.files().into_keys().collect();
        assert!(
            !files.iter().any(|file| file.contains("pre-upgrade")),
            "{files:?}"
        );
    }
}

#[test]
fn rebuild_replaces_the_content_in_place_while_others_have_the_file_open() {
    let copy = Copy::of(A2);
    let before = content::of(&Copy::of(A2).path);
    let inode = fs::metadata(&copy.path).unwrap().ino();
    let mut reader = content::connect(&copy.path);
    reader.batch_execute("BEGIN").unwrap();
    let old = content::of_connection(&mut reader);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    assert_eq!(fs::metadata(&copy.path).unwrap().ino(), inode);
    assert_eq!(content::of_connection(&mut reader), old);
    assert_eq!(old, before);
    reader.batch_execute("COMMIT").unwrap();
    assert_eq!(content::of_connection(&mut reader), content::of(&copy.path));
    reader
        .batch_execute("INSERT INTO erc20_tokens (chain, address) VALUES (1, 'x')")
        .unwrap();
    drop(reader);

    // A program that has opened it and not read yet holds no lock that could tell.
    let copy = Copy::of(A2);
    let mut bot = content::connect(&copy.path);
    let report = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    let mut other = content::connect(&copy.path);
    other
        .batch_execute("UPDATE erc20_tokens SET decimals = 7 WHERE id = 3")
        .unwrap();
    bot.batch_execute("INSERT INTO erc20_tokens (chain, address) VALUES (1, 'x')")
        .unwrap();
    drop((bot, other));
    assert_eq!(content::complaints(&copy.path), [""; 0]);
    let rows = lines(
        &mut content::connect(&copy.path),
        "SELECT coalesce(CAST(decimals AS TEXT), address) AS line FROM erc20_tokens WHERE id = 3 OR address = 'x' \
         ORDER BY id",
    );
    assert_eq!(rows, ["7", "x"]);
    assert_eq!(content::of(&report.rebuild.unwrap().original), before);
}

#[test]
fn rebuild_waits_for_a_writer_and_gives_up_unchanged() {
    let copy = Copy::of(A2);
    let before = content::of(&copy.path);
    let mut writer = content::connect(&copy.path);
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let error = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Locked), "{error}");
    drop(writer);
    assert_eq!(content::of(&copy.path), before);
}

#[test]
fn rebuild_keeps_the_properties_of_the_file() {
    let copy = changed(
        A2,
        "PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; PRAGMA auto_vacuum = NONE; \
         PRAGMA user_version = 42; PRAGMA application_id = 7; VACUUM; PRAGMA journal_mode = WAL",
    );
    fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = copy.folder().join("link.db");
    std::os::unix::fs::symlink(&copy.path, &link).unwrap();
    upgrade_sqlite_database(&link, &upgrade_options(), &mut ()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let info = inspect_sqlite_database(&copy.path, true).unwrap();
    assert_eq!((info.page_size, info.auto_vacuum), (1024, AutoVacuum::None));
    assert_eq!(info.journal_mode, "wal");
    let mode = fs::metadata(&copy.path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let versions = lines(
        &mut content::connect(&copy.path),
        "SELECT user_version || ' ' || application_id AS line FROM pragma_user_version, pragma_application_id",
    );
    assert_eq!(versions, ["42 7"]);
}

#[test]
fn rebuild_keeps_utf_16() {
    let utf8 = Copy::of(A2);
    let copy = Copy::of(A2);
    fs::remove_file(&copy.path).unwrap();
    let dump = std::process::Command::new("sqlite3")
        .arg(&utf8.path)
        .arg(".dump")
        .output();
    // The shell is not everywhere; without it there is no database in that encoding to try.
    let Ok(dump) = dump else {
        return;
    };
    let mut statements = String::from("PRAGMA encoding = 'UTF-16le';");
    statements.push_str(&String::from_utf8(dump.stdout).unwrap());
    fs::write(&copy.path, "").unwrap();
    let mut connection = content::connect(&copy.path);
    if connection.batch_execute(&statements).is_err() {
        return;
    }
    drop(connection);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    upgrade_sqlite_database(&utf8.path, &upgrade_options(), &mut ()).unwrap();
    assert_eq!(
        inspect_sqlite_database(&copy.path, true).unwrap().encoding,
        "UTF-16le"
    );
    // The shell's dump ends a text at a NUL, which the addresses have none of.
    let names = "SELECT address || ' ' || chain AS line FROM erc20_tokens ORDER BY id";
    assert_eq!(
        lines(&mut content::connect(&copy.path), names),
        lines(&mut content::connect(&utf8.path), names)
    );
}

#[test]
fn rebuild_stopped_at_any_step_leaves_everything_unchanged() {
    // One whose file is replaced, and one whose content is.
    for statements in ["SELECT 1", "CREATE TABLE mine (x)"] {
        let mut stopped = 0;
        loop {
            let copy = changed(A2, statements);
            let before = content::of(&copy.path);
            let mut observer = StopAt { left: stopped };
            match upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut observer) {
                Ok(_) => break,
                Err(error) if matches!(error.kind, ErrorKind::Interrupted) => stopped += 1,
                Err(other) => panic!("{other}"),
            }
            assert_eq!(content::of(&copy.path), before);
            let files: Vec<_> = copy.files().into_keys().collect();
            assert_eq!(files, ["degenbot.db"], "{stopped}");
        }
        assert!(stopped > 20, "{stopped}");
    }
}

#[test]
fn rebuild_never_replaces_an_earlier_original() {
    let copy = Copy::of(A2);
    let taken = copy.folder().join("degenbot.db.pre-upgrade");
    fs::write(&taken, "an earlier one").unwrap();
    let report = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    let kept = report.rebuild.unwrap().original;
    assert_eq!(kept.file_name().unwrap(), "degenbot.db.pre-upgrade-2");
    assert_eq!(fs::read_to_string(&taken).unwrap(), "an earlier one");
}

#[test]
fn leftover_alembic_tables_are_dropped_when_empty_and_refused_when_not() {
    let name = "odd/leftover-alembic-tmp-pool_managers.db";
    let copy = changed(
        name,
        "INSERT INTO _alembic_tmp_pool_managers (id, address, chain, kind, exchange_id) \
         VALUES (99, 'x', 1, 'y', 1)",
    );
    let before = copy.files();
    let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::LeftoverRows { table, rows: 1, .. } if table == "_alembic_tmp_pool_managers"),
        "{error}"
    );
    assert_eq!(copy.files(), before);

    // In place, an empty one goes: the Python package would run into it.
    let copy = changed(
        "populated/populated-0.5.0.db",
        "CREATE TABLE _alembic_tmp_pools (id INTEGER NOT NULL)",
    );
    upgrade_existing_sqlite_database(&copy.path).unwrap();
    assert_eq!(database::recognise(&copy.path).unwrap().extras(), []);
}

#[test]
fn rebuild_goes_on_to_an_older_version_if_asked() {
    let copy = Copy::of(A2);
    let target = "eb4080485a56".parse().unwrap();
    let options = upgrade_options().target(target);
    let report = upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    assert_eq!(report.to, target);
    let recognition = database::recognise(&copy.path).unwrap();
    assert_eq!(recognition.identity.version().unwrap(), target);
    assert!(recognition.identity.is_stamped_right());
    assert!(!recognition.catalogue.tables.contains_key("aave_v3_users"));
    upgrade_existing_sqlite_database(&copy.path).unwrap();
}

#[test]
fn rebuild_keeps_the_lowest_possible_id() {
    let copy = changed(
        A2,
        "UPDATE erc20_tokens SET id = -9223372036854775808 WHERE id = 3; \
         UPDATE managed_pools SET id = 9223372036854775807 WHERE id = 2; \
         UPDATE uniswap_v4_pools SET managed_pool_id = 9223372036854775807 WHERE managed_pool_id = 2",
    );
    let count = "SELECT CAST(count(*) AS TEXT) AS line FROM erc20_tokens";
    let before = lines(&mut content::connect(&copy.path), count);
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    assert_eq!(lines(&mut content::connect(&copy.path), count), before);
}

#[test]
fn rebuild_to_an_older_version_keeps_the_table_of_a_later_one() {
    let name = "upgraded/cutover11-from-b20f5564b3b6-then-opened-by-17.db";
    let copy = changed(
        name,
        "INSERT INTO lfj_pools SELECT id, 25 FROM pools LIMIT 3",
    );
    let options = UpgradeOptions::default().target("eb4080485a56".parse().unwrap());
    upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    let count = "SELECT CAST(count(*) AS TEXT) AS line FROM lfj_pools";
    assert_eq!(lines(&mut content::connect(&copy.path), count), ["3"]);
    upgrade_existing_sqlite_database(&copy.path).unwrap();
    assert_eq!(lines(&mut content::connect(&copy.path), count), ["3"]);
}

#[test]
fn upgrade_warns_about_unsound_rows_and_keeps_them() {
    let told = |name: &str| {
        let copy = Copy::of(name);
        content::connect(&copy.path)
            .batch_execute(
                "DROP INDEX ix_erc20_tokens_chain; \
                 UPDATE alembic_version SET version_num = 'e0aaad8ad486'",
            )
            .unwrap();
        settled(&quietly(&copy.path, &["database", "upgrade", "-y"]))
    };
    insta::assert_snapshot!(
        [
            "odd/fk-violations.db",
            "odd/weird-types.db",
            "odd/weird-numbers.db",
            "odd/case-duplicate-addresses.db",
            "populated/populated-0.6.0a4.db",
        ]
        .map(told)
        .concat()
    );
}

#[test]
fn rebuild_turns_rollback_mode_into_wal_mode() {
    let copy = changed(A2, "PRAGMA journal_mode = DELETE");
    upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    let mode = "SELECT journal_mode AS line FROM pragma_journal_mode";
    assert_eq!(lines(&mut content::connect(&copy.path), mode), ["wal"]);
}

#[test]
fn rebuild_in_rollback_mode_waits_for_a_reader_and_gives_up() {
    // More than fits into the page cache, which would have to be written out before the commit.
    let copy = changed(
        A2,
        "PRAGMA journal_mode = DELETE; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) \
         INSERT INTO erc20_tokens (chain, address, name, symbol, decimals) \
         SELECT 1, printf('0x%040x', i), printf('%080d', i), '', 0 FROM n",
    );
    let before = content::of(&copy.path);
    let mut reader = content::connect(&copy.path);
    reader.batch_execute("BEGIN; SELECT * FROM pools").unwrap();
    let error = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Locked), "{error}");
    reader.batch_execute("COMMIT").unwrap();
    drop(reader);
    assert!(content::of(&copy.path) == before);
    assert_eq!(
        copy.files().into_keys().collect::<Vec<_>>(),
        ["degenbot.db"]
    );
}

#[test]
fn rebuild_uses_the_original_that_a_killed_run_has_kept() {
    let copy = Copy::of(A2);
    let left = copy.folder().join("degenbot.db.pre-upgrade");
    fs::copy(&copy.path, &left).unwrap();
    let report = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
    assert_eq!(
        report.rebuild.unwrap().original,
        fs::canonicalize(left).unwrap()
    );
    assert_eq!(copy.files().len(), 2);
}

#[test]
fn rebuild_refuses_a_trigger_that_could_no_longer_write_to_its_table() {
    for statement in [
        "UPDATE uniswap_v3_pools SET token0 = 1",
        "INSERT INTO uniswap_v3_pools (token0) VALUES (1)",
    ] {
        let copy = changed(
            A2,
            &format!(
                "CREATE TABLE mine (a); \
                 CREATE TRIGGER also_fires AFTER INSERT ON mine BEGIN SELECT 1; END; \
                 CREATE TRIGGER fires AFTER INSERT ON mine BEGIN {statement}; END"
            ),
        );
        let error = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::ObjectsLost { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("trigger fires ("), "{error}");
    }
}
