//! `exchange` activates what the Python package does, once, and leaves everything else alone.

use std::fs;
use std::path::Path;

use degenbot::database::{
    Activation, Deactivation, Error, ErrorKind, ExchangeConflict, ExchangeOptions, Refusal,
    activate_exchange, add_exchange, create_new_sqlite_database, deactivate_exchange,
    list_exchanges,
};
use degenbot::deployments::{Deployment, ExchangeName};
use degenbot::types::Address;
use diesel::connection::SimpleConnection;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::cases;
use crate::support::command::{degenbot, finish, on, quietly, run, settled, spawn};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::databases;

/// What the Python package stores and says; `scripts/python-interop` compares it with the package.
const DEPLOYMENTS: &str = include_str!("../deployments.jsonl");

const ROWS: &str = "
    SELECT json_object('chain_id', chain_id, 'name', name, 'active', active, 'last_update_block',
        last_update_block, 'factory', factory, 'deployer', deployer) AS line
    FROM exchanges ORDER BY id";
const MANAGERS: &str = "
    SELECT json_object('address', address, 'chain', chain, 'kind', kind, 'state_view', state_view) AS line
    FROM pool_managers ORDER BY id";

fn name(text: &str) -> ExchangeName {
    text.parse().unwrap()
}

fn execute(path: &Path, statements: &str) {
    content::connect(path).batch_execute(statements).unwrap();
}

