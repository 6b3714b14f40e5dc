//! Blocks that disappear from the chain are undone exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use degenbot::deployments::Deployment;
use degenbot::sync::{BlockTarget, PoolRepairOptions, PoolUpdateOptions, SyncError, repair_pools};
use degenbot::types::ChainId;
use proptest::prelude::*;

use super::model::{FIRST, Happening, any_block, creation, liquidity};
use super::{Scene, assert_rows, execute, rows, to_head};
use crate::support::content::{connect, lines};

/// What becomes of a block that disappears.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Kept,
    Dropped,
    /// Its transactions come one block later.
    Moved,
    /// Its transactions come in the opposite order.
    Turned,
}

/// What happens on the chain between two updates.
#[derive(Debug, Clone)]
struct Step {
    depth: usize,
    fates: Vec<Fate>,
    new: Vec<Vec<Happening>>,
    chunk: u64,
    /// How far the update stays behind the head.
    distance: u64,
    /// The exchanges that are activated, a bit each.
    active: u16,
}

fn any_step() -> impl Strategy<Value = Step> {
    let fate = prop::sample::select(&[Fate::Kept, Fate::Dropped, Fate::Moved, Fate::Turned][..]);
    (
        0..9_usize,
        prop::collection::vec(fate, 0..9),
        prop::collection::vec(any_block(), 0..5),
        1..8_u64,
        0..3_u64,
        any::<u16>(),
        any::<u16>(),
    )
        .prop_map(|(depth, fates, new, chunk, distance, one, other)| Step {
            depth,
            fates,
            new,
            chunk,
            distance,
            active: one & other,
        })
}

/// Activates exchanges, which are at no block yet.
fn activate(scene: &Scene, active: u16, marks: &mut BTreeMap<usize, u64>) {
    for index in 0..scene.model.exchanges.len() {
        if active >> index & 1 == 1 {
            let exchange = &scene.model.exchanges[index];
            let (chain, name) = (exchange.chain, &exchange.name);
            execute(
                &scene.path,
                &format!(
                    "UPDATE exchanges SET active = 1 WHERE chain_id = {chain} AND name = '{name}'"
                ),
            );
            marks.entry(index).or_default();
        }
    }
}

/// Updates, and compares the database with the model.
fn update(scene: &Scene, options: &PoolUpdateOptions, marks: &mut BTreeMap<usize, u64>) {
    let (report, result) = scene.update(options);
    result.unwrap();
    let kept = report.undone.map_or(u64::MAX, |(block, _)| block.get());
    let target = report.target.unwrap().get();
    for mark in marks.values_mut() {
        // What is beyond the target and still in the chain stays.
        *mark = target.max(kept.min(*mark));
    }
    let expected = scene.model.rows(|index| marks.get(&index).copied());
    assert_rows(&rows(&scene.path), &expected);
}

/// What happens in the blocks that come instead.
fn changed(old: &[Vec<Happening>], fates: &[Fate]) -> Vec<Vec<Happening>> {
    let mut new: Vec<Vec<Happening>> = vec![Vec::new(); fates.len().min(old.len())];
    for (index, (block, fate)) in old.iter().zip(fates).enumerate() {
        let mut block = block.clone();
        let place = match fate {
            Fate::Kept => index,
            Fate::Dropped => continue,
            Fate::Moved => (index + 1).min(new.len() - 1),
            Fate::Turned => {
                block.reverse();
                index
            }
        };
        new[place].append(&mut block);
    }
    new
}

/// The tables whose ids bots keep in memory, each row by its id.
fn ids(path: &Path) -> BTreeMap<String, String> {
    let connection = &mut connect(path);
    let mut ids = BTreeMap::new();
    for (table, id, key) in [
        ("pools", "id", "address"),
        ("uniswap_v4_pools", "managed_pool_id", "pool_hash"),
        ("erc20_tokens", "id", "address"),
    ] {
        let sql = format!("SELECT {id} || ' ' || {key} AS line FROM {table}");
        ids.extend(lines(connection, &sql).iter().map(|line| {
            let (id, key) = line.split_once(' ').unwrap();
            (format!("{table} {id}"), key.to_owned())
        }));
    }
    ids
}

/// Remembers which ids have disappeared.
#[derive(Default)]
struct Ids {
    now: BTreeMap<String, String>,
    gone: BTreeSet<String>,
}

