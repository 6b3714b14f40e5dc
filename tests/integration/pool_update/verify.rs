//! The comparison of pools with the state of their contracts.

use std::path::Path;
use std::sync::Arc;

use degenbot::deployments::ExchangeName;
use degenbot::sync::{
    PoolVerifyOptions, PoolVerifyReport, Subject, SyncError, update_pools, verify_pools,
};
use degenbot::types::ChainId;
use serde_json::json;

use super::model::{Happening, creation, liquidity};
use super::{Scene, execute, rows, to_head};
use crate::support::node_faults::Faults;

/// Pools of all kinds, most of them with liquidity, and `tail` blocks in which it changes.
pub fn scene(chain: ChainId, finality: u64, tail: u8) -> Scene {
    let mut blocks: Vec<Vec<Happening>> = vec![
        (0..12)
            .flat_map(|exchange| {
                [
                    liquidity(exchange, 0, -1, 3, 1_000),
                    liquidity(exchange, 0, 0, 1, 50),
                    liquidity(exchange, 1, -2, 5, 700),
                    creation(exchange, 3),
                ]
            })
            .collect(),
    ];
    for number in 0..tail {
        let exchange = usize::from(number);
        blocks.push(vec![
            liquidity(exchange, 0, -1, 3, -10),
            liquidity(exchange, 4 + number % 2, 1, 1, 20),
        ]);
    }
    let scene = Scene::with(chain, finality, &blocks);
    scene.server.chain(|chain| chain.has_contracts = true);
    scene
}

pub fn all() -> PoolVerifyOptions {
    PoolVerifyOptions::default().sample(None)
}

pub fn verify(
    scene: &Scene,
    options: &PoolVerifyOptions,
) -> (PoolVerifyReport, Result<(), SyncError>) {
    let chain = scene.model.chain;
    verify_pools(&scene.path, chain, &scene.node(), options, &mut |_| {})
}

/// What was found, a line for each difference.
pub fn found(report: &PoolVerifyReport) -> Vec<String> {
    let mut found = Vec::new();
    for finding in &report.findings {
        for difference in &finding.differences {
            found.push(format!("{} {}", finding.exchange, difference.subject));
        }
    }
    found
}

/// Faults in the rows of pools, and what a comparison of the one pool says about it.
pub const FAULTS: [(&str, &str); 16] = [
    (
        "UPDATE liquidity_positions SET liquidity_gross = liquidity_gross || '1' WHERE id = 1",
        "tick",
    ),
    (
        "UPDATE liquidity_positions SET liquidity_net = '-3' WHERE id = 2",
        "tick",
    ),
    (
        "UPDATE liquidity_positions SET liquidity_net = 'much' WHERE id = 2",
        "tick",
    ),
    ("DELETE FROM liquidity_positions WHERE id = 1", "tick"),
    (
        "INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross)
         SELECT pool_id, 600000, '5', '5' FROM liquidity_positions WHERE id = 1",
        "tick",
    ),
    ("DELETE FROM initialization_maps WHERE id = 1", "word"),
    (
        "INSERT INTO initialization_maps (pool_id, word, bitmap)
         SELECT pool_id, 40, '5' FROM initialization_maps WHERE id = 1",
        "word",
    ),
    (
        "UPDATE initialization_maps SET bitmap = '7' WHERE id = 1",
        "word",
    ),
    (
        "UPDATE uniswap_v3_pools SET liquidity_update_log_index = liquidity_update_log_index + 1
         WHERE pool_id = (SELECT min(pool_id) FROM uniswap_v3_pools)",
        "mark",
    ),
    (
        "UPDATE uniswap_v3_pools SET liquidity_update_block = NULL, liquidity_update_log_index = NULL
         WHERE pool_id = (SELECT min(pool_id) FROM uniswap_v3_pools)",
        "mark",
    ),
    (
        "UPDATE uniswap_v3_pools SET fee_token0 = 9
         WHERE pool_id = (SELECT min(pool_id) FROM uniswap_v3_pools)",
        "fee_token0",
    ),
    (
        "UPDATE uniswap_v2_pools SET fee_denominator = 9
         WHERE pool_id = (SELECT min(pool_id) FROM uniswap_v2_pools)",
        "fee_denominator",
    ),
    (
        "UPDATE managed_pool_liquidity_positions SET liquidity_gross = '1' WHERE id = 1",
        "tick",
    ),
    (
        "DELETE FROM managed_pool_initialization_maps WHERE id = 1",
        "word",
    ),
    (
        "UPDATE uniswap_v4_pools SET liquidity_update_block = liquidity_update_block - 1
         WHERE managed_pool_id = 1",
        "mark",
    ),
    (
        "UPDATE uniswap_v4_pools SET fee_currency1 = 5 WHERE managed_pool_id = 1",
        "fee_currency1",
    ),
];

