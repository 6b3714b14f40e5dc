//! `--json`: what `docs/json.md` says is what commands print.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Output;

use degenbot::deployments::{Deployment, ExchangeName, PoolSalt};
use degenbot::types::{Address, ChainId, FeeParts};
use diesel::connection::SimpleConnection;
use serde_json::Value;

use crate::pool_charts::chain_at_tick;
use crate::support::aave_positions;
use crate::support::aave_state;
use crate::support::command::{on, quietly, run, send, settled, spawn};
use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::event_logs::EventLog;
use crate::support::fake_chain::{FakeChain, FakeLog};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

/// Databases and what is run on each, one after the other; `database` is left out. Together they have everything to report.
const RUNS: &[(&str, &[&str])] = &[
    (
        "populated/populated-0.6.0a4.db",
        &[
            "config show",
            "exchange list",
            "aave list",
            "pool list",
            "pool show 0xDeEf11836d892EE382381ff547F56cc6b6F376B1 --chart",
            "pool show 1",
        ],
    ),
    ("populated/populated-0.6.0a14.db", &["info"]),
    ("odd/extra-user-objects.db", &["info"]),
    ("odd/foreign-no-stamp.db", &["info"]),
    (
        "populated/populated-0.5.0.db",
        &["views", "views --install"],
    ),
    ("odd/weird-types.db", &["export --output export"]),
    (
        "odd/fk-violations.db",
        &["upgrade --yes", "verify", "compact"],
    ),
    ("populated/populated-0.6.0a17.db", &["upgrade --dry-run"]),
    (
        "populated/populated-0.6.0a14.db",
        &[
            "upgrade --dry-run --to 20260618",
            "downgrade --dry-run --to b0b9",
            "downgrade --yes --to b0b9",
            "downgrade --yes --to b0b9",
            "downgrade --dry-run --to a512",
        ],
    ),
    (
        "populated/populated-0.5.0a2.db",
        &[
            "upgrade --dry-run",
            "upgrade --yes --assume aerodrome_v2.stable=true",
            "upgrade --yes",
            "downgrade --dry-run --to b0b9",
        ],
    ),
    (
        "populated/populated-0.6.0a4.db",
        &[
            "status --max-backup-age 1h",
            "backup --verify quick",
            "backup --keep 2",
            "backup --keep 1",
            "status --max-lag-blocks 10 --max-backup-age 1h --max-log 1",
            "restore --yes",
            "restore --yes --no-keep",
            "compact --into compact.db",
            "upgrade --dry-run --to 2606",
        ],
    ),
    (
        "populated/populated-0.6.0a4.db",
        &[
            "upgrade --yes",
            "backup",
            "pool update",
            "pool update --follow",
            "pool update --dry-run",
            "pool update",
            "pool verify --all",
            "pool repair --dry-run --exchange ethereum_sushiswap_v3",
            "pool repair --exchange ethereum_sushiswap_v3",
            "token update",
            "aave market show --market ethereum_positions",
            "aave position risk --market ethereum_positions",
            "aave position show 0x00000000000000000000000000000000000000b1 --market ethereum_positions",
            "aave position show 0x00000000000000000000000000000000000000b4 --market ethereum_positions",
            "aave update --dry-run",
            "aave update",
            "aave update --follow",
            "reset --yes",
            "aave update --to-block latest",
            "aave verify --all",
            "aave repair --all-found",
        ],
    ),
];

/// A config file with everything in it.
const CONFIG: &str = r#"
default_chain_id = 1
key = 1
[rpc]
1 = "http://localhost"
[ws]
1 = "ws://localhost"
"#;

/// A file with nodes, with everything in it.
const NODES: &str = r#"
[[nodes]]
chain = 1
address = "http://localhost:8546"
headers = { x-api-key = "KEY" }
"#;