fn rows(path: &Path, query: &str) -> Vec<Value> {
    let lines = content::lines(&mut content::connect(path), query);
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The exchanges, in short.
fn exchanges(path: &Path) -> Vec<String> {
    let query = "SELECT id || ' ' || chain_id || ' ' || name || ' ' || active || ' ' || factory AS line \
                 FROM exchanges ORDER BY id";
    content::lines(&mut content::connect(path), query)
}

#[test]
fn activate_stores_what_the_python_package_stores() {
    let expected: Vec<Value> = DEPLOYMENTS
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (_folder, path) = databases::empty();
    for one in &expected {
        let exchange = name(one["name"].as_str().unwrap());
        assert_eq!(exchange.to_string(), one["name"].as_str().unwrap());
        let activated = activate_exchange(&path, &exchange, &ExchangeOptions::default()).unwrap();
        assert_eq!(activated, Some(Activation::Added));
        assert_eq!(
            format!("Activated {}.", exchange.description()),
            one["said"].as_str().unwrap()
        );
    }
    assert!(!expected.is_empty());
    let column = |column: &str| {
        expected
            .iter()
            .map(|one| one[column].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&path, ROWS), column("exchange"));
    let managers: Vec<_> = column("pool_managers")
        .iter()
        .flat_map(|managers| managers.as_array().unwrap().clone())
        .collect();
    assert_eq!(rows(&path, MANAGERS), managers);
    let broken = "SELECT m.address AS line FROM pool_managers m JOIN exchanges e ON e.id = m.exchange_id \
                  WHERE (e.factory, e.chain_id) <> (m.address, m.chain)";
    assert_eq!(
        content::lines(&mut content::connect(&path), broken),
        [""; 0]
    );
    assert_eq!(content::complaints(&path), [""; 0]);
}

#[test]
fn activate_reuses_existing_rows() {
    let (_folder, path) = databases::empty();
    let v4 = name("ethereum_uniswap_v4");
    // As old rows have it, and without its pool manager.
    execute(
        &path,
        "INSERT INTO exchanges (id, chain_id, name, active, last_update_block, factory) VALUES
             (7, 1, 'uniswap_v4', 0, 500, lower('0x000000000004444c5dc75cB358380D2e3dE08A90'))",
    );
    assert_eq!(
        activate_exchange(&path, &v4, &ExchangeOptions::default()).unwrap(),
        Some(Activation::Activated)
    );
    let after = content::of(&path);
    assert_eq!(
        exchanges(&path),
        ["7 1 uniswap_v4 1 0x000000000004444c5dc75cb358380d2e3de08a90"]
    );
    assert_eq!(after["pool_managers"].rows.len(), 1);
    assert_eq!(
        activate_exchange(&path, &v4, &ExchangeOptions::default()).unwrap(),
        Some(Activation::AlreadyActive)
    );
    assert_eq!(content::of(&path), after);

    let deactivated = |expected| {
        assert_eq!(
            deactivate_exchange(&path, &v4, &ExchangeOptions::default()).unwrap(),
            expected
        );
    };
    deactivated(Some(Deactivation::Deactivated));
    deactivated(Some(Deactivation::AlreadyInactive));
    assert_eq!(
        activate_exchange(&path, &v4, &ExchangeOptions::default()).unwrap(),
        Some(Activation::Activated)
    );
    assert_eq!(content::of(&path), after);
    execute(&path, "DELETE FROM pool_managers; DELETE FROM exchanges");
    deactivated(None);
    assert_eq!(exchanges(&path), [""; 0]);
}

/// Which of two rows has been followed does not depend on their ids.
#[test]
fn of_two_rows_the_one_that_was_followed_is_activated_again() {
    for marks in [["500", "NULL"], ["NULL", "500"], ["500", "600"]] {
        let (_folder, path) = databases::empty();
        let v4 = name("ethereum_uniswap_v4");
        let factory = "'0x000000000004444c5dc75cB358380D2e3dE08A90'";
        execute(
            &path,
            &format!(
                "INSERT INTO exchanges (id, chain_id, name, active, last_update_block, factory) VALUES
                     (7, 1, 'uniswap_v4', 0, {}, {factory}), (8, 1, 'uniswap_v4', 0, {}, {factory})",
                marks[0], marks[1]
            ),
        );
        activate_exchange(&path, &v4, &ExchangeOptions::default()).unwrap();
        let expected = if marks[1] == "NULL" { "7" } else { "8" };
        let active = "SELECT id AS line FROM exchanges WHERE active";
        let active = content::lines(&mut content::connect(&path), active);
        assert_eq!(active, [expected], "{marks:?}");
    }
}

#[test]
fn activate_refuses_another_factory_and_names_both() {
    let (_folder, path) = databases::empty();
    let v3 = name("ethereum_uniswap_v3");
    execute(
        &path,
        "INSERT INTO exchanges (id, chain_id, name, active, factory) VALUES
             (1, 1, 'uniswap_v3', 0, '0x2000000000000000000000000000000000000001'),
             (2, 10, 'uniswap_v3', 0, '0x2000000000000000000000000000000000000001'),
             (3, 10, 'uniswap_v3', 1, '0x2000000000000000000000000000000000000002')",
    );
    let before = content::of(&path);
    let error = |exchange: &ExchangeName| {
        let error = activate_exchange(&path, exchange, &ExchangeOptions::default())
            .unwrap_err()
            .to_string();
        error.replace(path.to_str().unwrap(), "[PATH]")
    };
    insta::assert_snapshot!(error(&v3), @"The database at [PATH] has ethereum_uniswap_v3 with the factory 0x2000000000000000000000000000000000000001, not 0x1F98431c8aD98523631AE4a59f267346ea31F984");
    insta::assert_snapshot!(error(&name("10_uniswap_v3")), @"The database at [PATH] has optimism_uniswap_v3 with the factories 0x2000000000000000000000000000000000000001 and 0x2000000000000000000000000000000000000002");
    assert_eq!(content::of(&path), before);

    // Where one of several has the known factory, it is that; and all of them can be left out.
    execute(
        &path,
        "INSERT INTO exchanges (id, chain_id, name, active, factory) VALUES
             (4, 1, 'uniswap_v3', 0, '0x1F98431c8aD98523631AE4a59f267346ea31F984')",
    );
    let active = |path: &Path| {
        let query = "SELECT CAST(id AS TEXT) AS line FROM exchanges WHERE active = 1 ORDER BY id";
        content::lines(&mut content::connect(path), query)
    };
    assert_eq!(
        activate_exchange(&path, &v3, &ExchangeOptions::default()).unwrap(),
        Some(Activation::Activated)
    );
    assert_eq!(active(&path), ["3", "4"]);
    execute(&path, "UPDATE exchanges SET active = 1");
    assert_eq!(
        deactivate_exchange(&path, &v3, &ExchangeOptions::default()).unwrap(),
        Some(Deactivation::Deactivated)
    );
    assert_eq!(active(&path), ["2", "3"]);
    assert_eq!(
        deactivate_exchange(&path, &name("10_uniswap_v3"), &ExchangeOptions::default()).unwrap(),
        Some(Deactivation::Deactivated)
    );
    assert_eq!(active(&path), [""; 0]);
}

#[test]
fn add_inserts_an_exchange_once() {
    let (_folder, path) = databases::empty();
    let [factory, other, view] = [1, 2, 3].map(|byte| Address::new([byte; 20]));
    let added = |text: &str, kind: &str, factory, state_view| {
        let deployment =
            Deployment::new(name(text), kind.parse().unwrap(), factory, None, state_view).unwrap();
        add_exchange(&path, &deployment, &ExchangeOptions::default())
    };
    added("10_other_v3", "uniswap_v3", factory, None).unwrap();
    added("10_other_v4", "uniswap_v4", other, Some(view)).unwrap();
    // The chain makes the difference.
    added("11_other_v3", "uniswap_v3", factory, None).unwrap();
    execute(
        &path,
        "UPDATE exchanges SET factory = upper(factory) WHERE id = 1",
    );
    let before = content::of(&path);
    assert_eq!(before["exchanges"].rows.len(), 3);
    assert_eq!(before["pool_managers"].rows.len(), 1);
    let conflict = |result: Result<(), Error>| match result.unwrap_err().kind {
        ErrorKind::Exchange { conflict, .. } => *conflict,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        conflict(added("10_other_v3", "uniswap_v3", other, None)),
        ExchangeConflict::NameTaken {
            exchange: name("10_other_v3"),
            factory
        }
    );
    assert_eq!(
        conflict(added("10_another_v3", "uniswap_v3", factory, None)),
        ExchangeConflict::FactoryTaken {
            exchange: name("10_other_v3"),
            factory
        }
    );
    assert_eq!(content::of(&path), before);

    let listed = list_exchanges(&path).unwrap();
    assert!(
        listed
            .iter()
            .all(|exchange| exchange.active == Some(degenbot::types::SqlValue::Integer(0)))
    );
    for text in ["10_other_v3", "10_other_v4", "11_other_v3"] {
        assert_eq!(
            activate_exchange(&path, &name(text), &ExchangeOptions::default()).unwrap(),
            Some(Activation::Activated)
        );
    }
    assert_eq!(
        activate_exchange(&path, &name("12_other_v3"), &ExchangeOptions::default()).unwrap(),
        None
    );
    assert_eq!(
        deactivate_exchange(&path, &name("12_other_v3"), &ExchangeOptions::default()).unwrap(),
        None
    );
}

#[test]
fn activate_writes_to_every_version_and_leaves_refused_databases_unchanged() {
    cases::for_each(&corpus::supported(), |database| {
        let copy = Copy::of(database);
        let before = content::of(&copy.path);
        let activated = activate_exchange(
            &copy.path,
            &name("base_aerodrome_v2"),
            &ExchangeOptions::default(),
        )
        .unwrap();
        assert!(activated.is_some(), "{database}");
        let after = content::of(&copy.path);
        for (table, rows) in &before {
            assert!(
                table == "exchanges" || *rows == after[table],
                "{database}: {table}"
            );
        }
    });
    let refused = [
        "populated/populated-0.5.0a2.db",
        "odd/foreign-no-stamp.db",
        "odd/stamp-unknown-revision.db",
        "odd/no-stamp-dropped.db",
    ];
    cases::for_each(&refused, |database| {
        let copy = Copy::of(database);
        let before = copy.files();
        let error = activate_exchange(
            &copy.path,
            &name("base_aerodrome_v2"),
            &ExchangeOptions::default(),
        )
        .unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Refused { .. }),
            "{database}: {error}"
        );
        let error = deactivate_exchange(
            &copy.path,
            &name("base_aerodrome_v2"),
            &ExchangeOptions::default(),
        )
        .unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Refused { .. }),
            "{database}: {error}"
        );
        assert_eq!(copy.files(), before, "{database}");
    });
}

