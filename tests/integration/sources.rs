//! The backup that is restored, and the database that is backed up by a user who may only read it: they are read under
//! SQLite's locks and never written to.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use degenbot::database::{
    BackupProblem, ErrorKind, Observer, Progress, RestoreOptions, Stage,
    create_new_sqlite_database, plan_restore, restore_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::command::{on, quietly, run};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::observer::StopAt;

const POPULATED: &str = "populated/populated-0.6.0a4.db";

fn from(path: impl Into<PathBuf>) -> RestoreOptions {
    RestoreOptions::default()
        .from(path.into())
        .wait(Duration::ZERO)
}

/// Every file of a folder: its bytes, its inode and the time of its last write.
fn state(folder: &Path) -> BTreeMap<String, (Vec<u8>, u64, i64, i64)> {
    corpus::files(folder)
        .into_iter()
        .map(|(name, bytes)| {
            let metadata = fs::metadata(folder.join(&name)).unwrap();
            let state = (
                bytes,
                metadata.ino(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            );
            (name, state)
        })
        .collect()
}

/// A database that a killed program left with a log and its index.
fn with_log_and_index() -> Copy {
    let live = Copy::of(POPULATED);
    let mut connection = content::connect(&live.path);
    connection
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; UPDATE exchanges SET last_update_block = 5; \
             DELETE FROM liquidity_positions",
        )
        .unwrap();
    let copy = Copy::of(POPULATED);
    for (name, bytes) in live.files() {
        fs::write(copy.folder().join(name), bytes).unwrap();
    }
    assert_eq!(copy.files().len(), 3);
    copy
}

#[test]
fn restore_never_writes_to_its_source() {
    let sources: [fn() -> Copy; 5] = [
        || Copy::of(POPULATED),
        || Copy::of("populated/wal-0.6.0a4.db"),
        || Copy::of("odd/hot-journal.db"),
        with_log_and_index,
        || {
            let copy = Copy::of(POPULATED);
            content::connect(&copy.path)
                .batch_execute("PRAGMA journal_mode = DELETE")
                .unwrap();
            copy
        },
    ];
    for source in sources {
        let expected = content::of(&source().path);
        let source = source();
        let before = state(source.folder());
        let target = Copy::of("populated/populated-0.5.0.db");
        let unchanged = target.files();
        for left in 0..3 {
            let stopped =
                restore_sqlite_database(&target.path, &from(&source.path), &mut StopAt { left });
            assert!(matches!(stopped.unwrap_err().kind, ErrorKind::Interrupted));
            assert!(state(source.folder()) == before);
            assert!(target.files() == unchanged);
        }
        plan_restore(&target.path, &from(&source.path)).unwrap();
        assert!(state(source.folder()) == before);
        restore_sqlite_database(&target.path, &from(&source.path), &mut ()).unwrap();
        assert!(state(source.folder()) == before);
        assert_eq!(content::of(&target.path), expected);
        assert_eq!(content::complaints(&target.path), [""; 0]);
    }
}

/// Two tables far apart in the file that agree with each other, with enough between them that a copy is told of in the
/// middle.
fn ledger(path: &Path, journal_mode: &str) {
    create_new_sqlite_database(path).unwrap();
    content::connect(path)
        .batch_execute(&format!(
            "PRAGMA journal_mode = {journal_mode}; CREATE TABLE first (amount); INSERT INTO first VALUES (0); \
             CREATE TABLE ballast (bytes); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) \
             INSERT INTO ballast SELECT zeroblob(1000000) FROM n; \
             CREATE TABLE last (amount); INSERT INTO last VALUES (0)"
        ))
        .unwrap();
}

fn amounts(path: &Path) -> Vec<String> {
    content::lines(
        &mut content::connect(path),
        "SELECT amount AS line FROM first UNION ALL SELECT amount FROM last",
    )
}

const PAY: &str = "BEGIN IMMEDIATE; UPDATE first SET amount = amount + 1; UPDATE last SET amount = amount + 1; COMMIT";

/// Writes to a database whenever a copy of it goes on.
struct Payer<'path> {
    path: &'path Path,
    paid: u32,
    refused: u32,
}

impl Observer for Payer<'_> {
    fn progress(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        if progress.stage == Stage::Copying && progress.done < progress.total && self.paid < 2 {
            let mut connection = content::connect(self.path);
            match connection.batch_execute(PAY) {
                Ok(()) => self.paid += 1,
                Err(_) => self.refused += 1,
            }
        }
        ControlFlow::Continue(())
    }
}

fn restore_beside_a_payer(journal_mode: &str) -> (u32, u32) {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live.db");
    ledger(&live, journal_mode);
    let target = folder.path().join("degenbot.db");
    let mut payer = Payer {
        path: &live,
        paid: 0,
        refused: 0,
    };
    restore_sqlite_database(&target, &from(&live), &mut payer).unwrap();
    let amounts = amounts(&target);
    assert_eq!(amounts[0], amounts[1]);
    (payer.paid, payer.refused)
}

#[test]
fn copy_of_a_database_in_rollback_mode_locks_writers_out() {
    for journal_mode in ["DELETE", "TRUNCATE", "PERSIST", "MEMORY"] {
        let (paid, refused) = restore_beside_a_payer(journal_mode);
        assert_eq!(paid, 0, "{journal_mode}");
        assert!(refused > 0, "{journal_mode}");
    }
}

#[test]
fn copy_of_a_database_in_wal_mode_begins_anew_if_another_program_has_written() {
    let (paid, refused) = restore_beside_a_payer("WAL");
    assert_eq!((paid, refused), (2, 0));
}

