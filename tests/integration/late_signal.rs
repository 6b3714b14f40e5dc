//! A signal that comes while a command waits for the disk: it changes nothing if the change is still to be made, and leaves
//! nothing unfinished if it is made.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::support::cases;
use crate::support::command::{finish, on, send_and_await, spawn};
use crate::support::corpus::{Copy, files};
use crate::support::faults::{Call, Held, calls_in, hold, library, logged, preload};

const LATEST: &str = "populated/populated-0.6.0a4.db";

/// Each command, and the database of the corpus that it is run on.
const COMMANDS: [(&[&str], Option<&str>); 10] = [
    (&["database", "backup", "--force"], Some(LATEST)),
    (&["database", "reset", "--force"], Some(LATEST)),
    (&["database", "reset"], None),
    (&["database", "restore", "--force"], Some(LATEST)),
    (&["database", "compact"], Some(LATEST)),
    (&["database", "compact", "--into", "other.db"], Some(LATEST)),
    (
        &["database", "upgrade", "--force"],
        Some("populated/populated-0.5.0.db"),
    ),
    // By a rebuild.
    (
        &["database", "upgrade", "--force"],
        Some("populated/populated-0.5.0b1.db"),
    ),
    (
        &["database", "downgrade", "--to", "eb4080485a56", "--force"],
        Some(LATEST),
    ),
    (
        &["exchange", "deactivate", "base_pancakeswap_v3"],
        Some(LATEST),
    ),
];

type Files = BTreeMap<String, Vec<u8>>;

/// The files of the folder before: the database, and an earlier backup of it.
fn files_before(database: Option<&str>) -> Files {
    let earlier = Copy::of("populated/populated-0.5.0.db").files();
    let mut files = database.map_or_else(Files::new, |name| Copy::of(name).files());
    files.insert("degenbot.db.bak".to_owned(), earlier["degenbot.db"].clone());
    files
}

/// Whether a call belongs to the change of a command: a commit, the publication of a file that is no kept copy, or what
/// comes right before an exchange of two files, which the log lacks.
fn is_change(call: &Call, arguments: &[&str]) -> bool {
    let names = |name: &str| call.paths.last().is_some_and(|path| path == name);
    match call.name.as_str() {
        "write" => names("degenbot.db-wal"),
        "rename" | "link" => !call.paths[1].contains(".pre-"),
        "truncate" => arguments.ends_with(&["compact"]) && names("degenbot.db-wal"),
        _ => false,
    }
}

/// The numbers of all syncs, and of the last call before the change.
fn places(calls: &[Call], arguments: &[&str]) -> Vec<usize> {
    let change = calls.iter().position(|call| is_change(call, arguments));
    let mut before = calls[..change.unwrap()]
        .iter()
        .filter_map(|call| call.number);
    let syncs = calls.iter().filter(|call| call.name == "sync");
    let mut places: Vec<_> = syncs.filter_map(|call| call.number).collect();
    places.extend(before.next_back());
    places.sort_unstable();
    places.dedup();
    places
}

/// Sends a signal to a command while one of its calls waits. What is wrong with the end.
fn wrong_after_signal(
    arguments: &[&str],
    before: &Files,
    command: impl Fn(&Files) -> (tempfile::TempDir, Command),
    at: usize,
) -> Option<String> {
    let place = tempfile::tempdir().unwrap();
    let [fifo, log] = ["fifo", "log"].map(|name| place.path().join(name));
    let (folder, mut command) = command(before);
    command.env("FAULTS_LOG", &log);
    hold(&mut command, at, &fifo);
    let mut child = spawn(command);
    let held = Held::wait(&mut child, &fifo)?;
    send_and_await(&child, "-TERM");
    held.release();
    let told = finish(child);
    let calls = calls_in(&log);
    let held = calls.iter().position(|call| call.number == Some(at))?;
    // With several threads it is not always the same call that has this number.
    let is_before = !calls[..=held].iter().any(|call| is_change(call, arguments));
    let mut left = files(folder.path());
    let is_right = if is_before {
        told.starts_with("status: 1\n") && told.ends_with("Aborted!\n") && left == *before
    } else {
        left.retain(|name, _| name.contains(".degenbot-tmp-") || name.ends_with("-wal"));
        told.starts_with("status: 0\n") && left.is_empty()
    };
    (!is_right).then(|| {
        let names: Vec<_> = files(folder.path()).into_keys().collect();
        let call = &calls[held];
        format!("{at} {} {:?}: {told}{names:?}", call.name, call.paths)
    })
}

#[test]
fn signal_during_a_wait_for_the_disk_stops_what_is_not_yet_committed_and_completes_the_rest() {
    let Some(library) = library() else { return };
    let name = |(arguments, _): &(&[&str], Option<&str>)| arguments.join(" ");
    cases::map(&COMMANDS, name, |(arguments, database)| {
        let before = files_before(*database);
        let command = |files: &Files| {
            let folder = tempfile::tempdir().unwrap();
            for (name, bytes) in files {
                fs::write(folder.path().join(name), bytes).unwrap();
            }
            let mut command = on(&folder.path().join("degenbot.db"), arguments);
            preload(&mut command, library, folder.path());
            command.env("SQLITE_TMPDIR", ".");
            (folder, command)
        };
        let (_folder, normal) = command(&before);
        let (told, calls) = logged(normal);
        assert!(told.starts_with("status: 0\n"), "{told}");
        let wrong: Vec<_> = places(&calls, arguments)
            .into_iter()
            .filter_map(|at| wrong_after_signal(arguments, &before, command, at))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
