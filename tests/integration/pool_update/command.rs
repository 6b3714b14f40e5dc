//! `degenbot pool update`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use degenbot::deployments::Deployment;
use degenbot::types::{Address, ChainId};
use insta::assert_snapshot;
use serde_json::json;

use super::model::{creation, liquidity};
use super::{Scene, assert_rows, execute, insert_exchange, rows};
use crate::support::command::{on, quietly, run};
use crate::support::databases;
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

/// A chain with a few pools, of which the last blocks are not final.
fn scene(chain: ChainId) -> Scene {
    let blocks = [
        vec![creation(0, 1), liquidity(3, 1, 0, 2, 1_000)],
        vec![liquidity(3, 1, 0, 2, -400), creation(4, 1)],
        vec![creation(4, 2)],
    ];
    Scene::with(chain, 2, &blocks)
}

/// Replaces ports, sizes and times, and lowers the count of requests to whether there were any.
pub(super) fn settled(text: &str) -> String {
    let mut settled = String::new();
    for line in text.split_inclusive('\n') {
        let mut words = Vec::new();
        for word in line.split(' ') {
            let is_number = |text: &str| {
                !text.is_empty()
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'.')
            };
            let unit = words.len();
            match word.trim_end_matches(&[',', '.', '\n'][..]) {
                "requests" | "KiB" | "B" | "s" if unit > 0 && is_number(words[unit - 1]) => {
                    words[unit - 1] = "[N]";
                }
                _ => {}
            }
            words.push(word);
        }
        let mut line = words.join(" ");
        if let Some((before, rest)) = line.split_once("127.0.0.1:") {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            line = format!("{before}127.0.0.1:[PORT]{after}");
        }
        for field in [
            "started",
            "milliseconds",
            "requests",
            "calls",
            "received_bytes",
        ] {
            if line.trim_start().starts_with(&format!("\"{field}\"")) {
                line = format!("{}\"{field}\": [N],\n", &line[..line.find('"').unwrap()]);
            }
        }
        let _ = write!(settled, "{line}");
    }
    settled
}

fn update(database: &Path, arguments: &[&str]) -> String {
    let arguments = [&["pool", "update"], arguments].concat();
    settled(&quietly(database, &arguments))
}

/// An exchange of which nothing is in the chain yet.
#[test]
fn exchange_that_begins_later_has_nothing_to_take_in() {
    let scene = scene(ChainId::ETHEREUM);
    let url = scene.server.url();
    let update = |more: &[&str]| {
        let arguments = [&["pool", "update", "--rpc", &url], more].concat();
        run(on(&scene.path, &arguments), "")
    };
    let nothing = "Ethereum has nothing to take in up to block 10.\n";
    let told = update(&["--to-block", "10"]);
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(told.ends_with(nothing), "{told}");
    let told = update(&["--to-block", "10", "--dry-run"]);
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(told.contains(nothing), "{told}");
    // Nor is there anything that the node could have: it is not synchronized yet.
    execute(
        &scene.path,
        "UPDATE exchange_deployments SET first_block = 2000000000",
    );
    for more in [&[][..], &["--dry-run"]] {
        let told = update(more);
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(
            told.contains("begins at block 2000000000, but the node's newest block is"),
            "{told}"
        );
    }
}

