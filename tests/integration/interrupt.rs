//! Ctrl-C and the other signals that ask the command to end, while it waits, while it works and when it is done.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use degenbot::database::{backup_path, programs_using};
use diesel::connection::SimpleConnection;
use rustix::fs::{OFlags, fcntl_setfl};

use crate::support::command::{await_signal_handler, finish, on, send, spawn};
use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::faults::{hang, library, logged, preload};

/// Waits until the process has the database open, and waits for the lock of another program. Only Linux tells.
fn await_use(database: &Path, child: &Child) {
    if cfg!(target_os = "linux") {
        let uses = || programs_using(database).into_iter();
        while !uses().any(|program| program.pid == child.id()) {
            std::thread::yield_now();
        }
    }
}

/// Sends Ctrl-C until the process has ended.
fn insist(child: &mut Child) {
    while child.try_wait().unwrap().is_none() {
        send(child, "-INT");
    }
}

/// `degenbot database backup --json` with nobody who reads its stdout, after the backup has ended: a message says so.
fn backup_that_cannot_report(copy: &Copy) -> (Child, PipeReader) {
    let (reader, writer) = full_pipe();
    let mut child = on(&copy.path, &["database", "backup", "--json"])
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One byte after the other, so that the rest stays in the pipe.
    let stderr = child.stderr.as_mut().unwrap();
    let mut byte = [0];
    while byte != *b"\n" {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1);
    }
    (child, reader)
}

/// A pipe that takes no byte before some are read.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    for chunk in [4096, 1] {
        while writer.write(&vec![b' '; chunk]).is_ok() {}
    }
    fcntl_setfl(&writer, OFlags::empty()).unwrap();
    (reader, writer)
}

#[test]
fn every_wait_for_a_lock_is_ended_by_sigint() {
    let latest = "populated/populated-0.6.0a4.db";
    let older = "populated/populated-0.5.0.db";
    let legacy = "populated/populated-0.5.0a2.db";
    let waits: [(&str, &[&str]); 6] = [
        (older, &["database", "upgrade", "-y"]),
        (
            legacy,
            &[
                "database",
                "upgrade",
                "-y",
                "--assume",
                "aerodrome_v2.stable=true",
            ],
        ),
        (
            latest,
            &["database", "downgrade", "-y", "--to", "eb4080485a56"],
        ),
        (latest, &["exchange", "activate", "base_uniswap_v4"]),
        (latest, &["exchange", "deactivate", "base_pancakeswap_v3"]),
        (
            latest,
            &[
                "exchange",
                "add",
                "--chain",
                "10",
                "--name",
                "other_v3",
                "--kind",
                "uniswap_v3",
                "--factory",
                "0x2000000000000000000000000000000000000001",
            ],
        ),
    ];
    for (database, arguments) in waits {
        let copy = Copy::of(database);
        let mut writer = content::connect(&copy.path);
        writer.batch_execute("BEGIN IMMEDIATE").unwrap();
        let mut arguments = arguments.to_vec();
        arguments.extend(["--wait", "100000"]);
        let mut child = spawn(on(&copy.path, &arguments));
        await_signal_handler(&mut child);
        await_use(&copy.path, &child);
        assert!(send(&child, "-INT"));
        let told = finish(child);
        assert!(told.starts_with("status: 1\n"), "{arguments:?}: {told}");
        assert!(told.ends_with("Aborted!\n"), "{arguments:?}: {told}");
        writer.batch_execute("ROLLBACK").unwrap();
    }
}

