//! Any sequence of events, however it is divided, gives one database.

use std::collections::BTreeMap;

use degenbot::database::{ExchangeOptions, activate_exchange};
use degenbot::sync::BlockTarget;
use degenbot::types::{BlockNumber, ChainId};
use proptest::prelude::*;

use super::model::{FIRST, Happening, any_block, creation, liquidity};
use super::{Scene, assert_rows, execute, rows, to_head};
use crate::support::content::{connect, lines};
use crate::support::node_faults::{Faults, Incident};

const CHAINS: [ChainId; 2] = [ChainId::ETHEREUM, ChainId::BASE];

pub fn at(block: u64) -> BlockTarget {
    BlockNumber::new(block).unwrap().into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_division_of_the_blocks_gives_one_database(
        chain in prop::sample::select(&CHAINS[..]),
        blocks in prop::collection::vec(any_block(), 1..30),
        finality in 0..40_u64,
        stops in prop::collection::vec((0..30_u64, prop::sample::select(&[1, 2, 7, 10_000][..]), 1..5_usize), 0..4),
    ) {
        let scene = Scene::with(chain, finality, &blocks);
        let mut last = FIRST;
        for (stop, chunk, concurrency) in stops {
            let stop = (FIRST + stop).min(scene.head());
            last = last.max(stop);
            let options = to_head().to_block(at(stop)).chunk(chunk).concurrency(concurrency);
            let (report, result) = scene.update(&options);
            result.unwrap();
            prop_assert_eq!(report.target.map(BlockNumber::get), Some(stop));
            scene.assert_at(last);
        }
        scene.update_to_head();
        let report = scene.update_to_head();
        prop_assert_eq!((report.pools, report.events, report.rows), (0, 0, 0));
    }

    #[test]
    fn node_with_limits_and_faults_gives_the_same_database(
        blocks in prop::collection::vec(any_block(), 1..30),
        max_range in 1..20_u64,
        max_logs in 1..8_usize,
        chunk in 1..40_u64,
    ) {
        let scene = Scene::with(ChainId::BASE, 5, &blocks);
        scene.server.set_faults(Faults {
            max_range: Some(max_range),
            // As many as a block has, at least.
            max_logs: Some(max_logs.max(40)),
            ..Faults::next([Incident::None, Incident::None, Incident::None, Incident::Cut])
        });
        scene.update(&to_head().chunk(chunk)).1.unwrap();
        scene.assert_at(scene.head());
    }

    #[test]
    fn exchange_that_is_activated_later_catches_up(
        chain in prop::sample::select(&CHAINS[..]),
        parts in prop::collection::vec((prop::collection::vec(any_block(), 1..8), any::<u16>()), 1..4),
        finality in 0..20_u64,
        chunk in 1..10_u64,
    ) {
        let mut scene = Scene::new(chain, finality);
        execute(&scene.path, "UPDATE exchanges SET active = 0");
        let mut marks = BTreeMap::new();
        for (blocks, chosen) in parts {
            scene.push(&blocks);
            for index in 0..scene.model.exchanges.len() {
                if chosen >> index & 1 == 1 {
                    let name = scene.model.exchanges[index].exchange();
                    activate_exchange(&scene.path, &name, &ExchangeOptions::default()).unwrap();
                    marks.insert(index, 0);
                }
            }
            scene.update(&to_head().chunk(chunk)).1.unwrap();
            for mark in marks.values_mut() {
                *mark = scene.head();
            }
            assert_rows(&rows(&scene.path), &scene.model.rows(|index| marks.get(&index).copied()));
        }
        // Some fall back, as if they had been inactive.
        execute(&scene.path, &format!("UPDATE exchanges SET active = (id % 2) WHERE chain_id = {chain}"));
        scene.push(&[vec![creation(0, 5), creation(1, 5), liquidity(2, 5, 0, 2, 7)]]);
        scene.update(&to_head()).1.unwrap();
        execute(&scene.path, &format!("UPDATE exchanges SET active = 1 WHERE chain_id = {chain}"));
        scene.update_to_head();
    }
}

