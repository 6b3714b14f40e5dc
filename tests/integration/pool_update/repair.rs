//! The repair of pools from their events.

use degenbot::deployments::Deployment;
use degenbot::sync::{
    PoolFinding, PoolRepairOptions, PoolRepairReport, SyncError, repair_pools, update_pools,
};
use degenbot::types::ChainId;

use super::model::{Happening, creation, liquidity};
use super::verify::{FAULTS, all, delete_pool, exchange, scene, verify};
use super::{Scene, assert_rows, execute, rows, to_head};
use crate::support::command::{finish, on, send, spawn};
use crate::support::content::integrity;
use crate::support::node_faults::{Faults, Incident};

fn whole() -> PoolRepairOptions {
    let names = [
        "pancakeswap_v2",
        "pancakeswap_v3",
        "uniswap_v2",
        "uniswap_v3",
        "uniswap_v4",
    ];
    PoolRepairOptions::default().exchanges(names.map(exchange).into())
}

fn repair(scene: &Scene, options: &PoolRepairOptions) -> (PoolRepairReport, Result<(), SyncError>) {
    let chain = scene.model.chain;
    repair_pools(&scene.path, chain, &scene.node(), options, &mut |_| {})
}

/// The faulty pools by name.
fn named(report: &PoolRepairReport) -> Vec<String> {
    let findings = report.findings.iter();
    findings
        .filter_map(|finding| finding.pool.clone())
        .collect()
}

/// Asserts that the next updates are exact, also after a reorganisation.
fn assert_goes_on(mut scene: Scene) {
    scene.assert_at(scene.head());
    scene.push(&[vec![
        liquidity(3, 0, -1, 3, 30),
        liquidity(6, 0, -1, 3, -40),
    ]]);
    scene.update_to_head();
    if scene.server.chain(|chain| chain.finality) == 0 {
        return;
    }
    scene.reorganise(
        3,
        &[
            vec![liquidity(3, 0, 0, 1, 9)],
            Vec::new(),
            vec![creation(5, 9)],
        ],
    );
    scene.update_to_head();
}

#[test]
fn every_fault_is_mended() {
    // All blocks final, some of them, and none.
    for finality in [0, 3, 1_000] {
        // Half of the faults each, but all of them where the journal has a part of the blocks.
        let step = if finality == 3 { 1 } else { 2 };
        for (fault, expected) in FAULTS.into_iter().step_by(step) {
            let scene = scene(ChainId::ETHEREUM, finality, 6);
            scene.update_to_head();
            execute(&scene.path, fault);
            let before = rows(&scene.path);
            let (report, result) = repair(&scene, &whole().dry_run(true));
            result.unwrap();
            let pools = named(&report);
            assert_eq!(pools.len(), 1, "{fault}: {:?}", report.findings);
            let subjects = report.findings[0].differences.iter();
            for subject in subjects.map(|it| it.subject.to_string()) {
                assert!(subject.contains(expected), "{fault}: {subject}");
            }
            assert_rows(&rows(&scene.path), &before);
            // By its exchange, or by its name.
            let options = if finality == 3 {
                PoolRepairOptions::default().pools(pools)
            } else {
                whole()
            };
            let (report, result) = repair(&scene, &options);
            result.unwrap();
            assert_eq!((report.rewritten, report.inserted), (1, 0), "{fault}");
            scene.assert_at(scene.head());
            assert_eq!(integrity(&scene.path), ["ok"]);
            let (report, _) = repair(&scene, &whole());
            assert_eq!((report.rewritten, report.undone), (0, None));
            assert_goes_on(scene);
        }
    }
}

