//! Nodes that err, lag and disagree, and databases that do not fit their answers.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::keccak256;
use degenbot::database::CancelToken;
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::{SyncError, update_pools};
use degenbot::types::ChainId;
use serde_json::{Value, json};

use super::model::{FIRST, Happening, creation, liquidity};
use super::properties::at;
use super::{Scene, assert_rows, execute, rows, to_head};
use crate::support::content::{connect, lines};
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

// The places of the exchanges of Ethereum.
const PANCAKESWAP_V2: usize = 0;
const UNISWAP_V2: usize = 4;
const UNISWAP_V3: usize = 5;
const UNISWAP_V4: usize = 6;

const PAIR_CREATED: &str = "PairCreated(address,address,address,uint256)";
const POOL_CREATED: &str = "PoolCreated(address,address,uint24,int24,address)";
const MINT: &str = "Mint(address,address,int24,int24,uint128,uint256,uint256)";
const INITIALIZE: &str = "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)";

/// Events in blocks whose headers nobody looks at: those in the middle of a range of final blocks.
fn hidden() -> Scene {
    let blocks = [
        Vec::new(),
        vec![
            creation(UNISWAP_V2, 1),
            creation(UNISWAP_V2, 2),
            creation(UNISWAP_V2, 3),
            liquidity(UNISWAP_V3, 1, 0, 2, 1_000),
            liquidity(UNISWAP_V4, 1, 0, 2, 1_000),
        ],
        vec![
            liquidity(UNISWAP_V3, 1, 0, 2, -900),
            liquidity(UNISWAP_V4, 1, 0, 2, -900),
        ],
        Vec::new(),
    ];
    Scene::with(ChainId::ETHEREUM, 0, &blocks)
}

/// Changes the events of an answer.
fn of_logs(
    change: impl Fn(&mut Vec<Value>) + Send + Sync + 'static,
) -> impl Fn(&str, &mut Value) + Send + Sync + 'static {
    move |method, answer| {
        if method == "eth_getLogs"
            && let Some(logs) = answer["result"].as_array_mut()
        {
            change(logs);
        }
    }
}

/// Changes the first event with this signature.
fn of_event(
    signature: &str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> impl Fn(&str, &mut Value) + Send + Sync + 'static {
    let topic = keccak256(signature).to_string();
    of_logs(move |logs| {
        let found = logs.iter_mut().find(|log| log["topics"][0] == topic);
        if let Some(log) = found {
            change(log);
        }
    })
}

/// Leaves out the event with this signature that comes after `skipped` others.
fn without(signature: &str, skipped: usize) -> impl Fn(&str, &mut Value) + Send + Sync + 'static {
    let topic = keccak256(signature).to_string();
    of_logs(move |logs| {
        let place = (0..logs.len())
            .filter(|index| logs[*index]["topics"][0] == topic)
            .nth(skipped);
        if let Some(place) = place {
            logs.remove(place);
        }
    })
}

/// Replaces a digit of a hexadecimal text.
fn altered(text: &Value, place: usize) -> Value {
    let mut text = text.as_str().unwrap().to_owned();
    let digit = if &text[place..=place] == "7" {
        "8"
    } else {
        "7"
    };
    text.replace_range(place..=place, digit);
    json!(text)
}

