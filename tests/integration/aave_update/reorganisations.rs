//! Blocks that disappear: what they changed is undone, and others can come.

use proptest::prelude::*;

use super::stored::{assert_chain_at, rows};
use super::{MARKETS, NEVER, Scene, assert_rows, execute, reference, to_head};

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn undone_blocks_leave_the_database_of_those_before(
        // What the transfers of 3.0.0 say shows later, in blocks that disappear here.
        name in prop::sample::select(&MARKETS[1..]),
        kept in 25..95_u64,
        more in 1..60_u64,
        empty in 0..4_u64,
        chunk in prop_oneof![Just(10_000), 20..200_u64],
    ) {
        let scene = Scene::new(name, NEVER);
        let kept = scene.percent(kept);
        let far = (kept + more * 5).min(scene.recording.head());
        scene.fork_above(kept);
        scene.update(&to_head().chunk(chunk)).1.unwrap();
        assert_rows(&rows(&scene.path), &reference(scene.recording, kept));
        scene.grow(far);
        scene.update(&to_head().chunk(chunk)).1.unwrap();
        assert_rows(&rows(&scene.path), &reference(scene.recording, far));
        // Other blocks come instead, without events, and disappear as well.
        scene.fork_above(kept);
        scene.replace(0, (far - kept + empty).min(scene.recording.head() - kept));
        let report = scene.update_to_head();
        prop_assert!(report.undone.is_some() || far == kept);
        let marks = |rows: &[String]| -> Vec<String> {
            let is_mark = |row: &&String| !row.contains("\"market\"") && !row.contains("\"facts of market\"");
            rows.iter().filter(is_mark).cloned().collect()
        };
        assert_rows(&marks(&rows(&scene.path)), &marks(&reference(scene.recording, kept)));
        scene.fork_above(kept);
        scene.grow(scene.recording.head());
        scene.update(&to_head().chunk(chunk)).1.unwrap();
        assert_rows(&rows(&scene.path), &reference(scene.recording, scene.recording.head()));
    }
}

#[test]
fn every_block_that_is_not_final_can_be_undone() {
    for name in ["302", "36"] {
        let scene = Scene::new(name, NEVER);
        let recording = scene.recording;
        let end = scene.percent(30);
        scene.fork_above(end);
        scene.update_to_head();
        // Backwards, some blocks at a time. A chain never gets shorter.
        let (mut kept, mut end) = (end, end);
        while kept > recording.first_block + 60 {
            kept -= 23;
            scene.fork_above(kept);
            end += 1;
            scene.replace(0, end - kept);
            scene.update_to_head();
            let without = |rows: &[String]| -> Vec<String> {
                let is_other = |row: &&String| !row.contains("market\"");
                rows.iter().filter(is_other).cloned().collect()
            };
            let expected = reference(recording, kept);
            assert_rows(&without(&rows(&scene.path)), &without(&expected));
        }
    }
}

#[test]
fn same_events_in_other_blocks_give_the_same_database() {
    let scene = Scene::new("36", NEVER);
    let recording = scene.recording;
    let [kept, far] = [40, 60].map(|percent| scene.percent(percent));
    scene.fork_above(far);
    scene.update_to_head();
    scene.fork_above(kept);
    scene.grow(recording.head());
    let report = scene.update_to_head();
    let undone = report.undone.map(|(block, _)| block.get());
    // The stored blocks are compared, and those in between are not stored where nothing happened.
    assert!(undone.is_some_and(|block| block <= kept), "{undone:?}");
    let found = rows(&scene.path);
    assert_rows(&found, &reference(recording, recording.head()));
    assert_chain_at(recording, &found, recording.head());
}

#[test]
fn emptied_journal_is_noticed_where_blocks_are_to_be_undone() {
    for (fault, told) in [
        (
            "DELETE FROM chain_journal",
            "have changed of Aave Ethereum Market",
        ),
        (
            "DELETE FROM chain_blocks",
            "but chain_blocks lacks its hash",
        ),
    ] {
        let scene = Scene::new("302", 60);
        scene.update_to_head();
        execute(&scene.path, fault);
        scene.replace(20, 30);
        let error = scene.refused(&to_head()).to_string();
        assert!(error.contains(told), "{error}");
    }
}
