//! `database backup --keep`: backups with the time in their names, of which the oldest are removed.

use std::fs;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use degenbot::database::{
    BackupOptions, BackupReport, Error, ErrorKind, IntegrityCheck, Observer, Progress,
    StatusOptions, backup_path, backup_sqlite_database, read_database_status,
};

use crate::support::command::{finish, on, quietly, spawn};
use crate::support::content;
use crate::support::corpus::Copy;

fn keeping(number: u32) -> BackupOptions {
    BackupOptions::default().keep(NonZeroU32::new(number).unwrap())
}

fn back_up(copy: &Copy, number: u32) -> BackupReport {
    backup_sqlite_database(&copy.path, &keeping(number), &mut ()).unwrap()
}

fn database() -> Copy {
    Copy::of("populated/populated-0.6.0a4.db")
}

/// Copies the database to the name of a backup.
fn plant(copy: &Copy, ending: &str) -> PathBuf {
    let path = at(copy, ending);
    fs::copy(&copy.path, &path).unwrap();
    path
}

/// The path of the database with an ending.
fn at(copy: &Copy, ending: &str) -> PathBuf {
    copy.folder().join(format!("degenbot.db{ending}"))
}

fn names(copy: &Copy) -> Vec<String> {
    copy.files().into_keys().collect()
}

/// Whether a path is that of a backup with a time.
fn is_dated(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    let time = name.strip_prefix("degenbot.db.bak.").unwrap_or_default();
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "00000000T000000Z"
}

#[test]
fn the_oldest_backups_are_removed() {
    let copy = database();
    let plain = plant(&copy, ".bak");
    let old = ["20010101T000000Z", "20020101T000000Z", "20030101T000000Z"]
        .map(|time| plant(&copy, &format!(".bak.{time}")));
    // The times of the files say something else.
    let report = back_up(&copy, 3);
    assert!(is_dated(&report.path), "{:?}", report.path);
    assert_eq!(content::of(&report.path), content::of(&copy.path));
    assert_eq!(report.removed, old[..1]);
    assert_eq!(report.not_removed, []);
    assert!(plain.exists() && !old[0].exists() && old[1].exists() && old[2].exists());
    let again = back_up(&copy, 1);
    assert_ne!(again.path, report.path);
    let removed = [old[1].clone(), old[2].clone(), report.path];
    assert_eq!(again.removed, removed);
    let own = again.path.file_name().unwrap().to_str().unwrap();
    assert_eq!(names(&copy), ["degenbot.db", "degenbot.db.bak", own]);
}

#[test]
fn what_is_no_backup_of_that_name_stays() {
    let copy = database();
    let foreign = Copy::of("odd/foreign-no-stamp.db");
    let text = at(&copy, ".bak.20010101T000000Z");
    fs::write(&text, "no database").unwrap();
    let of_another = at(&copy, ".bak.20010102T000000Z");
    fs::copy(&foreign.path, &of_another).unwrap();
    let elsewhere = plant(&copy, ".elsewhere");
    symlink(&elsewhere, at(&copy, ".bak.20010103T000000Z")).unwrap();
    fs::create_dir(at(&copy, ".bak.20010104T000000Z")).unwrap();
    let used = plant(&copy, ".bak.20010105T000000Z");
    fs::write(at(&copy, ".bak.20010105T000000Z-shm"), "x").unwrap();
    for other in [
        ".bak.20010106",
        ".bak.20010106T000000Z.gz",
        ".bak.old",
        ".20010106T000000Z",
    ] {
        plant(&copy, other);
    }
    let removable = plant(&copy, ".bak.20010107T000000Z");
    let before = copy.files();
    let report = back_up(&copy, 1);
    assert_eq!(report.removed, [removable]);
    let stays: Vec<_> = report
        .not_removed
        .iter()
        .map(|it| it.path.clone())
        .collect();
    assert_eq!(stays, [text, of_another, used]);
    let mut after = copy.files();
    after.remove(report.path.file_name().unwrap().to_str().unwrap());
    let mut expected = before;
    expected.remove("degenbot.db.bak.20010107T000000Z");
    assert_eq!(after, expected);
}

#[test]
fn the_new_backup_stays_when_the_clock_was_set_back() {
    let copy = database();
    let future =
        ["99980101T000000Z", "99990101T000000Z"].map(|time| plant(&copy, &format!(".bak.{time}")));
    let report = back_up(&copy, 2);
    assert_eq!(report.removed, future[..1]);
    assert!(report.path.exists() && future[1].exists());
}

/// Makes another backup as soon as the first one copies.
struct Beside<'a> {
    copy: &'a Copy,
    other: Option<BackupReport>,
}

impl Observer for Beside<'_> {
    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        if self.other.is_none() {
            self.other = Some(back_up(self.copy, 1));
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn backups_at_the_same_time_do_not_remove_each_other() {
    let copy = database();
    let old = plant(&copy, ".bak.20010101T000000Z");
    let mut beside = Beside {
        copy: &copy,
        other: None,
    };
    let first = backup_sqlite_database(&copy.path, &keeping(1), &mut beside).unwrap();
    let other = beside.other.unwrap();
    assert_ne!(first.path, other.path);
    assert!(first.path.exists() && other.path.exists());
    assert_eq!(other.removed, [old]);
    assert_eq!((first.removed, first.not_removed), (vec![], vec![]));
}

#[test]
fn a_backup_that_fails_removes_nothing() {
    let copy = database();
    let old = plant(&copy, ".bak.20010101T000000Z");
    let mut bytes = fs::read(&copy.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xff);
    fs::write(&copy.path, bytes).unwrap();
    let options = keeping(1).verify(IntegrityCheck::Full);
    let error = backup_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::CopyCheckFailed { .. }),
        "{error}"
    );
    assert!(old.exists());
    assert_eq!(
        names(&copy),
        ["degenbot.db", "degenbot.db.bak.20010101T000000Z"]
    );
}