#[test]
fn missing_pools_are_inserted_with_their_liquidity() {
    for finality in [0, 3, 1_000] {
        let scene = scene(ChainId::ETHEREUM, finality, 6);
        scene.update_to_head();
        for table in [
            "uniswap_v2_pools",
            "pancakeswap_v2_pools",
            "uniswap_v3_pools",
        ] {
            delete_pool(&scene.path, table);
        }
        execute(
            &scene.path,
            "DELETE FROM managed_pool_liquidity_positions WHERE managed_pool_id = 1;
             DELETE FROM managed_pool_initialization_maps WHERE managed_pool_id = 1;
             DELETE FROM uniswap_v4_pools WHERE managed_pool_id = 1;
             DELETE FROM managed_pools WHERE id = 1",
        );
        let (report, result) = repair(&scene, &whole());
        result.unwrap();
        assert_eq!((report.rewritten, report.inserted), (0, 4));
        assert_goes_on(scene);
    }
}

#[test]
fn pools_of_the_last_blocks_are_mended() {
    for (fault, name) in [
        ("UPDATE uniswap_v3_pools SET fee_token0 = 1", "uniswap_v3"),
        ("DELETE FROM liquidity_positions", "uniswap_v3"),
        ("DELETE FROM managed_pool_liquidity_positions", "uniswap_v4"),
        (
            "UPDATE uniswap_v4_pools SET hooks = '0x00000000000000000000000000000000000000aB'",
            "uniswap_v4",
        ),
    ] {
        // Everything that happens is in blocks that are not final, and the journal has all of it.
        let mut scene = scene(ChainId::ETHEREUM, 4, 0);
        scene.push(&[Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()]);
        scene.update_to_head();
        scene.push(&[
            vec![creation(5, 7), liquidity(5, 7, -1, 2, 10), creation(6, 7)],
            vec![liquidity(5, 0, -1, 3, 10), liquidity(6, 7, -1, 3, 10)],
            vec![liquidity(5, 7, -1, 2, -10), liquidity(6, 0, -1, 3, 10)],
        ]);
        scene.update_to_head();
        execute(&scene.path, fault);
        let names = match name {
            "uniswap_v4" => vec![name],
            _ => vec!["uniswap_v3", "pancakeswap_v3", "sushiswap_v3", "other_v3"],
        };
        let options =
            PoolRepairOptions::default().exchanges(names.into_iter().map(exchange).collect());
        let (report, result) = repair(&scene, &options);
        result.unwrap();
        assert!(report.undone.is_some() && report.taken_in.is_some());
        assert!(report.rewritten > 1, "{fault}");
        assert_goes_on(scene);
    }
}

#[test]
fn repair_makes_a_refused_undo_possible() {
    let mut scene = scene(ChainId::ETHEREUM, 3, 6);
    scene.update_to_head();
    // Ticks of two pools that the journal has.
    execute(
        &scene.path,
        "UPDATE liquidity_positions SET liquidity_gross = '7' WHERE pool_id IN
             (SELECT pool_id FROM uniswap_v3_pools WHERE liquidity_update_block > 1004);
         UPDATE managed_pool_liquidity_positions SET liquidity_gross = '7'",
    );
    scene.reorganise(
        2,
        &[vec![liquidity(5, 0, -1, 3, 5)], Vec::new(), Vec::new()],
    );
    let error = scene.update(&to_head()).1.unwrap_err();
    let hint = error.hint();
    assert!(hint.contains("'degenbot pool repair "), "{hint}");
    let (report, result) = repair(&scene, &whole());
    result.unwrap();
    assert!(report.undone.is_some());
    scene.update_to_head();
    assert_goes_on(scene);
}

#[test]
fn pools_of_a_token_with_a_wrong_address_get_the_right_one() {
    for finality in [0, 3, 1_000] {
        let scene = scene(ChainId::ETHEREUM, finality, 6);
        scene.update_to_head();
        execute(
            &scene.path,
            "UPDATE erc20_tokens SET address = '0x00000000000000000000000000000000000000Aa'
             WHERE id = (SELECT token0_id FROM pools ORDER BY id LIMIT 1)",
        );
        let exchanges = scene.model.exchanges.iter().map(Deployment::exchange);
        let options = PoolRepairOptions::default().exchanges(exchanges.collect());
        let (report, result) = repair(&scene, &options);
        result.unwrap();
        assert!(report.rewritten > 0);
        // Nothing refers to it any more.
        execute(
            &scene.path,
            "DELETE FROM erc20_tokens WHERE address = '0x00000000000000000000000000000000000000Aa'",
        );
        assert_goes_on(scene);
    }
}