/// The words of a line that the command is called by.
fn command_of(line: &str) -> Vec<&str> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[0] {
        "aave" if matches!(words[1], "market" | "position") => words[..3].to_vec(),
        "aave" | "config" | "exchange" | "pool" | "token" => words[..2].to_vec(),
        name => vec!["database", name],
    }
}

/// The title of a command's section: its name, and whether it is one that tries only, or one that goes on.
fn title(line: &str) -> String {
    let options = ["--dry-run", "--follow"];
    let option = options.into_iter().find(|option| line.contains(option));
    let mut words = command_of(line);
    words.extend(option);
    words.join(" ")
}

/// The examples, by the titles of their sections.
fn documented() -> BTreeMap<String, Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let text = fs::read_to_string(path).unwrap();
    let sections = text.split("\n## `").skip(1);
    sections
        .map(|section| {
            let (title, rest) = section.split_once("`\n").unwrap();
            let (_, rest) = rest
                .split_once("```json\n")
                .unwrap_or_else(|| panic!("{title} has no example"));
            let (example, rest) = rest.split_once("```\n").unwrap();
            assert!(!rest.contains("```"), "{title} has one example");
            let example = serde_json::from_str(example);
            (
                title.to_owned(),
                example.unwrap_or_else(|error| panic!("{title}: {error}")),
            )
        })
        .collect()
}

/// What can be at each place of a document, such as `integer` at `.tables[].rows`.
type Shape = BTreeMap<String, BTreeSet<&'static str>>;

fn add(shape: &mut Shape, place: &str, value: &Value) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "real",
        Value::Number(_) => "integer",
        Value::String(text) if is_timestamp(text) => "time",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    shape.entry(place.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(values) => {
            for value in values {
                add(shape, &format!("{place}[]"), value);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                add(shape, &format!("{place}.{name}"), value);
            }
        }
        _ => {}
    }
}

/// The names of everything, but for the values of lists of texts.
fn fields(shape: &Shape) -> Vec<&str> {
    let places = shape.keys().map(String::as_str);
    places.filter(|place| !place.ends_with("[]")).collect()
}

/// Whether it looks like `2026-01-31T23:59:59Z`.
fn is_timestamp(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00Z"
}

fn output(copy: &Copy, line: &str) -> Output {
    let mut arguments = command_of(line);
    let others = line.split_whitespace().skip(if arguments[0] == "database" {
        1
    } else {
        arguments.len()
    });
    arguments.extend(others);
    arguments.push("--json");
    if arguments[0] == "config" {
        let folder = copy.folder().join(".config/degenbot");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), CONFIG).unwrap();
        fs::write(folder.join("nodes.toml"), NODES).unwrap();
    }
    if let ["aave", group @ ("market" | "position"), ..] = arguments.as_slice() {
        if *group == "market" {
            aave_positions::insert(&copy.path);
        }
        let server = NodeServer::start(aave_positions::chain());
        let mut command = on(&copy.path, &arguments);
        if *group == "position" {
            command.args(["--rpc", &server.url()]);
        }
        return command.output().unwrap();
    }
    if arguments.contains(&"--chart") {
        let one_position = "DELETE FROM liquidity_positions WHERE pool_id = 31;
            INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) VALUES
                (31, -201000, '4000000000000000', '4000000000000000'),
                (31, -196200, '-4000000000000000', '4000000000000000')";
        let mut connection = content::connect(&copy.path);
        connection.batch_execute(one_position).unwrap();
        let server = NodeServer::start(chain_at_tick(1, -198_000));
        let mut command = on(&copy.path, &arguments);
        return command.args(["--rpc", &server.url()]).output().unwrap();
    }
    if arguments.starts_with(&["token", "update"]) {
        let server = NodeServer::start(FakeChain::new(1, 10_000_000));
        let mut command = on(&copy.path, &arguments);
        return command.args(["--rpc", &server.url()]).output().unwrap();
    }
    if let ["aave", "verify" | "repair", ..] | ["aave", "update", "--to-block", ..] = arguments[..]
    {
        return on_a_market(copy, &arguments);
    }
    if arguments.starts_with(&["aave", "update"]) {
        take_back_markets(copy);
    }
    if line.ends_with("--follow") {
        return follow(copy, &arguments);
    }
    if arguments.starts_with(&["aave", "update"]) {
        let server = NodeServer::start(FakeChain::with_logs(1, 10_000_000, 100, |_| 0));
        let mut command = on(&copy.path, &arguments);
        return command.args(["--rpc", &server.url()]).output().unwrap();
    }
    if arguments.starts_with(&["database", "status"]) {
        let mut bot = content::connect(&copy.path);
        bot.batch_execute("PRAGMA user_version = 1").unwrap();
        let server = NodeServer::start(FakeChain::new(1, 50_000_000));
        let mut command = on(&copy.path, &arguments);
        return command.args(["--rpc", &server.url()]).output().unwrap();
    }
    if arguments.starts_with(&["pool", "update"]) {
        return on_a_chain(copy, &arguments);
    }
    if arguments.starts_with(&["pool", "verify"]) {
        replace_pool(copy);
    }
    if arguments.starts_with(&["pool", "verify"]) || arguments.starts_with(&["pool", "repair"]) {
        let server = NodeServer::start(chain_with_a_pool());
        let mut command = on(&copy.path, &arguments);
        return command.args(["--rpc", &server.url()]).output().unwrap();
    }
    on(&copy.path, &arguments).output().unwrap()
}

