//! Processes that use the database meanwhile: what they do, and starting and stopping them.
//!
//! Each ends when its stdin closes, so none outlives this one, however that ends.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::ledger::{self, ACCOUNTS, Entry};
use crate::support::content;
use crate::support::generator::random::Random;

/// What the Python writer does.
const PYTHON: &str = include_str!("writer.py");

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(60);

/// Set when stdin has closed.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Does what a child process was started for; `false` where the arguments are not a child's.
pub fn run(arguments: &[String]) -> bool {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [
            role @ ("writer" | "visitor"),
            database,
            acknowledgements,
            writer,
            seed,
        ] => write(
            Path::new(database),
            Path::new(acknowledgements),
            writer.parse().unwrap(),
            *role == "visitor",
            &mut random(seed),
        ),
        ["checkpointer", database, seed] => checkpoint(Path::new(database), &mut random(seed)),
        _ => return false,
    }
    true
}

fn random(seed: &str) -> Random {
    Random::new(seed.parse().unwrap())
}

/// Commits again and again, and tells of each commit once it is certain. A visitor opens the database
/// for each commit anew.
fn write(
    database: &Path,
    acknowledgements: &Path,
    writer: i64,
    is_visitor: bool,
    random: &mut Random,
) {
    stop_with_stdin();
    let mut connection = None;
    let mut told = OpenOptions::new()
        .append(true)
        .create(true)
        .open(acknowledgements)
        .unwrap();
    while !STOPPED.load(Ordering::Relaxed) {
        let account = i64::from(random.below(ACCOUNTS));
        let amount = i64::from(random.below(999)) + 1;
        let entry = Entry {
            id: 0,
            account,
            amount,
            writer,
        };
        if is_visitor {
            connection = None;
            thread::sleep(random.part_of(Duration::from_millis(100)));
        }
        let connection = connection.get_or_insert_with(|| ledger::connect(database, PATIENCE));
        let entry = ledger::append(connection, entry);
        told.write_all(format!("{entry}\n").as_bytes()).unwrap();
        thread::sleep(random.part_of(Duration::from_millis(5)));
    }
}

/// Moves the log into the database now and then, in each of the ways that get into others' way or not.
fn checkpoint(database: &Path, random: &mut Random) {
    stop_with_stdin();
    let mut connection = ledger::connect(database, Duration::from_millis(200));
    while !STOPPED.load(Ordering::Relaxed) {
        thread::sleep(random.part_of(Duration::from_millis(100)));
        let mode = random.one_of(&["PASSIVE", "RESTART", "TRUNCATE"]);
        // That somebody is in the way is told by a row, and is no error.
        connection
            .batch_execute(&format!("PRAGMA wal_checkpoint({mode})"))
            .unwrap();
    }
}

fn stop_with_stdin() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        STOPPED.store(true, Ordering::Relaxed);
    });
}

/// The processes that use one database.
pub struct Children {
    running: Vec<(&'static str, Child)>,
}

impl Children {
    /// Starts two visitors: programs that open the database for a moment, so that now and then nobody
    /// has it open.
    pub fn visit(database: &Path, folder: &Path, random: &mut Random) -> Self {
        let running = (0..2).map(|writer| start("visitor", database, folder, writer, random));
        Self {
            running: running.collect(),
        }
    }

    /// Starts two writers and a checkpointer, and one of both in Python. Each writer has a file of its
    /// own in `folder` to tell of its commits.
    pub fn stay(database: &Path, folder: &Path, random: &mut Random) -> Self {
        let mut running: Vec<_> = (0..2)
            .map(|writer| start("writer", database, folder, writer, random))
            .collect();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("checkpointer").arg(database);
        command.arg(random.seed().to_string());
        running.push(("checkpointer", spawn(command)));
        if has_python() {
            let mut command = Command::new("python3");
            command
                .args(["-c", PYTHON])
                .arg(database)
                .arg(acknowledgements(folder, PYTHON_WRITER))
                .args([PYTHON_WRITER, i64::from(ACCOUNTS)].map(|number| number.to_string()))
                .arg(random.seed().to_string());
            running.push(("Python writer", spawn(command)));
        }
        Self { running }
    }

    /// Lets every process finish its transaction and end.
    pub fn stop(self) {
        let mut waiting = self.running;
        for (_, child) in &mut waiting {
            drop(child.stdin.take());
        }
        for (name, mut child) in waiting {
            let status = child.wait().unwrap();
            assert!(status.success(), "the {name} ended with {status}");
        }
    }
}

/// The number of the writer that is a Python program.
const PYTHON_WRITER: i64 = 2;

/// The files in which the writers tell of their commits.
pub fn all_acknowledgements(folder: &Path) -> [PathBuf; 3] {
    [0, 1, PYTHON_WRITER].map(|writer| acknowledgements(folder, writer))
}

fn acknowledgements(folder: &Path, writer: i64) -> PathBuf {
    folder.join(format!("acknowledged-{writer}"))
}

/// Starts this program once more, as one of those that write.
fn start(
    role: &'static str,
    database: &Path,
    folder: &Path,
    writer: i64,
    random: &mut Random,
) -> (&'static str, Child) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg(role)
        .arg(database)
        .arg(acknowledgements(folder, writer))
        .args([writer.to_string(), random.seed().to_string()]);
    (role, spawn(command))
}

fn spawn(mut command: Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The version of SQLite that Python has, where there is Python.
pub fn python_sqlite() -> Option<String> {
    let output = Command::new("python3")
        .args(["-c", "import sqlite3; print(sqlite3.sqlite_version)"])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn has_python() -> bool {
    static FOUND: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *FOUND.get_or_init(|| python_sqlite().is_some())
}

/// The version of SQLite that is linked into this program.
pub fn own_sqlite(database: &Path) -> String {
    content::lines(
        &mut content::connect(database),
        "SELECT sqlite_version() AS line",
    )
    .remove(0)
}
