//! Updates with events that a bot has received itself: the rows are those of an update from a node.

use degenbot::database::Database;
use degenbot::node::{Header, LogFilter};
use degenbot::sync::{
    AaveUpdate, AaveUpdateError, AppliedAaveUpdate, SyncError, UpdateBlock, update_aave_markets,
};
use degenbot::types::{BlockNumber, ChainId, Logs};
use diesel::connection::SimpleConnection as _;
use proptest::prelude::*;

use super::stored::rows;
use super::{MARKETS, NEVER, Scene, assert_rows, at, execute, market, reference, to_head};
use crate::support::content::{connect, lines};

fn block(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap()
}

/// What a bot has received of some blocks.
pub struct Received {
    pub filter: LogFilter,
    pub blocks: Vec<UpdateBlock>,
    pub logs: Logs,
}

impl Received {
    pub fn update(&self, final_block: u64) -> Result<AaveUpdate, AaveUpdateError> {
        let blocks = self.blocks.clone();
        AaveUpdate::new(
            &market(),
            &self.filter,
            blocks,
            block(final_block),
            &self.logs,
        )
    }
}

impl Scene {
    /// Receives the blocks from one to another as a bot does, which knows the contracts that the database has.
    pub fn received(&self, from: u64, to: u64) -> Received {
        let filter = AaveUpdate::filter(&mut connect(&self.path), &market()).unwrap();
        self.received_with(filter, from, to)
    }

    /// The same with another filter.
    pub fn received_with(&self, filter: LogFilter, from: u64, to: u64) -> Received {
        let node = self.node();
        let numbers: Vec<_> = (from..=to).map(block).collect();
        let headers = node.existing_headers(&numbers).unwrap();
        Received {
            blocks: headers
                .iter()
                .map(|header: &Header| header.into())
                .collect(),
            logs: node
                .logs(&filter, block(from), block(to), None)
                .unwrap()
                .logs,
            filter,
        }
    }

    pub fn apply(
        &self,
        received: &Received,
        final_block: u64,
    ) -> Result<AppliedAaveUpdate, AaveUpdateError> {
        let update = received.update(final_block)?;
        update.apply(&mut connect(&self.path))
    }

    pub fn update_to(&self, number: u64) {
        let options = to_head().to_block(at(number));
        let node = self.node();
        let (_, result) =
            update_aave_markets(&self.path, ChainId::ETHEREUM, &node, &options, &mut ());
        result.unwrap();
    }

