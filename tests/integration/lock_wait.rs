//! The wait for the locks of other programs: every operation waits as long as it was told, whatever the lock, and no
//! longer.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use degenbot::database::{
    self, BackupOptions, CancelToken, CompactOptions, Error, ErrorKind, ExchangeOptions,
    MigrateOptions, ResetOptions, RestoreOptions, SchemaVersion, deactivate_exchange,
};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::support::content;
use crate::support::corpus::Copy;

const AN_HOUR: Duration = Duration::from_secs(3_600);

/// A database at the newest version, with a backup beside it.
fn database() -> Copy {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    database::backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    copy
}

/// Runs an operation that waits for a time at most, or until the token is cancelled.
type Operation = fn(&Path, Duration, &mut CancelToken) -> Result<(), Error>;

const OPERATIONS: [(&str, Operation); 7] = [
    ("backup", |path, wait, cancel| {
        let options = BackupOptions::default().wait(wait).replace_existing(true);
        database::backup_sqlite_database(path, &options, cancel).map(drop)
    }),
    ("restore", |path, wait, cancel| {
        let options = RestoreOptions::default().wait(wait);
        database::restore_sqlite_database(path, &options, cancel).map(drop)
    }),
    ("reset", |path, wait, cancel| {
        let options = ResetOptions::default().wait(wait);
        database::reset_sqlite_database(path, &options, cancel).map(drop)
    }),
    ("compact", |path, wait, cancel| {
        let options = CompactOptions::default().wait(wait);
        database::compact_sqlite_database(path, &options, cancel).map(drop)
    }),
    ("compact into", |path, wait, cancel| {
        let options = CompactOptions::default().wait(wait);
        let options = options.into(path.with_extension("compact"));
        database::compact_sqlite_database(path, &options, cancel).map(drop)
    }),
    ("downgrade", |path, wait, cancel| {
        let options = MigrateOptions::default().wait(wait).cancel(cancel.clone());
        let (from, to) = (
            SchemaVersion::latest(),
            SchemaVersion::all().next().unwrap(),
        );
        database::migrate_sqlite_database(path, from, to, &options).map(drop)
    }),
    ("deactivate", |path, wait, cancel| {
        let options = ExchangeOptions::default().wait(wait).cancel(cancel.clone());
        let exchange = "base_uniswap_v3".parse().unwrap();
        deactivate_exchange(path, &exchange, &options).map(drop)
    }),
];

/// What another program holds while it keeps everybody out.
const LOCKS: [&str; 2] = [
    "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE",
    "SELECT 1 FROM exchanges; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE exchanges SET active = 0",
];

#[test]
fn every_operation_waits_as_long_as_it_was_told() {
    for lock in LOCKS {
        let copy = database();
        let mut holder = content::connect(&copy.path);
        holder.batch_execute(lock).unwrap();
        for (name, operate) in OPERATIONS {
            let mut cancel = CancelToken::new();
            let failed = operate(&copy.path, Duration::ZERO, &mut cancel).map_err(|it| it.kind);
            assert!(
                matches!(failed, Err(ErrorKind::Locked)),
                "{name}: {failed:?}"
            );
            cancel.cancel();
            let failed = operate(&copy.path, AN_HOUR, &mut cancel).map_err(|it| it.kind);
            assert!(
                matches!(failed, Err(ErrorKind::Interrupted)),
                "{name}: {failed:?}"
            );
        }
        holder.batch_execute("ROLLBACK").unwrap();
    }
}

/// Runs an operation while another program writes to a database in rollback mode. It ends its transaction when the
/// operation has made its temporary file, which comes before the wait.
fn beside_a_writer(copy: &Copy, mut writer: SqliteConnection, operate: Operation) {
    let files = || fs::read_dir(copy.folder()).unwrap().count();
    // Its commit waits for those who read at that moment.
    let begin = "PRAGMA busy_timeout = 3600000; PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE";
    writer.batch_execute(begin).unwrap();
    let before = files();
    thread::scope(|scope| {
        let operation = scope.spawn(|| operate(&copy.path, AN_HOUR, &mut CancelToken::new()));
        while files() == before && !operation.is_finished() {
            thread::yield_now();
        }
        writer.batch_execute("COMMIT").unwrap();
        operation.join().unwrap().unwrap();
    });
}

#[test]
fn reset_and_restore_wait_for_a_writer_in_rollback_mode() {
    for (name, operate) in OPERATIONS {
        if name == "reset" || name == "restore" {
            let copy = database();
            beside_a_writer(&copy, content::connect(&copy.path), operate);
        }
    }
}

/// What another program does with an earlier copy.
const USES: [&str; 5] = [
    "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE",
    "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE",
    "PRAGMA journal_mode = DELETE; BEGIN; SELECT 1 FROM exchanges",
    "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 2; BEGIN; CREATE TABLE notes (body);
     INSERT INTO notes SELECT randomblob(1000) FROM pools, exchanges",
    "BEGIN IMMEDIATE; UPDATE exchanges SET active = 1 - active",
];

#[test]
fn copies_replace_no_file_that_a_program_uses() {
    for using in USES {
        let copy = database();
        let compact = copy.path.with_extension("compact");
        fs::copy(database::backup_path(&copy.path), &compact).unwrap();
        for (name, target) in [
            ("backup", &database::backup_path(&copy.path)),
            ("compact into", &compact),
        ] {
            let operate = |wait, cancel: &mut CancelToken| {
                let result = if name == "backup" {
                    let options = BackupOptions::default().wait(wait).replace_existing(true);
                    database::backup_sqlite_database(&copy.path, &options, cancel).map(drop)
                } else {
                    let options = CompactOptions::default().wait(wait).replace_existing(true);
                    let options = options.into(target.clone());
                    database::compact_sqlite_database(&copy.path, &options, cancel).map(drop)
                };
                result.map_err(|error| error.kind)
            };
            let before = content::of(target);
            let mut holder = content::connect(target);
            holder.batch_execute(using).unwrap();
            let mut cancel = CancelToken::new();
            let failed = operate(Duration::ZERO, &mut cancel);
            assert!(
                matches!(failed, Err(ErrorKind::Locked)),
                "{name}, {using}: {failed:?}"
            );
            cancel.cancel();
            let failed = operate(AN_HOUR, &mut cancel);
            assert!(
                matches!(failed, Err(ErrorKind::Interrupted)),
                "{name}, {using}: {failed:?}"
            );
            holder.batch_execute("ROLLBACK").unwrap();
            assert_eq!(content::of(target), before, "{name}, {using}");
            drop(holder);
            operate(Duration::ZERO, &mut CancelToken::new()).unwrap();
        }
    }
}
