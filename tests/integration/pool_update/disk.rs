//! A disk that is full or fails in the middle of an update.

use std::fs;

use degenbot::types::ChainId;
use rustix::io::Errno;

use super::model::{FIRST, creation, liquidity};
use super::{Scene, assert_rows, rows};
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
