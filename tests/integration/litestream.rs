//! A database that Litestream replicates, and one that follows another by `litestream restore -f`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use degenbot::database::{
    BackupOptions, CompactOptions, Database, Error, ErrorKind, ExchangeOptions, PoolOptions,
    ResetOptions, RestoreOptions, backup_sqlite_database, compact_sqlite_database,
    create_new_sqlite_database, deactivate_exchange, reset_sqlite_database,
    restore_sqlite_database,
};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::support::command::{degenbot, finish, on, quietly, run, send, spawn};
use crate::support::content;
use crate::support::corpus::Copy;
#[cfg(target_os = "linux")]
use crate::support::replicating::Replicating;
use crate::support::terminal::Terminal;

/// The tables as Litestream 0.5.17 creates them.
const TABLES: &str = "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);
    CREATE TABLE _litestream_lock (id INTEGER);
    INSERT INTO _litestream_seq VALUES (1, 7)";

/// The names of Litestream's tables in a database.
fn tables(path: &Path) -> Vec<String> {
    let query =
        "SELECT name AS line FROM sqlite_schema WHERE name GLOB '_litestream_*' ORDER BY name";
    content::lines(&mut content::connect(path), query)
}

/// How much of the log has been moved into the file: frames of it, and moved ones. A program that has it open keeps it.
fn moved(path: &Path) -> [u32; 2] {
    let log = fs::read(path.with_extension("db-wal")).unwrap();
    let index = fs::read(path.with_extension("db-shm")).unwrap();
    // The number of the last valid frame, and behind both copies of the header that of the moved frames
    // (https://sqlite.org/walformat.html, section 2.2).
    let number = |at: usize| u32::from_ne_bytes(index[at..at + 4].try_into().unwrap());
    assert!(log.len() > 32);
    [number(16), number(96)]
}

/// Litestream reads the changes from the log. It does not always notice those that are gone from there.
#[test]
fn log_is_left_to_litestream() {
    let operations: [(Operation, u32); 6] = [
        (reset, 100),
        (restore, 100),
        (compact, 100),
        (deactivate, 1),
        (write_much, 2_000),
        (backup, 0),
    ];
    for (operate, least) in operations {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        let mut litestream = content::connect(&copy.path);
        litestream
            .batch_execute(&format!("{TABLES}; PRAGMA wal_autocheckpoint = 0"))
            .unwrap();
        // A content of more pages than SQLite leaves in the log by default, which are few at this size of a page.
        litestream
            .batch_execute(
                "CREATE TABLE numbers AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1500)
                 SELECT n, zeroblob(4000) FROM n; DELETE FROM numbers WHERE n % 10 = 0",
            )
            .unwrap();
        backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
        litestream
            .batch_execute("PRAGMA wal_checkpoint(TRUNCATE); UPDATE _litestream_seq SET seq = 8")
            .unwrap();
        operate(&copy.path).unwrap();
        let [frames, moved] = moved(&copy.path);
        assert!(frames > least, "{frames}");
        assert_eq!(moved, 0);
        // Without Litestream, the log goes with the last connection.
        drop(litestream);
        assert!(!copy.files().contains_key("degenbot.db-wal"));
    }
}

/// What is done with a database.
type Operation = fn(&Path) -> Result<(), Error>;

/// A bot that commits more than SQLite leaves in the log.
fn write_much(path: &Path) -> Result<(), Error> {
    Database::open(path)?.session()?.write(|connection| {
        let write = "INSERT INTO numbers SELECT rowid + 10000, randomblob(8000) FROM numbers";
        connection.batch_execute(write).unwrap();
        Ok(())
    })
}

fn backup(path: &Path) -> Result<(), Error> {
    let options = BackupOptions::default().replace_existing(true);
    backup_sqlite_database(path, &options, &mut ()).map(drop)
}

fn deactivate(path: &Path) -> Result<(), Error> {
    let exchange = "base_uniswap_v3".parse().unwrap();
    deactivate_exchange(path, &exchange, &ExchangeOptions::default()).map(drop)
}

fn compact(path: &Path) -> Result<(), Error> {
    compact_sqlite_database(path, &CompactOptions::default(), &mut ()).map(drop)
}

fn reset(path: &Path) -> Result<(), Error> {
    reset_sqlite_database(path, &ResetOptions::default(), &mut ()).map(drop)
}

fn restore(path: &Path) -> Result<(), Error> {
    restore_sqlite_database(path, &RestoreOptions::default(), &mut ()).map(drop)
}