/// Every kind of file that is no backup, by name.
fn bad_files(folder: &Path) -> Vec<PathBuf> {
    let copy = Copy::of(POPULATED);
    let sound = fs::read(&copy.path).unwrap();
    let mut torn = sound.clone();
    let end = torn.len() - 4096;
    torn[40 * 4096..end].fill(0xa5);
    let of = |name: &str| fs::read(Copy::of(name).path).unwrap();
    let files: [(&str, Vec<u8>); 7] = [
        ("empty.db", Vec::new()),
        ("text.db", b"not a database at all ".repeat(100)),
        ("cut-off.db", sound[..sound.len() / 2].to_vec()),
        ("torn.db", torn),
        ("schema.db", of("odd/corrupt-sqlite-master.db")),
        ("header.db", sound[..100].to_vec()),
        ("index.db", of("odd/flipped-byte-index-page.db")),
    ];
    let mut paths = Vec::new();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
        paths.push(folder.join(name));
    }
    for (name, schema) in [
        ("foreign.db", "CREATE TABLE notes (note)"),
        ("no-tables.db", "PRAGMA user_version = 5"),
    ] {
        fs::write(folder.join(name), "").unwrap();
        content::connect(&folder.join(name))
            .batch_execute(schema)
            .unwrap();
        paths.push(folder.join(name));
    }
    fs::create_dir(folder.join("folder.db")).unwrap();
    paths.push(folder.join("folder.db"));
    paths.push(folder.join("missing.db"));
    paths
}

#[test]
fn errors_about_a_backup_speak_of_the_backup() {
    let copy = Copy::of(POPULATED);
    let before = content::of(&copy.path);
    let folder = tempfile::tempdir().unwrap();
    for bad in bad_files(folder.path()) {
        fs::rename(&bad, copy.folder().join("degenbot.db.bak")).ok();
        let told = quietly(&copy.path, &["database", "restore", "-y"]);
        assert!(told.starts_with("status: 1\n"), "{}: {told}", bad.display());
        assert!(
            told.contains(" backup at degenbot.db.bak") && told.contains("hint: "),
            "{}: {told}",
            bad.display()
        );
        for wrong in [
            "bak.bak",
            "database reset",
            "restore' puts",
            "The database at",
        ] {
            assert!(!told.contains(wrong), "{}: {told}", bad.display());
        }
        assert_eq!(content::of(&copy.path), before);
        let backup = copy.folder().join("degenbot.db.bak");
        if backup.is_dir() {
            fs::remove_dir(backup).unwrap();
        } else {
            fs::remove_file(backup).ok();
        }
    }
}

#[test]
fn plan_of_a_restore_refuses_what_the_restore_refuses() {
    let backups = tempfile::tempdir().unwrap();
    let good = Copy::of(POPULATED);
    let mut sources = bad_files(backups.path());
    sources.push(good.path.clone());
    for source in &sources {
        let targets = tempfile::tempdir().unwrap();
        let mut databases = bad_files(targets.path());
        let copy = Copy::of(POPULATED);
        databases.push(copy.path.clone());
        for database in &databases {
            let what = format!("{} over {}", source.display(), database.display());
            let plan = plan_restore(database, &from(source));
            let done = restore_sqlite_database(database, &from(source), &mut ());
            let told = |error: degenbot::database::Error| format!("{error} {}", error.hint());
            assert_eq!(
                plan.map(drop).map_err(told),
                done.map(drop).map_err(told),
                "{what}"
            );
        }
    }
}

#[test]
fn question_of_a_reset_is_put_only_if_the_database_can_be_reset() {
    let folder = tempfile::tempdir().unwrap();
    let mut databases = bad_files(folder.path());
    databases.retain(|path| path.exists());
    for database in databases {
        let asked = run(on(&database, &["database", "reset"]), "n\n");
        let done = quietly(&database, &["database", "reset", "--force"]);
        let was_asked = asked.contains("Do you want to proceed?");
        assert_eq!(
            was_asked,
            done.starts_with("status: 0\n"),
            "{}: {asked}{done}",
            database.display()
        );
        if !was_asked {
            assert_eq!(asked, done, "{}", database.display());
        }
    }
}

#[test]
fn question_counts_blocks_at_both_ends_of_64_bits() {
    let (copy, backup) = (Copy::of(POPULATED), Copy::of(POPULATED));
    for (path, block) in [(&copy.path, i64::MAX), (&backup.path, -5)] {
        content::connect(path)
            .batch_execute(&format!("UPDATE exchanges SET last_update_block = {block}"))
            .unwrap();
    }
    fs::copy(&backup.path, copy.folder().join("degenbot.db.bak")).unwrap();
    let told = run(on(&copy.path, &["database", "restore"]), "n\n");
    let expected = "which is 9223372036854775812 blocks older";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn kind_of_a_bad_backup_can_be_matched() {
    let copy = Copy::of(POPULATED);
    let empty = copy.folder().join("empty.db");
    fs::write(&empty, "").unwrap();
    let error = restore_sqlite_database(&copy.path, &from(&empty), &mut ()).unwrap_err();
    let ErrorKind::BadBackup { problem } = &error.kind else {
        panic!("{error}");
    };
    assert_eq!(**problem, BackupProblem::Empty);
}

#[test]
fn database_restored_from_a_write_protected_backup_can_be_written() {
    let copy = Copy::of(POPULATED);
    fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o440)).unwrap();
    let restored = copy.folder().join("restored.db");
    restore_sqlite_database(&restored, &from(&copy.path), &mut ()).unwrap();
    assert_eq!(fs::metadata(&restored).unwrap().mode() & 0o777, 0o640);
    content::connect(&restored)
        .batch_execute("UPDATE exchanges SET active = 0")
        .unwrap();
}