#[test]
fn unknown_pools_are_deleted_only_if_asked() {
    let scene = scene(ChainId::ETHEREUM, 3, 6);
    scene.update_to_head();
    execute(
        &scene.path,
        "INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id)
             SELECT '0x00000000000000000000000000000000000000Aa', chain, kind, token0_id, token1_id, exchange_id
             FROM pools WHERE kind = 'uniswap_v3' LIMIT 1;
         INSERT INTO uniswap_v3_pools SELECT (SELECT max(id) FROM pools), tick_spacing, NULL, NULL, fee_token0, fee_token1, fee_denominator
             FROM uniswap_v3_pools LIMIT 1",
    );
    let before = rows(&scene.path);
    let (report, result) = repair(&scene, &whole());
    result.unwrap();
    assert_eq!((report.unknown.len(), report.deleted), (1, 0));
    assert_rows(&rows(&scene.path), &before);
    let (report, result) = repair(&scene, &whole().delete_unknown(true));
    result.unwrap();
    assert_eq!((report.unknown.len(), report.deleted), (1, 1));
    assert_goes_on(scene);
}

#[test]
fn pools_that_are_newer_than_the_block_of_their_exchange_are_never_deleted() {
    // All blocks final, some of them, and none.
    for finality in [0, 3, 1_000] {
        let mut scene = scene(ChainId::ETHEREUM, finality, 6);
        scene.update_to_head();
        execute(
            &scene.path,
            "UPDATE exchanges SET last_update_block = 1000 WHERE chain_id = 1 AND name IN ('uniswap_v3', 'uniswap_v4')",
        );
        let (report, result) = verify(&scene, &all());
        result.unwrap();
        assert!(report.findings.len() > 4);
        let is_later = PoolFinding::is_created_later;
        assert!(
            report.findings.iter().all(is_later),
            "{:?}",
            report.findings
        );
        // A pool that nobody has created is deleted all the same.
        execute(
            &scene.path,
            "INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id)
                 SELECT '0x00000000000000000000000000000000000000Aa', chain, kind, token0_id, token1_id, exchange_id
                 FROM pools WHERE kind = 'uniswap_v3' LIMIT 1",
        );
        let (report, result) = repair(&scene, &whole().delete_unknown(true));
        result.unwrap();
        let later = report.unknown.iter().filter(|it| is_later(it)).count();
        assert!(later > 4, "{:?}", report.unknown);
        assert_eq!(
            (report.unknown.len(), report.deleted),
            (later + 1, 1),
            "{:?}",
            report.unknown
        );
        scene.push(&[vec![liquidity(3, 0, -1, 3, 30)]]);
        scene.update_to_head();
        assert_goes_on(scene);
    }
}

#[test]
fn lost_pairs_are_found_by_their_exchange() {
    // An older update has lost pairs, and the next one names their number.
    let mut scene = scene(ChainId::ETHEREUM, 0, 2);
    scene.update_to_head();
    delete_pool(&scene.path, "uniswap_v2_pools");
    scene.push(&[vec![creation(4, 9)]]);
    let (report, result) = scene.update(&to_head());
    result.unwrap();
    assert_eq!(
        report
            .exchanges
            .iter()
            .map(|it| it.missing_pairs)
            .sum::<u64>(),
        1
    );
    let options = PoolRepairOptions::default().exchanges(vec![exchange("uniswap_v2")]);
    let (report, result) = repair(&scene, &options);
    result.unwrap();
    assert_eq!(report.inserted, 1);
    assert_goes_on(scene);
}

#[test]
fn update_beside_a_repair_is_noticed() {
    for request in [0, 2] {
        let mut scene = scene(ChainId::ETHEREUM, 3, 6);
        scene.update_to_head();
        execute(&scene.path, FAULTS[0].0);
        scene.push(&[
            vec![liquidity(3, 0, -1, 3, 30)],
            vec![liquidity(6, 0, -1, 3, 30)],
        ]);
        let (path, chain, node) = (scene.path.clone(), scene.model.chain, scene.node());
        scene.at_request(request, move |_| {
            update_pools(&path, chain, &node, &to_head(), &mut ())
                .1
                .unwrap();
        });
        let (report, result) = repair(&scene, &whole());
        result.unwrap();
        assert_eq!(report.rewritten, 1);
        assert_goes_on(scene);
    }
}

