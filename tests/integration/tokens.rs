//! `token update`: what tokens say is stored as they say it, and no token makes the update fail.

use std::path::Path;

use alloy_primitives::Address as Contract;
use degenbot::database::CancelToken;
use degenbot::node::{Node, NodeError, NodeOptions};
use degenbot::sync::{
    SyncError, TokenUpdateOptions, TokenUpdateReport, chains_of_incomplete_tokens, update_tokens,
};
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::support::command::{on, quietly, run};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::databases;
use crate::support::fake_chain::FakeChain;
use crate::support::node_faults::Faults;
use crate::support::node_server::NodeServer;

const NAME: [u8; 4] = [0x06, 0xfd, 0xde, 0x03];
const SYMBOL: [u8; 4] = [0x95, 0xd8, 0x9b, 0x41];
const DECIMALS: [u8; 4] = [0x31, 0x3c, 0xe5, 0x67];

fn word(number: u16) -> Vec<u8> {
    let mut word = vec![0; 32];
    word[30..].copy_from_slice(&number.to_be_bytes());
    word
}

/// A `string` as contracts encode it.
fn string(text: &[u8]) -> Vec<u8> {
    let mut answer = [word(32), word(u16::try_from(text.len()).unwrap())].concat();
    answer.extend(text);
    answer.resize(answer.len().next_multiple_of(32), 0);
    answer
}

fn bytes32(text: &[u8]) -> Vec<u8> {
    let mut answer = text.to_vec();
    answer.resize(32, 0);
    answer
}

/// Answers as the token whose number is the last byte of its address.
fn answer(token: Contract, data: &[u8], _block: u64) -> Result<Vec<u8>, String> {
    let reverted = || Err("execution reverted".to_owned());
    match (token[19], data) {
        (1, data) if data == NAME => Ok(string("Wrapped \"Ether\" 🦄".as_bytes())),
        (1, data) if data == SYMBOL => Ok(string(b"WETH")),
        (1, data) if data == DECIMALS => Ok(word(18)),
        (2, data) if data == NAME => Ok(bytes32(b"Maker")),
        (2, data) if data == SYMBOL => Ok(bytes32(b"MKR")),
        (2, data) if data == DECIMALS => Ok(word(255)),
        // Not UTF-8, and more decimals than there can be.
        (3, data) if data == NAME => Ok(string(&[0xff, b'A'])),
        (3, data) if data == SYMBOL => Ok(bytes32(&[0xfe, b'B'])),
        (3, data) if data == DECIMALS => Ok(word(300)),
        (5, data) if data == NAME => Ok(string(b"")),
        (5, data) if data == DECIMALS => Ok(word(0)),
        (4 | 5, _) => reverted(),
        // No contract, and one that says too much.
        (6, _) => Ok(Vec::new()),
        (7, _) => Ok(vec![0xff; 100]),
        (number, data) if data == DECIMALS => Ok(word(u16::from(number))),
        (number, _) => Ok(string(format!("T{number}").as_bytes())),
    }
}

fn server() -> NodeServer {
    let mut chain = FakeChain::new(1, 1_000);
    chain.calls = answer;
    NodeServer::start(chain)
}

fn update(path: &Path, server: &NodeServer) -> (TokenUpdateReport, Result<(), SyncError>) {
    let endpoints = vec![server.endpoint()];
    let options = NodeOptions::default().max_tries(2);
    let node = Node::new(ChainId::ETHEREUM, endpoints, options, CancelToken::new()).unwrap();
    let options = TokenUpdateOptions::default();
    update_tokens(path, &node, ChainId::ETHEREUM, &options, &mut |_| ())
}

fn execute(path: &Path, statements: &str) {
    content::connect(path).batch_execute(statements).unwrap();
}

/// Tokens with these numbers, without a name.
fn insert(path: &Path, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        execute(
            path,
            &format!(
                "INSERT INTO erc20_tokens (id, chain, address) VALUES ({number}, 1, printf('0x%040x', {number}))"
            ),
        );
    }
}

