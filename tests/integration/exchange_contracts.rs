//! What is recorded of the contracts of an exchange.

use std::path::Path;

use degenbot::database::{
    Activation, ContractFacts, Database, Error, ExchangeOptions, activate_exchange, add_exchange,
    create_new_sqlite_database,
};
use degenbot::deployments::Deployment;
use degenbot::models::{Exchange, ExchangeDeployment};
use degenbot::types::{Address, BlockNumber, CodeHash};
use insta::assert_snapshot;

use crate::support::command::quietly;
use crate::support::content;
use crate::support::corpus::Copy;

/// What is recorded of an exchange.
fn recorded(path: &Path, name: &str) -> Option<(String, Option<u64>, Option<CodeHash>)> {
    let name: degenbot::deployments::ExchangeName = name.parse().unwrap();
    Database::open(path)
        .unwrap()
        .read(|connection| -> Result<_, Error> {
            let exchange = Exchange::by_name(connection, name.chain, &name.name)?.unwrap();
            let row = ExchangeDeployment::of_exchange(connection, exchange.id)?;
            Ok(row.map(|row| {
                let first_block = row.first_block.map(u64::from);
                (row.kind.to_string(), first_block, row.init_code_hash)
            }))
        })
        .unwrap()
}

fn unknown(name: &str, kind: &str) -> Deployment {
    let factory = Address::new([7; 20]);
    Deployment::new(
        name.parse().unwrap(),
        kind.parse().unwrap(),
        factory,
        None,
        None,
    )
    .unwrap()
}

fn database() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    (folder, path)
}

#[test]
fn added_exchange_keeps_its_kind_its_first_block_and_its_hash() {
    let (_folder, path) = database();
    let hash = [0xab; 32];
    let deployment = unknown("base_other_v3", "pancakeswap_v3")
        .with_first_block(BlockNumber::new(7_000).unwrap())
        .with_init_code_hash(hash.into())
        .unwrap();
    add_exchange(&path, &deployment, &ExchangeOptions::default()).unwrap();
    assert_eq!(
        recorded(&path, "base_other_v3"),
        Some((
            "pancakeswap_v3".to_owned(),
            Some(7_000),
            Some(CodeHash::new(hash))
        ))
    );
}

#[test]
fn activation_records_only_what_is_given() {
    let (_folder, path) = database();
    let name = "ethereum_uniswap_v3".parse().unwrap();
    let activate =
        |facts| activate_exchange(&path, &name, &ExchangeOptions::default().facts(facts)).unwrap();
    assert_eq!(activate(ContractFacts::default()), Some(Activation::Added));
    assert_eq!(recorded(&path, "ethereum_uniswap_v3"), None);

    let facts = ContractFacts::default().init_code_hash(None);
    assert_eq!(activate(facts), Some(Activation::AlreadyActive));
    // The block is that of the known deployment.
    let expected = ("uniswap_v3".to_owned(), Some(12_369_621), None);
    assert_eq!(recorded(&path, "ethereum_uniswap_v3"), Some(expected));

    let first_block = BlockNumber::new(26_000_000).unwrap();
    activate(ContractFacts::default().first_block(first_block));
    let expected = ("uniswap_v3".to_owned(), Some(26_000_000), None);
    assert_eq!(recorded(&path, "ethereum_uniswap_v3"), Some(expected));
}

#[test]
fn facts_without_a_kind_or_a_table_are_refused() {
    let (_folder, path) = database();
    let options = ExchangeOptions::default();
    add_exchange(&path, &unknown("base_other_v2", "uniswap_v2"), &options).unwrap();
    let database = Database::open(&path).unwrap();
    database
        .write(|connection| -> Result<_, Error> {
            use diesel::connection::SimpleConnection;
            Ok(connection.batch_execute("DELETE FROM exchange_deployments")?)
        })
        .unwrap();
    let facts = ContractFacts::default().init_code_hash(None);
    let name = "base_other_v2".parse().unwrap();
    let error = activate_exchange(&path, &name, &options.clone().facts(facts.clone())).unwrap_err();
    assert!(
        error.to_string().contains("does not say of what kind"),
        "{error}"
    );
    let facts = facts.kind("sushiswap_v2".parse().unwrap());
    activate_exchange(&path, &name, &options.clone().facts(facts.clone())).unwrap();
    let expected = ("sushiswap_v2".to_owned(), None, None);
    assert_eq!(recorded(&path, "base_other_v2"), Some(expected));

    let older = Copy::of("fresh/fresh-0.6.0a3.db");
    let error = activate_exchange(
        &older.path,
        &"base_uniswap_v3".parse().unwrap(),
        &options.clone().facts(facts),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("is of an older version"),
        "{error}"
    );
    assert!(error.hint().contains("database upgrade"));
    // An exchange can be added there nevertheless; its kind is recorded when it is activated.
    add_exchange(
        &older.path,
        &unknown("base_other_v3", "uniswap_v3"),
        &options,
    )
    .unwrap();
}

