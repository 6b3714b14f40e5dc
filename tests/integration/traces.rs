//! What is left beside a database: nothing by what only reads, and nothing of a program that was killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use degenbot::database::{
    Database, Error, PoolListOptions, PoolSelector, VerifyOptions, inspect_sqlite_database,
    list_pools, recognise, show_pools, verify_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::command::quietly;
use crate::support::content;
use crate::support::corpus::Copy;

type Files = BTreeMap<String, Vec<u8>>;

/// Reads a database.
type Read = fn(&Path) -> Result<(), Error>;

/// Makes the files of a database odd.
type Change = fn(&mut Files);

fn set_byte(files: &mut Files, at: usize, value: u8) {
    files.get_mut("degenbot.db").unwrap()[at] = value;
}

fn cut_log(files: &mut Files, length: usize) {
    files.get_mut("degenbot.db-wal").unwrap().truncate(length);
}

/// The bytes 18 and 19 are the versions of the file format for writing and for reading. 2 is WAL mode, and a program
/// only reads a file with a higher version for writing.
const ODD: [(&str, Change); 9] = [
    ("a log without an index", |_| ()),
    ("a log with a header only", |files| cut_log(files, 32)),
    ("a log that is cut off", |files| cut_log(files, 3_000)),
    ("an empty log", |files| cut_log(files, 0)),
    ("a log, to be read only", |files| set_byte(files, 18, 4)),
    ("a log beside a file in rollback mode", |files| {
        set_byte(files, 18, 1);
        set_byte(files, 19, 1);
    }),
    ("no log, to be read only", |files| {
        files.remove("degenbot.db-wal");
        set_byte(files, 18, 4);
    }),
    ("rollback mode for writing", |files| {
        files.remove("degenbot.db-wal");
        set_byte(files, 18, 1);
    }),
    ("rollback mode for reading", |files| {
        files.remove("degenbot.db-wal");
        set_byte(files, 19, 1);
    }),
];

fn write(folder: &Path, files: &Files) {
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn reading_leaves_no_file_behind() {
    let readers: [(&str, Read); 5] = [
        ("recognise", |path| recognise(path).map(drop)),
        ("inspect", |path| {
            inspect_sqlite_database(path, true).map(drop)
        }),
        ("verify", |path| {
            verify_sqlite_database(path, &VerifyOptions::default(), &mut ()).map(drop)
        }),
        ("list", |path| {
            list_pools(path, &PoolListOptions::default(), |_| Ok(()))
        }),
        ("show", |path| {
            show_pools(path, &PoolSelector::Id(1), &[]).map(drop)
        }),
    ];
    let model = Copy::of("populated/wal-0.6.0a4.db").files();
    for (what, change) in ODD {
        for (reader, read) in readers {
            let mut files = model.clone();
            change(&mut files);
            let copy = Copy::of("populated/wal-0.6.0a4.db");
            fs::remove_file(copy.folder().join("degenbot.db-wal")).unwrap();
            write(copy.folder(), &files);
            // What it says about an odd file does not matter here.
            let _ = read(&copy.path);
            assert!(
                copy.files() == files,
                "{what}, {reader}: {:?}",
                copy.files().keys()
            );
        }
    }
}

#[test]
fn verify_leaves_the_index_of_a_log_that_others_use() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("PRAGMA wal_autocheckpoint = 0; UPDATE exchanges SET active = 0")
        .unwrap();
    verify_sqlite_database(&copy.path, &VerifyOptions::default(), &mut ()).unwrap();
    assert!(copy.folder().join("degenbot.db-shm").exists());
    writer
        .batch_execute("UPDATE exchanges SET active = 1")
        .unwrap();
    let active = "SELECT count(*) AS line FROM exchanges WHERE active = 0";
    assert_eq!(
        content::lines(&mut content::connect(&copy.path), active),
        ["0"]
    );
}

/// What a killed upgrade, restore, backup and compaction have left.
const LEFT: [&str; 5] = [
    "degenbot.db.degenbot-tmp-1-0",
    "degenbot.db.degenbot-tmp-1-0-journal",
    "degenbot.db.pre-upgrade.degenbot-tmp-1-1",
    "degenbot.db.pre-restore.degenbot-tmp-1-2",
    "degenbot.db.bak.degenbot-tmp-1-3",
];

#[test]
fn every_operation_removes_what_killed_ones_have_left() {
    let commands: [&[&str]; 8] = [
        &["database", "backup", "--force"],
        &["database", "compact"],
        &["database", "compact", "--into", "compact.db"],
        &["database", "restore", "--force"],
        &["database", "upgrade", "--force"],
        &["database", "downgrade", "--to", "eb4080485a56", "--force"],
        &["database", "reset", "--force"],
        &["exchange", "activate", "base_uniswap_v2"],
    ];
    for arguments in commands {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        fs::copy(&copy.path, copy.folder().join("degenbot.db.bak")).unwrap();
        for name in LEFT {
            fs::write(copy.folder().join(name), "x").unwrap();
        }
        let told = quietly(&copy.path, arguments);
        assert!(told.starts_with("status: 0\n"), "{arguments:?}: {told}");
        let left: Vec<_> = copy.files().into_keys().collect();
        assert!(
            !left.iter().any(|name| LEFT.contains(&&**name)),
            "{arguments:?}: {left:?}"
        );
    }
}

#[test]
fn a_bot_that_opens_the_database_removes_what_killed_operations_have_left() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let others = [
        "degenbot.db.old.degenbot-tmp-1-0",
        "other.db.degenbot-tmp-1-0",
    ];
    for name in LEFT.iter().chain(&others) {
        fs::write(copy.folder().join(name), "x").unwrap();
    }
    drop(Database::open(&copy.path).unwrap());
    let left: Vec<_> = copy.files().into_keys().collect();
    assert!(!left.iter().any(|name| LEFT.contains(&&**name)), "{left:?}");
    assert!(
        others.iter().all(|name| left.contains(&(*name).to_owned())),
        "{left:?}"
    );
}