#[test]
fn tables_of_litestream_outlive_a_replaced_content() {
    let both = ["_litestream_lock", "_litestream_seq"];
    for page_size in [4_096, 8_192] {
        for replace in [reset, restore] {
            let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
            backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
            let backup = fs::read(copy.folder().join("degenbot.db.bak")).unwrap();
            let mut connection = content::connect(&copy.path);
            connection
                .batch_execute(&format!(
                    "PRAGMA journal_mode = DELETE; PRAGMA page_size = {page_size}; VACUUM;
                     PRAGMA journal_mode = WAL; {TABLES}"
                ))
                .unwrap();
            replace(&copy.path).unwrap();
            assert_eq!(tables(&copy.path), both);
            assert_eq!(content::complaints(&copy.path), [""; 0]);
            // The backup is never written to.
            assert_eq!(
                fs::read(copy.folder().join("degenbot.db.bak")).unwrap(),
                backup
            );
            assert!(copy.files().keys().all(|name| !name.contains("tmp")));
        }
    }
}

#[test]
fn tables_of_litestream_come_from_nowhere_else() {
    for replace in [reset, restore] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
        replace(&copy.path).unwrap();
        assert_eq!(tables(&copy.path), [""; 0]);
    }
    // A backup that has them keeps them, with their rows.
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    content::connect(&copy.path).batch_execute(TABLES).unwrap();
    backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    restore(&copy.path).unwrap();
    let rows = content::lines(
        &mut content::connect(&copy.path),
        "SELECT seq AS line FROM _litestream_seq",
    );
    assert_eq!(rows, ["7"]);
    let new = copy.folder().join("new.db");
    let options = RestoreOptions::default().from(copy.folder().join("degenbot.db.bak"));
    restore_sqlite_database(&new, &options, &mut ()).unwrap();
    assert_eq!(tables(&new).len(), 2);
}

/// A database as `litestream restore -f` keeps it: in rollback mode, with a file beside it.
fn follower(name: &str) -> Copy {
    let copy = Copy::of(name);
    content::connect(&copy.path)
        .batch_execute("PRAGMA journal_mode = DELETE")
        .unwrap();
    fs::write(copy.folder().join("degenbot.db-txid"), "0000000000000007").unwrap();
    copy
}

const WRITERS: [&[&str]; 7] = [
    &["database", "upgrade", "--force"],
    &["database", "downgrade", "--to", "0.5.0", "--force"],
    &["database", "reset", "--force"],
    &["database", "restore", "--from", "other.db", "--force"],
    &["database", "compact"],
    &["exchange", "activate", "base_uniswap_v4"],
    &["exchange", "deactivate", "base_uniswap_v4"],
];

#[test]
fn nothing_writes_to_a_follower() {
    let other = Copy::upgraded("populated/populated-0.6.0a4.db");
    for name in [
        "populated/populated-0.6.0a4.db",
        "populated/populated-0.5.0a2.db",
    ] {
        let copy = follower(name);
        fs::copy(&other.path, copy.folder().join("other.db")).unwrap();
        let before = copy.files();
        for arguments in WRITERS {
            let said = run(on(&copy.path, arguments), "");
            let is_of_version = name.contains("0.6.0a4")
                || matches!(arguments[1], "upgrade" | "reset" | "restore" | "compact")
                    && arguments[0] == "database";
            assert!(
                said.starts_with("status: 1\n"),
                "{name}: {arguments:?}: {said}"
            );
            if is_of_version {
                let follows = "it follows another one, as degenbot.db-txid beside it shows";
                assert!(said.contains(follows), "{name}: {arguments:?}: {said}");
            }
            assert_eq!(copy.files(), before, "{name}: {arguments:?}");
        }
        let error = Database::open(&copy.path).unwrap_err();
        let is_follower = matches!(error.kind, ErrorKind::Follower { .. });
        assert_eq!(is_follower, name.contains("0.6.0a4"), "{error}");
        assert_eq!(copy.files(), before);
    }
}

#[test]
fn open_database_that_becomes_a_follower_gets_no_more_connections() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    // The pool opens a connection only when it is asked for one.
    let options = PoolOptions::default()
        .min_idle(0)
        .connection_timeout(Duration::from_secs(1));
    let database = Database::open_with(&copy.path, &options).unwrap();
    let _only = database.session().unwrap();
    fs::write(copy.folder().join("degenbot.db-txid"), "").unwrap();
    let error = database.session().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Follower { .. }), "{error}");
}