/// The exchange whose pools have a fault.
fn exchanges_of(fault: &str) -> Vec<ExchangeName> {
    let is_of = |text: &str| fault.contains(text);
    let name = if is_of("v2_pools") {
        "uniswap_v2"
    } else if is_of("managed_pool") || is_of("v4_pools") {
        "uniswap_v4"
    } else if is_of("uniswap_v3_pools") {
        "uniswap_v3"
    } else {
        // The first of those with ticks.
        "pancakeswap_v3"
    };
    vec![exchange(name)]
}

pub fn exchange(name: &str) -> ExchangeName {
    ExchangeName {
        chain: ChainId::ETHEREUM,
        name: name.to_owned(),
    }
}

/// Deletes the first pool of a table of kinds, with all of its rows.
pub fn delete_pool(path: &Path, table: &str) {
    let id = format!("(SELECT min(pool_id) FROM {table})");
    execute(
        path,
        &format!(
            "DELETE FROM liquidity_positions WHERE pool_id = {id};
             DELETE FROM initialization_maps WHERE pool_id = {id};
             CREATE TEMP TABLE gone AS SELECT {id} AS id;
             DELETE FROM {table} WHERE pool_id IN (SELECT id FROM gone);
             DELETE FROM pools WHERE id IN (SELECT id FROM gone)"
        ),
    );
}

#[test]
fn pools_of_an_update_are_as_their_contracts() {
    for chain in [ChainId::ETHEREUM, ChainId::BASE] {
        for finality in [0, 3] {
            let scene = scene(chain, finality, 5);
            scene.update_to_head();
            for options in [all(), PoolVerifyOptions::default()] {
                let (report, result) = verify(&scene, &options);
                result.unwrap();
                assert!(report.is_clean(), "{report:#?}");
                assert!(report.values > 1_000, "{}", report.values);
                assert!(report.exchanges.iter().all(|it| it.compared == it.pools));
            }
        }
    }
}

#[test]
fn every_fault_is_found_and_named() {
    for (fault, expected) in FAULTS {
        let scene = scene(ChainId::ETHEREUM, 2, 3);
        scene.update_to_head();
        execute(&scene.path, fault);
        let before = rows(&scene.path);
        for options in [all(), PoolVerifyOptions::default()] {
            let options = options.exchanges(exchanges_of(fault));
            let (report, result) = verify(&scene, &options);
            result.unwrap();
            let found = found(&report);
            assert_eq!(report.findings.len(), 1, "{fault}: {found:?}");
            assert!(found.iter().all(|it| it.contains(expected)), "{found:?}");
        }
        assert_eq!(rows(&scene.path), before);
    }
}

#[test]
fn missing_pools_are_counted_and_named() {
    for (table, counted) in [
        ("uniswap_v2_pools", true),
        ("pancakeswap_v2_pools", true),
        ("uniswap_v3_pools", false),
    ] {
        let scene = scene(ChainId::ETHEREUM, 2, 3);
        scene.update_to_head();
        delete_pool(&scene.path, table);
        let exchanges = vec![exchange(table.trim_end_matches("_pools"))];
        let (report, result) = verify(&scene, &all().exchanges(exchanges.clone()));
        result.unwrap();
        let subjects: Vec<_> = report
            .findings
            .iter()
            .flat_map(|finding| &finding.differences)
            .map(|difference| difference.subject)
            .collect();
        let expected = if counted {
            vec![Subject::PoolCount, Subject::Pool]
        } else {
            vec![Subject::Pool]
        };
        assert_eq!(subjects, expected, "{table}");
        let sample = PoolVerifyOptions::default().exchanges(exchanges);
        let (report, result) = verify(&scene, &sample);
        result.unwrap();
        assert_eq!(report.is_clean(), !counted);
    }
}

#[test]
fn pools_that_no_exchange_has_created_are_found() {
    let scene = scene(ChainId::ETHEREUM, 2, 3);
    scene.update_to_head();
    let address = "0x00000000000000000000000000000000000000Aa";
    execute(
        &scene.path,
        &format!(
            "INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id)
                 SELECT '{address}', chain, kind, token0_id, token1_id, exchange_id FROM pools WHERE kind = 'uniswap_v3' LIMIT 1;
             INSERT INTO uniswap_v3_pools SELECT (SELECT max(id) FROM pools), tick_spacing, NULL, NULL, fee_token0, fee_token1, fee_denominator
                 FROM uniswap_v3_pools LIMIT 1"
        ),
    );
    for options in [all(), PoolVerifyOptions::default()] {
        let (report, result) = verify(&scene, &options);
        result.unwrap();
        assert_eq!(found(&report), ["ethereum_uniswap_v3 pool"], "{report:#?}");
        assert_eq!(report.findings[0].pool.as_deref(), Some(address));
    }
}