#[test]
fn exchange_commands_fail_if_a_trigger_does_not_let_them() {
    let (ignore, undo) = (
        "SELECT RAISE(IGNORE);",
        "UPDATE exchanges SET active = 1 - NEW.active",
    );
    let add = "exchange add --chain 10 --name other_v3 --kind uniswap_v3 \
               --factory 0x2000000000000000000000000000000000000001";
    let v4 = "exchange activate base_uniswap_v4";
    let cases = [
        (
            "exchange deactivate base_pancakeswap_v3",
            "BEFORE UPDATE ON exchanges",
            ignore,
        ),
        (
            "exchange deactivate base_pancakeswap_v3",
            "AFTER UPDATE OF active ON exchanges",
            &format!("{undo} WHERE id = NEW.id;"),
        ),
        (
            "exchange deactivate base_pancakeswap_v3",
            "AFTER UPDATE ON exchanges",
            "DELETE FROM exchanges WHERE id = NEW.id;",
        ),
        (
            "exchange activate base_aerodrome_v2",
            "BEFORE UPDATE OF active ON exchanges",
            ignore,
        ),
        (
            "exchange activate base_aerodrome_v2",
            "AFTER UPDATE ON exchanges",
            &format!("{undo} WHERE id = NEW.id;"),
        ),
        (v4, "BEFORE INSERT ON exchanges", ignore),
        (v4, "BEFORE INSERT ON pool_managers", ignore),
        (
            v4,
            "AFTER INSERT ON pool_managers",
            "DELETE FROM pool_managers WHERE id = NEW.id;",
        ),
        (
            v4,
            "AFTER INSERT ON exchanges",
            "UPDATE exchanges SET deployer = factory WHERE id = NEW.id;",
        ),
        (add, "BEFORE INSERT ON exchange_deployments", ignore),
        (add, "BEFORE INSERT ON exchanges", ignore),
        (
            add,
            "AFTER INSERT ON exchanges",
            "UPDATE exchanges SET active = 1 WHERE id = NEW.id;",
        ),
        (
            add,
            "AFTER INSERT ON exchanges",
            "UPDATE exchanges SET chain_id = 11 WHERE id = NEW.id;",
        ),
    ];
    for (command, event, body) in cases {
        let (_folder, path) = databases::empty();
        for (known, active) in [("base_pancakeswap_v3", 1), ("base_aerodrome_v2", 0)] {
            let known = Deployment::of(&name(known)).unwrap();
            execute(
                &path,
                &format!(
                    "INSERT INTO exchanges (chain_id, name, active, factory) \
                     VALUES ({}, '{}', {active}, '{}')",
                    known.chain, known.name, known.factory
                ),
            );
        }
        execute(
            &path,
            &format!("CREATE TRIGGER \"mine\u{1b}\" {event} BEGIN {body} END"),
        );
        let before = content::of(&path);
        let told = quietly(&path, &command.split_whitespace().collect::<Vec<_>>());
        assert!(
            told.starts_with("status: 1\n"),
            "{command}, {event}: {told}"
        );
        assert!(told.contains("does not keep"), "{command}, {event}: {told}");
        assert!(
            told.contains("its triggers on these tables are mine\\u{1b}\nhint: "),
            "{command}, {event}: {told}"
        );
        assert_eq!(content::of(&path), before, "{command}, {event}");
    }
}

