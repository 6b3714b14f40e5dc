//! However the blocks are divided, the database is what the contracts say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alloy_primitives::keccak256;
use degenbot::types::BlockNumber;
use proptest::prelude::*;
use serde_json::json;

use super::stored::{assert_chain_at, rows};
use super::{MARKETS, NEVER, Scene, assert_rows, at, reference, to_head};
use crate::support::aave_recording::recording;
use crate::support::fake_chain::FakeLog;
use crate::support::node_faults::{Faults, Incident};

#[test]
fn database_is_what_the_contracts_say_at_every_recorded_block() {
    for name in MARKETS {
        let scene = Scene::new(name, 0);
        let mut compared = 0;
        for block in scene.recording.expected.keys() {
            scene.update(&to_head().to_block(at(*block))).1.unwrap();
            compared += assert_chain_at(scene.recording, &rows(&scene.path), *block);
        }
        assert!(compared > 1_500, "{name}: {compared}");
        assert_rows(
            &rows(&scene.path),
            &reference(scene.recording, scene.recording.head()),
        );
        let report = scene.update_to_head();
        assert_eq!((report.events, report.rows, report.positions), (0, 0, 0));
        assert!(report.node.requests <= 3, "{:?}", report.node);
    }
}

#[test]
fn node_that_has_only_the_blocks_so_far_gives_the_same_database() {
    for name in MARKETS {
        let blocks: Vec<u64> = recording(name).expected.keys().copied().collect();
        let scene = Scene::at(name, NEVER, blocks[0]);
        for block in blocks {
            scene.grow(block);
            scene.update_to_head();
            let found = rows(&scene.path);
            assert_chain_at(scene.recording, &found, block);
            assert_rows(&found, &reference(scene.recording, block));
        }
    }
}

#[test]
fn first_revisions_and_price_sources_do_not_depend_on_what_comes_later() {
    for name in MARKETS {
        // Everything is listed by then; nothing is upgraded yet.
        let early = recording(name).special["listed"][2];
        let scene = Scene::new(name, 0);
        scene.update(&to_head().to_block(at(early))).1.unwrap();
        assert_rows(&rows(&scene.path), &reference(scene.recording, early));
    }
}

/// The header comes from a node that lags, and the state from one that has the tokens' upgrades already.
#[test]
fn first_revisions_are_those_at_the_block_whose_header_was_read() {
    for name in MARKETS {
        let early = recording(name).special["listed"][2];
        let scene = Scene::new(name, 0);
        let (lagging, head) = scene.server.chain(|chain| {
            let params = json!([format!("{early:#x}"), false]);
            let header = chain.answer("eth_getBlockByNumber", &params).unwrap();
            (header, format!("{:#x}", chain.head()))
        });
        scene
            .server
            .set_faults(Faults::mutating(move |method, answer| {
                if method == "eth_getBlockByNumber" && answer["result"]["number"] == head.as_str() {
                    answer["result"] = lagging.clone();
                }
            }));
        scene.update(&to_head().to_block(at(early))).1.unwrap();
        assert_rows(&rows(&scene.path), &reference(scene.recording, early));
    }
}

/// Behind a provider, the node that answers can be one that lags.
#[test]
fn first_revisions_wait_for_a_header_that_comes_late() {
    const LATE: usize = 3;
    let name = MARKETS[0];
    let blocks = &recording(name).special["listed"];
    let (first, listed) = (blocks[0], blocks[2]);
    let scene = Scene::new(name, 0);
    let before = scene.server.chain(|chain| {
        let params = json!([format!("{:#x}", first - 1), false]);
        chain.answer("eth_getBlockByNumber", &params).unwrap()
    });
    let (head, asked) = (
        scene.server.chain(|chain| chain.head()),
        AtomicUsize::new(0),
    );
    let head = format!("{head:#x}");
    scene
        .server
        .set_faults(Faults::mutating(move |method, answer| {
            if method == "eth_getBlockByNumber" && answer["result"]["number"] == head.as_str() {
                // The update itself has asked before.
                if (1..=LATE).contains(&asked.fetch_add(1, Ordering::Relaxed)) {
                    answer["result"] = before.clone();
                }
            }
        }));
    let (report, result) = scene.update(&to_head().to_block(at(listed)));
    result.unwrap();
    assert_rows(&rows(&scene.path), &reference(scene.recording, listed));
    // The first wait alone takes as long.
    let waited = report.node.waited;
    assert!(waited >= Duration::from_millis(100), "{waited:?}");
}

#[test]
fn blocks_one_by_one_give_the_same_database() {
    for (name, percent) in [("300", 12), ("302", 12), ("36", 15)] {
        for finality in [0, NEVER] {
            let [one, other] = [1, 10_000].map(|chunk| {
                let scene = Scene::new(name, finality);
                let options = to_head().to_block(at(scene.percent(percent)));
                scene.update(&options.chunk(chunk)).1.unwrap();
                rows(&scene.path)
            });
            assert_rows(&one, &other);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn any_division_of_the_blocks_gives_one_database(
        name in prop::sample::select(&MARKETS[..]),
        finality in prop_oneof![Just(0), Just(NEVER), 0..2_000_u64],
        stops in prop::collection::vec((0..=100_u64, prop_oneof![Just(7), Just(10_000), 3..400_u64], 1..5_usize), 0..4),
    ) {
        let scene = Scene::new(name, finality);
        let mut last = 0;
        for (percent, chunk, concurrency) in stops {
            let stop = scene.percent(percent);
            let (report, result) = scene.update(&to_head().to_block(at(stop)).chunk(chunk).concurrency(concurrency));
            result.unwrap();
            last = stop.max(last);
            prop_assert_eq!(report.markets[0].to.map(BlockNumber::get), Some(last));
        }
        scene.update_to_head();
        assert_rows(&rows(&scene.path), &reference(scene.recording, scene.recording.head()));
    }

    #[test]
    fn node_with_limits_and_faults_gives_the_same_database(
        name in prop::sample::select(&MARKETS[..]),
        max_range in 60..2_000_u64,
        max_logs in 100..1_000_usize,
        chunk in 50..2_000_u64,
    ) {
        let scene = Scene::new(name, 5);
        scene.server.set_faults(Faults {
            max_range: Some(max_range),
            max_logs: Some(max_logs),
            ..Faults::next([Incident::None, Incident::None, Incident::None, Incident::Cut])
        });
        scene.update(&to_head().chunk(chunk)).1.unwrap();
        assert_rows(&rows(&scene.path), &reference(scene.recording, scene.recording.head()));
    }
}

#[test]
fn index_that_changes_twice_in_a_block_is_the_later_one() {
    let scene = Scene::new("302", 0);
    let expected = scene.recording.expected.values().last().unwrap();
    let [asset, pool] = [
        &expected.reserves[0].underlying,
        &expected.contracts["POOL"].0,
    ];
    let asset: alloy_primitives::Address = asset.parse().unwrap();
    let indexes = [
        "2000000000000000000000000000",
        "2000000000000000000000000001",
    ];
    let logs = indexes.map(|index| {
        let index: alloy_primitives::U256 = index.parse().unwrap();
        let signature = "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)";
        FakeLog {
            address: pool.parse().unwrap(),
            topics: vec![keccak256(signature), asset.into_word()],
            data: [index.to_be_bytes::<32>(); 5].concat(),
        }
    });
    scene.server.chain(|chain| chain.push(logs.to_vec()));
    scene.update_to_head();
    let found = rows(&scene.path);
    let has = |index: &str| found.iter().any(|row| row.contains(index));
    assert!(!has(indexes[0]) && has(indexes[1]));
}