#[test]
fn later_events_are_added_if_the_state_is_gone() {
    let mut scene = scene(ChainId::ETHEREUM, 2, 3);
    scene.update_to_head();
    let mark = scene.head();
    let blocks: Vec<Vec<Happening>> = (0..4)
        .map(|number| {
            vec![
                liquidity(3, number, -1, 3, 30),
                liquidity(3, 0, -1, 3, -900),
                liquidity(6, 0, -1, 3, -2_000),
                liquidity(5, 9, -1, 3, 5),
            ]
        })
        .collect();
    scene.push(&blocks);
    let head = scene.head();
    scene
        .server
        .chain(|chain| chain.stateless_before = mark + 1);
    let (report, result) = verify(&scene, &PoolVerifyOptions::default());
    result.unwrap();
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    for exchange in &report.exchanges {
        assert_eq!(
            (exchange.mark.get(), exchange.compared_at.get()),
            (mark, head)
        );
    }
    execute(
        &scene.path,
        "UPDATE liquidity_positions SET liquidity_net = '-3' WHERE id = 2",
    );
    let (report, result) = verify(&scene, &PoolVerifyOptions::default());
    result.unwrap();
    assert_eq!(found(&report).len(), 1);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let scene = scene(ChainId::ETHEREUM, 2, 3);
    scene.update_to_head();
    let head = scene.head();
    scene
        .server
        .chain(|chain| chain.stateless_before = head + 1);
    let (report, result) = verify(&scene, &all());
    result.unwrap();
    assert!(!report.is_clean());
    assert_eq!(report.not_compared.len(), report.exchanges.len());
    let reason = &report.not_compared[0].reason;
    assert!(reason.contains("no longer has the state"), "{reason}");
}

#[test]
fn answers_that_are_no_values_are_no_differences() {
    let scene = scene(ChainId::ETHEREUM, 2, 3);
    scene.update_to_head();
    scene.server.set_faults(Faults::mutating(|method, answer| {
        if method == "eth_call" {
            answer["result"] = json!("0x");
        }
    }));
    let (report, result) = verify(&scene, &PoolVerifyOptions::default());
    result.unwrap();
    assert_eq!(found(&report), Vec::<String>::new());
    assert!(!report.not_compared.is_empty());
}

#[test]
fn reorganised_chain_is_no_difference() {
    let mut scene = scene(ChainId::ETHEREUM, 4, 3);
    scene.update_to_head();
    scene.reorganise(2, &[Vec::new(), Vec::new(), Vec::new()]);
    let (_, result) = verify(&scene, &all());
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("the chain was reorganised") || error.contains("was reorganised"),
        "{error}"
    );
    scene.update_to_head();
    let options = all().exchanges(vec![exchange("uniswap_v3"), exchange("uniswap_v4")]);
    assert!(verify(&scene, &options).0.is_clean());
    // In the middle, and nowhere near the first requests.
    let server = Arc::downgrade(&scene.server);
    let count = std::sync::atomic::AtomicUsize::new(0);
    scene.server.set_faults(Faults::mutating(move |method, _| {
        use std::sync::atomic::Ordering;
        if method == "eth_call"
            && count.fetch_add(1, Ordering::Relaxed) == 50
            && let Some(server) = server.upgrade()
        {
            server.chain(|chain| chain.reorganise(1, vec![Vec::new()]));
        }
    }));
    let (_, result) = verify(&scene, &all());
    assert!(
        matches!(result, Err(SyncError::Reorganised { .. })),
        "{result:?}"
    );
}

#[test]
fn update_beside_a_comparison_does_not_disturb_it() {
    let mut scene = scene(ChainId::ETHEREUM, 4, 3);
    scene.update_to_head();
    scene.push(&[
        vec![liquidity(3, 0, -1, 3, 30)],
        vec![liquidity(6, 0, -1, 3, 30)],
    ]);
    let (path, chain, node) = (scene.path.clone(), scene.model.chain, scene.node());
    let count = std::sync::atomic::AtomicUsize::new(0);
    scene.server.set_faults(Faults::mutating(move |method, _| {
        use std::sync::atomic::Ordering;
        if method == "eth_call" && count.fetch_add(1, Ordering::Relaxed) == 50 {
            update_pools(&path, chain, &node, &to_head(), &mut ())
                .1
                .unwrap();
        }
    }));
    let (report, result) = verify(&scene, &all());
    result.unwrap();
    assert!(report.is_clean(), "{report:#?}");
    scene.assert_at(scene.head());
}

#[test]
fn single_pools_are_compared_alone() {
    let scene = scene(ChainId::ETHEREUM, 2, 3);
    scene.update_to_head();
    for (fault, _) in FAULTS {
        execute(&scene.path, fault);
    }
    let exchanges = ["uniswap_v2", "uniswap_v3", "uniswap_v4"].map(exchange);
    let (report, _) = verify(&scene, &all().exchanges(exchanges.into()));
    assert!(report.findings.len() > 2);
    for finding in &report.findings {
        let options = all().pools(vec![
            finding
                .pool
                .clone()
                .unwrap()
                .to_uppercase()
                .replace('X', "x"),
        ]);
        let (of_one, result) = verify(&scene, &options);
        result.unwrap();
        assert_eq!(of_one.findings.len(), 1);
        assert_eq!(of_one.findings[0].pool, finding.pool);
        assert_eq!(of_one.exchanges.len(), 1);
    }
}
