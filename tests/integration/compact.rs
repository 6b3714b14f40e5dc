//! `database compact`.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use degenbot::database::{
    CompactOptions, Compaction, Effect, ErrorKind, Observer, Progress, Stage,
    compact_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::command::{quietly, without_sizes};
use crate::support::content;
use crate::support::corpus::Copy;

#[test]
fn compact_frees_space_and_keeps_every_row() {
    for name in [
        "odd/autovacuum-incremental-freelist.db",
        "odd/utf16.db",
        "odd/fk-violations.db",
        "odd/weird-types.db",
        "odd/hot-journal.db",
        "populated/wal-0.6.0a4.db",
        "upgraded/heal17-from-e0aaad8ad486.db",
    ] {
        let copy = Copy::of(name);
        let before = content::of(&copy.path);
        let journal_mode = |path| {
            degenbot::database::inspect_sqlite_database(path, false)
                .unwrap()
                .journal_mode
        };
        let mode = journal_mode(&copy.path);
        compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
        assert_eq!(content::of(&copy.path), before, "{name}");
        let info = degenbot::database::inspect_sqlite_database(&copy.path, false).unwrap();
        assert_eq!((info.free_pages, info.wal_bytes), (0, 0), "{name}");
        assert_eq!(info.journal_mode, mode, "{name}");
        assert_eq!(copy.files().len(), 1, "{name}");
    }
}

#[test]
fn compact_is_silent_unless_verbose() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "compact"]), @r"
    status: 0
    --- stdout
    --- stderr
    ");
    insta::assert_snapshot!(without_sizes(&quietly(&copy.path, &["-v", "database", "compact"])), @r"
    status: 0
    --- stdout
    --- stderr
    Compacted degenbot.db, without any gain: [SIZE] before, [SIZE] after.
    ");
}

#[test]
fn compact_works_beside_a_reader() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut reader = content::connect(&copy.path);
    reader.batch_execute("BEGIN; SELECT * FROM pools").unwrap();
    let before = content::of_connection(&mut reader);
    compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    reader.batch_execute("COMMIT").unwrap();
    assert_eq!(content::of_connection(&mut reader), before);
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// Deletes half of a table, so that there is something to gain.
fn holey() -> Copy {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute(
            "PRAGMA auto_vacuum = NONE; CREATE TABLE ballast (id INTEGER PRIMARY KEY, bytes); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
             INSERT INTO ballast SELECT i, zeroblob(1000) FROM n; \
             DELETE FROM ballast WHERE id % 2; PRAGMA wal_checkpoint(TRUNCATE)",
        )
        .unwrap();
    copy
}

#[test]
fn compact_swaps_a_file_that_nobody_else_has_open() {
    // A process that another test is starting has every file of this one, until it is another program: that
    // is somebody who has it open.
    let exchanged = (0..50).any(|_| compact_alone() == Compaction::Swapped);
    assert!(exchanged || !cfg!(target_os = "linux"));
}

/// Compacts a database that no other program uses; how that was done.
fn compact_alone() -> Compaction {
    let copy = holey();
    let before = content::of(&copy.path);
    let old = inode(&copy.path);
    fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o640)).unwrap();
    let report = compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    assert!(report.after < report.before, "{report:?}");
    assert_eq!(
        inode(&copy.path) != old,
        report.how == Compaction::Swapped,
        "{report:?}"
    );
    assert_eq!(fs::metadata(&copy.path).unwrap().mode() & 0o777, 0o640);
    assert_eq!(content::of(&copy.path), before);
    let mode = "SELECT journal_mode AS line FROM pragma_journal_mode";
    assert_eq!(
        content::lines(&mut content::connect(&copy.path), mode),
        ["wal"]
    );
    assert_eq!(copy.files().len(), 1);
    report.how
}

#[test]
fn compact_rewrites_in_place_a_file_that_is_open_but_unused() {
    let copy = holey();
    let old = inode(&copy.path);
    // Such a program holds no lock that could be noticed.
    let mut unused = content::connect(&copy.path);
    let report = compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    assert_eq!(report.how, Compaction::InPlace);
    assert!(report.after < report.before, "{report:?}");
    assert_eq!(inode(&copy.path), old);
    unused
        .batch_execute(
            "INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, 'late', 1, '0x')",
        )
        .unwrap();
    drop(unused);
    let names = content::lines(
        &mut content::connect(&copy.path),
        "SELECT name AS line FROM exchanges WHERE name = 'late'",
    );
    assert_eq!(names, ["late"]);
    assert_eq!(content::complaints(&copy.path), [""; 0]);
}