#[test]
fn tables_that_exchange_commands_write_to_are_the_same_in_every_version() {
    // The commands write to databases of every version. A migration that changes these tables must decide what they do.
    let columns = |database: &str, table: &str| {
        let query = format!(
            "SELECT name || ' ' || \"notnull\" || ' ' || pk AS line FROM pragma_table_info('{table}') ORDER BY name"
        );
        content::lines(&mut content::connect(&Copy::of(database).path), &query)
    };
    let (_folder, latest) = databases::empty();
    for table in ["exchanges", "pool_managers"] {
        let query = format!(
            "SELECT name || ' ' || \"notnull\" || ' ' || pk AS line FROM pragma_table_info('{table}') ORDER BY name"
        );
        let now = content::lines(&mut content::connect(&latest), &query);
        assert!(!now.is_empty());
        for database in corpus::supported() {
            assert_eq!(columns(database, table), now, "{database}: {table}");
        }
    }
}

#[test]
fn list_changes_no_file_and_reads_early_databases() {
    let names = corpus::names(&["populated", "upgraded"]);
    cases::for_each(&names, |database| {
        let copy = Copy::of(database);
        let before = copy.files();
        let listed = list_exchanges(&copy.path).unwrap();
        assert_eq!(copy.files(), before);
        // The earliest ones have no such table.
        let stored = content::of(&copy.path).remove("exchanges");
        let rows = stored.map_or(0, |stored| stored.rows.len());
        assert_eq!(listed.len(), rows);
    });
    let copy = Copy::of("odd/foreign-no-stamp.db");
    let error = list_exchanges(&copy.path).unwrap_err();
    let ErrorKind::Refused { refusal, .. } = error.kind else {
        panic!("{error}");
    };
    assert!(matches!(*refusal, Refusal::Foreign { .. }));
}

