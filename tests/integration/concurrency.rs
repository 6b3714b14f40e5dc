//! Several processes at once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::Duration;

use degenbot::database::{
    self, ErrorKind, ExchangeOptions, LOCK_TIMEOUT, MigrateOptions, SchemaVersion,
};
use diesel::connection::SimpleConnection;

use crate::support::command::{finish, on, quietly, spawn};
use crate::support::content;
use crate::support::corpus::{Copy, upgrade_options};

#[test]
fn two_concurrent_upgrades_both_succeed() {
    const ROUNDS: usize = 20;
    for round in 0..ROUNDS {
        let copy = Copy::of("populated/wal-0.5.0.db");
        let before = content::of(&Copy::of("populated/wal-0.5.0.db").path);
        let processes: Vec<_> = (0..2)
            .map(|_| spawn(on(&copy.path, &["database", "upgrade", "--force"])))
            .collect();
        for process in processes {
            let told = finish(process);
            assert!(told.starts_with("status: 0\n"), "round {round}: {told}");
        }
        assert_eq!(
            database::current_database_version(&copy.path).unwrap(),
            SchemaVersion::latest()
        );
        content::assert_carried_over(&before, &content::of(&copy.path), "both");
        assert_eq!(content::complaints(&copy.path), [""; 0]);
    }
}

/// One database of each way to be brought in.
const LINEAGES: [&str; 8] = [
    "populated/populated-0.5.0a1.db",
    "populated/wal-0.5.0a2.db",
    "populated/populated-0.5.0b1.db",
    "populated/populated-0.5.0b2.db",
    "upgraded/FAILED-0.5.0b1-to-0.5.0b2.db",
    "upgraded/cutover11-from-b20f5564b3b6-then-opened-by-17.db",
    "populated/populated-0.6.0a11.db",
    "populated/populated-0.6.0a17.db",
];

#[test]
fn two_concurrent_rebuilds_run_once() {
    const ROUNDS: usize = 50;
    let command = [
        "database",
        "upgrade",
        "--force",
        "--assume",
        "aerodrome_v2.stable=false",
    ];
    let mut expected = BTreeMap::new();
    for round in 0..ROUNDS {
        let name = LINEAGES[round % LINEAGES.len()];
        let copy = Copy::of(name);
        let processes: Vec<_> = (0..2).map(|_| spawn(on(&copy.path, &command))).collect();
        for process in processes {
            let told = finish(process);
            assert!(told.starts_with("status: 0\n"), "round {round}: {told}");
        }
        let content = content::timeless(&copy.path);
        let same = expected.entry(name).or_insert_with(|| {
            let alone = Copy::of(name);
            database::upgrade_sqlite_database(&alone.path, &upgrade_options(), &mut ()).unwrap();
            content::timeless(&alone.path)
        });
        assert!(&content == same, "round {round}: {name}");
        assert_eq!(content::complaints(&copy.path), [""; 0]);
        let files: Vec<_> = copy.files().into_keys().collect();
        let kept = files
            .iter()
            .filter(|file| file.contains("pre-upgrade"))
            .count();
        assert!(kept <= 1, "round {round}: {files:?}");
        assert!(
            !files.iter().any(|file| file.contains("-tmp-")),
            "{files:?}"
        );
    }
}

/// Another program is there first, while a command waits for an answer.
#[test]
fn command_that_comes_second_says_so_and_does_nothing() {
    let back = ["database", "downgrade", "--to", "eb4080485a56", "--force"];
    let down = ["database", "downgrade", "--to", "eb4080485a56"];
    let up = [
        "database",
        "upgrade",
        "--json=compact",
        "--assume",
        "aerodrome_v2.stable=false",
    ];
    let forced = [up.as_slice(), &["--force"]].concat();
    for (name, second, first, said) in [
        (
            "populated-0.5.0.db",
            up.as_slice(),
            &forced,
            "is already at the latest version",
        ),
        (
            "populated-0.5.0a2.db",
            &up,
            &forced,
            "is already at the latest version",
        ),
        (
            "populated-0.6.0a4.db",
            &down,
            &back.to_vec(),
            "is already at version eb4080485a56.",
        ),
        // An upgrade from this version was not asked about.
        (
            "populated-0.6.0a4.db",
            &up,
            &back.to_vec(),
            "its version is eb4080485a56, and was 2606a6c7f5ee",
        ),
    ] {
        let copy = Copy::of(&format!("populated/{name}"));
        let mut waiting = spawn(on(&copy.path, second));
        await_question(&mut waiting);
        let told = quietly(&copy.path, first);
        assert!(told.starts_with("status: 0\n"), "{name}: {told}");
        waiting.stdin.take().unwrap().write_all(b"y\n").unwrap();
        let told = finish(waiting);
        let status = i32::from(!said.starts_with("is already"));
        assert!(
            told.starts_with(&format!("status: {status}\n")),
            "{name}: {told}"
        );
        assert!(told.contains(said), "{name}: {told}");
        if said.starts_with("is already at the latest") {
            let from = format!("\"from\":{{\"name\":\"{}\"", SchemaVersion::latest());
            assert!(told.contains(&from), "{name}: {told}");
            assert!(told.contains("\"migrations\":[]"), "{name}: {told}");
        }
    }
}