#[test]
fn follower_is_read_and_copied() {
    let copy = follower("populated/populated-0.6.0a4.db");
    let before = copy.files();
    for arguments in [
        &["database", "info"][..],
        &["database", "verify"],
        &["pool", "list"],
        &["exchange", "list"],
        &["database", "compact", "--into", "compact.db"],
        &["database", "backup", "--verify", "full"],
    ] {
        let said = quietly(&copy.path, arguments);
        let is_done = said.starts_with("status: 0\n") || said.starts_with("status: 3\n");
        assert!(is_done, "{arguments:?}: {said}");
    }
    let new = copy.folder().join("new.db");
    let said = quietly(&new, &["database", "restore", "--from", "degenbot.db"]);
    assert!(said.starts_with("status: 0\n"), "{said}");
    let mut files = copy.files();
    files.retain(|name, _| before.contains_key(name) || name.contains("db-"));
    assert_eq!(files, before);
    // A backup does not replace one either.
    let said = quietly(
        &new,
        &["database", "backup", "--output", "degenbot.db", "--force"],
    );
    assert!(said.contains("it follows another one"), "{said}");
    let said = quietly(
        &copy.path,
        &["database", "backup", "--output", "degenbot.db-txid"],
    );
    assert!(said.contains("a file that Litestream keeps"), "{said}");
    let backup = copy.folder().join("degenbot.db.bak");
    assert_eq!(content::of(&backup), content::of(&copy.path));
}

/// Nobody could write to a database beside what an ended follower has left.
#[test]
fn database_is_not_created_beside_what_a_follower_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    fs::write(folder.path().join("degenbot.db-txid"), "").unwrap();
    let error = create_new_sqlite_database(&path).unwrap_err();
    assert!(!path.exists(), "{error}");
    let said = run(on(&path, &["database", "reset", "--force"]), "");
    insta::assert_snapshot!(said, @r"
    status: 1
    --- stdout
    --- stderr
    error: No database can be created at degenbot.db: degenbot.db-txid says that one there follows another by 'litestream restore -f'
    hint: Nothing was changed. Let Litestream create the database; or if none is to follow another there, remove degenbot.db-txid
    ");
}

/// `--force` stands in scripts, which know nothing of Litestream.
#[cfg(target_os = "linux")]
#[test]
fn content_is_not_written_anew_beside_litestream_unasked() {
    for command in ["compact", "reset", "restore"] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        backup(&copy.path).unwrap();
        let before = copy.files();
        let litestream = Replicating::begin(&copy.path);
        let forced = ["-q", "database", command, "--force"];
        let told = run(on(&copy.path, &forced), "y\n");
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(told.contains("give --beside-litestream"), "{told}");
        let mut terminal = Terminal::run(on(&copy.path, &forced));
        terminal.wait_for("Do you want to proceed?");
        terminal.press("n\r");
        assert_eq!(terminal.finish().0, 1);
        assert_eq!(copy.files(), before, "{command}");
        let mut terminal = Terminal::run(on(&copy.path, &forced));
        terminal.wait_for("Do you want to proceed?");
        terminal.press("y\r");
        assert_eq!(terminal.finish().0, 0);
        let beside = [&forced[..], &["--beside-litestream"]].concat();
        let told = run(on(&copy.path, &beside), "");
        assert!(told.starts_with("status: 0\n"), "{told}");
        // A copy elsewhere is none of Litestream's business.
        let into = [
            "-q",
            "database",
            "compact",
            "--into",
            "compact.db",
            "--force",
        ];
        assert!(run(on(&copy.path, &into), "").starts_with("status: 0\n"));
        drop(litestream);
        assert!(run(on(&copy.path, &forced), "").starts_with("status: 0\n"));
    }
}

