//! What is left beside a database: nothing by what only reads, and nothing of a program that was killed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use degenbot::database::{
    BackupOptions, Database, Error, PoolListOptions, PoolSelector, VerifyOptions,
    backup_sqlite_database, inspect_sqlite_database, list_pools, recognise, show_pools,
    verify_sqlite_database,
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

const READERS: [(&str, Read); 5] = [
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

#[test]
fn reading_leaves_no_file_behind() {
    let model = Copy::of("populated/wal-0.6.0a4.db").files();
    for (what, change) in ODD {
        for (reader, read) in READERS {
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

/// A time of the last write that does not show that the file is old: today's second, and times to come.
fn odd_times() -> [SystemTime; 3] {
    let now = SystemTime::now();
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    [
        SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()),
        now + Duration::from_secs(50),
        now + Duration::from_secs(86_400),
    ]
}

#[test]
fn reading_leaves_no_file_behind_whatever_the_times_of_the_files_are() {
    for log in [None, Some(0), Some(usize::MAX)] {
        for (reader, read) in READERS {
            for time in odd_times() {
                let copy = Copy::of("populated/wal-0.6.0a4.db");
                let wal = copy.folder().join("degenbot.db-wal");
                match log {
                    None => fs::remove_file(&wal).unwrap(),
                    Some(bytes) => {
                        let content = fs::read(&wal).unwrap();
                        fs::write(&wal, &content[..bytes.min(content.len())]).unwrap();
                    }
                }
                let before = copy.files();
                for name in before.keys() {
                    let file = File::open(copy.folder().join(name)).unwrap();
                    file.set_modified(time).unwrap();
                }
                read(&copy.path).unwrap();
                assert!(
                    copy.files() == before,
                    "{log:?}, {reader}, {time:?}: {:?}",
                    copy.files().keys()
                );
            }
        }
    }
}

#[test]
fn log_with_an_index_that_a_killed_program_left_is_read_whatever_its_time_is() {
    for (reader, read) in READERS {
        for time in odd_times() {
            let copy = Copy::of("populated/wal-0.6.0a4.db");
            fs::write(copy.folder().join("degenbot.db-shm"), "").unwrap();
            let mut before = copy.files();
            for name in before.keys() {
                let file = File::open(copy.folder().join(name)).unwrap();
                file.set_modified(time).unwrap();
            }
            let done = read(&copy.path);
            assert!(done.is_ok(), "{reader}, {time:?}: {done:?}");
            let mut after = copy.files();
            // A reader may fill the index.
            for files in [&mut before, &mut after] {
                assert!(files.remove("degenbot.db-shm").is_some(), "{reader}");
            }
            assert!(after == before, "{reader}, {time:?}: {:?}", after.keys());
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

/// A database with a name that a killed operation could have given to a copy.
const NAMED: &str = "degenbot.db.degenbot-tmp-4242-0";

#[test]
fn backup_with_the_name_of_a_temporary_file_is_restored_and_stays() {
    for (named, has_database) in [
        (NAMED, true),
        (NAMED, false),
        ("link/./degenbot.db.degenbot-tmp-4242-0", true),
        ("link.db", true),
        ("degenbot.db.bak.degenbot-tmp-1-3", true),
        ("degenbot.db.degenbot-tmp-4242-0-wal", true),
    ] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        let at = |name: &str| copy.folder().join(name);
        symlink(copy.folder(), at("link")).unwrap();
        symlink(NAMED, at("link.db")).unwrap();
        let file = if named.ends_with("-wal") || named.contains(".bak") {
            at(named)
        } else {
            at(NAMED)
        };
        fs::copy(&copy.path, &file).unwrap();
        if file != at(NAMED) {
            fs::write(at(NAMED), "x").unwrap();
        }
        let content = fs::read(&file).unwrap();
        if has_database {
            let statement = "UPDATE exchanges SET active = NOT active";
            let mut database = content::connect(&copy.path);
            database.batch_execute(statement).unwrap();
        } else {
            fs::remove_file(&copy.path).unwrap();
        }
        let arguments = ["database", "restore", "--force", "--from", named];
        let told = quietly(&copy.path, &arguments);
        assert!(told.starts_with("status: 0\n"), "{named}: {told}");
        assert_eq!(fs::read(&file).unwrap(), content, "{named}");
        assert_eq!(content::of(&copy.path), content::of(&file), "{named}");
        assert_eq!(at(NAMED).exists(), file == at(NAMED), "{named}");
    }
}

#[test]
fn database_with_the_name_of_a_temporary_file_is_never_swept() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let named = copy.folder().join(NAMED);
    fs::copy(&copy.path, &named).unwrap();
    let content = fs::read(&named).unwrap();
    let told = quietly(
        &named,
        &["database", "backup", "--output", "degenbot.db", "--force"],
    );
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert_eq!(fs::read(&named).unwrap(), content);
    assert_eq!(content::of(&copy.path), content::of(&named));
    // A bot has opened it, and makes a backup of it.
    let bot = Database::open(&named).unwrap();
    let options = BackupOptions::default().output(copy.path.clone());
    backup_sqlite_database(&named, &options.replace_existing(true), &mut ()).unwrap();
    drop(bot);
    assert!(named.exists());
}

#[test]
fn no_file_that_an_argument_names_is_swept() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let config = copy.folder().join(NAMED);
    fs::write(&config, "[rpc]\n").unwrap();
    let option = format!("--config={NAMED}");
    let told = quietly(
        &copy.path,
        &[option.as_str(), "exchange", "activate", "base_uniswap_v2"],
    );
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert_eq!(fs::read_to_string(config).unwrap(), "[rpc]\n");
}