/// Reads what a command says until it asks.
fn await_question(child: &mut Child) {
    let said = child.stderr.as_mut().unwrap();
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"[y/N] ") {
        said.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
}

#[test]
fn two_concurrent_creations_make_one_database() {
    const ROUNDS: usize = 10;
    for round in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        let processes: Vec<_> = (0..3)
            .map(|_| spawn(on(&path, &["database", "reset", "--force"])))
            .collect();
        let told: Vec<_> = processes.into_iter().map(finish).collect();
        assert!(
            told.iter().any(|told| told.starts_with("status: 0\n")),
            "{told:?}"
        );
        for told in told.iter().filter(|told| !told.starts_with("status: 0\n")) {
            assert!(told.contains("already exists"), "round {round}: {told}");
        }
        assert_eq!(content::complaints(&path), [""; 0]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn two_concurrent_backups_leave_one_whole_backup() {
    const ROUNDS: usize = 10;
    for round in 0..ROUNDS {
        let copy = Copy::of("populated/wal-0.6.0a4.db");
        let before = content::of(&Copy::of("populated/wal-0.6.0a4.db").path);
        let processes: Vec<_> = (0..3)
            .map(|_| spawn(on(&copy.path, &["database", "backup", "--force"])))
            .collect();
        for process in processes {
            let told = finish(process);
            assert!(told.starts_with("status: 0\n"), "round {round}: {told}");
        }
        assert_eq!(content::of(&database::backup_path(&copy.path)), before);
        assert!(copy.files().keys().all(|name| !name.contains("tmp")));
    }
}

/// An operation that takes the write lock, with the time to wait for it.
type Locking = fn(&Path, Duration) -> Result<(), database::Error>;

/// A database of the corpus with what is done to it.
const LOCKING: [(&str, Locking); 5] = [
    ("populated/wal-0.5.0.db", upgrade),
    ("populated/populated-0.5.0a2.db", upgrade),
    ("populated/wal-0.5.0.db", downgrade),
    ("populated/wal-0.5.0.db", activate),
    ("populated/wal-0.5.0.db", deactivate),
];

fn upgrade(path: &Path, wait: Duration) -> Result<(), database::Error> {
    database::upgrade_sqlite_database(path, &upgrade_options().wait(wait), &mut ()).map(drop)
}

fn downgrade(path: &Path, wait: Duration) -> Result<(), database::Error> {
    let from = database::current_database_version(path)?;
    let target = SchemaVersion::all().next().unwrap();
    let options = MigrateOptions::default().wait(wait);
    database::migrate_sqlite_database(path, from, target, &options).map(drop)
}

fn activate(path: &Path, wait: Duration) -> Result<(), database::Error> {
    let exchange = "base_uniswap_v4".parse().unwrap();
    let options = ExchangeOptions::default().wait(wait);
    database::activate_exchange(path, &exchange, &options).map(drop)
}

fn deactivate(path: &Path, wait: Duration) -> Result<(), database::Error> {
    let exchange = "base_uniswap_v3".parse().unwrap();
    let options = ExchangeOptions::default().wait(wait);
    database::deactivate_exchange(path, &exchange, &options).map(drop)
}

/// The copy that an operation is tried on; a downgrade needs a newer version.
fn copy_for(name: &str, operation: Locking) -> Copy {
    if std::ptr::fn_addr_eq(operation, downgrade as Locking) {
        Copy::upgraded(name)
    } else {
        Copy::of(name)
    }
}

#[test]
fn operations_give_up_at_once_if_they_are_told_not_to_wait() {
    for (name, operation) in LOCKING {
        let copy = copy_for(name, operation);
        let mut writer = content::connect(&copy.path);
        writer.batch_execute("BEGIN IMMEDIATE").unwrap();
        let error = operation(&copy.path, Duration::ZERO).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Locked), "{error}");
    }
}

#[test]
fn operations_wait_longer_than_usual_if_they_are_told_to() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let copies = LOCKING.map(|(name, operation)| (copy_for(name, operation), operation));
    let writers = copies.each_ref().map(|(copy, _)| {
        let mut writer = content::connect(&copy.path);
        writer.batch_execute("BEGIN IMMEDIATE").unwrap();
        writer
    });
    thread::scope(|scope| {
        let running = copies
            .each_ref()
            .map(|(copy, operation)| scope.spawn(|| operation(&copy.path, HOUR)));
        // That time passes is what is waited for: an operation with the usual time gives up in it.
        thread::sleep(LOCK_TIMEOUT + Duration::from_secs(1));
        drop(writers);
        for operation in running {
            operation.join().unwrap().unwrap();
        }
    });
}
