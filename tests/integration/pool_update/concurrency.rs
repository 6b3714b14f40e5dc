//! Several updates of one database, and other programs that write to it meanwhile.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use degenbot::database::{
    CancelToken, MigrateOptions, ResetOptions, RestoreOptions, SchemaVersion,
    migrate_sqlite_database, reset_sqlite_database, restore_sqlite_database,
};
use degenbot::node::Node;
use degenbot::sync::{SyncError, UpdateObserver, UpdateProgress, update_pools};
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection as _;

use super::model::{FIRST, Happening, creation, liquidity};
use super::properties::at;
use super::{Scene, assert_rows, execute, impatient, rows, to_head};
use crate::support::command::{finish, on, send, spawn};
use crate::support::content::connect;
use crate::support::node_faults::{Faults, Incident};
use crate::support::node_server::NodeServer;

/// Blocks in each of which something happens.
fn busy(blocks: u8) -> Vec<Vec<Happening>> {
    (0..blocks)
        .map(|number| {
            vec![
                creation(usize::from(number), number % 11),
                liquidity(3, number % 3, -1, 2, 100),
                liquidity(6, number % 5, 0, 2, 100),
                liquidity(3, number % 3, -1, 2, -30),
            ]
        })
        .collect()
}

#[test]
fn updates_of_one_database_help_each_other() {
    for finality in [0, 20, 1_000] {
        let mut scene = Scene::with(ChainId::ETHEREUM, finality, &busy(40));
        for round in 0..2 {
            thread::scope(|scope| {
                for chunk in [1, 1, 3] {
                    let scene = &scene;
                    scope.spawn(move || scene.update(&to_head().chunk(chunk)).1.unwrap());
                }
            });
            scene.assert_at(scene.head());
            if round == 0 && finality > 0 {
                let depth = 10;
                scene.reorganise(depth, &busy(14));
            }
        }
    }
}

#[test]
fn update_goes_on_where_another_one_has_moved_the_marks() {
    for finality in [0, 100] {
        for request in [0, 2, 5] {
            let scene = Scene::with(ChainId::ETHEREUM, finality, &busy(12));
            let (path, chain, node) = (scene.path.clone(), scene.model.chain, scene.node());
            scene.at_request(request, move |_| {
                let options = to_head().to_block(at(1_008));
                update_pools(&path, chain, &node, &options, &mut ())
                    .1
                    .unwrap();
            });
            scene.update_to_head();
        }
    }
}

#[test]
fn update_does_not_give_up_while_another_one_makes_progress() {
    let scene = Scene::with(ChainId::ETHEREUM, 0, &busy(60));
    let ahead = NodeServer::start(scene.server.chain(|chain| chain.clone()));
    let endpoints = vec![ahead.endpoint()];
    let chain = scene.model.chain;
    let node = Node::new(chain, endpoints, impatient(), CancelToken::new()).unwrap();
    let (path, head) = (scene.path.clone(), scene.head());
    let target = AtomicU64::new(FIRST);
    // Each answer finds the marks moved.
    scene.server.set_faults(Faults::mutating(move |method, _| {
        if method == "eth_getLogs" {
            let target = target.fetch_add(1, Ordering::Relaxed).min(head);
            let options = to_head().to_block(at(target));
            update_pools(&path, chain, &node, &options, &mut ())
                .1
                .unwrap();
        }
    }));
    let options = to_head().concurrency(1);
    scene.update(&options).1.unwrap();
    scene.assert_at(head);
}

#[test]
fn other_programs_can_change_the_exchanges_during_an_update() {
    for (change, active) in [
        (
            "UPDATE exchanges SET active = 0 WHERE name = 'uniswap_v4'",
            "uniswap_v4",
        ),
        (
            "UPDATE exchanges SET active = 0, last_update_block = NULL WHERE name = 'uniswap_v2'",
            "uniswap_v2",
        ),
    ] {
        let scene = Scene::with(ChainId::ETHEREUM, 2, &busy(12));
        let path = scene.path.clone();
        scene.at_request(1, move |_| execute(&path, change));
        scene.update(&to_head()).1.unwrap();
        let left_out = scene.model.exchange(active);
        let expected = scene
            .model
            .rows(|index| (index != left_out).then_some(scene.head()));
        assert_rows(&rows(&scene.path), &expected);
        execute(
            &scene.path,
            "UPDATE exchanges SET active = 1 WHERE chain_id = 1",
        );
        scene.update_to_head();
    }
}

#[test]
fn update_ends_cleanly_if_the_schema_is_older_meanwhile() {
    for request in [0, 3] {
        let scene = Scene::with(ChainId::ETHEREUM, 2, &busy(12));
        let path = scene.path.clone();
        scene.at_request(request, move |_| {
            let latest = SchemaVersion::latest();
            let older = SchemaVersion::all().rev().nth(1).unwrap();
            let options = MigrateOptions::default();
            migrate_sqlite_database(&path, latest, older, &options).unwrap();
        });
        let error = scene.update(&to_head().chunk(2)).1.unwrap_err();
        assert!(matches!(error, SyncError::Version { .. }), "{error}");
    }
}