#[test]
fn command_takes_a_hash_or_none() {
    let (_folder, path) = database();
    let hash = format!("0x{}", "ab".repeat(32));
    for (value, expected) in [(hash.as_str(), hash.as_str()), ("none", "")] {
        let options = ["--init-code-hash", value, "--from-block", "26000000"];
        let activate = ["exchange", "activate", "ethereum_sushiswap_v2"];
        let output = quietly(&path, &[&activate[..], &options[..]].concat());
        assert!(output.starts_with("status: 0"), "{output}");
        let (_, first_block, found) = recorded(&path, "ethereum_sushiswap_v2").unwrap();
        assert_eq!(first_block, Some(26_000_000));
        let found = found.map_or_else(String::new, |hash| hash.to_string());
        assert_eq!(found, expected);
    }
    let activate = ["exchange", "activate", "ethereum_sushiswap_v2"];
    let output = quietly(
        &path,
        &[&activate[..], &["--init-code-hash", "0x12"]].concat(),
    );
    assert!(output.starts_with("status: 2"), "{output}");
}

#[test]
fn kind_that_contradicts_the_pools_is_refused() {
    let (_folder, path) = database();
    let options = ExchangeOptions::default();
    for (name, kind) in [
        ("base_other_v3", "uniswap_v3"),
        ("base_other_v4", "uniswap_v4"),
    ] {
        let mut deployment = unknown(name, kind);
        deployment.factory = Address::new([name.as_bytes()[12]; 20]);
        add_exchange(&path, &deployment, &options).unwrap();
    }
    let before = content::of(&path);
    let cases = [
        ("base_uniswap_v4", "uniswap_v3", "uniswap_v4"),
        ("base_uniswap_v3", "uniswap_v4", "uniswap_v3"),
        ("base_uniswap_v3", "pancakeswap_v3", "uniswap_v3"),
        ("base_other_v3", "uniswap_v4", "uniswap_v3"),
        ("base_other_v4", "uniswap_v2", "uniswap_v4"),
    ];
    for (name, given, expected) in cases {
        let told = quietly(&path, &["exchange", "activate", name, "--kind", given]);
        let said = format!(
            "status: 1\n--- stdout\n--- stderr\nerror: The database at degenbot.db cannot have pools of the kind {given} \
             for {name}: they are {expected}\nhint: Nothing was changed. Leave --kind out, or name the exchange whose pools are of that kind\n"
        );
        assert_eq!(told, said);
        assert_eq!(content::of(&path), before, "{name}");
    }
    for (name, kind) in [
        ("base_uniswap_v4", "uniswap_v4"),
        ("base_other_v3", "pancakeswap_v3"),
    ] {
        let told = quietly(&path, &["exchange", "activate", name, "--kind", kind]);
        assert!(told.starts_with("status: 0\n"), "{told}");
        assert_eq!(recorded(&path, name).unwrap().0, kind);
    }
}

#[test]
fn facts_of_an_active_exchange_are_recorded_and_told() {
    let (_folder, path) = database();
    let activate = |more: &[&str]| {
        let command = ["exchange", "activate", "ethereum_sushiswap_v2"];
        let told = quietly(&path, &[&command[..], more].concat());
        let lines = told.lines().filter(|line| !line.starts_with("warning: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    activate(&[]);
    assert_snapshot!(activate(&[]), @r"
    status: 0
    --- stdout
    --- stderr
    Exchange is already activated.
    ");
    let facts = [
        "--kind",
        "sushiswap_v2",
        "--from-block",
        "26000000",
        "--init-code-hash",
        "none",
    ];
    assert_snapshot!(activate(&facts), @r"
    status: 0
    --- stdout
    --- stderr
    Exchange is already activated.
    Recorded: kind sushiswap_v2, first block 26000000, no init code hash.
    ");
    quietly(&path, &["exchange", "deactivate", "ethereum_sushiswap_v2"]);
    let told = activate(&["--from-block", "26000000"]);
    assert!(told.contains("\nRecorded: first block 26000000."), "{told}");
    let expected = ("sushiswap_v2".to_owned(), Some(26_000_000), None);
    assert_eq!(recorded(&path, "ethereum_sushiswap_v2"), Some(expected));
}