#[test]
fn activate_waits_for_a_writer_and_names_it() {
    let (_folder, path) = databases::empty();
    let mut bot = content::connect(&path);
    bot.batch_execute("BEGIN IMMEDIATE").unwrap();
    let told = quietly(&path, &["exchange", "activate", "base_uniswap_v3"]);
    insta::assert_snapshot!(settled(&told), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is locked by another program: in use by [PROGRAMS]
    hint: Nothing was changed. Let the other program finish its transaction, or stop it, and try again. --wait SECONDS waits longer
    ");
    // A reader is in nobody's way, and nobody in its.
    assert_eq!(list_exchanges(&path).unwrap().len(), 0);
    bot.batch_execute("COMMIT; BEGIN; SELECT * FROM exchanges")
        .unwrap();
    let activated =
        activate_exchange(&path, &name("base_uniswap_v3"), &ExchangeOptions::default()).unwrap();
    assert_eq!(activated, Some(Activation::Added));
}

#[test]
fn activate_in_two_processes_inserts_one_row() {
    for _ in 0..10 {
        let (_folder, path) = databases::empty();
        let told: Vec<_> = (0..2)
            .map(|_| spawn(on(&path, &["exchange", "activate", "base_uniswap_v4"])))
            .collect();
        for process in told {
            let told = finish(process);
            assert!(told.starts_with("status: 0\n"), "{told}");
        }
        let after = content::of(&path);
        assert_eq!(after["exchanges"].rows.len(), 1);
        assert_eq!(after["pool_managers"].rows.len(), 1);
    }
}

/// A folder with a database and a config file that has an RPC endpoint for Ethereum.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/degenbot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("config.toml"),
        "[rpc]\n1 = \"https://localhost:8545/\"\n",
    )
    .unwrap();
    create_new_sqlite_database(&folder.join("degenbot.db")).unwrap();
    home
}

/// What the commands say, one after the other.
fn session(home: &Path, commands: &[&str]) -> String {
    let told = commands.iter().map(|line| {
        let mut command = degenbot(home);
        command.arg("exchange").args(line.split(' '));
        format!("$ degenbot exchange {line}\n{}", run(command, ""))
    });
    let text: String = told.collect();
    text.replace(home.to_str().unwrap(), "[HOME]")
}

#[test]
fn activate_and_deactivate_print_the_python_packages_messages() {
    let home = home();
    insta::assert_snapshot!(session(
        home.path(),
        &[
            "activate ethereum_uniswap_v3",
            "activate ethereum_uniswap_v3",
            "activate base_aerodrome_v2",
            "deactivate base_aerodrome_v2",
            "deactivate base_aerodrome_v2",
            "deactivate base_swapbased_v2",
            "-q activate base_swapbased_v2",
        ]
    ));
}

#[test]
fn activate_suggests_similar_names() {
    let home = home();
    insta::assert_snapshot!(session(
        home.path(),
        &[
            "activate uniswap_v3",
            "activate base_aerodrom_v2",
            "deactivate polygon_uniswap_v3",
            "deactivate 1_uniswop",
            "activate xyz",
            "activate",
        ]
    ));
}