    /// Takes blocks in without a node, except for the blocks that need one.
    fn follow(&self, mut next: u64, to: u64, step: u64, overlap: u64, final_block: u64) {
        while next <= to {
            let end = (next + step - 1).min(to);
            let from = next.saturating_sub(overlap).max(self.recording.first_block);
            match self.apply(&self.received(from, end), final_block) {
                Ok(applied) => {
                    assert_eq!(applied.blocks, end + 1 - next);
                    next = end + 1;
                }
                Err(error @ AaveUpdateError::NodeNeeded(place)) => {
                    assert!(error.needs_node());
                    self.update_to(place.block.get());
                    next = place.block.get() + 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_those_of_an_update_from_a_node(
        name in prop::sample::select(&MARKETS[..]),
        begin in 5..90_u64,
        step in prop_oneof![1..4_u64, 20..200_u64],
        overlap in 0..5_u64,
        unfinal in prop_oneof![Just(0), 1..60_u64],
    ) {
        let scene = Scene::new(name, unfinal);
        let head = scene.recording.head();
        // A short way, if it goes block by block.
        let to = if step < 4 { (scene.percent(begin) + 40).min(head) } else { head };
        scene.update_to(scene.percent(begin));
        scene.follow(scene.percent(begin) + 1, to, step, overlap, head.saturating_sub(unfinal));
        assert_rows(&rows(&scene.path), &reference(scene.recording, to));
        // Whatever comes once more is there already.
        let again = scene.received(to - 3, to);
        prop_assert_eq!(scene.apply(&again, head).unwrap(), AppliedAaveUpdate::default());
        // An update from the node goes on from there.
        scene.update_to_head();
        assert_rows(&rows(&scene.path), &reference(scene.recording, head));
    }
}

#[test]
fn blocks_that_are_not_final_are_taken_back_when_others_come() {
    let scene = Scene::new("36", NEVER);
    let (kept, far) = (scene.percent(80), scene.percent(90));
    scene.update_to(kept);
    scene.follow(kept + 1, far, 50, 0, 0);
    assert_rows(&rows(&scene.path), &reference(scene.recording, far));
    scene.fork_above(kept);
    scene.grow(scene.recording.head());
    // The bot's next blocks are of the new branch.
    let others = scene.received(far - 1, far + 2);
    let refused = scene.apply(&others, 0);
    assert!(
        matches!(refused, Err(AaveUpdateError::OtherBranch)),
        "{refused:?}"
    );
    let next = scene.received(far + 1, far + 2);
    let refused = scene.apply(&next, 0);
    assert!(
        matches!(refused, Err(AaveUpdateError::OtherBranch)),
        "{refused:?}"
    );
    scene.update_to_head();
    assert_rows(
        &rows(&scene.path),
        &reference(scene.recording, scene.recording.head()),
    );
}

#[test]
fn update_runs_in_the_transaction_of_a_session_and_is_rolled_back_with_it() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(70);
    scene.update_to(begin);
    let before = rows(&scene.path);
    let received = scene.received(begin + 1, begin + 20);
    let update = received.update(begin + 20).unwrap();
    let database = Database::open(&scene.path).unwrap();
    let undone = database.write(|connection| -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(update.apply(connection)?.blocks, 20);
        Err("the bot has changed its mind".into())
    });
    undone.unwrap_err();
    assert_rows(&rows(&scene.path), &before);
    let written = database.write(|connection| update.apply(connection));
    assert_eq!(written.unwrap().blocks, 20);
    assert_rows(&rows(&scene.path), &reference(scene.recording, begin + 20));
}

/// The numbers that a query finds, as text.
fn numbers(scene: &Scene, query: &str) -> Vec<String> {
    lines(&mut connect(&scene.path), query)
}

/// Another program has called blocks final that come later than what this bot calls final.
#[test]
fn what_was_final_once_stays_final() {
    let scene = Scene::new("36", 0);
    let begin = scene.percent(70);
    scene.update_to(begin);
    let received = scene.received(begin + 1, begin + 20);
    let tenth = received.blocks[9];
    execute(
        &scene.path,
        &format!(
            "INSERT INTO chain_blocks VALUES (NULL, 1, {}, '{}', 1)",
            tenth.number, tenth.hash
        ),
    );
    scene.apply(&received, 0).unwrap();
    let last = "SELECT max(number) AS line FROM chain_blocks WHERE is_final";
    assert_eq!(numbers(&scene, last), [tenth.number.to_string()]);
    let recorded = "SELECT min(block) AS line FROM chain_journal \
                    WHERE table_name <> 'aave_v3_market_facts'";
    assert_eq!(numbers(&scene, recorded), [(begin + 11).to_string()]);
    assert_rows(&rows(&scene.path), &reference(scene.recording, begin + 20));
}

#[test]
fn journal_keeps_what_is_not_final_and_one_step_more() {
    let scene = Scene::new("36", NEVER);
    let begin = scene.percent(70);
    scene.update_to(begin);
    for number in begin + 1..begin + 60 {
        scene
            .apply(&scene.received(number, number), number - 5)
            .unwrap();
        let last = "SELECT max(number) AS line FROM chain_blocks WHERE is_final";
        assert_eq!(numbers(&scene, last), [(number - 5).to_string()]);
    }
    // The market's own row changes with each block, and the newest entry of it stays.
    let oldest = "SELECT min(number) AS line FROM chain_blocks \
                  UNION ALL SELECT min(block) FROM chain_journal";
    let expected = (begin + 59 - 6).to_string();
    assert_eq!(numbers(&scene, oldest), [expected.clone(), expected]);
    assert_rows(&rows(&scene.path), &reference(scene.recording, begin + 59));
}

/// Leaves out one event after the other. Where the same balance changes again, that is noticed.
#[test]
fn event_that_is_left_out_shows_at_the_next_one_of_the_balance() {
    let scene = Scene::new("36", 0);
    let (begin, end) = (scene.percent(70), scene.percent(70) + 60);
    scene.update_to(begin);
    let before = rows(&scene.path);
    let mut received = scene.received(begin + 1, end);
    let all = received.logs.clone();
    let mut connection = connect(&scene.path);
    let mut noticed = 0;
    for left_out in 0..all.len() {
        let logs = all.iter().enumerate();
        let logs = logs.filter(|(place, _)| *place != left_out);
        received.logs = logs.map(|(_, log)| log).collect();
        let update = received.update(end).unwrap();
        connection.batch_execute("BEGIN IMMEDIATE").unwrap();
        match update.apply(&mut connection) {
            Err(AaveUpdateError::Sync(SyncError::Balance { .. })) => noticed += 1,
            other => drop(other.unwrap()),
        }
        connection.batch_execute("ROLLBACK").unwrap();
    }
    assert!(noticed > 0);
    assert_rows(&rows(&scene.path), &before);
}
