//! A chain is followed.

use std::fs;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use degenbot::database::CancelToken;
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::{
    FollowEvent, FollowOptions, FollowStatus, PoolUpdateReport, SyncError, UpdateObserver,
    UpdateProgress, follow_pools,
};
use degenbot::types::{BlockNumber, ChainId};
use diesel::connection::SimpleConnection as _;

use super::model::{FIRST, Happening, creation, liquidity};
use super::{Scene, execute, impatient, rows, to_head};
use crate::support::content::{connect, integrity, lines};
use crate::support::node_faults::{Faults, Incident};

/// What a follower has told.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Commit(UpdateProgress),
    UpToDate(FollowStatus),
    Exchanges(Vec<String>, Vec<String>),
    Undone(u64),
    Waiting(String),
    Resumed,
}

struct Listener(Sender<Told>);

impl UpdateObserver for Listener {
    fn progress(&mut self, progress: &UpdateProgress) -> ControlFlow<()> {
        let _ = self.0.send(Told::Commit(*progress));
        ControlFlow::Continue(())
    }

    fn event(&mut self, event: &FollowEvent<'_>) -> ControlFlow<()> {
        let told = match event {
            FollowEvent::UpToDate(status) => Told::UpToDate(*status),
            FollowEvent::Exchanges { added, removed, .. } => Told::Exchanges(
                added.iter().map(|(name, _)| name.to_string()).collect(),
                removed.iter().map(ToString::to_string).collect(),
            ),
            FollowEvent::Undone { above, .. } => Told::Undone(above.get()),
            FollowEvent::Waiting { error, .. } => Told::Waiting(error.to_string()),
            FollowEvent::Resumed { .. } => Told::Resumed,
            _ => return ControlFlow::Continue(()),
        };
        let _ = self.0.send(told);
        ControlFlow::Continue(())
    }
}

/// A follower on a thread of its own.
pub(super) struct Following {
    told: Receiver<Told>,
    cancel: CancelToken,
    thread: Option<JoinHandle<(PoolUpdateReport, Result<(), SyncError>)>>,
}

impl Following {
    fn begin(scene: &Scene) -> Self {
        Self::with(scene, impatient(), |options| options)
    }

    fn with(
        scene: &Scene,
        node_options: NodeOptions,
        change: impl FnOnce(FollowOptions) -> FollowOptions,
    ) -> Self {
        let (sender, told) = channel();
        let cancel = CancelToken::new();
        let update = to_head().cancel(cancel.clone()).wait(Duration::ZERO);
        let options = FollowOptions::default()
            .update(update)
            .poll(Duration::from_millis(5));
        let options = change(options);
        let chain = scene.model.chain;
        let endpoints = vec![scene.server.endpoint()];
        let node = Node::new(chain, endpoints, node_options, cancel.clone()).unwrap();
        let path = scene.path.clone();
        let thread = thread::spawn(move || {
            follow_pools(&path, chain, &node, &options, &mut Listener(sender))
        });
        Self {
            told,
            cancel,
            thread: Some(thread),
        }
    }

    /// Waits until the follower tells something.
    fn wait_for<T>(&self, mut find: impl FnMut(&Told) -> Option<T>) -> T {
        let mut before = Vec::new();
        loop {
            match self.told.recv_timeout(Duration::from_secs(60)) {
                Ok(told) => {
                    if let Some(found) = find(&told) {
                        return found;
                    }
                    before.push(told);
                }
                Err(error) => panic!("{error} after {before:?}"),
            }
        }
    }

    /// Waits until the database has everything up to a block.
    fn wait_for_block(&self, block: u64) -> FollowStatus {
        self.wait_for(|told| match told {
            Told::UpToDate(status) if status.block.map(BlockNumber::get) == Some(block) => {
                Some(*status)
            }
            _ => None,
        })
    }

    /// Waits until the database has everything, and compares it with the model.
    fn wait_for_head(&self, scene: &Scene) {
        let status = self.wait_for_block(scene.head());
        assert_eq!(status.behind, Some(0));
        scene.assert_at(scene.head());
    }

    fn wait_for_trouble(&self) -> String {
        self.wait_for(|told| match told {
            Told::Waiting(error) => Some(error.clone()),
            _ => None,
        })
    }

    fn wait_until_it_goes_on(&self) {
        self.wait_for(|told| (*told == Told::Resumed).then_some(()));
    }

    /// Waits for the end.
    fn end(&mut self) -> (PoolUpdateReport, Result<(), SyncError>) {
        self.thread.take().unwrap().join().unwrap()
    }

    /// Lets it end.
    fn stop(mut self) -> PoolUpdateReport {
        self.cancel.cancel();
        let (report, result) = self.end();
        result.unwrap();
        report
    }