#[test]
fn add_reports_invalid_arguments() {
    let home = home();
    let good = "--factory 0x6EcCab422D763aC031210895C81787E87B43A652";
    let typo = "--factory 0x6EcCab422D763aC031210895C81787E87B43a652";
    let known = "--factory 0x1f98431c8ad98523631ae4a59f267346ea31f984";
    let hash = "0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54";
    let commands = [
        format!("add --chain 42161 --name camelot_v2 --kind camelot_v2 {good}"),
        format!("add --chain 42161 --name camelot_v2 --kind camelot_v2 {known}"),
        format!("add --chain 42161 --name other_v2 --kind camelot_v2 {good}"),
        "activate 42161_camelot_v2".to_owned(),
        format!("add --chain ethereum --name other_v3 --kind uniswap_v3 {known}"),
        format!("add --chain 42161 --name camelot --kind camelot_v2 {good}"),
        format!("add --chain 42161 --name camelot_v2 --kind camelot_v2 {typo}"),
        "add --chain 0 --name x --kind y --factory z".to_owned(),
        format!(
            "add --chain 130 --name uniswap_v4 --kind uniswap_v4 {good} --deployer 0x6EcCab422D763aC031210895C81787E87B43A652"
        ),
        format!(
            "add --chain 130 --name uniswap_v4 --kind uniswap_v4 {good} --init-code-hash {hash}"
        ),
        format!(
            "add --chain 130 --name other_v3 --kind uniswap_v3 {good} --init-code-hash {hash}0"
        ),
        format!("add --chain 130 --name other_v3 --kind uniswap_v3 {good} --from-block latest"),
        format!(
            "add --chain 130 --name other_v3 --kind uniswap_v3 {good} --from-block 9223372036854775808"
        ),
        format!(
            "add --chain 130 --name other_v3 --kind uniswap_v3 {good} --from-block 0 --init-code-hash {hash}"
        ),
    ];
    let commands: Vec<_> = commands.iter().map(String::as_str).collect();
    insta::assert_snapshot!(session(home.path(), &commands));
}

#[test]
fn list_shows_known_exchanges_and_rows() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    execute(
        &copy.path,
        "INSERT INTO exchanges (chain_id, name, active, factory) VALUES (0, 'no chain', 'x', 'none')",
    );
    let listed = quietly(&copy.path, &["exchange", "list"]);
    assert!(
        listed.lines().all(|line| line.chars().count() <= 80),
        "{listed}"
    );
    insta::assert_snapshot!(listed);

    let output = on(&copy.path, &["exchange", "list", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["format"], 2);
    assert_eq!(document["path"], "degenbot.db");
    assert_eq!(document["has_database"], true);
    let find = |chain: u64, name: &str| {
        let exchanges = document["exchanges"].as_array().unwrap();
        exchanges
            .iter()
            .find(|one| one["chain_id"] == chain && one["exchange"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        find(8453, "pancakeswap_v3"),
        serde_json::json!({
            "name": "base_pancakeswap_v3",
            "is_known": true,
            "is_in_database": true,
            "chain_id": 8453,
            "exchange": "pancakeswap_v3",
            "active": true,
            "last_update_block": 16_235_771,
            "factory": "0x0BFbCF9fa4f9C56B0F40a671Ad40E0805A091865",
            "deployer": "0x41ff9AA7e16B8B1a8a8dc4f0eFacd93D02d071c9",
        })
    );
    assert_eq!(find(42161, "camelot_v2")["is_known"], false);
    assert_eq!(find(42161, "camelot_v2")["active"], false);
}

#[test]
fn list_without_a_database_shows_the_known_exchanges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    let listed = quietly(&path, &["exchange", "list"]);
    assert!(
        listed.starts_with("status: 0\n--- stdout\nName "),
        "{listed}"
    );
    assert!(
        listed.ends_with(
            "--- stderr\nThere is no database at degenbot.db; these are the exchanges that can be activated.\n"
        ),
        "{listed}"
    );
    for known in Deployment::known() {
        let line = format!("\n{} ", known.exchange());
        assert_eq!(listed.matches(&line).count(), 1, "{line}");
    }
    let output = on(&path, &["-q", "exchange", "list", "--json"])
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["has_database"], false);
    assert_eq!(
        document["exchanges"].as_array().unwrap().len(),
        Deployment::known().len()
    );
    let told = quietly(&path, &["exchange", "activate", "base_uniswap_v3"]);
    insta::assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    error: There is no database at degenbot.db
    hint: Nothing was changed. Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file), or create the database with 'degenbot database reset'
    ");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing may be created"
    );
}