/// A folder with a program of Litestream's name, which runs this script.
fn program(script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("litestream");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A command for which the folder's programs come first.
fn with_program(copy: &Copy, folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = degenbot(copy.folder());
    command
        .args(["database", "restore", "--force"])
        .args(arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    command
}

/// Says its release; otherwise `litestream restore`.
const RELEASE: &str = "if [ \"$1\" = version ]; then echo 0.5.17; exit; fi";

#[test]
fn replica_is_restored_by_the_users_own_program() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    backup(&copy.path).unwrap();
    let backup = copy.folder().join("degenbot.db.bak");
    let script = format!(
        "{RELEASE}; echo \"$@\" > '{}'; while [ \"$1\" != -o ]; do shift; done; cp '{}' \"$2.tmp\"; mv \"$2.tmp\" \"$2\"",
        copy.folder().join("arguments").display(),
        backup.display()
    );
    let folder = program(&script);
    content::connect(&copy.path)
        .batch_execute("DELETE FROM uniswap_v4_pools; UPDATE exchanges SET active = 0")
        .unwrap();
    let url = "s3://key:secret@bots/main?token=secret";
    let arguments = [
        "--database",
        "degenbot.db",
        "--from",
        url,
        "--at",
        "2026-11-29T08:00:00Z",
    ];
    let told = run(with_program(&copy, &folder, &arguments), "");
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(
        told.contains("Litestream restores s3://bots/main to a temporary file."),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
    assert_eq!(content::of(&copy.path), content::of(&backup));
    let given = fs::read_to_string(copy.folder().join("arguments")).unwrap();
    assert!(given.starts_with("restore -force -o "), "{given}");
    let end = format!("-timestamp=2026-11-29T08:00:00Z {url}\n");
    assert!(given.ends_with(&end), "{given}");
    let expected = [
        "arguments",
        "degenbot.db",
        "degenbot.db.bak",
        "degenbot.db.pre-restore",
    ];
    assert!(
        copy.files().keys().eq(expected),
        "{:?}",
        copy.files().keys()
    );
}

#[test]
fn replica_that_cannot_be_restored_leaves_everything_as_it_is() {
    let scripts = [
        ("echo v0.3.13", "is of release v0.3.13"),
        (
            &format!(
                "{RELEASE}; for end in .tmp .tmp-wal .tmp-shm -wal -shm; do echo half > \"$4$end\"; done; \
                 echo 'no secret' >&2; exit 1"
            ),
            "could not restore s3://bots/x (no …)",
        ),
        (
            &format!("{RELEASE}; echo nothing > \"$4\""),
            "The backup at s3://bots/x is not an SQLite database",
        ),
        (RELEASE, "The backup at s3://bots/x is empty"),
    ];
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let before = copy.files();
    let restore = |folder: &TempDir, database: &str| {
        let from = "s3://bots/x?key=secret";
        let arguments = ["--database", database, "--from", from];
        run(with_program(&copy, folder, &arguments), "")
    };
    for (script, expected) in scripts {
        let folder = program(script);
        let told = restore(&folder, "degenbot.db");
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert!(told.contains(expected), "{told}");
        assert_eq!(copy.files(), before, "{told}");
        // The folders of a new database go again.
        let told = restore(&folder, "new/folder/degenbot.db");
        assert!(told.starts_with("status: 1\n"), "{told}");
        assert_eq!(copy.files(), before, "{told}");
        assert!(!copy.folder().join("new").exists(), "{told}");
    }
    let nowhere = tempfile::tempdir().unwrap();
    let arguments = ["--database", "degenbot.db", "--from", "s3://b"];
    let mut command = with_program(&copy, &nowhere, &arguments);
    command.env("PATH", nowhere.path());
    let told = run(command, "");
    assert!(told.contains("does not start: No such file"), "{told}");
    let told = quietly(
        &copy.path,
        &["database", "restore", "--from", "x.db", "--at", "T"],
    );
    assert!(told.starts_with("status: 2\n"), "{told}");
    assert_eq!(copy.files(), before);
}

/// Only the command gets the signal.
#[test]
fn litestream_ends_with_the_command() {
    // A script can replace itself by the program, or wait for it.
    for sleep in ["exec sleep 1000", "sleep 1000; exit 1"] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        let before = copy.files();
        let marker = copy.folder().join("pid");
        let script = format!(
            "{RELEASE}; echo half > \"$4.tmp\"; echo $$ > '{}'; {sleep}",
            marker.display()
        );
        let folder = program(&script);
        let arguments = ["--database", "degenbot.db", "--from", "s3://b"];
        let child = spawn(with_program(&copy, &folder, &arguments));
        let pid = loop {
            match fs::read_to_string(&marker) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => std::thread::yield_now(),
            }
        };
        assert!(send(&child, "-TERM"));
        let told = finish(child);
        assert!(told.contains("Aborted!"), "{told}");
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        fs::remove_file(&marker).unwrap();
        assert_eq!(copy.files(), before);
    }
}

/// What a script leaves in the background has its streams.
#[test]
fn what_litestream_leaves_in_the_background_is_not_waited_for() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    backup(&copy.path).unwrap();
    let from = copy.folder().join("degenbot.db.bak");
    let script = format!("{RELEASE}; sleep 1000 & cp '{}' \"$4\"", from.display());
    let folder = program(&script);
    let arguments = ["--database", "degenbot.db", "--from", "s3://b"];
    let told = run(with_program(&copy, &folder, &arguments), "");
    assert!(told.starts_with("status: 0\n"), "{told}");
}

#[test]
fn replica_goes_if_a_signal_ends_the_question() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    backup(&copy.path).unwrap();
    let from = copy.folder().join("degenbot.db.bak");
    let folder = program(&format!("{RELEASE}; cp '{}' \"$4\"", from.display()));
    let before = copy.files();
    for signal in ["-TERM", "-QUIT", "-HUP"] {
        let mut command = on(
            &copy.path,
            &["database", "restore", "--from", "s3://b", "--at", "T"],
        );
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
        let mut terminal = Terminal::run(command);
        let asked = terminal.wait_for("Do you want to proceed?");
        assert!(asked.contains("as it was at T"), "{asked}");
        terminal.signal(signal);
        assert_eq!(terminal.finish().0, 1, "{signal}");
        assert_eq!(copy.files(), before, "{signal}");
    }
    let without_time = ["database", "restore", "--from", "s3://b", "--at", ""];
    assert!(quietly(&copy.path, &without_time).starts_with("status: 2\n"));
}