#[test]
fn wrong_logs_are_errors_that_name_the_answer() {
    type Change = fn(&mut Vec<Value>);
    let changes: [(Change, &str); 5] = [
        (|logs| logs[0]["removed"] = json!(true), "removed"),
        (
            |logs| logs[0]["address"] = json!("0x00000000000000000000000000000000000000aa"),
            "a contract that was not asked for",
        ),
        (
            |logs| logs[0]["blockNumber"] = json!("0x10"),
            "a block outside the range",
        ),
        (
            |logs| logs.push(logs[0].clone()),
            "two events have one place",
        ),
        (
            |logs| logs[0]["topics"][0] = altered(&logs[0]["topics"][0], 10),
            "a topic that was not asked for",
        ),
    ];
    for (change, expected) in changes {
        let error = hidden().refused_answer(
            None,
            of_logs(move |logs| {
                let creations = logs
                    .first()
                    .is_some_and(|log| log["topics"][0] == keccak256(PAIR_CREATED).to_string());
                if creations {
                    change(logs);
                }
            }),
        );
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn impossible_events_are_errors_that_name_their_places() {
    let change = of_event(INITIALIZE, |log| {
        log["topics"][1] = altered(&log["topics"][1], 20);
    });
    let error = hidden().refused_answer(None, change);
    assert!(error.contains("1002") && error.contains("hash"), "{error}");

    let change = of_event(PAIR_CREATED, |log| log["data"] = altered(&log["data"], 60));
    let error = hidden().refused_answer(None, change);
    assert!(
        error.starts_with(
            "The new pool of ethereum_uniswap_v2 at block 1002, log 0 has the address 0x"
        ),
        "{error}"
    );
    assert!(
        error.contains("but its factory would deploy it at"),
        "{error}"
    );

    let change = of_event(POOL_CREATED, |log| log["data"] = json!("0x"));
    let error = hidden().refused_answer(None, change);
    assert!(error.contains("PoolCreated"), "{error}");

    // The upper tick becomes one between two of the spacing.
    let change = of_event(MINT, |log| {
        log["topics"][3] = altered(&log["topics"][3], 65);
    });
    let error = hidden().refused_answer(None, change);
    assert!(error.starts_with("The liquidity of pool 0x"), "{error}");
}

#[test]
fn addresses_are_not_checked_without_the_hash_of_an_init_code() {
    let scene = hidden();
    execute(
        &scene.path,
        "UPDATE exchange_deployments SET init_code_hash = NULL",
    );
    let change = of_event(PAIR_CREATED, |log| log["data"] = altered(&log["data"], 60));
    scene.server.set_faults(Faults::mutating(change));
    scene.update(&to_head()).1.unwrap();
    let unknown: Vec<_> = rows(&scene.path)
        .into_iter()
        .filter(|row| !scene.model.rows_at(scene.head()).contains(row))
        .collect();
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].starts_with("pool 1 0x") && unknown[0].contains("uniswap_v2"));
}

#[test]
fn left_out_events_are_errors_where_the_database_shows_it() {
    let error = hidden().refused_answer(None, without(PAIR_CREATED, 1));
    assert_eq!(
        error,
        "The new pool of ethereum_uniswap_v2 at block 1002, log 2 has the number 3, but the next one would be 2: \
         pools are missing"
    );
    let error = hidden().refused_answer(None, without(MINT, 0));
    assert!(
        error.starts_with("The liquidity of pool 0x") && error.contains("at block 1003, log 0"),
        "{error}"
    );
    let error = hidden().refused_answer(None, without(INITIALIZE, 0));
    assert!(
        error.starts_with("The database lacks pool 0x")
            && error.contains("of ethereum_uniswap_v4, which has an event at block 1002"),
        "{error}"
    );
}

#[test]
fn events_at_the_ends_of_a_range_cannot_be_left_out() {
    for finality in [0, 10] {
        let blocks = [vec![creation(UNISWAP_V3, 1)], vec![creation(UNISWAP_V3, 2)]];
        let scene = Scene::with(ChainId::ETHEREUM, finality, &blocks);
        let error = scene.refused_answer(None, without(POOL_CREATED, 1));
        assert!(error.contains("1002"), "{error}");
    }
}

