//! A disk that is full or fails in the middle of an update.

use std::fs;
use std::process::Command;

use degenbot::sync::{PoolRepairOptions, repair_pools};
use degenbot::types::ChainId;
use rustix::io::Errno;

use super::model::{FIRST, creation, liquidity};
use super::verify::scene;
use super::{Scene, assert_rows, execute, rows, to_head};
use crate::support::command::{on, run};
use crate::support::content::{connect, integrity, lines};
use crate::support::faults::{Fault, library, logged, preload};

#[test]
fn failing_disk_leaves_whole_chunks() {
    let Some(library) = library() else {
        return;
    };
    let blocks: Vec<_> = (0..9_u8)
        .map(|number| {
            vec![
                creation(usize::from(number), number),
                liquidity(3, number % 3, 0, 2, 100),
                liquidity(6, number % 3, -1, 3, 100),
            ]
        })
        .collect();
    let scene = Scene::with(ChainId::ETHEREUM, 4, &blocks);
    let url = scene.server.url();
    let command = || {
        let options = ["--to-block", "latest", "--chunk", "2", "--concurrency", "1"];
        let arguments = [&["pool", "update", "--rpc", &url][..], &options].concat();
        let mut command = on(&scene.path, &arguments);
        preload(&mut command, library, scene.folder.path());
        command
    };
    let before = fs::read(&scene.path).unwrap();
    let (told, calls) = logged(command());
    assert!(told.starts_with("status: 0\n"), "{told}");
    scene.assert_at(scene.head());
    let mut failures = 0;
    for at in (1..=calls.len()).step_by(calls.len() / 12) {
        for (error, sticky) in [(Errno::NOSPC, true), (Errno::IO, false)] {
            for extension in ["-wal", "-shm"] {
                let _ = fs::remove_file(scene.path.with_extension(format!("db{extension}")));
            }
            fs::write(&scene.path, &before).unwrap();
            let fault = Fault { at, error, sticky };
            let mut command = command();
            fault.inject(&mut command);
            let told = run(command, "");
            assert!(!told.contains("panicked"), "{fault}: {told}");
            if !told.starts_with("status: 0\n") {
                assert!(told.starts_with("status: 1\n"), "{fault}: {told}");
                failures += 1;
            }
            assert_eq!(integrity(&scene.path), ["ok"], "{fault}");
            let sql = "SELECT coalesce(last_update_block, 0) AS line FROM exchanges \
                           WHERE chain_id = 1 GROUP BY 1";
            let marks = lines(&mut connect(&scene.path), sql);
            assert_eq!(marks.len(), 1, "{fault}: {marks:?}");
            let mark: u64 = marks[0].parse().unwrap();
            let expected = scene.model.rows(|_| (mark >= FIRST).then_some(mark));
            assert_rows(&rows(&scene.path), &expected);
            scene.update_to_head();
        }
    }
    assert!(failures > 0);
}

/// A disk that fails before a repair is done leaves the pool as it was, or as it has to be. The last blocks may be
/// missing then, which is said.
#[test]
fn failing_disk_leaves_a_pool_damaged_or_mended() {
    const FAULT: &str = "UPDATE liquidity_positions SET liquidity_net = '-3' WHERE id = 2";
    let Some(library) = library() else {
        return;
    };
    // All blocks are final, then some of them: those that are not are undone and taken in again.
    for finality in [0, 3] {
        let scene = scene(ChainId::ETHEREUM, finality, 6);
        scene.update_to_head();
        let right = rows(&scene.path);
        execute(&scene.path, FAULT);
        let wrong = rows(&scene.path);
        let before = fs::read(&scene.path).unwrap();
        let url = scene.server.url();
        let sql = "SELECT address AS line FROM pools \
                   JOIN liquidity_positions ON pool_id = pools.id WHERE liquidity_positions.id = 2";
        let pool = lines(&mut connect(&scene.path), sql).remove(0);
        let repair = || {
            let mut command = on(&scene.path, &["pool", "repair", "--rpc", &url, &pool]);
            preload(&mut command, library, scene.folder.path());
            command
        };
        let (told, calls) = logged(repair());
        assert!(told.starts_with("status: 0\n"), "{told}");
        assert_rows(&rows(&scene.path), &right);
        let mut left = [0; 3];
        for at in (1..=calls.len()).step_by(calls.len().div_ceil(16)) {
            for (error, sticky) in [(Errno::NOSPC, true), (Errno::IO, false)] {
                for extension in ["-wal", "-shm"] {
                    let _ = fs::remove_file(scene.path.with_extension(format!("db{extension}")));
                }
                fs::write(&scene.path, &before).unwrap();
                let fault = Fault { at, error, sticky };
                let mut command = repair();
                fault.inject(&mut command);
                let told = run(command, "");
                assert!(!told.contains("panicked"), "{fault}: {told}");
                assert_eq!(integrity(&scene.path), ["ok"], "{fault}");
                let found = rows(&scene.path);
                let is_done = told.starts_with("status: 0\n");
                assert!(
                    is_done || told.starts_with("status: 1\n"),
                    "{fault}: {told}"
                );
                if told.contains("taken back and left for the next") {
                    left[2] += 1;
                    scene.update_to_head();
                    continue;
                }
                assert!(
                    found == right || !is_done && found == wrong,
                    "{fault}: {told}"
                );
                left[usize::from(found == right)] += 1;
                let told = run(repair(), "");
                assert!(told.starts_with("status: 0\n"), "{fault}: {told}");
                scene.assert_at(scene.head());
            }
        }
        assert!(left[0] > 0 && left[1] > 0, "{left:?}");
        assert_eq!(left[2] > 0, finality > 0, "{left:?}");
    }
}