    /// The error that it ends with by itself.
    fn failure(mut self) -> String {
        self.end().1.unwrap_err().to_string()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// A block with new pools and liquidity.
fn block(number: u8) -> Vec<Happening> {
    vec![
        creation(usize::from(number) % 7, number % 12),
        liquidity(3, 1, 0, 2, 1_000),
        liquidity(6, number % 3, -1, 4, 500),
    ]
}

fn scene(finality: u64, blocks: u8) -> Scene {
    let blocks: Vec<_> = (0..blocks).map(block).collect();
    Scene::with(ChainId::ETHEREUM, finality, &blocks)
}

#[test]
fn blocks_are_taken_in_as_they_come() {
    let mut scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    for number in 0..10 {
        scene.push(&[block(number)]);
        following.wait_for_head(&scene);
    }
    let report = following.stop();
    assert_eq!(report.target.unwrap().get(), scene.head());
    assert!(report.pools > 0 && report.events > 0);
    // The journal has only blocks that are not final, and one step before them.
    let journal = "SELECT count(DISTINCT block) || ' ' || (SELECT count(*) FROM chain_blocks) AS line FROM chain_journal";
    let counts = lines(&mut connect(&scene.path), journal);
    let counts: Vec<usize> = counts[0].split(' ').map(|it| it.parse().unwrap()).collect();
    assert!(counts.iter().all(|count| *count <= 6), "{counts:?}");
}

#[test]
fn poll_without_news_is_one_request_and_writes_nothing() {
    let scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    let version = |connection: &mut diesel::SqliteConnection| {
        lines(
            connection,
            "SELECT data_version || '' AS line FROM pragma_data_version",
        )
    };
    let mut connection = connect(&scene.path);
    let before = version(&mut connection);
    let statuses: Vec<_> = (0..10)
        .map(|_| following.wait_for_block(scene.head()))
        .collect();
    for pair in statuses.windows(2) {
        assert_eq!(pair[1].node.requests - pair[0].node.requests, 1);
        assert_eq!(pair[1].node.calls - pair[0].node.calls, 1);
    }
    assert_eq!(version(&mut connection), before);
}

#[test]
fn reorganisations_are_undone_while_blocks_come() {
    for depth in [3, 10, 60] {
        let mut scene = scene(64, 70);
        let following = Following::begin(&scene);
        following.wait_for_head(&scene);
        let old = scene.model.blocks.clone();
        let old = &old[old.len() - depth..];
        let dropped: Vec<_> = old.iter().skip(1).cloned().chain([Vec::new()]).collect();
        let empty = vec![Vec::new(); depth];
        for blocks in [old, &dropped, &empty] {
            scene.reorganise(depth, blocks);
            let head = scene.head();
            let keep = head - depth as u64;
            following.wait_for(|told| (*told == Told::Undone(keep)).then_some(()));
            following.wait_for_head(&scene);
        }
        let report = following.stop();
        assert!(report.undone.is_some());
    }
}

#[test]
fn node_that_goes_away_is_waited_for() {
    let mut scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    scene.server.set_faults(Faults::always([Incident::Close]));
    let error = following.wait_for_trouble();
    assert!(
        error.starts_with("No usable answer from the node"),
        "{error}"
    );
    let tries = scene.server.count() + 6;
    scene.push(&[block(1)]);
    scene.server.wait_for_requests(tries);
    scene.server.set_faults(Faults::default());
    // It is told once, however often it is tried.
    let mut troubles = 0;
    following.wait_for(|told| {
        troubles += usize::from(matches!(told, Told::Waiting(_)));
        (*told == Told::Resumed).then_some(())
    });
    assert_eq!(troubles, 0);
    following.wait_for_head(&scene);
    following.stop();
}

#[test]
fn node_that_is_away_from_the_beginning_is_waited_for() {
    let scene = scene(4, 6);
    scene.server.set_faults(Faults::always([Incident::Close]));
    let following = Following::begin(&scene);
    following.wait_for_trouble();
    scene.server.set_faults(Faults::default());
    following.wait_until_it_goes_on();
    following.wait_for_head(&scene);
    following.stop();
}

/// Whatever it waits for, it ends at once when it is told to.
#[test]
fn wait_for_a_node_that_is_away_can_be_cancelled() {
    // The node's own tries take minutes; after two, the follower waits until the next poll.
    let patient = NodeOptions::default().max_tries(1_000);
    for (options, poll) in [(patient, 0), (impatient(), 86_400)] {
        let scene = scene(4, 6);
        scene.server.set_faults(Faults::always([Incident::Close]));
        let is_patient = poll == 0;
        let following = Following::with(&scene, options, |options| {
            options.poll(Duration::from_secs(poll))
        });
        if is_patient {
            scene.server.wait_for_requests(5);
        } else {
            following.wait_for_trouble();
        }
        let report = following.stop();
        assert_eq!(report.head, None);
    }
}

/// A reader keeps what it reads, and everything after it, in the log.
#[test]
fn long_log_goes_into_the_database_when_its_reader_is_gone() {
    const LONG: u64 = 64 << 20;
    let mut scene = scene(4, 6);
    scene.update_to_head();
    execute(
        &scene.path,
        "PRAGMA journal_mode = WAL; CREATE TABLE my_notes (note BLOB)",
    );
    let log = scene.path.with_extension("db-wal");
    let length = || fs::metadata(&log).map_or(0, |log| log.len());
    let mut reader = connect(&scene.path);
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM exchanges")
        .unwrap();
    let mark = "SELECT DISTINCT last_update_block || '' AS line FROM exchanges WHERE active";
    let before = lines(&mut reader, mark);
    execute(
        &scene.path,
        &format!("INSERT INTO my_notes VALUES (zeroblob({LONG}))"),
    );
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    let grown = length();
    assert!(grown > LONG, "{grown}");
    for number in 0..4 {
        scene.push(&[block(number)]);
        following.wait_for_head(&scene);
    }
    assert!(length() > grown, "{}", length());
    assert_eq!(lines(&mut reader, mark), before);
    reader.batch_execute("COMMIT").unwrap();
    // Each poll tells it.
    while length() >= LONG {
        following.wait_for_block(scene.head());
    }
    scene.push(&[block(5)]);
    following.wait_for_head(&scene);
    following.stop();
    let notes = "SELECT length(note) || '' AS line FROM my_notes";
    assert_eq!(lines(&mut connect(&scene.path), notes), [LONG.to_string()]);
    assert_eq!(integrity(&scene.path), ["ok"]);
}

#[test]
fn node_that_lags_is_waited_for() {
    let mut scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    scene.server.set_faults(Faults::always([Incident::Lag(3)]));
    let error = following.wait_for_trouble();
    assert!(error.starts_with("The database has block"), "{error}");
    scene.push(&[block(1)]);
    scene.server.set_faults(Faults::default());
    following.wait_for_head(&scene);
    following.stop();
}

#[test]
fn node_of_another_chain_ends_it() {
    let scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    scene.server.chain(|chain| chain.chain_id = 8_453);
    // The chain is asked for again after the connection was lost.
    scene.server.set_faults(Faults::next([Incident::Close]));
    let error = following.failure();
    assert!(
        error.ends_with("is of chain 8453, not of chain 1"),
        "{error}"
    );
    scene.assert_at(scene.head());
}

#[test]
fn locked_database_is_waited_for() {
    let mut scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    let mut other = connect(&scene.path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    scene.push(&[block(1)]);
    let error = following.wait_for_trouble();
    assert!(error.contains("locked"), "{error}");
    other.batch_execute("ROLLBACK").unwrap();
    following.wait_for_head(&scene);
    following.stop();
}

#[test]
fn removed_or_replaced_database_ends_it() {
    for is_replaced in [false, true] {
        let scene = scene(4, 6);
        let following = Following::begin(&scene);
        following.wait_for_head(&scene);
        fs::rename(&scene.path, scene.folder.path().join("away.db")).unwrap();
        if is_replaced {
            fs::copy(scene.folder.path().join("away.db"), &scene.path).unwrap();
        }
        let error = following.failure();
        let expected = if is_replaced {
            "is another file than the one that was opened"
        } else {
            "There is no database at"
        };
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn other_schema_ends_it() {
    let scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    execute(&scene.path, "DROP TABLE chain_journal");
    let error = following.failure();
    assert!(!error.is_empty());
}

#[test]
fn reset_database_ends_it() {
    let scene = scene(4, 6);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    let told = crate::support::command::quietly(&scene.path, &["database", "reset", "--yes"]);
    assert!(told.starts_with("status: 0"), "{told}");
    let error = following.failure();
    assert_eq!(error, "The database has no exchange of chain ID 1 any more");
}

#[test]
fn restored_database_is_taken_further() {
    let mut scene = scene(4, 6);
    let backup = |command: &[&str]| {
        let told = crate::support::command::quietly(&scene.path, command);
        assert!(told.starts_with("status: 0"), "{told}");
    };
    scene.update_to_head();
    backup(&["database", "backup"]);
    scene.push(&(0..4).map(block).collect::<Vec<_>>());
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    let told = crate::support::command::quietly(&scene.path, &["database", "restore", "--yes"]);
    assert!(told.starts_with("status: 0"), "{told}");
    scene.push(&[block(5)]);
    following.wait_for_head(&scene);
    following.stop();
}

#[test]
fn exchanges_come_and_go() {
    let mut scene = scene(4, 6);
    let set = |scene: &Scene, name: &str, active: u8| {
        execute(
            &scene.path,
            &format!(
                "UPDATE exchanges SET active = {active} WHERE chain_id = 1 AND name = '{name}'"
            ),
        );
    };
    set(&scene, "uniswap_v3", 0);
    let following = Following::begin(&scene);
    let head = scene.head();
    following.wait_for_block(head);
    let late = scene.model.exchange("uniswap_v3");
    let expected = scene.model.rows(|index| (index != late).then_some(head));
    super::assert_rows(&rows(&scene.path), &expected);
    set(&scene, "uniswap_v3", 1);
    let name = "ethereum_uniswap_v3".to_owned();
    let added = Told::Exchanges(vec![name.clone()], Vec::new());
    following.wait_for(|told| (*told == added).then_some(()));
    following.wait_for_head(&scene);
    set(&scene, "uniswap_v3", 0);
    let removed = Told::Exchanges(Vec::new(), vec![name]);
    following.wait_for(|told| (*told == removed).then_some(()));
    scene.push(&[block(1), block(2)]);
    following.wait_for_block(head + 2);
    let expected = scene
        .model
        .rows(|index| Some(if index == late { head } else { head + 2 }));
    super::assert_rows(&rows(&scene.path), &expected);
    execute(&scene.path, "UPDATE exchanges SET active = 0");
    following.wait_for(|told| match told {
        Told::UpToDate(status) => (status.exchanges == 0).then_some(()),
        _ => None,
    });
    execute(
        &scene.path,
        "UPDATE exchanges SET active = 1 WHERE chain_id = 1",
    );
    following.wait_for_head(&scene);
    following.stop();
}

#[test]
fn exchange_that_catches_up_keeps_no_other_from_the_head() {
    let mut scene = scene(4, 60);
    let set = |scene: &Scene, active: u8| {
        let sql = format!(
            "UPDATE exchanges SET active = {active} WHERE chain_id = 1 AND name = 'uniswap_v3'"
        );
        execute(&scene.path, &sql);
    };
    set(&scene, 0);
    let following = Following::with(&scene, impatient(), |options| {
        let update = options.update.clone().chunk(1);
        options.update(update).poll(Duration::ZERO)
    });
    following.wait_for_block(scene.head());
    let logs = scene.model.push(&block(1));
    scene.at_request(10, move |server| server.chain(|chain| chain.push(logs)));
    set(&scene, 1);
    let head = scene.head();
    let complete = following.wait_for(|told| match told {
        Told::Commit(progress) if progress.block.get() == head => Some(progress.complete.get()),
        _ => None,
    });
    assert!(complete < head - 10, "the late exchange is at {complete}");
    following.wait_for_head(&scene);
    following.stop();
}

#[test]
fn followers_of_one_database_help_each_other() {
    let mut scene = scene(4, 6);
    let wait = |options: FollowOptions| {
        let update = options.update.clone().wait(Duration::from_secs(60));
        options.update(update)
    };
    let followers: Vec<_> = (0..2)
        .map(|_| Following::with(&scene, impatient(), wait))
        .collect();
    for number in 0..6 {
        scene.push(&[block(number)]);
        for following in &followers {
            following.wait_for_head(&scene);
        }
        scene.reorganise(2, &[block(number), Vec::new(), Vec::new()]);
        for following in &followers {
            following.wait_for_head(&scene);
        }
    }
    for following in followers {
        following.stop();
    }
}

#[test]
fn history_that_the_node_lacks_ends_the_first_update_only() {
    let mut scene = scene(4, 6);
    let pruned = |scene: &Scene, before| scene.server.chain(|chain| chain.pruned_before = before);
    pruned(&scene, FIRST + 3);
    let error = Following::begin(&scene).failure();
    assert!(error.contains("no longer has the events"), "{error}");
    pruned(&scene, 0);
    let following = Following::begin(&scene);
    following.wait_for_head(&scene);
    scene.push(&[block(1)]);
    following.wait_for_head(&scene);
    pruned(&scene, scene.head() + 2);
    scene.push(&[block(2)]);
    following.wait_for_trouble();
    pruned(&scene, 0);
    following.wait_until_it_goes_on();
    following.wait_for_head(&scene);
    following.stop();
}

#[test]
fn observer_ends_it() {
    struct Once;
    impl UpdateObserver for Once {
        fn progress(&mut self, _: &UpdateProgress) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    let scene = scene(4, 6);
    let options = FollowOptions::default().update(to_head());
    let chain = scene.model.chain;
    let (report, result) = follow_pools(&scene.path, chain, &scene.node(), &options, &mut Once);
    result.unwrap();
    assert!(report.exchanges[0].to.is_some());
}