#[test]
fn gap_behind_a_pool_of_this_run_is_an_error_although_others_write() {
    // The other pool of a block hides from its header that one is left out.
    let blocks: Vec<_> = (0..6)
        .map(|number| vec![creation(UNISWAP_V4, number), creation(UNISWAP_V2, number)])
        .collect();
    for finality in [0, 100] {
        let scene = Scene::with(ChainId::ETHEREUM, finality, &blocks);
        scene.update(&to_head().to_block(at(FIRST + 1))).1.unwrap();
        let path = scene.path.clone();
        let topic = keccak256(PAIR_CREATED).to_string();
        scene
            .server
            .set_faults(Faults::mutating(of_logs(move |logs| {
                let block = json!(format!("{:#x}", FIRST + 4));
                let is_left_out =
                    |log: &Value| log["blockNumber"] == block && log["topics"][0] == topic;
                if logs.iter().any(is_left_out) {
                    // Another program commits.
                    execute(&path, "UPDATE exchanges SET active = active");
                    logs.retain(|log| !is_left_out(log));
                }
            })));
        let options = to_head().chunk(1).concurrency(1);
        let error = scene.update(&options).1.unwrap_err().to_string();
        assert_eq!(
            error,
            "The new pool of ethereum_uniswap_v2 at block 1005, log 1 has the number 5, but the next one would be 4: \
             pools are missing"
        );
    }
}