/// Litestream would lose what others write to a database that it keeps up to date.
#[test]
fn update_refuses_a_follower() {
    let mut scene = Scene::with(ChainId::ETHEREUM, 0, &[vec![creation(5, 1)]]);
    scene.update_to_head();
    scene.push(&[vec![liquidity(5, 1, 0, 2, 1_000)]]);
    execute(&scene.path, "PRAGMA journal_mode = DELETE");
    let before = rows(&scene.path);
    let mut progress = scene.path.clone().into_os_string();
    progress.push("-txid");
    fs::write(&progress, "").unwrap();
    let refused = scene.refused(&to_head());
    assert!(refused.contains("it follows another one"), "{refused}");
    let options = PoolRepairOptions::default();
    let chain = ChainId::ETHEREUM;
    let (_, repaired) = repair_pools(&scene.path, chain, &scene.node(), &options, &mut |_| {});
    let refused = repaired.unwrap_err().to_string();
    assert!(refused.contains("it follows another one"), "{refused}");
    assert_rows(&rows(&scene.path), &before);
    fs::remove_file(&progress).unwrap();
    scene.update_to_head();
}

/// An update under a limit on the size of files, in blocks of 512 bytes.
fn update_under(scene: &Scene, url: &str, limit: &str) -> String {
    let mut shell = Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_degenbot");
    let update = format!("{binary} --database degenbot.db pool update --rpc {url}");
    let script = format!("ulimit -f {limit}; exec {update} --to-block latest");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("HOME", scene.folder.path())
        .current_dir(scene.folder.path());
    run(shell, "")
}

/// Half of the database may be written, so that a commit in rollback mode fails in the middle and cannot be undone.
#[test]
fn journal_that_an_update_leaves_behind_is_named() {
    let block: Vec<_> = (0..20).map(|number| creation(0, number)).collect();
    let scene = Scene::with(ChainId::ETHEREUM, 4, &[block]);
    execute(&scene.path, "PRAGMA journal_mode = DELETE");
    let before = rows(&scene.path);
    let url = scene.server.url();
    let blocks = fs::metadata(&scene.path).unwrap().len() / 512 / 2;
    let told = update_under(&scene, &url, &blocks.to_string());
    assert!(told.starts_with("status: 1\n"), "{told}");
    let named = "a commit that was cut short is in degenbot.db-journal";
    assert!(told.contains(named), "{told}");
    assert!(scene.path.with_extension("db-journal").exists());
    assert_rows(&rows(&scene.path), &before);
    assert!(update_under(&scene, &url, "unlimited").starts_with("status: 0\n"));
    scene.assert_at(scene.head());
}

/// The log may become as large as it has to, and the database not at all.
#[test]
fn log_that_an_update_leaves_behind_is_named() {
    let block: Vec<_> = (0..250).map(|number| creation(0, number)).collect();
    let scene = Scene::with(ChainId::ETHEREUM, 4, &[block]);
    let url = scene.server.url();
    let update = |limit: &str| update_under(&scene, &url, limit);
    let blocks = fs::metadata(&scene.path).unwrap().len() / 512;
    let told = update(&blocks.to_string());
    assert!(told.starts_with("status: 0\n"), "{told}");
    let named = "degenbot.db-wal and could not be moved into the database";
    assert!(told.contains(named), "{told}");
    scene.assert_at(scene.head());
    let told = update("unlimited");
    assert!(!told.contains(named), "{told}");
    assert!(!scene.path.with_extension("db-wal").exists());
}