#[test]
fn update_finds_another_database_in_the_file() {
    // A reset leaves no exchange to update.
    let scene = Scene::with(ChainId::ETHEREUM, 2, &busy(12));
    let path = scene.path.clone();
    scene.at_request(3, move |_| {
        reset_sqlite_database(&path, &ResetOptions::default(), &mut ()).unwrap();
    });
    scene.update(&to_head().chunk(2)).1.unwrap();
    assert!(rows(&scene.path).is_empty());
    // A backup from the beginning: the blocks are taken in anew.
    let scene = Scene::with(ChainId::ETHEREUM, 2, &busy(12));
    let backup = scene.folder.path().join("backup.db");
    fs::copy(&scene.path, &backup).unwrap();
    let path = scene.path.clone();
    scene.at_request(5, move |_| {
        let options = RestoreOptions::default().from(backup);
        restore_sqlite_database(&path, &options, &mut ()).unwrap();
    });
    scene.update(&to_head().chunk(2)).1.unwrap();
    scene.assert_at(scene.head());
}

#[test]
fn locked_database_is_an_error_that_changes_nothing() {
    let scene = Scene::with(ChainId::ETHEREUM, 2, &busy(6));
    let mut other = connect(&scene.path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let error = scene.refused(&to_head().wait(Duration::ZERO));
    assert!(error.contains("locked"), "{error}");
    other.batch_execute("ROLLBACK").unwrap();
    scene.update_to_head();
}

/// Cancels an update after some commits.
struct CancelAfter(usize, CancelToken);

impl UpdateObserver for CancelAfter {
    fn progress(&mut self, _: &UpdateProgress) -> std::ops::ControlFlow<()> {
        self.0 -= 1;
        if self.0 == 0 {
            self.1.cancel();
        }
        std::ops::ControlFlow::Continue(())
    }
}

#[test]
fn cancelled_update_keeps_whole_chunks() {
    for finality in [0, 100] {
        for commits in 1..5 {
            let scene = Scene::with(ChainId::ETHEREUM, finality, &busy(12));
            let cancel = CancelToken::new();
            let options = to_head().chunk(2).cancel(cancel.clone());
            let mut observer = CancelAfter(commits, cancel);
            let chain = scene.model.chain;
            let (report, result) =
                update_pools(&scene.path, chain, &scene.node(), &options, &mut observer);
            assert!(matches!(result, Err(SyncError::Interrupted)), "{result:?}");
            let reached = report.exchanges[0].to.unwrap().get();
            assert_eq!(reached, 999 + 2 * commits as u64);
            scene.assert_at(reached);
            scene.update_to_head();
        }
    }
}

#[test]
fn node_that_is_cancelled_ends_the_update() {
    let scene = Scene::with(ChainId::ETHEREUM, 2, &busy(6));
    scene.server.set_faults(Faults {
        always: vec![Incident::Hang],
        ..Faults::next([Incident::None, Incident::None])
    });
    let cancel = CancelToken::new();
    let endpoints = vec![scene.server.endpoint()];
    let options = to_head().cancel(cancel.clone());
    let chain = scene.model.chain;
    let node = Node::new(chain, endpoints, impatient(), cancel.clone()).unwrap();
    let server = Arc::clone(&scene.server);
    let waiting = thread::spawn(move || {
        server.wait_for_requests(3);
        cancel.cancel();
    });
    let result = update_pools(&scene.path, chain, &node, &options, &mut ()).1;
    assert!(matches!(result, Err(SyncError::Interrupted)), "{result:?}");
    waiting.join().unwrap();
    assert!(rows(&scene.path).is_empty());
}

#[test]
fn killed_update_is_continued() {
    let mut scene = Scene::with(ChainId::ETHEREUM, 6, &busy(16));
    scene.update(&to_head().to_block(at(1_012))).1.unwrap();
    scene.reorganise(2, &busy(6));
    let url = scene.server.url();
    let arguments = [
        "pool",
        "update",
        "--to-block",
        "latest",
        "--chunk",
        "1",
        "--rpc",
        &url,
    ];
    let before = fs::read(&scene.path).unwrap();
    for requests in [1, 4, 6, 9, 12, 15, 18] {
        for extension in ["-wal", "-shm"] {
            let mut sidecar = scene.path.clone().into_os_string();
            sidecar.push(extension);
            let _ = fs::remove_file(sidecar);
        }
        fs::write(&scene.path, &before).unwrap();
        let begin = scene.server.count();
        scene.server.set_faults(Faults {
            always: vec![Incident::Hang],
            ..Faults::next(vec![Incident::None; requests])
        });
        let child = spawn(on(&scene.path, &arguments));
        scene.server.wait_for_requests(begin + requests + 1);
        assert!(send(&child, "-KILL"));
        drop(finish(child));
        scene.server.set_faults(Faults::default());
        scene.update_to_head();
    }
}