/// `timeout` sends a signal to the process, and another to its group.
#[test]
fn signals_at_once_count_as_one() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut writer = content::connect(&copy.path);
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let arguments = [
        "exchange",
        "activate",
        "base_uniswap_v4",
        "--wait",
        "100000",
    ];
    let mut child = spawn(on(&copy.path, &arguments));
    await_signal_handler(&mut child);
    await_use(&copy.path, &child);
    let both = "kill -TERM $0 && kill -INT $0";
    let sent = Command::new("sh")
        .args(["-c", both, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let told = finish(child);
    assert!(told.starts_with("status: 1\n"), "{told}");
    assert!(told.ends_with("Aborted!\n"), "{told}");
    writer.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn two_signals_at_once_during_a_question_say_that_it_is_aborted() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    for _ in 0..10 {
        let mut child = spawn(on(&copy.path, &["database", "reset"]));
        await_signal_handler(&mut child);
        send(&child, "-INT");
        // The command may have ended already.
        send(&child, "-TERM");
        let told = finish(child);
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(told.ends_with("Aborted!\n"), "{told}");
    }
}

#[test]
fn signals_that_were_ignored_stay_ignored() {
    for signal in ["HUP", "INT", "TERM"] {
        let copy = Copy::of("populated/populated-0.6.0a4.db");
        let mut writer = content::connect(&copy.path);
        writer.batch_execute("BEGIN IMMEDIATE").unwrap();
        // As `nohup` does it.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' \"$1\"; shift; exec \"$@\"", "sh", signal])
            .arg(env!("CARGO_BIN_EXE_degenbot"))
            .arg("--database")
            .arg(&copy.path)
            .args(["database", "reset", "--force", "--wait", "100000"])
            .env("HOME", copy.folder());
        let child = spawn(command);
        await_use(&copy.path, &child);
        assert!(send(&child, &format!("-{signal}")));
        writer.batch_execute("ROLLBACK").unwrap();
        let told = finish(child);
        assert!(told.starts_with("status: 0\n"), "{signal}: {told}");
        assert!(!told.contains("Aborted!"), "{signal}: {told}");
    }
}

/// The command is inside a call that never returns, before half of what it writes is written.
#[test]
fn second_sigint_ends_an_operation_that_nothing_else_can_end() {
    let Some(library) = library() else { return };
    let upgrade = |copy: &Copy| {
        let mut command = on(&copy.path, &["database", "upgrade", "--force"]);
        preload(&mut command, library, copy.folder());
        command
    };
    let copy = || Copy::of("populated/populated-0.5.0.db");
    let (_, calls) = logged(upgrade(&copy()));
    let at = calls.iter().filter(|call| call.number.is_some()).count() / 2;
    let copy = copy();
    let before = content::of(&copy.path);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = upgrade(&copy);
    hang(&mut command, at, &log);
    let mut child = spawn(command);
    let has_come = |line: &str| line.starts_with(&format!("{at} "));
    while !fs::read_to_string(&log).is_ok_and(|log| log.lines().any(has_come)) {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    insist(&mut child);
    let (status, told) = finish_without_stdout(child);
    assert_eq!(status, Some(130), "{told}");
    assert!(
        told.ends_with("by a second signal. SQLite rolls back what was not committed.\n"),
        "{told}"
    );
    assert_eq!(content::of(&copy.path), before);
}

/// Waits until the process uses more memory than it ever does by itself. Only Linux tells.
fn await_memory(child: &mut Child, megabytes: u64) {
    let status = format!("/proc/{}/status", child.id());
    while child.try_wait().unwrap().is_none() {
        let Ok(status) = fs::read_to_string(&status) else {
            return;
        };
        let used = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let used = used.and_then(|used| used.trim().strip_suffix(" kB"));
        if used.is_some_and(|used| used.parse::<u64>().unwrap() > megabytes << 10) {
            return;
        }
        std::thread::yield_now();
    }
}

/// Nothing interrupts SQLite inside a function. This one would take hours.
#[test]
fn second_sigint_ends_every_command_that_checks_rows_with_a_slow_check() {
    let old = "populated/populated-0.5.0.db";
    let legacy = "populated/populated-0.5.0a2.db";
    let slow = "PRAGMA ignore_check_constraints = ON; \
         CREATE TABLE own (a CHECK (instr(zeroblob(a), CAST(zeroblob(a / 2) || 'x' AS BLOB)) = 0)); \
         INSERT INTO own VALUES (60000000)";
    for (name, arguments) in [
        (old, &["database", "verify"][..]),
        (old, &["database", "backup", "--verify", "full"]),
        (old, &["database", "compact"]),
        (old, &["database", "restore", "--force"]),
        (old, &["database", "upgrade", "--force"]),
        (
            legacy,
            &[
                "database",
                "upgrade",
                "--force",
                "--assume",
                "aerodrome_v2.stable=true",
            ],
        ),
    ] {
        let copy = Copy::of(name);
        content::connect(&copy.path).batch_execute(slow).unwrap();
        if arguments.contains(&"restore") {
            fs::copy(&copy.path, backup_path(&copy.path)).unwrap();
        }
        let before = fs::read(&copy.path).unwrap();
        let mut child = spawn(on(&copy.path, arguments));
        await_memory(&mut child, 80);
        assert!(child.try_wait().unwrap().is_none(), "{arguments:?}");
        insist(&mut child);
        let told = finish(child);
        assert!(told.starts_with("status: 130\n"), "{arguments:?}: {told}");
        assert_eq!(fs::read(&copy.path).unwrap(), before, "{arguments:?}");
    }
}

#[test]
fn signal_after_the_operation_does_not_change_its_result() {
    for signal in ["-INT", "-TERM", "-QUIT", "-HUP"] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        let (child, mut reader) = backup_that_cannot_report(&copy);
        assert!(send(&child, signal));
        let mut output = String::new();
        reader.read_to_string(&mut output).unwrap();
        assert!(output.ends_with("}\n"), "{output}");
        let told = finish_without_stdout(child);
        assert_eq!(told.0, Some(0), "{signal}: {told:?}");
        assert!(!told.1.contains("Aborted!"), "{signal}: {told:?}");
        assert_eq!(
            content::of(&backup_path(&copy.path)),
            content::of(&copy.path)
        );
    }
}

#[test]
fn second_sigint_after_the_operation_says_that_it_had_ended() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let (mut child, reader) = backup_that_cannot_report(&copy);
    insist(&mut child);
    drop(reader);
    let (status, told) = finish_without_stdout(child);
    assert_eq!(status, Some(130), "{told}");
    assert!(
        told.ends_with("after the operation had ended. Its report may be incomplete.\n"),
        "{told}"
    );
    assert_eq!(
        content::of(&backup_path(&copy.path)),
        content::of(&copy.path)
    );
}

/// The command waits in the middle of a message, whose lock it holds.
#[test]
fn second_sigint_ends_a_command_whose_messages_nobody_reads() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let (reader, writer) = full_pipe();
    let mut child = on(&copy.path, &["database", "backup"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(writer)
        .spawn()
        .unwrap();
    while !backup_path(&copy.path).exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    insist(&mut child);
    // A third signal may have come before the end.
    let status = child.wait().unwrap();
    assert!([Some(130), None].contains(&status.code()), "{status}");
    drop(reader);
    assert_eq!(
        content::of(&backup_path(&copy.path)),
        content::of(&copy.path)
    );
}

fn finish_without_stdout(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), told)
}