#[test]
fn node_that_leaves_out_events_mends_nothing() {
    let scene = scene(ChainId::ETHEREUM, 0, 2);
    scene.update_to_head();
    execute(&scene.path, FAULTS[0].0);
    let before = rows(&scene.path);
    scene.server.set_faults(Faults::mutating(|method, answer| {
        if method == "eth_getLogs"
            && let Some(logs) = answer["result"].as_array_mut()
            && logs.len() > 4
        {
            logs.remove(1);
        }
    }));
    let (_, result) = repair(&scene, &whole());
    result.unwrap_err();
    assert_rows(&rows(&scene.path), &before);
    scene.server.set_faults(Faults::default());
    repair(&scene, &whole()).1.unwrap();
    assert_goes_on(scene);
}

#[test]
fn killed_repair_leaves_a_database_that_goes_on() {
    for requests in [2, 5, 7, 9, 11] {
        let scene = scene(ChainId::ETHEREUM, 3, 6);
        scene.update_to_head();
        execute(&scene.path, FAULTS[0].0);
        let url = scene.server.url();
        let arguments = [
            "pool",
            "repair",
            "--rpc",
            &url,
            "--exchange",
            "ethereum_pancakeswap_v3",
            "--concurrency",
            "1",
        ];
        let begin = scene.server.count();
        scene.server.set_faults(Faults {
            always: vec![Incident::Hang],
            ..Faults::next(vec![Incident::None; requests])
        });
        let mut child = spawn(on(&scene.path, &arguments));
        while scene.server.count() <= begin + requests && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        send(&child, "-KILL");
        drop(finish(child));
        scene.server.set_faults(Faults::default());
        assert_eq!(integrity(&scene.path), ["ok"]);
        // What was taken back is taken in by the next update; the fault is there, or is mended.
        scene.update(&to_head()).1.unwrap();
        repair(&scene, &whole()).1.unwrap();
        assert_goes_on(scene);
    }
}

#[test]
fn repair_without_a_journal_goes_to_the_marks() {
    // As the Python package leaves a database.
    let scene = scene(ChainId::ETHEREUM, 3, 6);
    scene.update_to_head();
    execute(
        &scene.path,
        "DELETE FROM chain_journal; DELETE FROM chain_blocks",
    );
    execute(&scene.path, FAULTS[0].0);
    let (report, result) = repair(&scene, &whole());
    result.unwrap();
    assert_eq!((report.rewritten, report.undone), (1, None));
    scene.assert_at(scene.head());
}

#[test]
fn exchanges_that_are_behind_are_repaired_at_their_own_block() {
    let mut scene = scene(ChainId::ETHEREUM, 3, 6);
    let names = [exchange("uniswap_v3"), exchange("uniswap_v2")];
    let behind = to_head().exchanges(names.into());
    scene.update(&behind).1.unwrap();
    let blocks: Vec<Vec<Happening>> = (0..5)
        .map(|_| vec![liquidity(5, 0, -1, 3, 7), liquidity(1, 0, -1, 3, 7)])
        .collect();
    scene.push(&blocks);
    let others = ["pancakeswap_v3", "uniswap_v4", "pancakeswap_v2"].map(exchange);
    scene.update(&to_head().exchanges(others.into())).1.unwrap();
    for (fault, _) in FAULTS {
        execute(&scene.path, fault);
    }
    let marks = || -> Vec<_> {
        let rows = rows(&scene.path).into_iter();
        rows.filter(|row| row.starts_with("exchange")).collect()
    };
    let before = marks();
    let (report, result) = repair(&scene, &whole());
    result.unwrap();
    assert_eq!(report.rewritten, 3);
    assert_eq!(marks(), before);
    scene.update_to_head();
}