#[test]
fn update_says_where_the_chain_is() {
    let mut scene = scene(ChainId::ETHEREUM);
    let url = scene.server.url();
    assert_snapshot!(update(&scene.path, &["--rpc", &url, "--to-block", "latest"]), @r"
    status: 0
    --- stdout
    --- stderr
    Ethereum is at block 1,003: 4 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    ");
    scene.assert_at(scene.head());
    assert_snapshot!(update(&scene.path, &["--rpc", &url]), @r"
    status: 0
    --- stdout
    --- stderr
    Ethereum is at block 1,003: 0 new pools, 0 liquidity events, 1 request, [N] KiB, [N] s.
    ");
    assert_snapshot!(update(&scene.path, &["--rpc", &url, "--to-block", "5000"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: Ethereum: Block 5000 does not exist yet: the node's newest block is 1003
    hint: Use a lower number, or 'latest'
    ");
    assert_snapshot!(update(&scene.path, &["--rpc", &url, "--to-block", "pending"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: invalid value 'pending' for '--to-block <BLOCK>': the pending block is not part of the chain yet; use 'latest'

    For more information, try '--help'.
    ");
    scene.reorganise(2, &[vec![creation(2, 1)], Vec::new()]);
    assert_snapshot!(update(&scene.path, &["--rpc", &url, "--to-block", "latest"]), @r"
    status: 0
    --- stdout
    --- stderr
    Ethereum: the chain was reorganised; what came after block 1,001 is undone: 2 pools, 1 tokens and 5 rows.
    Ethereum is at block 1,003: 1 new pools, 0 liquidity events, [N] requests, [N] KiB, [N] s.
    ");
    scene.assert_at(scene.head());
}

#[test]
fn document_has_all_fields() {
    let scene = scene(ChainId::ETHEREUM);
    let url = scene.server.url();
    let mut told = update(
        &scene.path,
        &["--rpc", &url, "--to-block", "latest", "--json"],
    );
    // One exchange is like the other.
    let end = told
        .find("        {\n          \"name\": \"ethereum_sushiswap_v2\"")
        .unwrap();
    let rest = told.find("      \"skipped\"").unwrap();
    told.replace_range(end..rest, "        …\n");
    assert_snapshot!(told, @r#"
    status: 0
    --- stdout
    {
      "format": 2,
      "command": "pool update",
      "started": [N],
      "milliseconds": [N],
      "path": "degenbot.db",
      "chains": [
        {
          "chain_id": 1,
          "target_block": 1003,
          "head_block": 1003,
          "finalized_block": 1001,
          "exchanges": [
            {
              "name": "ethereum_pancakeswap_v2",
              "from_block": 1000,
              "to_block": 1003,
              "new_pools": 1,
              "missing_pools": 0
            },
            {
              "name": "ethereum_pancakeswap_v3",
              "from_block": 1000,
              "to_block": 1003,
              "new_pools": 0,
              "missing_pools": 0
            },
            …
          "skipped": [],
          "new_pools": 4,
          "liquidity_events": 2,
          "events_already_applied": 0,
          "rows_written": 7,
          "undone_above_block": null,
          "requests": [N],
          "calls": [N],
          "splits": 0,
          "retries": 0,
          "rate_limits": 0,
          "received_bytes": [N],
          "milliseconds": [N],
          "error": null
        }
      ]
    }
    --- stderr
    Ethereum is at block 1,003: 4 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    "#);
}

#[test]
fn chain_without_a_node_is_named() {
    let scene = scene(ChainId::ETHEREUM);
    assert_snapshot!(update(&scene.path, &[]), @r"
    status: 1
    --- stdout
    --- stderr
    error: Ethereum: There is no node for chain ID 1
    hint: Add its address to [rpc] or [nodes.http] in the config file, or give it with --rpc, or set DEGENBOT_RPC_HTTP_CHAINID_1
    ");
    execute(&scene.path, "UPDATE exchanges SET active = 0");
    assert_snapshot!(update(&scene.path, &[]), @r"
    status: 1
    --- stdout
    --- stderr
    error: No exchange is active that the command is about
    hint: 'degenbot exchange list' shows the exchanges, 'degenbot exchange activate NAME' activates one
    ");
}

#[test]
fn exchange_of_an_unknown_kind_is_named_and_the_others_are_updated() {
    let scene = scene(ChainId::ETHEREUM);
    let camelot = Deployment::new(
        "ethereum_other_camelot_v2".parse().unwrap(),
        "camelot_v2".parse().unwrap(),
        Address::new([0xca; 20]),
        None,
        None,
    );
    insert_exchange(&scene.path, &camelot.unwrap());
    execute(
        &scene.path,
        "UPDATE exchanges SET active = 1 WHERE factory LIKE '0xcacaca%'",
    );
    let url = scene.server.url();
    assert_snapshot!(update(&scene.path, &["--rpc", &url, "--to-block", "latest"]), @r"
    status: 1
    --- stdout
    --- stderr
    Ethereum is at block 1,003: 4 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    error: ethereum_other_camelot_v2 is active, but cannot be updated: the events of its kind are not known to this program
    hint: Deactivate it, or add it anew with 'exchange add --kind'; the other exchanges are not affected
    ");
    scene.assert_at(scene.head());
}

#[test]
fn chain_that_fails_keeps_no_other_from_its_update() {
    let ethereum = scene(ChainId::ETHEREUM);
    let base = scene(ChainId::BASE);
    execute(
        &ethereum.path,
        "UPDATE exchanges SET active = 1; UPDATE exchanges SET last_update_block = 9000 WHERE chain_id = 1",
    );
    let (first, second) = (ethereum.server.url(), base.server.url());
    let told = update(
        &ethereum.path,
        &["--rpc", &first, "--rpc", &second, "--to-block", "latest"],
    );
    assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    Base is at block 1,003: 4 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    error: Ethereum: ethereum_pancakeswap_v2 is at block 9000, but the node's newest block is 1003
    hint: Wait until the node has caught up, or use another one
    ");
    execute(
        &ethereum.path,
        "UPDATE exchanges SET last_update_block = NULL WHERE chain_id = 1",
    );
    assert_rows(&rows(&ethereum.path), &base.model.rows_at(base.head()));
}

#[test]
fn keys_of_addresses_are_never_shown() {
    const KEY: &str = "k3yk3yk3yk3yk3yk3yk3y";
    let scene = scene(ChainId::ETHEREUM);
    let url = format!(
        "{}/v2/{KEY}?apikey={KEY}",
        scene.server.url().replace("//", &format!("//me:{KEY}@"))
    );
    let faults = [
        Faults::default(),
        Faults::mutating(|_, answer| {
            *answer = json!({"error": {"code": -32601, "message": format!("no method at /v2/{KEY}?apikey={KEY}")}});
        }),
        Faults::mutating(|method, answer| {
            if method == "eth_getLogs" {
                *answer = json!({"result": [{"address": format!("https://x/{KEY}")}]});
            }
        }),
    ];
    for faults in faults {
        scene.server.set_faults(faults);
        for more in [&["--json"][..], &["-v"], &["-vv"], &[]] {
            for by_option in [false, true] {
                let mut command = with(&scene.path, more);
                if by_option {
                    command.args(["--rpc", &url]);
                } else {
                    command.env("DEGENBOT_RPC_HTTP_CHAINID_1", &url);
                }
                command.env("RUST_LOG", "trace");
                let told = run(command, "");
                assert!(!told.contains(KEY), "{told}");
                assert!(!told.contains("panicked"), "{told}");
            }
        }
    }
}

/// Runs an update to the newest block, with these config files in the home folder.
fn update_with_files(scene: &Scene, config: &str, nodes: &str) -> String {
    let folder = scene.folder.path().join(".config/degenbot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), config).unwrap();
    fs::write(folder.join("nodes.toml"), nodes).unwrap();
    update(&scene.path, &["--to-block", "latest"])
}

#[test]
fn nodes_of_both_files_are_asked_with_their_headers() {
    let scene = scene(ChainId::ETHEREUM);
    let other = NodeServer::start(scene.server.chain(|chain| chain.clone()));
    let (first, second) = (scene.server.url(), other.url());
    let told = update_with_files(
        &scene,
        &format!("[database]\npath = \"x.db\"\n[rpc]\n1 = \"{first}\"\n"),
        &format!(
            "[[nodes]]\nchain = 1\naddress = \"{second}\"\nheaders = {{ X-Api-Key = \"letmein\" }}\n\
             [[nodes]]\nchain = 1\naddress = \"{first}\"\nheaders = {{ x-first = \"1\" }}\n"
        ),
    );
    assert!(told.starts_with("status: 0\n"), "{told}");
    scene.assert_at(scene.head());
    for (server, header) in [
        (&*scene.server, "x-first: 1"),
        (&other, "x-api-key: letmein"),
    ] {
        assert!(server.count() > 0);
        for headers in server.headers() {
            assert!(headers.iter().any(|line| line == header), "{headers:?}");
        }
    }
}

#[test]
fn node_whose_address_is_of_no_use_is_left_out_or_named() {
    let scene = scene(ChainId::ETHEREUM);
    let url = scene.server.url();
    let config = "[database]\npath = \"x.db\"\n[rpc]\n1 = \"ws://n.example/SECRET\"\n8453 = \"ws://n.example/SECRET\"\n";
    let told = update_with_files(&scene, config, "");
    assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    error: Ethereum: ws://n.example/… is a WebSocket, which this program does not use
    hint: Use the node's http://… address; providers have both, and a node of your own listens with --http, or on its IPC socket
    ");
    let nodes = format!("[[nodes]]\nchain = 1\naddress = \"{url}\"\n");
    let told = update_with_files(&scene, config, &nodes);
    assert_snapshot!(told, @r"
    status: 0
    --- stdout
    --- stderr
    warning: ws://n.example/… is a WebSocket, which this program does not use; this node is left out
    Ethereum is at block 1,003: 4 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    ");
    scene.assert_at(scene.head());
}

#[test]
fn given_node_that_is_not_there_is_left_out_if_there_are_others() {
    let scene = scene(ChainId::ETHEREUM);
    let gone = NodeServer::start(scene.server.chain(|chain| chain.clone())).url();
    let url = scene.server.url();
    let told = update(
        &scene.path,
        &["--rpc", &gone, "--rpc", &url, "--to-block", "latest"],
    );
    assert_snapshot!(told, @r"
    status: 0
    --- stdout
    --- stderr
    warning: No usable answer from the node http://127.0.0.1:[PORT] after 2 tries: connection refused; this node is left out
    Ethereum is at block 1,003: 4 new pools, 2 liquidity events, [N] requests, [N] KiB, [N] s.
    ");
    scene.assert_at(scene.head());
}

fn with(database: &Path, more: &[&str]) -> Command {
    let arguments = [&["pool", "update", "--to-block", "latest"], more].concat();
    on(database, &arguments)
}

#[test]
fn verify_and_repair_say_what_they_find_and_do() {
    let scene = scene(ChainId::ETHEREUM);
    scene.server.chain(|chain| chain.has_contracts = true);
    scene.update_to_head();
    let url = scene.server.url();
    let pool = |arguments: &[&str]| {
        let arguments = [&["pool"], arguments, &["--rpc", &url]].concat();
        settled(&quietly(&scene.path, &arguments))
    };
    let all = ["verify", "--all", "--exchange", "ethereum_sushiswap_v3"];
    assert_snapshot!(pool(&all), @r"
    status: 0
    --- stdout
    ethereum_sushiswap_v3: compared 1 of 1 pool at block 1,003
    --- stderr
    Ethereum: compared 705 values, 0 differ; [N] requests, [N] s.
    ");
    execute(
        &scene.path,
        "UPDATE liquidity_positions SET liquidity_net = '5' WHERE id = 1;
         UPDATE sushiswap_v3_pools SET fee_token0 = 77;
         DELETE FROM uniswap_v2_pools WHERE pool_id = (SELECT max(pool_id) FROM uniswap_v2_pools);
         DELETE FROM pools WHERE kind = 'uniswap_v2' AND id NOT IN (SELECT pool_id FROM uniswap_v2_pools)",
    );
    assert_snapshot!(pool(&all), @r"
    status: 3
    --- stdout
    ethereum_sushiswap_v3: compared 1 of 1 pool at block 1,003
    ethereum_sushiswap_v3  0xE27e7C0096E0d00D0F08D9F789CD52BEc897CAcF  ID 2
        fee_token0: 77, on the chain 500
        tick 0: net 5, gross 600, on the chain net 600, gross 600
    --- stderr
    Ethereum: compared 705 values, 2 differ; [N] requests, [N] s.
    error: 2 differences from the chain in 1 place
    hint: 'degenbot pool repair POOL' makes a pool right again, 'degenbot pool repair --exchange NAME' an exchange
    ");
    assert_snapshot!(pool(&["verify", "--exchange", "ethereum_uniswap_v2", "--sample", "1"]), @r"
    status: 3
    --- stdout
    ethereum_uniswap_v2: compared 1 of 1 pool at block 1,003
    ethereum_uniswap_v2  all pools
        number of pools: 1, on the chain 2
    --- stderr
    Ethereum: compared 8 values, 1 differ; [N] requests, [N] s.
    error: 1 difference from the chain in 1 place
    hint: 'degenbot pool repair POOL' makes a pool right again, 'degenbot pool repair --exchange NAME' an exchange
    ");
    assert_snapshot!(pool(&["verify", "0x00000000000000000000000000000000000000aa"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database has no pool '0x00000000000000000000000000000000000000aa'
    hint: 'degenbot pool list' lists those that it has; 'degenbot pool repair --exchange NAME' adds those that an exchange has created and the database lacks
    ");
    let exchanges = [
        "--exchange",
        "ethereum_sushiswap_v3",
        "--exchange",
        "ethereum_uniswap_v2",
    ];
    let repair = [&["repair"], &exchanges[..]].concat();
    assert_snapshot!(pool(&[&repair[..], &["--dry-run"]].concat()), @r"
    status: 0
    --- stdout
    ethereum_sushiswap_v3  0xE27e7C0096E0d00D0F08D9F789CD52BEc897CAcF  ID 2
        fee_token0: 77, on the chain 500
        tick 0: net 5, gross 600, on the chain net 600, gross 600
    ethereum_uniswap_v2  0x5fAB702e8bE10f6Cb1ba1467252b8537A99AF9A1
        the database lacks it
    --- stderr
    Ethereum: 2 pools are wrong or missing, of 2 that were compared; nothing is changed; [N] requests, [N] s.
    ");
    assert_snapshot!(pool(&repair), @r"
    status: 0
    --- stdout
    ethereum_sushiswap_v3  0xE27e7C0096E0d00D0F08D9F789CD52BEc897CAcF  ID 2
        fee_token0: 77, on the chain 500
        tick 0: net 5, gross 600, on the chain net 600, gross 600
    ethereum_uniswap_v2  0x5fAB702e8bE10f6Cb1ba1467252b8537A99AF9A1
        the database lacks it
    --- stderr
    Ethereum: compared 2 pools, rewrote 1, added 1, deleted 0; [N] requests, [N] s.
    Ethereum: what came after block 1,001 was taken back and taken in again, up to block 1,003.
    ");
    scene.assert_at(scene.head());
    assert_snapshot!(pool(&repair), @r"
    status: 0
    --- stdout
    --- stderr
    Ethereum: compared 3 pools, rewrote 0, added 0, deleted 0; [N] requests, [N] s.
    ");
    assert_snapshot!(pool(&["repair"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      <POOL|--exchange <NAME>>

    Usage: degenbot pool repair --rpc <URL> <POOL|--exchange <NAME>>

    For more information, try '--help'.
    ");
}

#[test]
fn what_is_named_for_a_comparison_is_told_apart() {
    let scene = scene(ChainId::ETHEREUM);
    let told = |arguments: &[&str]| run(on(&scene.path, arguments), "");
    // Known, and never activated.
    execute(
        &scene.path,
        "PRAGMA foreign_keys = OFF; DELETE FROM exchanges WHERE chain_id = 8453",
    );
    assert_snapshot!(told(&["pool", "verify", "--exchange", "base_uniswap_v2"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database does not have the exchange base_uniswap_v2
    hint: 'degenbot exchange activate base_uniswap_v2' adds it, and 'degenbot pool update' its pools
    ");
    assert_snapshot!(told(&["pool", "repair", "--exchange", "ethereum_uniswap_v3", "--chain", "base"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: the argument '--exchange ethereum_uniswap_v3' is an exchange of chain 1, which '--chain' does not name

    Usage: degenbot pool repair [OPTIONS] <POOL|--exchange <NAME>>

    For more information, try '--help'.
    ");
    assert_snapshot!(told(&["pool", "verify", "--rpc", "1=http://127.0.0.1:1/KEY"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: …/… is not the address of a node: here it stands alone, without CHAIN= in front of it
    hint: Give the HTTP address of the node (its scheme is http or https), or the path of its IPC socket, such as /PATH/TO/geth.ipc
    ");
}

#[test]
fn constraint_of_the_users_own_is_named() {
    let scene = scene(ChainId::ETHEREUM);
    execute(
        &scene.path,
        "CREATE UNIQUE INDEX mine ON erc20_tokens (chain)",
    );
    let url = scene.server.url();
    assert_snapshot!(update(&scene.path, &["--rpc", &url, "--to-block", "latest"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: Ethereum: A constraint in degenbot.db forbids a row that was to be written: UNIQUE constraint failed: erc20_tokens.chain
    hint: If the constraint is your own (a CHECK, a unique index), drop it, and run the command again; 'degenbot database verify' finds rows of degenbot's that contradict each other
    ");
    let json = ["--rpc", &url, "--to-block", "latest", "--json"];
    let told = update(&scene.path, &json);
    assert!(
        told.contains("UNIQUE constraint failed: erc20_tokens.chain\""),
        "{told}"
    );
}

/// Diesel passes on the text of an error only, and `raise` can say what SQLite says of a broken file.
#[test]
fn text_of_a_trigger_is_not_taken_for_an_error_of_sqlite() {
    let texts = [
        "file is not a database",
        "database is locked",
        "database disk image is malformed",
        "disk I/O error",
        "attempt to write a readonly database",
        "unable to open database file",
        "database or disk is full",
        "interrupted",
    ];
    let scene = scene(ChainId::ETHEREUM);
    let fresh = fs::read(&scene.path).unwrap();
    let url = scene.server.url();
    let tables = [
        "erc20_tokens",
        "pools",
        "uniswap_v2_pools",
        "liquidity_positions",
        "initialization_maps",
    ];
    let told = |table: &str, event: &str, text: &str, command: &[&str]| {
        let trigger = format!(
            "CREATE TRIGGER own BEFORE {event} ON {table} BEGIN SELECT raise(ABORT, '{text}'); END"
        );
        execute(&scene.path, &trigger);
        let told = settled(&quietly(&scene.path, &[command, &["--rpc", &url]].concat()));
        execute(&scene.path, "DROP TRIGGER own");
        told.replace(text, "MINE")
    };
    for table in tables {
        let update = ["pool", "update", "--to-block", "latest"];
        // A part of the blocks can be committed before.
        let all = |text| {
            fs::write(&scene.path, &fresh).unwrap();
            told(table, "INSERT", text, &update)
        };
        let expected = all("MINE");
        assert!(
            expected.contains(
                "error: Ethereum: A trigger of your own in degenbot.db refuses a row that was to be written: MINE"
            ),
            "{table}: {expected}"
        );
        for text in texts {
            assert_eq!(all(text), expected, "{table}: {text}");
        }
    }
    scene.update_to_head();
    execute(
        &scene.path,
        "UPDATE liquidity_positions SET liquidity_net = '5' WHERE id = 1;
         UPDATE sushiswap_v3_pools SET fee_token0 = 77",
    );
    let damaged = fs::read(&scene.path).unwrap();
    let repair = ["pool", "repair", "--exchange", "ethereum_sushiswap_v3"];
    for (table, event, command) in [
        ("sushiswap_v3_pools", "UPDATE", &repair[..]),
        ("liquidity_positions", "DELETE", &repair[..]),
        ("erc20_tokens", "UPDATE", &["token", "update"][..]),
    ] {
        let all = |text| {
            fs::write(&scene.path, &damaged).unwrap();
            told(table, event, text, command)
        };
        let expected = all("MINE");
        for text in texts {
            assert_eq!(all(text), expected, "{table}: {text}");
        }
    }
}

#[test]
fn filters_that_can_never_match_are_refused() {
    let scene = scene(ChainId::ETHEREUM);
    let told = |arguments: &[&str]| quietly(&scene.path, arguments);
    let exchange = ["--chain", "8453", "--exchange", "ethereum_sushiswap_v3"];
    for command in ["list", "update", "verify", "repair"] {
        for more in [&[][..], &["--json"]] {
            let told = told(&[&["pool", command], &exchange[..], more].concat());
            assert!(
                told.starts_with(
                    "status: 2\n--- stdout\n--- stderr\nerror: the argument '--exchange ethereum_sushiswap_v3' is an exchange \
                     of chain 1, which '--chain' does not name\n"
                ),
                "{command}: {told}"
            );
        }
    }
    let both = ["--chain", "8453", "--chain", "1"];
    for command in ["list", "update", "verify", "repair"] {
        let told = told(&[&["pool", command], &both[..], &exchange[2..]].concat());
        let (_, error) = told.split_once("error: ").unwrap();
        assert!(
            error.starts_with(
                "the argument '--chain 8453' matches no exchange that '--exchange' names\n"
            ),
            "{command}: {told}"
        );
    }
    for command in [
        &["pool", "list"][..],
        &["pool", "list", "--json"],
        &["pool", "show", "1"],
        &["pool", "update"],
        &["pool", "verify"],
        &["pool", "repair", "1"],
        &["token", "update"],
    ] {
        let told = told(&[command, &["--chain", "77"]].concat());
        assert!(
            told.starts_with(
                "status: 2\n--- stdout\n--- stderr\nerror: Chain 77 is not known, and the database has no exchange of it\n"
            ),
            "{command:?}: {told}"
        );
    }
    let update = |name: &str| {
        told(&[
            "pool",
            "update",
            "--exchange",
            "ethereum_sushiswap_v3",
            "--exchange",
            name,
        ])
    };
    assert_snapshot!(update("ethereum_sushiswap_v9"), @r"
    status: 2
    --- stdout
    --- stderr
    error: There is no exchange 'ethereum_sushiswap_v9'
    hint: Did you mean ethereum_sushiswap_v2, ethereum_sushiswap_v3 or base_sushiswap_v2? 'degenbot exchange list' lists the exchanges
    ");
    assert_snapshot!(update("base_pancakeswap_v3"), @r"
    status: 1
    --- stdout
    --- stderr
    error: The exchange base_pancakeswap_v3 is not active
    hint: 'degenbot exchange activate base_pancakeswap_v3' activates it; without it, leave it out
    ");
    // A known exchange that the database lacks is none without pools.
    let (_folder, empty) = databases::empty();
    for command in ["list", "update", "verify", "repair"] {
        let told = quietly(
            &empty,
            &["pool", command, "--exchange", "base_aerodrome_v3"],
        );
        assert!(
            told.starts_with(
                "status: 1\n--- stdout\n--- stderr\nerror: The database does not have the exchange base_aerodrome_v3\n"
            ),
            "{command}: {told}"
        );
    }
}

/// Nothing else is said while a node is tried again, and that can take minutes.
#[test]
fn node_that_does_not_answer_is_told_of_before_the_command_gives_up() {
    let scene = scene(ChainId::ETHEREUM);
    scene.server.chain(|chain| chain.has_contracts = true);
    scene.update_to_head();
    let url = scene.server.url();
    scene.server.set_faults(Faults::always([Incident::Close]));
    for command in [
        &["pool", "update", "--to-block", "latest"][..],
        &["pool", "update", "--dry-run"],
        &["pool", "verify"],
        &["pool", "repair", "1"],
        &["token", "update"],
    ] {
        let told = settled(&quietly(&scene.path, &[command, &["--rpc", &url]].concat()));
        let (_, stderr) = told.split_once("--- stderr\n").unwrap();
        assert!(
            stderr
                .starts_with("warning: The node http://127.0.0.1:[PORT] gives no usable answer: "),
            "{command:?}: {told}"
        );
        assert!(
            stderr.contains("; it is asked up to 8 times, for [N] s at most\n"),
            "{told}"
        );
        assert_eq!(stderr.matches("warning: The node").count(), 1, "{told}");
        assert!(stderr.contains("error: "), "{told}");
    }
}
