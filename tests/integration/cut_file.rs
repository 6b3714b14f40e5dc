//! A database file that lacks a part of its last page. SQLite takes what is missing for zeros and notices nothing.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use degenbot::database::{
    BackupOptions, CompactOptions, Error, ErrorKind, IntegrityCheck, RestoreOptions, Rule,
    VerifyOptions, backup_sqlite_database, compact_sqlite_database, plan_restore,
    restore_sqlite_database, verify_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::corpus::Copy;

const POPULATED: &str = "populated/populated-0.6.0a4.db";

/// A database that lacks its last bytes, in WAL mode and in rollback mode.
fn cut(bytes: u64) -> [Copy; 2] {
    ["WAL", "DELETE"].map(|mode| {
        let copy = Copy::of(POPULATED);
        content::connect(&copy.path)
            .batch_execute(&format!("PRAGMA journal_mode = {mode}"))
            .unwrap();
        assert_eq!(copy.files().len(), 1);
        let file = OpenOptions::new().write(true).open(&copy.path).unwrap();
        let whole = file.metadata().unwrap().len();
        file.set_len(whole - bytes).unwrap();
        copy
    })
}

fn require_cut(error: &Error, path: &Path, bytes: u64) {
    let told = error.to_string();
    let lacks = format!("the file lacks its last {bytes} byte");
    assert!(told.contains(&lacks), "{told}");
    assert_eq!(error.path(), Some(path));
}

#[test]
fn copies_of_a_file_that_was_cut_are_refused() {
    for bytes in [1, 100, 4_095] {
        for copy in cut(bytes) {
            let path = copy.path.as_path();
            let full = BackupOptions::default().verify(IntegrityCheck::Full);
            for options in [BackupOptions::default(), full] {
                let error = backup_sqlite_database(path, &options, &mut ()).unwrap_err();
                assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error:?}");
                require_cut(&error, path, bytes);
            }
            let into = CompactOptions::default().into(copy.folder().join("compact.db"));
            for options in [into, CompactOptions::default()] {
                let error = compact_sqlite_database(path, &options, &mut ()).unwrap_err();
                require_cut(&error, path, bytes);
            }
        }
    }
}

#[test]
fn restore_refuses_a_backup_that_was_cut_and_replaces_a_database_that_was() {
    for copy in cut(1) {
        let database = Copy::of("populated/populated-0.5.0.db");
        let before = content::of(&database.path);
        let options = RestoreOptions::default()
            .from(copy.path.clone())
            .wait(Duration::ZERO);
        for error in [
            plan_restore(&database.path, &options).unwrap_err(),
            restore_sqlite_database(&database.path, &options, &mut ()).unwrap_err(),
        ] {
            assert!(
                matches!(error.kind, ErrorKind::BadBackup { .. }),
                "{error:?}"
            );
            require_cut(&error, &copy.path, 1);
        }
        assert_eq!(content::of(&database.path), before);
        let back = RestoreOptions::default().from(database.path.clone());
        restore_sqlite_database(&copy.path, &back, &mut ()).unwrap();
        assert_eq!(content::of(&copy.path), before);
    }
}

#[test]
fn verify_finds_a_file_that_was_cut() {
    for copy in cut(1) {
        for quick in [false, true] {
            let options = VerifyOptions::default().quick(quick);
            let report = verify_sqlite_database(&copy.path, &options, &mut ()).unwrap();
            let of_file = report.findings.iter().filter(|finding| {
                finding.rule == Rule::Integrity
                    && finding.table.is_none()
                    && finding.examples[0]
                        .detail
                        .contains("lacks its last 1 byte:")
            });
            assert_eq!(of_file.count(), 1, "{report:?}");
        }
    }
}

/// Bytes after the last page belong to no page, and pages can be in the log alone.
#[test]
fn file_that_is_longer_or_whose_last_pages_are_in_the_log_was_not_cut() {
    let copy = Copy::of(POPULATED);
    let mut file = OpenOptions::new().append(true).open(&copy.path).unwrap();
    file.write_all(&[0; 100]).unwrap();
    drop(file);
    let full = BackupOptions::default()
        .verify(IntegrityCheck::Full)
        .replace_existing(true);
    backup_sqlite_database(&copy.path, &full, &mut ()).unwrap();
    // A reader of the state before keeps the log from being moved into the file.
    let mut reader = content::connect(&copy.path);
    reader
        .batch_execute("BEGIN; SELECT * FROM exchanges")
        .unwrap();
    content::connect(&copy.path)
        .batch_execute("CREATE TABLE own (bytes); INSERT INTO own VALUES (zeroblob(100000))")
        .unwrap();
    backup_sqlite_database(&copy.path, &full, &mut ()).unwrap();
    let report = verify_sqlite_database(&copy.path, &VerifyOptions::default(), &mut ()).unwrap();
    let of_file = |rule| {
        report
            .findings
            .iter()
            .filter(|f| f.rule == rule && f.table.is_none())
            .count()
    };
    assert_eq!(of_file(Rule::Integrity), 0, "{report:?}");
}