#[test]
fn pools_that_an_older_update_has_lost_are_reported() {
    let mut scene = hidden();
    scene.push(&[vec![creation(PANCAKESWAP_V2, 0)]]);
    scene.update_to_head();
    execute(
        &scene.path,
        "DELETE FROM uniswap_v2_pools WHERE pool_id = (SELECT max(id) FROM pools WHERE kind = 'uniswap_v2');
         DELETE FROM pools WHERE id = (SELECT max(id) FROM pools WHERE kind = 'uniswap_v2')",
    );
    scene.push(&[
        vec![creation(UNISWAP_V2, 7), creation(PANCAKESWAP_V2, 7)],
        vec![creation(UNISWAP_V2, 8)],
    ]);
    let (report, result) = scene.update(&to_head());
    result.unwrap();
    let missing: Vec<_> = report.exchanges.iter().map(|it| it.missing_pairs).collect();
    assert_eq!(missing, [0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(report.exchanges[UNISWAP_V2].pools, 2);
}

#[test]
fn pools_that_are_there_already_are_no_new_ones() {
    let scene = hidden();
    scene.update_to_head();
    execute(
        &scene.path,
        "UPDATE exchanges SET last_update_block = NULL WHERE chain_id = 1",
    );
    let report = scene.update_to_head();
    assert_eq!(
        (report.pools, report.events, report.already_applied),
        (0, 0, 4)
    );
}

#[test]
fn factory_without_a_fee_is_an_error() {
    let blocks = [vec![creation(0, 1)], vec![creation(1, 1)]];
    let scene = Scene::with(ChainId::BASE, 0, &blocks);
    let calls = scene.server.chain(|chain| chain.calls);
    scene
        .server
        .chain(|chain| chain.calls = |_, _, _| Err("execution reverted".to_owned()));
    let error = scene.refused(&to_head());
    assert!(
        error.starts_with("The factory of base_aerodrome_v2 does not say what fee the pool 0x")
            && error.contains("execution reverted"),
        "{error}"
    );
    scene
        .server
        .chain(|chain| chain.calls = |_, _, _| Ok(vec![0xff; 32]));
    let error = scene.refused(&to_head());
    assert!(error.contains("is no fee"), "{error}");
    scene.server.chain(|chain| chain.calls = calls);
    scene.update_to_head();
}

#[test]
fn database_beyond_the_chain_is_an_error() {
    let scene = hidden();
    let error = scene.refused(&to_head().to_block(at(1_005)));
    assert_eq!(
        error,
        "Block 1005 does not exist yet: the node's newest block is 1004"
    );
    execute(
        &scene.path,
        "UPDATE exchanges SET last_update_block = 1005 WHERE name = 'uniswap_v3' AND chain_id = 1",
    );
    let error = scene.refused(&to_head());
    assert_eq!(
        error,
        "ethereum_uniswap_v3 is at block 1005, but the node's newest block is 1004"
    );
}

#[test]
fn node_that_lags_is_waited_for() {
    let scene = hidden();
    scene.update_to_head();
    // The chain of the node is shorter for the first questions.
    scene
        .server
        .set_faults(Faults::next(vec![Incident::Lag(2); 4]));
    let error = scene.refused(&to_head());
    assert_eq!(
        error,
        "The database has block 1004, but the node's newest block is 1002"
    );
    let patient = to_head().patience(Duration::from_secs(60));
    // Some of the nodes behind an address lag: first for the newest block, then for a block of the database.
    for lagging in [
        vec![Incident::Lag(2), Incident::Lag(2)],
        vec![Incident::None, Incident::None, Incident::Lag(2)],
    ] {
        scene.server.set_faults(Faults::next(lagging));
        scene.update(&patient).1.unwrap();
        scene.assert_at(scene.head());
    }
}

/// Two chains with the same first blocks and other last ones.
fn two_branches(finality: u64) -> [Scene; 2] {
    let common: Vec<_> = (0..6)
        .map(|number| {
            vec![
                creation(usize::from(number), number),
                liquidity(UNISWAP_V3, number % 2, 0, 2, 50),
            ]
        })
        .collect();
    let branch = |first: u8| -> Vec<Vec<Happening>> {
        (first..first + 6)
            .map(|number| {
                vec![
                    creation(usize::from(number), number),
                    liquidity(UNISWAP_V3, number % 2, 0, 2, 100 * i64::from(first + 1)),
                    liquidity(UNISWAP_V4, number % 2, 0, 2, 10),
                ]
            })
            .collect()
    };
    [0, 3].map(|first| {
        let mut scene = Scene::with(ChainId::ETHEREUM, finality, &common);
        scene.push(&branch(first));
        scene
    })
}

#[test]
fn update_on_another_branch_does_not_mix_with_this_one() {
    let scenes = two_branches(8);
    let [scene, other] = &scenes;
    scene.update(&to_head().to_block(at(1_008))).1.unwrap();
    // Another update asks a node on another branch. The marks are then where they were.
    let (path, node) = (scene.path.clone(), other.node());
    scene.at_request(0, move |_| {
        let options = to_head().to_block(at(1_008));
        let chain = ChainId::ETHEREUM;
        let (report, result) = update_pools(&path, chain, &node, &options, &mut ());
        result.unwrap();
        assert!(report.undone.is_some());
    });
    scene.update_to_head();
}

#[test]
fn nodes_that_disagree_never_give_a_mixture() {
    for finality in [2, 8] {
        for chunk in [1, 3, 100] {
            for both_at_one_address in [false, true] {
                let scenes = two_branches(finality);
                let other = scenes[1].server.chain(|chain| chain.clone());
                let second = NodeServer::start(other.clone());
                let mut endpoints = vec![scenes[0].server.endpoint()];
                if both_at_one_address {
                    scenes[0].server.set_faults(Faults {
                        other: Some(Arc::new(other)),
                        ..Faults::default()
                    });
                } else {
                    endpoints.push(second.endpoint());
                }
                let options = NodeOptions::default().max_tries(3);
                let node = Node::new(ChainId::ETHEREUM, endpoints, options, CancelToken::new());
                let path = &scenes[0].path;
                let options = to_head().chunk(chunk);
                let result =
                    update_pools(path, ChainId::ETHEREUM, &node.unwrap(), &options, &mut ()).1;
                let mark = lines(
                    &mut connect(path),
                    "SELECT DISTINCT coalesce(last_update_block, 0) AS line FROM exchanges WHERE chain_id = 1",
                );
                assert_eq!(mark.len(), 1);
                let mark: u64 = mark[0].parse().unwrap();
                let found = rows(path);
                let expected =
                    |scene: &Scene| scene.model.rows(|_| (mark >= FIRST).then_some(mark));
                if found != expected(&scenes[0]) {
                    assert_rows(&found, &expected(&scenes[1]));
                }
                match result {
                    Ok(()) => assert_eq!(mark, scenes[0].head()),
                    Err(error) => assert!(
                        matches!(
                            error,
                            SyncError::Node { .. }
                                | SyncError::Branches { .. }
                                | SyncError::Unsettled { .. }
                                | SyncError::FinalBlock { .. }
                                | SyncError::Journal { .. }
                        ),
                        "{error}"
                    ),
                }
            }
        }
    }
}