fn tokens(path: &Path) -> Vec<String> {
    content::lines(
        &mut content::connect(path),
        "SELECT id || ' ' || quote(name) || ' ' || quote(symbol) || ' ' || quote(decimals) AS line
         FROM erc20_tokens ORDER BY id",
    )
}

#[test]
fn tokens_get_what_their_contracts_say_and_the_column_can_hold() {
    let (_folder, path) = databases::empty();
    insert(&path, 0..=8);
    execute(
        &path,
        "UPDATE erc20_tokens SET address = upper(address) WHERE id = 8;
         UPDATE erc20_tokens SET address = 'no address' WHERE id = 7;
         INSERT INTO erc20_tokens (id, chain, address) VALUES (9, 8453, printf('0x%040x', 1));
         INSERT INTO erc20_tokens (id, chain, address, symbol) VALUES (10, 1, printf('0x%040x', 10), 'OWN')",
    );
    let server = server();
    let (report, result) = update(&path, &server);
    result.unwrap();
    let stored = tokens(&path);
    assert_eq!(
        stored,
        [
            "0 NULL NULL NULL",
            "1 'Wrapped \"Ether\" 🦄' 'WETH' 18",
            "2 'Maker' 'MKR' 255",
            "3 NULL NULL NULL",
            "4 NULL NULL NULL",
            "5 '' NULL 0",
            "6 NULL NULL NULL",
            "7 NULL NULL NULL",
            "8 'T8' 'T8' 8",
            "9 NULL NULL NULL",
            "10 'T10' 'OWN' 10",
        ]
    );
    assert_eq!(
        (report.asked, report.names, report.symbols, report.decimals),
        (8, 5, 3, 5)
    );
    // Once more: nothing is left to say.
    let (report, result) = update(&path, &server);
    result.unwrap();
    assert_eq!((report.asked, report.names), (4, 0));
    assert_eq!(tokens(&path), stored);
}

#[test]
fn many_tokens_are_asked_in_batches() {
    let (_folder, path) = databases::empty();
    insert(&path, 1..=400);
    let server = server();
    let (report, result) = update(&path, &server);
    result.unwrap();
    assert_eq!(report.asked, 400);
    assert!(report.node.requests < 30, "{:?}", report.node);
    let complete = "SELECT count(*) AS line FROM erc20_tokens WHERE decimals IS NOT NULL";
    let complete = content::lines(&mut content::connect(&path), complete);
    // Two of a kind are among the 400: 3, 4, 6 and 7 say no decimals.
    assert_eq!(complete, ["392"]);
}

#[test]
fn an_answer_that_is_none_costs_one_token_only() {
    let (_folder, path) = databases::empty();
    insert(&path, 8..=40);
    let server = server();
    let refused = word(20);
    server.set_faults(Faults::mutating(move |method, answer| {
        let is_refused =
            answer["result"] == json!(alloy_primitives::hex::encode_prefixed(&refused));
        if method == "eth_call" && is_refused {
            *answer = json!({"result": 7});
        }
    }));
    let (report, result) = update(&path, &server);
    result.unwrap();
    assert_eq!((report.asked, report.decimals), (33, 32));
    assert_eq!(tokens(&path)[12], "20 NULL NULL NULL");
    assert_eq!(tokens(&path)[13], "21 'T21' 'T21' 21");
}

#[test]
fn a_node_that_fails_ends_the_update() {
    let (_folder, path) = databases::empty();
    insert(&path, 1..=3);
    let mut chain = FakeChain::new(8453, 1_000);
    chain.calls = answer;
    let (report, result) = update(&path, &NodeServer::start(chain));
    let error = result.unwrap_err();
    assert!(
        matches!(
            &error,
            SyncError::Node {
                source: NodeError::OtherChain { .. }
            }
        ),
        "{error}"
    );
    assert_eq!(report.asked, 0);
}