#[test]
fn all_kinds_of_exchanges_are_taken_in() {
    for chain in CHAINS {
        let mut scene = Scene::new(chain, 3);
        let exchanges = scene.model.exchanges.len();
        let all: Vec<Happening> = (0..exchanges)
            .flat_map(|exchange| {
                [
                    creation(exchange, 0),
                    liquidity(exchange, 1, -1, 2, 1_000),
                    liquidity(exchange, 1, -1, 2, 0),
                    liquidity(exchange, 1, 0, 1, 500),
                    liquidity(exchange, 1, -1, 2, -400),
                    liquidity(exchange, 1, 0, 5, 77),
                    liquidity(exchange, 0, 0, 1, 0),
                ]
            })
            .collect();
        let noise: Vec<_> = (0..4).map(Happening::Noise).collect();
        scene.push(&[all, noise, Vec::new(), Vec::new(), Vec::new(), Vec::new()]);
        let report = scene.update_to_head();
        assert_eq!(report.pools, 2 * exchanges as u64);
        assert!(report.exchanges.iter().all(|exchange| exchange.pools == 2));
        assert!(report.skipped.is_empty());
        assert_eq!(report.target, report.head);
        // All liquidity goes again.
        let none = (0..exchanges)
            .flat_map(|exchange| {
                [
                    liquidity(exchange, 1, -1, 2, -1_000),
                    liquidity(exchange, 1, 0, 1, -500),
                    liquidity(exchange, 1, 0, 5, -77),
                ]
            })
            .collect();
        scene.push(&[none]);
        scene.update_to_head();
        let ticks = lines(
            &mut connect(&scene.path),
            "SELECT count(*) AS line FROM liquidity_positions",
        );
        assert_eq!(ticks, ["0"]);
    }
}

#[test]
fn chains_of_one_database_do_not_touch_each_other() {
    let mut ethereum = Scene::new(ChainId::ETHEREUM, 4);
    let mut base = Scene::new(ChainId::BASE, 4);
    base.path.clone_from(&ethereum.path);
    execute(&base.path, "UPDATE exchanges SET active = 1");
    let all = |ethereum: &Scene, base: &Scene| {
        let mut rows = ethereum.model.rows_at(ethereum.head());
        rows.extend(base.model.rows_at(base.head()));
        rows
    };
    let blocks: Vec<_> = (0..8)
        .map(|number| vec![creation(number, 1), liquidity(number, 2, -1, 2, 50)])
        .collect();
    ethereum.push(&blocks);
    base.push(&blocks[2..]);
    for scene in [&ethereum, &base] {
        scene.update(&to_head()).1.unwrap();
    }
    assert_rows(&rows(&ethereum.path), &all(&ethereum, &base));
    // One chain is reorganised. The blocks of the other have the same numbers.
    base.reorganise(3, &[vec![liquidity(4, 2, 0, 3, 5)], Vec::new(), Vec::new()]);
    for scene in [&ethereum, &base] {
        scene.update(&to_head()).1.unwrap();
    }
    assert_rows(&rows(&ethereum.path), &all(&ethereum, &base));
}

#[test]
fn update_with_nothing_new_needs_three_requests() {
    for finality in [0, 2, 1_000] {
        let scene = Scene::with(ChainId::BASE, finality, &[vec![creation(8, 1)], Vec::new()]);
        scene.update_to_head();
        let report = scene.update_to_head();
        assert!(report.node.requests <= 3, "{:?}", report.node);
    }
}

#[test]
fn only_the_named_exchanges_take_part() {
    let blocks = [vec![creation(0, 1), creation(1, 1), creation(2, 1)]];
    let scene = Scene::with(ChainId::ETHEREUM, 0, &blocks);
    let name = scene.model.exchanges[1].exchange();
    let (report, result) = scene.update(&to_head().exchanges(vec![name.clone()]));
    result.unwrap();
    assert_eq!(report.exchanges.len(), 1);
    assert_eq!(report.exchanges[0].exchange, name);
    let expected = scene
        .model
        .rows(|index| (index == 1).then_some(scene.head()));
    assert_rows(&rows(&scene.path), &expected);
    scene.update_to_head();
}

#[test]
fn transactions_with_many_events_are_applied_in_order() {
    // Each event is possible only after the one before it.
    let block: Vec<_> = (0..60)
        .map(|step| liquidity(3, 1, 0, 2, if step % 2 == 0 { 1_000 } else { -1_000 }))
        .collect();
    let scene = Scene::with(ChainId::ETHEREUM, 0, &[block.clone(), block]);
    let report = scene.update_to_head();
    assert_eq!(report.events, 120);
}