/// Takes the markets of Ethereum back to the block at which the chain begins. One more has no provider.
fn take_back_markets(copy: &Copy) {
    let sql = "DELETE FROM chain_journal; DELETE FROM chain_blocks;
        INSERT INTO aave_v3_markets (chain_id, name, active) SELECT 1, 'Another Market', 1
            WHERE NOT EXISTS (SELECT 1 FROM aave_v3_markets WHERE name = 'Another Market');
        UPDATE aave_v3_markets SET active = chain_id = 1, last_update_block = 10000000;
        INSERT OR IGNORE INTO aave_v3_asset_facts (asset_id, last_update_time) SELECT id, 1 FROM aave_v3_assets";
    content::connect(&copy.path).batch_execute(sql).unwrap();
}

/// A chain of Ethereum on which `SushiSwap` V3 has one pool.
fn chain_with_a_pool() -> FakeChain {
    let exchange = ExchangeName {
        chain: ChainId::ETHEREUM,
        name: "sushiswap_v3".to_owned(),
    };
    let exchange = Deployment::of(&exchange).unwrap();
    let [token0, token1] = [0x11, 0x22].map(|byte| Address::new([byte; 20]));
    let salt = PoolSalt::Fee {
        token0,
        token1,
        fee: FeeParts::new(3_000).unwrap(),
    };
    let pool = exchange.pool_address(&salt).unwrap();
    let event = EventLog::v3_pool_created(exchange.factory, [token0, token1], 3_000, 60, pool);
    let mut chain = FakeChain::new(1, 10_000_000);
    chain.has_contracts = true;
    chain.push(vec![FakeLog {
        address: event.address.into(),
        topics: event.topics,
        data: event.data,
    }]);
    for _ in 0..98 {
        chain.push(Vec::new());
    }
    chain
}

/// Puts another pool in place of the one that the chain has.
fn replace_pool(copy: &Copy) {
    let sql = "UPDATE pools SET address = '0x00000000000000000000000000000000000000Aa'
        WHERE id = (SELECT max(pool_id) FROM sushiswap_v3_pools)";
    content::connect(&copy.path).batch_execute(sql).unwrap();
}