#[test]
fn tokens_of_every_version_are_updated() {
    let server = server();
    for name in corpus::supported() {
        let copy = Copy::of(name);
        execute(
            &copy.path,
            "INSERT INTO erc20_tokens (chain, address) VALUES (1, printf('0x%040x', 1))",
        );
        let chains = chains_of_incomplete_tokens(&copy.path).unwrap();
        assert!(chains.contains(&ChainId::ETHEREUM), "{name}");
        let (report, result) = update(&copy.path, &server);
        result.unwrap();
        assert!(
            report.asked > 0 && report.decimals > 0,
            "{name}: {report:?}"
        );
    }
    let copy = Copy::of("populated/populated-0.5.0a2.db");
    let before = copy.files();
    let (_, result) = update(&copy.path, &server);
    assert!(matches!(result, Err(SyncError::Database { .. })));
    assert_eq!(copy.files(), before);
}

/// One that takes back, one that ignores, and one that refuses. Nothing of the transaction stays.
#[test]
fn a_trigger_that_does_not_let_a_value_stay_is_named() {
    let (_folder, path) = databases::empty();
    insert(&path, 1..=2);
    let server = server();
    let ignored = "ignores a row that is written to erc20_tokens";
    for (trigger, expected) in [
        (
            "AFTER UPDATE OF name ON erc20_tokens BEGIN
                 UPDATE erc20_tokens SET name = NULL WHERE id = new.id; END",
            ignored,
        ),
        (
            "BEFORE UPDATE OF symbol ON erc20_tokens WHEN new.id = 2 BEGIN SELECT raise(IGNORE); END",
            ignored,
        ),
        (
            "BEFORE UPDATE OF decimals ON erc20_tokens WHEN new.id = 2 BEGIN
                 SELECT raise(ABORT, 'no'); END",
            " refuses a row that was to be written",
        ),
    ] {
        execute(&path, &format!("CREATE TRIGGER mine {trigger}"));
        let (report, result) = update(&path, &server);
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!((report.names, report.symbols, report.decimals), (0, 0, 0));
        assert_eq!(tokens(&path), ["1 NULL NULL NULL", "2 NULL NULL NULL"]);
        execute(&path, "DROP TRIGGER mine");
    }
    let (report, result) = update(&path, &server);
    result.unwrap();
    assert_eq!((report.names, report.symbols, report.decimals), (2, 2, 2));
}

#[test]
fn the_command_updates_every_chain_that_has_a_node() {
    let (_folder, path) = databases::empty();
    let told = quietly(&path, &["token", "update"]);
    insta::assert_snapshot!(told, @r"
    status: 0
    --- stdout
    --- stderr
    Every token is complete.
    ");
    insert(&path, 1..=3);
    let server = server();
    let with_node = |arguments: &[&str]| {
        let mut command = on(&path, arguments);
        command.args(["--rpc", &server.url()]);
        run(command, "")
    };
    insta::assert_snapshot!(with_node(&["token", "update"]), @r"
    status: 0
    --- stdout
    --- stderr
    Ethereum: asked 3 tokens, filled in 2 names, 2 symbols and 2 decimals with 1 request.
    ");
    execute(
        &path,
        "INSERT INTO erc20_tokens (id, chain, address) VALUES (9, 8453, printf('0x%040x', 1))",
    );
    let others = || quietly(&path, &["token", "update", "--chain", "4242"]);
    let unknown = others();
    assert!(unknown.starts_with("status: 2\n"), "{unknown}");
    execute(
        &path,
        "INSERT INTO erc20_tokens (id, chain, address, name, symbol, decimals)
         VALUES (10, 4242, printf('0x%040x', 2), 'Name', 'SYM', 18)",
    );
    let complete = others();
    assert!(complete.starts_with("status: 0\n"), "{complete}");
    assert!(!complete.contains("Every token is complete"), "{complete}");
    assert!(complete.ends_with(" is complete.\n"), "{complete}");
    let told = with_node(&["token", "update", "--chain", "base"]);
    assert!(told.starts_with("status: 1\n"), "{told}");
    assert!(told.contains("Base: "), "{told}");
}