impl Ids {
    fn look(&mut self, path: &Path) {
        let now = ids(path);
        for (id, key) in &self.now {
            match now.get(id) {
                Some(found) => assert_eq!(found, key, "{id} is another one's"),
                None => assert!(self.gone.insert(id.clone())),
            }
        }
        for id in now.keys() {
            assert!(!self.gone.contains(id), "{id} was given again");
        }
        self.now = now;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn reorganised_chain_gives_the_database_of_the_new_chain_alone(
        chain in prop::sample::select(&[ChainId::ETHEREUM, ChainId::BASE][..]),
        first in prop::collection::vec(any_block(), 1..12),
        finality in 1..14_u64,
        active in any::<u16>(),
        steps in prop::collection::vec(any_step(), 1..6),
    ) {
        let mut scene = Scene::with(chain, finality, &first);
        let mut ids = Ids::default();
        let mut marks = BTreeMap::new();
        execute(&scene.path, "UPDATE exchanges SET active = 0");
        activate(&scene, active | 1, &mut marks);
        update(&scene, &to_head(), &mut marks);
        ids.look(&scene.path);
        // The newest block that the node has called final.
        let mut last_final = scene.head().saturating_sub(finality).max(FIRST);
        for step in steps {
            let depth = step.depth.min(usize::try_from(scene.head() - last_final).unwrap());
            let old = scene.model.blocks[scene.model.blocks.len() - depth..].to_vec();
            let mut new = changed(&old, &step.fates);
            new.extend(step.new);
            scene.reorganise(depth, &new);
            activate(&scene, step.active, &mut marks);
            let stored = marks.values().copied().max().unwrap();
            if scene.head() < stored {
                // Nobody knows yet whether the blocks are gone.
                let error = scene.update(&to_head()).1.unwrap_err();
                prop_assert!(matches!(error, SyncError::Behind { .. }), "{}", error);
                while scene.head() < stored {
                    scene.push(&[vec![creation(3, 7), liquidity(2, 1, 0, 1, 10)]]);
                }
            }
            let target = (scene.head() - step.distance).max(last_final);
            let options = to_head().chunk(step.chunk).to_block(super::properties::at(target));
            update(&scene, &options, &mut marks);
            ids.look(&scene.path);
            last_final = last_final.max(scene.head().saturating_sub(finality));
        }
        update(&scene, &to_head(), &mut marks);
        ids.look(&scene.path);
    }

    #[test]
    fn reorganisation_during_an_update_gives_the_new_chain(
        first in prop::collection::vec(any_block(), 6..12),
        again in prop::collection::vec(any_block(), 1..6),
        fates in prop::collection::vec(prop::sample::select(&[Fate::Kept, Fate::Dropped, Fate::Moved][..]), 5..6),
        depth in 1..6_usize,
        request in 0..10_usize,
        chunk in 1..4_u64,
    ) {
        let mut scene = Scene::with(ChainId::ETHEREUM, 6, &first);
        let old = scene.model.truncate(depth);
        let mut new = changed(&old, &fates);
        // It is never shorter.
        new.resize(depth, Vec::new());
        new.extend(again);
        let logs = new.iter().map(|block| scene.model.push(block)).collect();
        scene.at_request(request, move |server| {
            server.chain(|chain| chain.reorganise(depth, logs));
        });
        match scene.update(&to_head().chunk(chunk)).1 {
            Ok(()) | Err(SyncError::Node { .. } | SyncError::Branches { .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
        // Where there were too few requests, the chain has not changed.
        scene.server.chain(|chain| {
            prop_assume!(chain.head() == scene.model.head());
            Ok(())
        })?;
        scene.update_to_head();
    }
}

/// A chain of which six blocks are not final.
fn with_journal() -> Scene {
    let blocks: Vec<_> = (0..12)
        .map(|number| {
            vec![
                creation(usize::from(number), number),
                liquidity(3, number % 3, -1, 3, 100),
                liquidity(6, number % 3, -1, 3, 100),
            ]
        })
        .collect();
    let scene = Scene::with(ChainId::ETHEREUM, 6, &blocks);
    scene.update_to_head();
    scene
}

#[test]
fn reorganisation_below_the_final_block_is_refused() {
    let mut scene = with_journal();
    let before = scene.model.rows_at(scene.head());
    scene.reorganise(7, &vec![Vec::new(); 9]);
    let error = scene.refused(&to_head());
    assert_eq!(
        error,
        "The chain was reorganised, but the database can go back to block 1006 at most, not to block 1005"
    );
    assert_rows(&rows(&scene.path), &before);
}

#[test]
fn final_blocks_stay_final_if_the_node_forgets_it() {
    let mut scene = with_journal();
    scene.push(&[vec![creation(1, 3)], Vec::new(), vec![creation(0, 4)]]);
    scene.update_to_head();
    // The node says that less is final than before, and an exchange has to take in what the others have.
    execute(
        &scene.path,
        "UPDATE exchanges SET last_update_block = NULL WHERE chain_id = 1 AND name = 'uniswap_v2';
         DELETE FROM uniswap_v2_pools; DELETE FROM pools WHERE kind = 'uniswap_v2'",
    );
    scene.server.chain(|chain| chain.finality = 100);
    scene.update_to_head();
    let before = scene.model.rows_at(scene.head());
    scene.reorganise(8, &vec![Vec::new(); 9]);
    let error = scene.refused(&to_head());
    assert!(
        error.contains("can go back to block 1009 at most"),
        "{error}"
    );
    assert_rows(&rows(&scene.path), &before);
}

#[test]
fn rows_that_another_program_has_changed_are_not_undone() {
    for (change, row) in [
        (
            "UPDATE liquidity_positions SET liquidity_net = '7', liquidity_gross = '7' WHERE id = 1",
            "liquidity_positions row 1 of pool ",
        ),
        (
            "UPDATE sushiswap_v3_pools SET liquidity_update_log_index = 99",
            "sushiswap_v3_pools row ",
        ),
        (
            "UPDATE uniswap_v4_pools SET liquidity_update_block = 1013",
            "uniswap_v4_pools row ",
        ),
        (
            "UPDATE exchanges SET last_update_block = 1013 WHERE name = 'uniswap_v2'",
            "uniswap_v2 is at block 1013, ",
        ),
    ] {
        let mut scene = with_journal();
        execute(&scene.path, change);
        let before = rows(&scene.path);
        scene.reorganise(3, &vec![Vec::new(); 4]);
        let error = scene.refused(&to_head());
        assert!(
            error.starts_with(&format!("The chain was reorganised, but {row}")),
            "{error}"
        );
        assert_rows(&rows(&scene.path), &before);
    }
}

#[test]
fn blocks_that_another_program_has_taken_in_are_not_undone() {
    // Which exchanges it updates, and from which block on there is no journal.
    for (exchanges, without_journal) in [(0..8, 1_006), (0..1, 1_006), (3..4, 1_006), (3..7, 0)] {
        for fork in [1_004, 1_006, 1_007, 1_008, 1_009] {
            let blocks: Vec<_> = (0..12)
                .map(|number| {
                    vec![
                        creation(usize::from(number), number),
                        liquidity(3, number % 3, -1, 3, 100),
                        liquidity(6, number % 3, -1, 3, 100),
                    ]
                })
                .collect();
            let mut scene = Scene::with(ChainId::ETHEREUM, 10, &blocks);
            let to = |block| to_head().to_block(super::properties::at(block));
            scene.update(&to(1_005)).1.unwrap();
            let names = exchanges
                .clone()
                .map(|index| scene.model.exchanges[index].exchange());
            scene
                .update(&to(1_008).exchanges(names.collect()))
                .1
                .unwrap();
            execute(
                &scene.path,
                &format!(
                    "DELETE FROM chain_blocks WHERE number >= {without_journal};
                     DELETE FROM chain_journal WHERE block >= {without_journal}"
                ),
            );
            scene.update(&to(1_010)).1.unwrap();
            scene.assert_at(1_010);
            let depth = usize::try_from(scene.head() - fork).unwrap();
            let before = rows(&scene.path);
            scene.reorganise(
                depth,
                &vec![vec![creation(1, 7), liquidity(3, 1, 0, 2, 5)]; 10],
            );
            if fork < 1_008 {
                let error = scene.refused(&to_head());
                assert!(
                    error.contains("can go back to block 1008 at most"),
                    "{error}"
                );
                assert_rows(&rows(&scene.path), &before);
            } else {
                scene.update_to_head();
            }
        }
    }
}

#[test]
fn tokens_that_others_refer_to_stay() {
    let mut scene = with_journal();
    // The last pool's tokens are new; another program has added a pool of one of them.
    scene.push(&[vec![creation(0, 5)]]);
    scene.reorganise(1, &[vec![creation(1, 9)]]);
    scene.update_to_head();
    let token = lines(
        &mut connect(&scene.path),
        "SELECT id || ' ' || address AS line FROM erc20_tokens ORDER BY id DESC LIMIT 1",
    );
    let (id, _) = token[0].split_once(' ').unwrap();
    execute(
        &scene.path,
        &format!(
            "INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id)
             SELECT '0x00000000000000000000000000000000000000AA', 1, 'camelot_v2', {id}, {id}, min(id) FROM exchanges"
        ),
    );
    let depth = 6;
    scene.reorganise(depth, &vec![Vec::new(); 7]);
    scene.update(&to_head()).1.unwrap();
    let kept = lines(
        &mut connect(&scene.path),
        &format!("SELECT id || ' ' || address AS line FROM erc20_tokens WHERE id = {id}"),
    );
    assert_eq!(kept, token);
}

#[test]
fn token_of_an_exchange_that_caught_up_goes_with_its_last_pool() {
    let blocks: Vec<_> = (0..3_u8)
        .map(|number| vec![creation(0, 2 - number), creation(4, number)])
        .collect();
    let mut scene = Scene::with(ChainId::ETHEREUM, 3, &blocks);
    // The pools of the second exchange come into the database later, and share the tokens of the first one's.
    execute(
        &scene.path,
        "UPDATE exchanges SET active = (name = 'pancakeswap_v2')",
    );
    scene.update(&to_head()).1.unwrap();
    execute(
        &scene.path,
        "UPDATE exchanges SET active = 1 WHERE chain_id = 1",
    );
    scene.update_to_head();
    scene.reorganise(1, &[Vec::new()]);
    scene.update_to_head();
    scene.reorganise(3, &vec![Vec::new(); 3]);
    scene.update_to_head();
}

#[test]
fn chain_without_final_blocks_can_be_undone() {
    let mut scene = Scene::with(
        ChainId::BASE,
        1_000,
        &vec![vec![creation(0, 1), liquidity(8, 2, 0, 2, 9)]; 3],
    );
    let report = scene.update_to_head();
    assert_eq!(report.finalized, None);
    scene.reorganise(3, &[Vec::new(), vec![creation(0, 2)], Vec::new()]);
    let report = scene.update_to_head();
    assert_eq!(report.undone.unwrap().0.get(), FIRST);
    let error = scene.refused(&to_head().to_block("finalized".parse::<BlockTarget>().unwrap()));
    assert_eq!(error, "The node has no block 'finalized'");
}

#[test]
fn final_blocks_leave_the_journal_one_update_late() {
    let mut scene = with_journal();
    let journal = |scene: &Scene| {
        let sql = "SELECT coalesce(min(block), 0) AS line FROM chain_journal";
        let blocks =
            "SELECT number || ' ' || is_final AS line FROM chain_blocks ORDER BY number LIMIT 1";
        let connection = &mut connect(&scene.path);
        (
            lines(connection, sql).remove(0),
            lines(connection, blocks).remove(0),
        )
    };
    assert_eq!(journal(&scene), ("1007".to_owned(), "1006 1".to_owned()));
    scene.push(&vec![vec![creation(1, 0)]; 3]);
    scene.update_to_head();
    assert_eq!(journal(&scene), ("1007".to_owned(), "1006 1".to_owned()));
    scene.push(&[Vec::new()]);
    scene.update_to_head();
    assert_eq!(journal(&scene), ("1010".to_owned(), "1009 1".to_owned()));
}

#[test]
fn emptied_journal_is_noticed_where_blocks_are_to_be_undone() {
    let with_blocks = || {
        let blocks: Vec<_> = (0..8_u8)
            .map(|number| vec![creation(3, number), liquidity(6, number, 0, 1, 5)])
            .collect();
        let scene = Scene::with(ChainId::ETHEREUM, 4, &blocks);
        scene.update_to_head();
        scene
    };
    for (fault, told) in [
        (
            "DELETE FROM chain_journal",
            "chain_journal lacks what the blocks after 1005 have changed of 0x",
        ),
        (
            "DELETE FROM chain_blocks",
            "chain_journal has what block 1008 has changed, but chain_blocks lacks its hash",
        ),
        (
            "DELETE FROM chain_blocks WHERE number > 1006",
            "chain_journal has what block 1008 has changed, but chain_blocks lacks its hash",
        ),
    ] {
        let mut scene = with_blocks();
        execute(&scene.path, fault);
        scene.reorganise(3, &vec![vec![creation(0, 9)]; 5]);
        let error = scene.refused(&to_head());
        assert!(error.contains(told), "{error}");
        // What the hint says.
        if told.contains("chain_blocks") {
            execute(
                &scene.path,
                "DELETE FROM chain_blocks; DELETE FROM chain_journal",
            );
        }
        let exchanges = scene.model.exchanges.iter().map(Deployment::exchange);
        let options = PoolRepairOptions::default()
            .exchanges(exchanges.collect())
            .delete_unknown(true);
        let chain = scene.model.chain;
        let (_, result) = repair_pools(&scene.path, chain, &scene.node(), &options, &mut |_| {});
        result.unwrap();
        // Nothing refers to the tokens that only the blocks had which are gone.
        execute(
            &scene.path,
            "DELETE FROM chain_journal;
             DELETE FROM erc20_tokens WHERE id NOT IN (SELECT token0_id FROM pools UNION SELECT token1_id FROM pools
                 UNION SELECT currency0_id FROM uniswap_v4_pools UNION SELECT currency1_id FROM uniswap_v4_pools)",
        );
        scene.update_to_head();
    }
    // Without a reorganisation, nothing is to be undone.
    let mut scene = with_blocks();
    execute(&scene.path, "DELETE FROM chain_journal");
    scene.push(&[vec![creation(0, 9)]]);
    scene.update_to_head();
}