/// Runs a command with a node of Ethereum, and none of Base. One exchange of Ethereum is of a kind without known events.
fn on_a_chain(copy: &Copy, arguments: &[&str]) -> Output {
    let server = NodeServer::start(chain_with_a_pool());
    let exchanges = "DELETE FROM chain_blocks; DELETE FROM exchange_deployments WHERE kind = 'camelot_v2';
        DELETE FROM exchanges WHERE factory LIKE '%00AA';
        UPDATE exchanges SET active = 0, last_update_block = NULL;
        INSERT INTO exchanges (chain_id, name, active, factory) VALUES
            (1, 'camelot_v2', 1, '0x00000000000000000000000000000000000000AA');
        INSERT INTO exchange_deployments (exchange_id, kind) SELECT id, name FROM exchanges WHERE name = 'camelot_v2'";
    content::connect(&copy.path)
        .batch_execute(exchanges)
        .unwrap();
    for name in ["ethereum_sushiswap_v3", "base_sushiswap_v3"] {
        let told = quietly(
            &copy.path,
            &["exchange", "activate", name, "--from-block", "10000000"],
        );
        assert!(told.starts_with("status: 0"), "{told}");
    }
    let mut command = on(&copy.path, arguments);
    command.args(["--rpc", &server.url()]).output().unwrap()
}

/// Runs a command with the node of a market. Something is wrong with the market, and another one has no contracts.
fn on_a_market(copy: &Copy, arguments: &[&str]) -> Output {
    let server = NodeServer::start(aave_state::chain());
    let node = ["--rpc", &server.url()];
    let market = "ethereum_aave_v3";
    let activate = [&["aave", "activate", market][..], &node].concat();
    let told = quietly(&copy.path, &activate);
    assert!(told.starts_with("status: 0"), "{told}");
    if arguments[1] == "update" {
        let [block, _, _] = aave_state::BLOCKS.map(|block| block.to_string());
        let to_block = ["aave", "update", "--to-block", &block];
        quietly(&copy.path, &[&to_block[..], &node].concat());
        // As the Python package leaves it.
        let sql = "DELETE FROM aave_v3_asset_facts;
            INSERT INTO aave_v3_markets (chain_id, name, active) VALUES (1, 'Another Market', 1)";
        content::connect(&copy.path).batch_execute(sql).unwrap();
    } else {
        let sql = "UPDATE aave_v3_asset_configs SET ltv = ltv + 1 WHERE asset_id = 1;
            UPDATE aave_v3_users SET e_mode = 7 WHERE id = (SELECT max(id) FROM aave_v3_users)";
        content::connect(&copy.path).batch_execute(sql).unwrap();
    }
    let mut command = on(&copy.path, arguments);
    command.args(node).output().unwrap()
}

/// Runs a command that goes on, until a block is undone and the node is away.
fn follow(copy: &Copy, arguments: &[&str]) -> Output {
    content::connect(&copy.path)
        .batch_execute("UPDATE exchanges SET last_update_block = NULL; DELETE FROM chain_blocks")
        .unwrap();
    let server = NodeServer::start(FakeChain::with_logs(1, 10_000_000, 100, |_| 0));
    let mut command = on(&copy.path, arguments);
    command.args(["--poll", "0.01", "--chain", "1", "--rpc", &server.url()]);
    let mut child = spawn(command);
    let mut printed = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut wait_for = |event: &str| {
        loop {
            let line = lines.next().unwrap().unwrap();
            let is_found = line.contains(event);
            printed.extend(line.into_bytes());
            printed.push(b'\n');
            if is_found {
                return;
            }
        }
    };
    wait_for("\"block\":10000099");
    server.chain(|chain| chain.reorganise(1, vec![Vec::new(), Vec::new()]));
    wait_for("undo");
    server.set_faults(Faults::always([Incident::Close]));
    wait_for("waiting");
    assert!(send(&child, "-TERM"));
    let output = child.wait_with_output().unwrap();
    Output {
        stdout: printed,
        ..output
    }
}

