//! Benchmark of start-up: `degenbot database info` and the `sqlite3` shell, as processes that run in turn.
//!
//! The limit is a ratio of 2 on a small database, so that the command never feels slow.

#![expect(clippy::print_stdout, reason = "it prints the figures")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use degenbot::database::create_new_sqlite_database;

const RUNS: usize = 20;
const LIMIT: f64 = 2.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `cargo test --benches` only checks that this program builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path)?;

    let mut info = Vec::new();
    let mut shell = Vec::new();
    for run in 0..=RUNS {
        let times = (time(&mut info_of(&path))?, time(&mut shell_on(&path))?);
        // The first run of each fills the caches.
        if run > 0 {
            info.push(times.0);
            shell.push(times.1);
        }
    }
    let (info, shell) = (median(info), median(shell));
    let ratio = info.as_secs_f64() / shell.as_secs_f64();
    println!("degenbot database info  {info:>10.2?}  (median of {RUNS})");
    println!("sqlite3 shell           {shell:>10.2?}  (median of {RUNS})");
    println!("ratio                   {ratio:>10.2}  (limit {LIMIT})");
    if ratio > LIMIT {
        return Err("the limit is exceeded".into());
    }
    Ok(())
}

fn info_of(path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_degenbot"));
    command
        .arg("--database")
        .arg(path)
        .args(["database", "info"]);
    command
}

fn shell_on(path: &Path) -> Command {
    let mut command = Command::new("sqlite3");
    command.arg(path).arg("select count(*) from sqlite_schema");
    command
}

fn time(command: &mut Command) -> Result<Duration, Box<dyn std::error::Error>> {
    command.stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status()?;
    let taken = began.elapsed();
    if !status.success() {
        return Err(format!("{command:?} failed").into());
    }
    Ok(taken)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