#[test]
fn the_database_itself_is_not_removed() {
    let copy = database();
    let base = backup_path(&copy.path);
    let itself = plant(&copy, ".bak.20010101T000000Z");
    let options = keeping(1).output(base);
    let report = backup_sqlite_database(&itself, &options, &mut ()).unwrap();
    assert!(report.removed.is_empty());
    assert!(itself.exists());
}

#[test]
fn output_is_the_name_without_the_time() {
    let copy = database();
    fs::create_dir(copy.folder().join("backups")).unwrap();
    let output = |output: &str, number| -> Result<BackupReport, Error> {
        let options = keeping(number).output(copy.folder().join(output));
        backup_sqlite_database(&copy.path, &options, &mut ())
    };
    let first = output("backups/monday", 1).unwrap();
    let name = first.path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("monday.2"), "{name}");
    assert_eq!(output("backups/monday", 1).unwrap().removed, [first.path]);
    let error = output("backups", 1).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    let leftover = copy.folder().join("backups/monday.degenbot-tmp-4000000-0");
    fs::write(&leftover, "x").unwrap();
    output("backups/monday", 1).unwrap();
    assert!(!leftover.exists());
}

#[test]
fn the_newest_backup_counts_for_the_status() {
    let copy = database();
    let status = || read_database_status(&copy.path, &StatusOptions::default()).unwrap();
    let dated = back_up(&copy, 2).path;
    assert_eq!(status().backup.path, dated);
    let plain = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    assert_eq!(status().backup.path, plain.path);
    let newer = back_up(&copy, 2).path;
    assert_eq!(status().backup.path, newer);
    assert_eq!(status().backup.problem, None);
}

#[test]
fn command_says_what_it_removes_and_what_stays() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    plant(&copy, ".bak.20010101T000000Z");
    fs::write(at(&copy, ".bak.20010102T000000Z"), "no database").unwrap();
    let told = quietly(&copy.path, &["database", "backup", "--keep", "1"]);
    let names = names(&copy);
    let made = names.last().unwrap();
    let told = told.replace(made, "degenbot.db.bak.[TIME]");
    insta::assert_snapshot!(crate::support::command::without_sizes(&told), @r"
    status: 0
    --- stdout
    --- stderr
    Backed up degenbot.db to degenbot.db.bak.[TIME] ([SIZE]).
    Removed the earlier backup degenbot.db.bak.20010101T000000Z.
    warning: The earlier backup degenbot.db.bak.20010102T000000Z stays: The file at degenbot.db.bak.20010102T000000Z is not an SQLite database
    ");
    let wrong = quietly(&copy.path, &["database", "backup", "--keep", "0"]);
    assert!(wrong.starts_with("status: 2\n"), "{wrong}");
    let missing = quietly(&copy.path, &["database", "restore", "--yes"]);
    insta::assert_snapshot!(missing, @r"
    status: 1
    --- stdout
    --- stderr
    error: There is no backup at degenbot.db.bak
    hint: Nothing was changed. Make one with 'degenbot database backup', or name another file with --from, such as one of 'backup --keep'
    ");
}

/// Several are made within a second, or their names would have the same time.
#[test]
fn the_newest_backups_stay_however_fast_they_are_made() {
    let copy = database();
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(back_up(&copy, 3).path);
        assert!(made.is_sorted(), "{made:?}");
    }
    assert!(made.iter().rev().take(3).all(|path| path.exists()));
    assert_eq!(names(&copy).len(), 4, "{:?}", names(&copy));
}

/// The clock was wrong.
#[test]
fn backup_of_the_future_is_told_of() {
    let copy = database();
    let future = plant(&copy, ".bak.21000101T000000Z");
    let report = back_up(&copy, 2);
    assert!(report.path.exists() && future.exists());
    let [told] = &report.not_removed[..] else {
        panic!("{:?}", report.not_removed);
    };
    assert_eq!(told.path, future);
    assert!(told.problem.contains("still to come"), "{}", told.problem);
    // Who keeps one keeps the new one.
    let report = back_up(&copy, 1);
    assert!(report.removed.contains(&future) && !future.exists());
    assert_eq!(report.not_removed, []);
    fs::write(&future, "something else").unwrap();
    let report = back_up(&copy, 1);
    assert_eq!(report.not_removed.len(), 1, "{:?}", report.not_removed);
    assert!(future.exists());
}

#[test]
fn backups_at_once_ask_nothing() {
    let copy = database();
    let arguments = ["-q", "database", "backup", "--keep", "20"];
    let children: Vec<_> = (0..8).map(|_| spawn(on(&copy.path, &arguments))).collect();
    for child in children {
        let told = finish(child);
        assert!(told.starts_with("status: 0\n"), "{told}");
    }
    let dated = names(&copy)
        .iter()
        .filter(|name| is_dated(Path::new(name)))
        .count();
    assert_eq!(dated, 8, "{:?}", names(&copy));
}