#[test]
fn compact_keeps_commits_made_during_the_copy() {
    /// Opens the database, writes a row and is gone again, at each progress.
    struct Visitor<'path>(&'path Path, u32);

    impl Observer for Visitor<'_> {
        fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
            if progress.stage == Stage::Compacting && self.1 == 0 {
                content::connect(self.0)
                    .batch_execute("INSERT INTO ballast (bytes) VALUES ('late')")
                    .unwrap();
                self.1 += 1;
            }
            ControlFlow::Continue(())
        }
    }

    // See `compact_swaps_a_file_that_nobody_else_has_open`.
    let came = (0..50).any(|_| {
        let copy = holey();
        let mut visitor = Visitor(&copy.path, 0);
        let report =
            compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut visitor).unwrap();
        assert_eq!(report.how, Compaction::InPlace);
        if visitor.1 == 0 {
            return false;
        }
        let late = "SELECT bytes AS line FROM ballast WHERE bytes = 'late'";
        assert_eq!(
            content::lines(&mut content::connect(&copy.path), late),
            ["late"]
        );
        assert_eq!(copy.files().len(), 1);
        true
    });
    assert!(came || !cfg!(target_os = "linux"));
}

#[test]
fn compact_rewrites_in_place_a_file_with_a_hard_link() {
    let copy = holey();
    let other = copy.folder().join("other.db");
    fs::hard_link(&copy.path, &other).unwrap();
    let report = compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    assert_eq!(report.how, Compaction::InPlace);
    assert_eq!(inode(&copy.path), inode(&other));
}

/// Stops when the compact content is about to be written back.
struct StopAtTheEnd;

impl Observer for StopAtTheEnd {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        match progress.stage {
            Stage::WritingBack => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[test]
fn compact_that_is_stopped_right_before_its_commit_changes_nothing() {
    let copy = holey();
    fs::hard_link(&copy.path, copy.folder().join("other.db")).unwrap();
    let before = copy.files();
    let options = CompactOptions::default();
    let error = compact_sqlite_database(&copy.path, &options, &mut StopAtTheEnd).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Interrupted), "{error}");
    assert_eq!(error.effect, Some(Effect::Nothing));
    assert!(copy.files() == before);
}

#[test]
fn compact_into_another_file_does_not_block_writers() {
    let copy = holey();
    let before = content::of(&copy.path);
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE exchanges SET active = 0")
        .unwrap();
    let into = copy.folder().join("a compact one.db");
    let options = CompactOptions::default().into(into.clone());
    let report = compact_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    writer.batch_execute("ROLLBACK").unwrap();
    drop(writer);
    assert_eq!(report.how, Compaction::Into);
    assert!(report.after < report.before, "{report:?}");
    assert_eq!(content::of(&into), before);
    assert_eq!(content::of(&copy.path), before);
    let error = compact_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::BackupExists), "{error}");
    let itself = CompactOptions::default()
        .into(copy.path.clone())
        .replace_existing(true);
    let error = compact_sqlite_database(&copy.path, &itself, &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::BackupOntoItself), "{error}");
    let told = quietly(
        &copy.path,
        &["database", "compact", "--into", "degenbot.db"],
    );
    let said = "error: The copy at degenbot.db would be the database itself\n";
    assert!(told.contains(said), "{told}");
}

#[test]
fn compact_waits_for_a_writer_and_gives_up() {
    let copy = holey();
    let before = content::of(&copy.path);
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE exchanges SET active = 0")
        .unwrap();
    let told = quietly(&copy.path, &["database", "compact", "--wait", "0"]);
    writer.batch_execute("ROLLBACK").unwrap();
    drop(writer);
    assert!(told.starts_with("status: 1\n"), "{told}");
    assert!(told.contains(", writing\n"), "{told}");
    assert_eq!(content::of(&copy.path), before);
    assert_eq!(copy.files().len(), 1);
}

#[test]
fn compact_keeps_extended_attributes() {
    let copy = holey();
    let name = "user.degenbot.note";
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&copy.path, name, b"mine", flags).is_err() {
        eprintln!("skipped: this file system has no attributes");
        return;
    }
    let report = compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    assert_eq!(report.how, Compaction::InPlace);
    let mut value = [0; 8];
    let length = rustix::fs::getxattr(&copy.path, name, &mut value).unwrap();
    assert_eq!(&value[..length], b"mine");
}

#[test]
#[cfg(target_os = "linux")]
fn compact_keeps_flags() {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

    let copy = holey();
    let flags = || ioctl_getflags(fs::File::open(&copy.path).unwrap());
    let set = |flag| {
        let file = fs::File::open(&copy.path).unwrap();
        ioctl_setflags(&file, ioctl_getflags(&file)? | flag)
    };
    if set(IFlags::NODUMP).is_err() {
        eprintln!("skipped: this file system has no flags");
        return;
    }
    let report = compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    assert_eq!(report.how, Compaction::InPlace);
    assert!(flags().unwrap().contains(IFlags::NODUMP));
}