#[test]
fn json_examples_match_what_commands_print() {
    let mut printed: BTreeMap<String, Shape> = BTreeMap::new();
    for &(database, lines) in RUNS {
        let copy = Copy::of(database);
        for line in lines {
            let Output { stdout, stderr, .. } = output(&copy, line);
            let stderr = String::from_utf8(stderr).unwrap();
            let documents = serde_json::Deserializer::from_slice(&stdout).into_iter::<Value>();
            let mut count = 0;
            for document in documents {
                let document = document
                    .unwrap_or_else(|error| panic!("{database}: {line}: {error}: {stderr}"));
                count += 1;
                assert_eq!(document["format"], 2, "{line}");
                assert_eq!(document["command"], command_of(line).join(" "));
                if *line != "config show" {
                    assert_eq!(document["path"], "degenbot.db", "{line}");
                }
                add(printed.entry(title(line)).or_default(), "", &document);
            }
            let is_one = line.ends_with("--follow") || count == 1;
            assert!(is_one, "{database}: {line}: {count} documents: {stderr}");
        }
    }
    let documented = documented();
    assert_eq!(
        documented.keys().collect::<Vec<_>>(),
        printed.keys().collect::<Vec<_>>()
    );
    for (title, example) in &documented {
        let mut shape = Shape::new();
        add(&mut shape, "", example);
        let printed = &printed[title];
        assert_eq!(fields(&shape), fields(printed), "{title}");
        for (place, kinds) in &shape {
            let known = printed
                .get(place)
                .unwrap_or_else(|| panic!("{title}: {place}"));
            assert!(
                kinds.is_subset(known),
                "{title}: {place} is {kinds:?} in the example and {known:?} in truth"
            );
        }
    }
}

#[test]
fn every_command_with_json_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let text = fs::read_to_string(path).unwrap();
    let documented = documented();
    for section in text.split("\n## `degenbot ").skip(1) {
        let (command, help) = section.split_once("`\n").unwrap();
        let has = |option: &str| help.lines().any(|line| line.trim_start() == option);
        if has("--json[=<LAYOUT>]") {
            assert!(documented.contains_key(command), "{command}");
            let dry_run = format!("{command} --dry-run");
            assert!(
                !has("--dry-run") || documented.contains_key(&dry_run),
                "{dry_run}"
            );
        }
    }
}

#[test]
fn json_compact_is_the_same_object_on_one_line() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    for command in [
        &["database", "info"][..],
        &["database", "verify"],
        &["exchange", "list"],
    ] {
        let stdout = |option| {
            let output = on(&copy.path, command).arg(option).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let (pretty, compact) = (stdout("--json"), stdout("--json=compact"));
        assert_eq!(compact.matches('\n').count(), 1, "{compact}");
        assert!(compact.ends_with("}\n"), "{compact}");
        let [pretty, compact] =
            [pretty, compact].map(|text| serde_json::from_str::<Value>(&text).unwrap());
        assert_eq!(pretty, compact);
    }
    let told = quietly(&copy.path, &["database", "info", "--json=short"]);
    assert!(
        told.contains("[possible values: pretty, compact]"),
        "{told}"
    );
    // The value needs the `=`, so that the option can stand before anything else.
    let told = quietly(&copy.path, &["database", "info", "--json", "compact"]);
    assert!(told.contains("unexpected argument 'compact'"), "{told}");
}

