//! Copies that share their space on the disk with their source, where the file system can do that.

use std::fs::{self, File};
use std::path::Path;

use degenbot::database::{
    BackupOptions, CompactOptions, RestoreOptions, backup_path, backup_sqlite_database,
    compact_sqlite_database, restore_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::corpus::Copy;

/// Whether files in a folder can share their space. `DEGENBOT_TEST_CLONES` demands it.
fn can_clone(folder: &Path) -> bool {
    let source = folder.join("a file to clone");
    fs::write(&source, [1; 4096]).unwrap();
    let target = File::create(folder.join("its clone")).unwrap();
    let can = rustix::fs::ioctl_ficlone(&target, File::open(source).unwrap()).is_ok();
    assert!(can || std::env::var_os("DEGENBOT_TEST_CLONES").is_none());
    can
}

fn copy() -> Copy {
    Copy::upgraded("populated/populated-0.6.0a4.db")
}

#[test]
fn backup_is_a_clone_where_the_file_system_can() {
    let copy = copy();
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    assert_eq!(report.cloned, can_clone(copy.folder()));
    assert_eq!(report.bytes, fs::metadata(&report.path).unwrap().len());
    assert_eq!(content::of(&report.path), content::of(&copy.path));
}

#[test]
fn what_is_written_later_does_not_reach_the_copy() {
    let copy = copy();
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    let before = fs::read(&report.path).unwrap();
    content::connect(&copy.path)
        .batch_execute(
            "UPDATE erc20_tokens SET name = 'written later'; PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    assert_ne!(fs::read(&copy.path).unwrap(), before);
    assert_eq!(fs::read(&report.path).unwrap(), before);
}

#[test]
fn state_of_a_log_that_is_not_empty_is_copied() {
    let copy = copy();
    // A reader of an older state keeps the log from being moved into the file.
    let mut reader = content::connect(&copy.path);
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM pools")
        .unwrap();
    content::connect(&copy.path)
        .batch_execute("UPDATE erc20_tokens SET name = 'in the log'")
        .unwrap();
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    assert!(!report.cloned);
    assert_eq!(content::of(&report.path), content::of(&copy.path));
}

#[test]
fn kept_copy_stays_as_the_database_was() {
    let copy = copy();
    backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    content::connect(&copy.path)
        .batch_execute("UPDATE erc20_tokens SET name = 'replaced'")
        .unwrap();
    let replaced = content::of(&copy.path);
    let report = restore_sqlite_database(&copy.path, &RestoreOptions::default(), &mut ()).unwrap();
    assert_eq!(content::of(&report.kept.unwrap()), replaced);
    assert_eq!(
        content::of(&copy.path),
        content::of(&backup_path(&copy.path))
    );
}

#[test]
fn compact_copy_of_a_compact_database_has_its_size() {
    let copy = copy();
    compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    let into = copy.folder().join("compact.db");
    let options = CompactOptions::default().into(into.clone());
    let report = compact_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    assert_eq!(report.before, report.after);
    assert_eq!(content::of(&into), content::of(&copy.path));
}
