//! The command as a user runs it, away from the user's own files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::versions::without_versions;

/// `degenbot` with a home folder of its own and no settings from the environment.
pub fn degenbot(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_degenbot"));
    command
        .env_clear()
        .env("HOME", home)
        .env("TERM", "xterm")
        .current_dir(home);
    command
}

/// `degenbot --database degenbot.db …`, run in the database's folder.
pub fn on(database: &Path, arguments: &[&str]) -> Command {
    let mut command = degenbot(database.parent().unwrap());
    command
        .arg("--database")
        .arg(database.file_name().unwrap())
        .args(arguments);
    command
}

/// Runs a command with this input and gives its exit status and both streams as one text.
pub fn run(command: Command, input: &str) -> String {
    let mut child = spawn(command);
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    finish(child)
}

pub fn spawn(mut command: Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What `database backup` says of a clone.
const CLONED: &str = "The backup shares its space on the disk with the database.\n";

pub fn finish(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let status = output
        .status
        .code()
        .map_or("killed".to_owned(), |code| code.to_string());
    let told = format!(
        "status: {status}\n--- stdout\n{}--- stderr\n{}",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    );
    // Whether a backup is a clone depends on the file system of the folder for temporary files.
    told.replace(CLONED, "")
        .replace("\"cloned\": true", "\"cloned\": false")
}

/// Sends a signal, such as `-INT`. Whether it arrived: the process may have ended.
pub fn send(child: &Child, signal: &str) -> bool {
    let id = child.id().to_string();
    let output = Command::new("kill").args([signal, &id]).output().unwrap();
    output.status.success()
}

/// Waits until a process waits for SIGINT, or has ended. Before that, the signal would kill it. Only Linux tells.
pub fn await_signal_handler(child: &mut Child) {
    const SIGINT: u64 = 1 << 1;
    let status = format!("/proc/{}/status", child.id());
    while child.try_wait().unwrap().is_none() {
        let Ok(status) = std::fs::read_to_string(&status) else {
            return;
        };
        // The signal is blocked, and a thread takes it.
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = blocked.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        if blocked.is_some_and(|mask| mask & SIGINT != 0) {
            return;
        }
        std::thread::yield_now();
    }
}

/// Sends a signal to a command that goes on meanwhile, and waits until the command has taken notice: its thread for signals
/// has taken the signal, and waits for the next one. Only Linux tells.
pub fn send_and_await(child: &Child, signal: &str) {
    assert!(send(child, signal));
    let await_status = |is_right: fn(&str) -> bool| {
        let status = || std::fs::read_to_string(signal_thread(child.id())?.join("status")).ok();
        while !status().is_some_and(|status| is_right(&status)) {
            std::thread::yield_now();
        }
    };
    await_status(|status| {
        field(status, "ShdPnd:").is_some_and(|pending| pending.chars().all(|c| c == '0'))
    });
    await_status(|status| field(status, "State:").is_some_and(|state| state.starts_with('S')));
}

/// The value of a field of a process's status.
fn field<'status>(status: &'status str, name: &str) -> Option<&'status str> {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.map(str::trim)
}

/// The thread of a process that waits for signals. It has its name soon after its start.
fn signal_thread(process: u32) -> Option<PathBuf> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let mut tasks = tasks.filter_map(|task| Some(task.ok()?.path()));
    tasks.find(|task| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "signals\n")
    })
}

/// Runs a command without input.
pub fn quietly(database: &Path, arguments: &[&str]) -> String {
    run(on(database, arguments), "")
}

/// A snapshot's text without the sizes of files, which grow with every table.
pub fn without_sizes(text: &str) -> String {
    const UNIT: &str = " KiB";
    let mut parts: Vec<_> = text.split(UNIT).collect();
    let last = parts.pop().unwrap_or_default();
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let mut settled = String::new();
    for part in parts {
        settled += part.trim_end_matches(is_digit);
        settled += "[SIZE]";
    }
    settled + last
}

/// The line of a plan with the disk space replaced, which depends on the newest migrations.
fn without_disk_need(line: &str) -> String {
    let need = line
        .strip_prefix("Disk ")
        .and_then(|line| line.split_once("up to ")?.1.split_once(" more"));
    match need {
        Some((need, _)) => line.replacen(need, "[SIZE]", 1),
        None => line.to_owned(),
    }
}

/// A snapshot's text with what changes from release to release, and from run to run, replaced.
pub fn settled(text: &str) -> String {
    const USED: &str = "in use by ";
    let text = without_versions(text).replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.split_once(USED) {
            Some((before, _)) => format!("{before}{USED}[PROGRAMS]\n"),
            None => without_disk_need(line),
        });
    lines.collect()
}