#[test]
fn json_tells_every_stored_value() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut connection = content::connect(&copy.path);
    for (stored, active, block) in [
        ("1", Value::from(true), Value::from(1)),
        ("0", Value::from(false), Value::from(0)),
        ("2", Value::from(2), Value::from(2)),
        ("1.5", Value::from(1.5), Value::from(1.5)),
        ("9e999", Value::from("Infinity"), Value::from("Infinity")),
        ("-9e999", Value::from("-Infinity"), Value::from("-Infinity")),
        ("'yes'", Value::from("yes"), Value::from("yes")),
        (
            "x'01ff'",
            Value::from(vec![1, 255]),
            Value::from(vec![1, 255]),
        ),
    ] {
        let sql = format!("UPDATE exchanges SET active = {stored}, last_update_block = {stored}");
        connection.batch_execute(&sql).unwrap();
        for command in [&["database", "info"][..], &["exchange", "list"]] {
            let output = on(&copy.path, command).arg("--json").output().unwrap();
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            let exchanges = document["exchanges"].as_array().unwrap();
            let exchange = exchanges
                .iter()
                .find(|exchange| !exchange["last_update_block"].is_null())
                .unwrap();
            assert_eq!(exchange["active"], active, "{command:?}");
            assert_eq!(exchange["last_update_block"], block, "{command:?}");
        }
    }
}

#[test]
fn json_has_the_same_fields_on_every_run() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let fields = |line| -> Vec<String> {
        let document: Value = serde_json::from_slice(&output(&copy, line).stdout).unwrap();
        document.as_object().unwrap().keys().cloned().collect()
    };
    let upgraded = fields("upgrade --yes");
    assert_eq!(fields("upgrade --yes"), upgraded, "nothing is left to do");
    let downgraded = fields("downgrade --yes --to b0b9");
    assert_eq!(fields("downgrade --yes --to b0b9"), downgraded);
    let reset = fields("reset --yes");
    fs::remove_file(&copy.path).unwrap();
    assert_eq!(fields("reset --yes"), reset, "it is created");
}

#[test]
fn json_prompts_go_to_stderr() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let reset = ["database", "reset", "--json"];
    insta::assert_snapshot!(settled(&run(on(&copy.path, &reset), "n\n")), @r"
    status: 1
    --- stdout
    --- stderr
    The existing database at degenbot.db will be removed and a new, empty database will be initialized using the schema included in degenbot version [VERSION]. Do you want to proceed? [y/N] 
    Aborted!
    ");
    let output = run(on(&copy.path, &reset), "y\n");
    let (stdout, stderr) = output.split_once("--- stderr\n").unwrap();
    let (status, stdout) = stdout.split_once("--- stdout\n").unwrap();
    assert_eq!(status, "status: 0\n");
    let document: Value = serde_json::from_str(stdout).unwrap();
    assert_eq!(document["created"], false);
    assert!(stderr.contains("Do you want to proceed? [y/N]"), "{stderr}");
    assert!(
        stderr.ends_with("Reset the database at degenbot.db.\n"),
        "{stderr}"
    );
}

#[test]
fn quiet_json_prints_only_the_document() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let told = quietly(&copy.path, &["--quiet", "database", "backup", "--json"]);
    let lines: Vec<_> = told
        .lines()
        .map(|line| match line.split_once(": ") {
            Some((name @ ("  \"started\"" | "  \"milliseconds\""), _)) => {
                format!("{name}: [WHEN],")
            }
            Some((name @ "  \"bytes\"", _)) => format!("{name}: [SIZE],"),
            _ => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    status: 0
    --- stdout
    {
      "format": 2,
      "command": "database backup",
      "started": [WHEN],
      "milliseconds": [WHEN],
      "path": "degenbot.db",
      "backup": "degenbot.db.bak",
      "bytes": [SIZE],
      "checkpointed": true,
      "cloned": false,
      "verified": null,
      "not_checked": [],
      "removed": [],
      "not_removed": []
    }
    --- stderr
    "#);
}

#[test]
fn json_prints_nothing_on_stdout_when_a_command_fails() {
    let copy = Copy::of("odd/foreign-no-stamp.db");
    for line in [
        "backup",
        "restore --yes",
        "reset --yes",
        "compact",
        "upgrade --yes",
        "upgrade --dry-run",
        "downgrade --yes --to b0b9",
        "downgrade --dry-run --to b0b9",
        "verify",
    ] {
        let output = output(&copy, line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with("error: "), "{line}: {told}");
    }
}
