//! `aave position show`, `aave position risk` and `aave market show`: what they print, and whose prices they use.

use std::fs;
use std::path::{Path, PathBuf};

use degenbot::database::create_new_sqlite_database;
use diesel::connection::SimpleConnection;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::aave_positions::{self, BLOCK, NEAR, UNPRICED, WITHOUT_DEBT};
use crate::support::command::{on, quietly};
use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::node_server::NodeServer;

fn market() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    aave_positions::insert(&path);
    (folder, path)
}

fn execute(path: &Path, statements: &str) {
    content::connect(path).batch_execute(statements).unwrap();
}

/// Runs a command with a node.
fn told(path: &Path, server: &NodeServer, arguments: &[&str]) -> String {
    let url = server.url();
    quietly(path, &[arguments, &["--rpc", &url]].concat())
}

fn json(path: &Path, arguments: &[&str]) -> Value {
    let output = on(path, arguments).arg("--json").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

#[test]
fn risk_lists_users_near_liquidation_first() {
    let (_folder, path) = market();
    let server = NodeServer::start(aave_positions::chain());
    insta::assert_snapshot!(told(&path, &server, &["aave", "position", "risk"]));
    insta::assert_snapshot!(told(
        &path,
        &server,
        &[
            "aave",
            "position",
            "risk",
            "--below",
            "1.5",
            "--min-debt",
            "10",
            "--limit",
            "1",
            "--price",
            "weth=-40%",
            "--price",
            &format!("{UNPRICED}=0.5"),
        ]
    ));
}

#[test]
fn risk_draws_the_debt_in_narrow_zones() {
    let (_folder, path) = market();
    let server = NodeServer::start(aave_positions::chain());
    let chart = ["aave", "position", "risk", "--chart"];
    insta::assert_snapshot!(told(&path, &server, &chart), @r"
    status: 0
    --- stdout
    ethereum_positions at block 23,000,000 (2025-06-15 15:06:40 UTC)
    Prices of the oracle in block 23,000,000
    No price of X\u{202e}SU: execution reverted: no source\u{1b}[31m
    4 users with debt, 1 not computed

    Health factor  Users  Collateral       Debt
    below 0.90         0       $0.00      $0.00
    0.90 to 0.95       0       $0.00      $0.00
    0.95 to 1.00       0       $0.00      $0.00
    1.00 to 1.05       0       $0.00      $0.00
    1.05 to 1.10       0       $0.00      $0.00
    1.10 to 1.15       0       $0.00      $0.00
    1.15 to 1.20       0       $0.00      $0.00
    1.20 to 1.25       1   $2,000.00  $1,500.20  ███████████████████████████████████
    1.25 to 1.30       0       $0.00      $0.00
    1.30 to 1.35       0       $0.00      $0.00
    1.35 to 1.40       0       $0.00      $0.00
    1.40 to 1.45       0       $0.00      $0.00
    1.45 to 1.50       0       $0.00      $0.00
    1.50 to 1.55       0       $0.00      $0.00
    1.55 to 1.60       0       $0.00      $0.00
    1.60 to 1.65       0       $0.00      $0.00
    1.65 to 1.70       1   $2,000.00  $1,000.13  ███████████████████████▍
    1.70 to 1.75       0       $0.00      $0.00
    1.75 to 1.80       0       $0.00      $0.00
    1.80 to 1.85       0       $0.00      $0.00
    1.85 to 1.90       0       $0.00      $0.00
    1.90 to 1.95       0       $0.00      $0.00
    1.95 to 2.00       0       $0.00      $0.00
    from 2.00          1   $2,000.00      $1.00  ▏
    --- stderr
    ");
    // The narrow zones have what the wide ones have.
    let url = server.url();
    let zones = |arguments: &[&str]| {
        let document = json(&path, &[arguments, &["--rpc", &url]].concat());
        document["markets"][0]["zones"].as_array().unwrap().clone()
    };
    let (narrow, wide) = (zones(&chart), zones(&chart[..3]));
    assert_eq!([narrow.len(), wide.len()], [24, 7]);
    for field in ["users", "debt_base", "collateral_base"] {
        let sum = |zones: &[Value]| -> u128 {
            let numbers = zones.iter().map(|zone| zone[field].to_string());
            numbers
                .map(|it| it.trim_matches('"').parse::<u128>().unwrap())
                .sum()
        };
        assert_eq!(sum(&narrow), sum(&wide), "{field}");
        assert!(sum(&wide) > 0, "{field}");
    }
    for option in ["--limit=3", "--below=1.05", NEAR] {
        let told = told(&path, &server, &[&chart[..], &[option]].concat());
        assert!(told.starts_with("status: 2\n"), "{told}");
        assert!(told.contains("cannot be used with"), "{told}");
    }
}

#[test]
fn position_has_balances_prices_and_worth() {
    let (_folder, path) = market();
    let server = NodeServer::start(aave_positions::chain());
    let show = |user| told(&path, &server, &["aave", "position", "show", user]);
    insta::assert_snapshot!(show(NEAR));
    let without_debt = show(WITHOUT_DEBT);
    assert!(
        without_debt.contains("Health factor  no debt"),
        "{without_debt}"
    );
    // Without a node, the balances remain.
    insta::assert_snapshot!(quietly(&path, &["aave", "position", "show", NEAR]));
}

#[test]
fn market_has_reserves_and_categories() {
    let (_folder, path) = market();
    insta::assert_snapshot!(quietly(&path, &["aave", "market", "show"]));
}

#[test]
fn prices_are_those_of_the_block_or_the_report_says_otherwise() {
    let (_folder, path) = market();
    let server = NodeServer::start(aave_positions::chain());
    let url = server.url();
    let risk = ["aave", "position", "risk", "--rpc", &url];
    let factor = |document: &Value| document["markets"][0]["accounts"][0]["health_factor"].clone();
    let now = json(&path, &risk);
    let prices = &now["markets"][0]["prices"];
    assert_eq!(prices["block"], BLOCK);
    assert_eq!(prices["is_newest_block"], false);
    // 0.93 × 2,000 against 1,500 with the interest of a day.
    assert_eq!(factor(&now), "1239830148229013218");

    server.chain(|chain| chain.stateless_before = BLOCK + 1);
    let later = json(&path, &risk);
    let prices = &later["markets"][0]["prices"];
    assert_eq!(prices["block"], BLOCK + 3);
    assert_eq!(prices["is_newest_block"], true);
    assert_eq!(factor(&later), "929872611171759913");
    let told = quietly(&path, &risk);
    let said = "Prices of the oracle in block 23,000,003";
    assert!(told.contains(said), "{told}");
    let said = "the node does not have the state of block 23,000,000";
    assert!(told.contains(said), "{told}");
}

#[test]
fn one_request_asks_for_all_prices() {
    let (_folder, path) = market();
    execute(
        &path,
        "DELETE FROM aave_v3_debt_positions WHERE asset_id = 9003",
    );
    let server = NodeServer::start(aave_positions::chain());
    let calls = || {
        let requests = server.requests().concat();
        let calls = requests.iter().filter(|(method, _)| method == "eth_call");
        calls.count()
    };
    told(&path, &server, &["aave", "position", "risk"]);
    // The list, the unit and the currency; then each asset, because the oracle refuses the list.
    assert_eq!(calls(), 6);
    execute(
        &path,
        "DELETE FROM aave_v3_asset_facts WHERE asset_id = 9003;
         DELETE FROM aave_v3_asset_configs WHERE asset_id = 9003;
         DELETE FROM aave_v3_assets WHERE id = 9003",
    );
    told(&path, &server, &["aave", "position", "risk"]);
    assert_eq!(calls(), 9);
}

#[test]
fn prices_of_a_file_are_whole_units() {
    let (folder, path) = market();
    let file = folder.path().join("prices.json");
    let name = file.display().to_string();
    let risk = ["aave", "position", "risk", "--prices", &name];
    let written = |text: &str| {
        fs::write(&file, text).unwrap();
        quietly(&path, &risk)
    };
    fs::write(&file, r#"{"WETH": "2000", "usdc": 1.0}"#).unwrap();
    let document = json(&path, &risk);
    let market = &document["markets"][0];
    assert_eq!(
        market["accounts"][0]["health_factor"],
        "1239830148229013218"
    );
    assert_eq!(market["prices"]["source"], "file");
    assert_eq!(market["not_computed"].as_array().unwrap().len(), 1);
    for (text, problem) in [
        ("[1]", "cannot be used: invalid type: sequence"),
        (
            r#"{"WETH": "1e3"}"#,
            "the price of WETH: it is not a number like 1800.25",
        ),
        (
            r#"{"WETH": -1}"#,
            "the price of WETH: it is not a number like 1800.25",
        ),
        (
            r#"{"WETH": 1, "USDC": 1, "WETH": 2}"#,
            "it has 'WETH' twice",
        ),
        (r#"{"WETH": 1, "weth": 2}"#, "it has two prices of WETH"),
        (&" ".repeat(5 << 20), "it has 4.00 MiB or more"),
        (
            r#"{"base_currency_unit": 0}"#,
            "base_currency_unit is not a positive integer",
        ),
        (
            r#"{"WETH": "0.123456789"}"#,
            "it has more decimals than the base currency",
        ),
    ] {
        let told = written(text);
        assert!(told.starts_with("status: 1"), "{told}");
        assert!(told.contains(problem), "{told}");
    }
    // The argument is right, the file is not.
    execute(
        &path,
        "UPDATE erc20_tokens SET symbol = 'WETH' WHERE symbol = 'USDC'",
    );
    let told = written(r#"{"WETH": 1}"#);
    assert!(told.starts_with("status: 1"), "{told}");
    assert!(
        told.contains("several assets are called WETH: 0x"),
        "{told}"
    );
    let weth = "0x00000000000000000000000000000000000000a1";
    let told = written(&format!(r#"{{"{weth}": 1, "OTHER": 1}}"#));
    assert!(told.contains("no market has an asset 'OTHER'"), "{told}");
    fs::remove_file(&file).unwrap();
    let told = quietly(&path, &risk);
    assert!(told.contains("Could not read "), "{told}");
    assert!(
        told.contains("hint: Check the path, its permissions"),
        "{told}"
    );
}

#[test]
fn percentage_of_a_huge_price_is_no_wrong_argument() {
    let (folder, path) = market();
    let file = folder.path().join("prices.json");
    let name = file.display().to_string();
    let risk = ["aave", "position", "risk", "--prices", &name];
    let huge = "1157920892373161954235709850086879078532699846656405640394575840079131";
    fs::write(&file, format!(r#"{{"WETH": "{huge}", "USDC": 1}}"#)).unwrap();
    let told = quietly(&path, &[&risk[..], &["--price", "WETH=+10%"]].concat());
    assert!(told.starts_with("status: 1\n"), "{told}");
    let problem = format!(
        "The price of WETH is {huge}00000000 units of the base currency, and +10% of it is too large"
    );
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(&problem), "{told}");
    // A value that the base currency cannot have is one.
    let more = ["--price", &format!("WETH={huge}0")];
    let told = quietly(&path, &[&risk[..], &more].concat());
    assert!(told.starts_with("status: 2\n"), "{told}");
}

#[test]
fn market_that_is_not_active_is_shown_if_it_is_named() {
    let (_folder, path) = market();
    let server = NodeServer::start(aave_positions::chain());
    execute(&path, "UPDATE aave_v3_markets SET active = 0");
    for command in [
        &["aave", "market", "show"][..],
        &["aave", "position", "risk"],
        &["aave", "position", "show", NEAR],
    ] {
        let without_node = command.ends_with(&["market", "show"]);
        let run = |more: &[&str]| {
            let arguments = [command, more].concat();
            if without_node {
                quietly(&path, &arguments)
            } else {
                told(&path, &server, &arguments)
            }
        };
        let told = run(&[]);
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(
            told.contains("The database has no active market of Aave"),
            "{told}"
        );
        let told = run(&["--market", "ethereum_positions"]);
        assert!(told.starts_with("status: 0\n"), "{told}");
    }
}

#[test]
fn what_is_missing_is_said() {
    let (_folder, path) = market();
    let server = NodeServer::start(aave_positions::chain());
    let risk = |more: &[&str]| {
        told(
            &path,
            &server,
            &[&["aave", "position", "risk"], more].concat(),
        )
    };
    for (more, problem) in [
        (
            &["--price", "OTHER=1"][..],
            "No market has an asset 'OTHER'",
        ),
        (
            &["--price", "WETH=1", "--price", "weth=1"],
            "--price is given twice for WETH",
        ),
        (
            &["--price", &format!("{UNPRICED}=-10%")],
            "that a percentage could change",
        ),
        (
            &["--price", "WETH=10%"],
            "it is not a number like 1800.25, or a percentage like -10%",
        ),
        (
            &["--price", "WETH"],
            "it is not an asset, '=' and a price or a percentage",
        ),
        (
            &["--market", "ethereum_other"],
            "There is no market 'ethereum_other'",
        ),
        (
            &["--market", "base_aave_v3"],
            "The database does not have the market base_aave_v3",
        ),
        (
            &["--below", "1.0000000000000000001"],
            "it has more than 18 decimals",
        ),
        (
            &[WITHOUT_DEBT],
            "There is no user 0x00000000000000000000000000000000000000b5 with debt in ethereum_positions",
        ),
    ] {
        let told = risk(more);
        assert!(told.contains(problem), "{told}");
        assert!(told.contains("--- stdout\n--- stderr"), "{told}");
    }
    for (sql, problem) in [
        (
            "UPDATE aave_v3_contracts SET revision = 11 WHERE name = 'POOL'",
            "The accounts of ethereum_positions in degenbot.db cannot be valued: revision 11 of the Pool is not known",
        ),
        (
            "UPDATE aave_v3_contracts SET revision = NULL",
            "the revision of the market's Pool is not known",
        ),
        (
            "UPDATE aave_v3_market_facts SET last_update_time = NULL",
            "the time of its last block is not known",
        ),
        (
            "DELETE FROM aave_v3_contracts WHERE name = 'PRICE_ORACLE'",
            "The database does not know the price oracle of ethereum_positions",
        ),
        (
            "UPDATE aave_v3_markets SET active = 0; INSERT INTO aave_v3_markets (chain_id, name, active)
             VALUES (8453, 'x', 0)",
            "The database has no active market of Aave",
        ),
    ] {
        let (_folder, path) = market();
        execute(&path, sql);
        let told = told(&path, &server, &["aave", "position", "risk"]);
        assert!(told.contains(problem), "{told}");
    }
    for command in [
        &["aave", "position", "risk"][..],
        &["aave", "position", "show", NEAR, "--price", "WETH=1"],
    ] {
        let told = quietly(&path, command);
        assert!(told.contains("There is no node for chain ID 1"), "{told}");
    }
}

#[test]
fn debts_at_stable_rates_may_be_missing_before_3_2() {
    let (_folder, path) = market();
    let server = NodeServer::start(aave_positions::chain());
    execute(
        &path,
        "UPDATE aave_v3_contracts SET revision = 1 WHERE name = 'POOL';
         UPDATE aave_v3_asset_configs SET stable_borrowing_enabled = 1 WHERE asset_id = 9002",
    );
    let said = "Debts at stable rates, which the database does not have, may be missing: USDC";
    let risk = told(&path, &server, &["aave", "position", "risk"]);
    assert!(risk.contains(said), "{risk}");
    execute(
        &path,
        "UPDATE aave_v3_contracts SET revision = 5 WHERE name = 'POOL'",
    );
    let risk = told(&path, &server, &["aave", "position", "risk"]);
    assert!(!risk.contains("stable"), "{risk}");
}

#[test]
fn databases_of_older_versions_are_to_be_upgraded() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    for command in [
        &["aave", "market", "show"][..],
        &["aave", "position", "risk"],
        &["aave", "position", "show", NEAR],
    ] {
        let told = quietly(&copy.path, command);
        assert!(told.contains("is in the newest one"), "{told}");
        assert!(
            told.contains("hint: Run 'degenbot database upgrade' first"),
            "{told}"
        );
    }
    // Only the Python package has filled it, so there is no time.
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let document = json(&copy.path, &["aave", "market", "show"]);
    let market = &document["markets"][0];
    assert!(market["time"].is_null(), "{market}");
    assert!(market["reserves"][0]["supplied"].is_null(), "{market}");
}
