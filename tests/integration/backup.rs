//! `database backup`: a snapshot, whole or not there.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, symlink};

use degenbot::database::{
    BackupOptions, ErrorKind, IntegrityCheck, Observer, Progress, backup_path,
    backup_sqlite_database,
};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::support::cases;
use crate::support::command::{on, quietly, run, settled, without_sizes};
use crate::support::content;
use crate::support::corpus::{Copy, earlier_backup};

/// The options of a backup that may replace another one.
fn replacing() -> BackupOptions {
    BackupOptions::default().replace_existing(true)
}

#[test]
fn backup_includes_commits_that_are_only_in_the_log() {
    let copy = Copy::of("populated/wal-0.5.0.db");
    let before = content::of(&copy.path);
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    assert!(report.checkpointed);
    assert_eq!(report.path, copy.folder().join("degenbot.db.bak"));
    assert_eq!(report.bytes, fs::metadata(&report.path).unwrap().len());
    assert_eq!(content::of(&report.path), before);
}

#[test]
fn backup_replaces_an_existing_one_only_if_asked() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let backup = backup_path(&copy.path);
    fs::write(&backup, earlier_backup()).unwrap();
    let error = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::BackupExists) && error.path() == Some(&*backup));
    assert_eq!(
        error.to_string(),
        format!("A backup at {} already exists.", backup.display())
    );
    assert_eq!(fs::read(&backup).unwrap(), earlier_backup());

    backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
    assert_eq!(content::of(&backup), content::of(&copy.path));
}

#[test]
fn backup_is_one_state_beside_a_writer() {
    /// Commits between the steps of the copy.
    struct Writer(SqliteConnection, usize);

    impl Observer for Writer {
        fn progress(&mut self, _: Progress) -> ControlFlow<()> {
            self.1 += 1;
            self.0
                .batch_execute("UPDATE exchanges SET last_update_block = last_update_block + 1")
                .unwrap();
            ControlFlow::Continue(())
        }
    }

    let copy = Copy::of("populated/populated-0.6.0a4.db");
    // Large enough for several steps.
    let mut connection = content::connect(&copy.path);
    connection
        .batch_execute(
            "CREATE TABLE ballast (bytes); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) \
             INSERT INTO ballast SELECT zeroblob(1000000) FROM n",
        )
        .unwrap();
    let before = content::of(&copy.path)["exchanges"].clone();
    let mut writer = Writer(connection, 0);
    let report =
        backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut writer).unwrap();
    assert!(report.cloned || writer.1 > 5, "{} steps", writer.1);
    assert_eq!(content::of(&report.path)["exchanges"], before);
    assert_ne!(content::of(&copy.path)["exchanges"], before);
    assert_eq!(content::complaints(&report.path), [""; 0]);
}

#[test]
fn backup_works_without_a_checkpoint() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    // A reader of an old snapshot keeps the log from being checkpointed.
    let mut reader = content::connect(&copy.path);
    reader
        .batch_execute("BEGIN; SELECT * FROM exchanges")
        .unwrap();
    content::connect(&copy.path)
        .batch_execute("UPDATE exchanges SET active = 0")
        .unwrap();
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    assert!(!report.checkpointed);
    reader.batch_execute("ROLLBACK").unwrap();
    assert_eq!(content::of(&report.path), content::of(&copy.path));
}

#[test]
fn stopped_backup_leaves_only_the_old_one() {
    struct Stop;

    impl Observer for Stop {
        fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
            assert!(progress.done <= progress.total && progress.total > 0);
            ControlFlow::Break(())
        }
    }

    let copy = Copy::of("populated/populated-0.6.0a4.db");
    fs::write(backup_path(&copy.path), earlier_backup()).unwrap();
    let before: Vec<_> = copy.files().into_keys().collect();
    let error = backup_sqlite_database(&copy.path, &replacing(), &mut Stop).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Interrupted));
    assert_eq!(fs::read(backup_path(&copy.path)).unwrap(), earlier_backup());
    assert_eq!(copy.files().into_keys().collect::<Vec<_>>(), before);
}

#[test]
fn backup_has_the_permissions_of_the_database() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    for mode in [0o600, 0o640, 0o644] {
        fs::set_permissions(&copy.path, fs::Permissions::from_mode(mode)).unwrap();
        let report = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
        let found = fs::metadata(&report.path).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode);
    }
}

#[test]
fn backup_follows_links_and_refuses_folders_and_the_database_itself() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let backup = backup_path(&copy.path);

    fs::create_dir(&backup).unwrap();
    let error = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    fs::remove_dir(&backup).unwrap();

    fs::hard_link(&copy.path, &backup).unwrap();
    let error = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::BackupOntoItself), "{error}");
    fs::remove_file(&backup).unwrap();

    symlink(&copy.path, &backup).unwrap();
    let error = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::BackupOntoItself), "{error}");
    fs::remove_file(&backup).unwrap();

    symlink("/nowhere/backup", &backup).unwrap();
    let error = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    assert!(fs::symlink_metadata(&backup).unwrap().is_symlink());
    fs::remove_file(&backup).unwrap();

    // A link to another place stays one.
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("nightly");
    fs::copy(&copy.path, &target).unwrap();
    symlink(&target, &backup).unwrap();
    backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
    assert!(fs::symlink_metadata(&backup).unwrap().is_symlink());
    assert_eq!(content::of(&target), content::of(&copy.path));
}

#[test]
fn backup_copies_unusual_files_unchanged() {
    let names = [
        "odd/utf16.db",
        "odd/page-size-65536.db",
        "odd/hot-journal.db",
        "odd/bad-text.db",
        "odd/wal-torn.db",
        "odd/wal-everything-in-wal.db",
        "odd/autovacuum-incremental-freelist.db",
        "upgraded/heal17-from-eb4080485a56.db",
    ];
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        let report =
            backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
        assert_eq!(content::of(&report.path), content::of(&copy.path), "{name}");
    });
}

#[test]
fn backup_is_not_mixed_with_the_log_of_an_earlier_one() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let options = BackupOptions::default();
    let report = backup_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    // Somebody opens the backup, writes to it and is killed.
    let opened = Copy::of("populated/wal-0.6.0a4.db");
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", opened.path.display());
        fs::copy(from, format!("{}{suffix}", report.path.display())).unwrap();
    }
    assert_eq!(content::of(&opened.path)["erc20_tokens"].rows.len(), 197);
    backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
    assert_eq!(content::of(&report.path), content::of(&copy.path));

    // A journal without its database cannot be dealt with.
    fs::remove_file(&report.path).unwrap();
    let journal = format!("{}-journal", report.path.display());
    let hot = Copy::of("odd/hot-journal.db");
    fs::copy(format!("{}-journal", hot.path.display()), &journal).unwrap();
    let error = backup_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Leftover { .. }), "{error}");
    assert!(!report.path.exists());
}

#[test]
fn backup_ignores_stale_files_beside_an_earlier_one() {
    for mode in ["TRUNCATE", "PERSIST"] {
        let copy = Copy::of("populated/populated-0.6.0a4.db");
        let report = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
        content::connect(&report.path)
            .batch_execute(&format!(
                "PRAGMA journal_mode = {mode}; CREATE TABLE mine (x)"
            ))
            .unwrap();
        backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
        assert_eq!(content::of(&report.path), content::of(&copy.path), "{mode}");
    }
}

#[test]
fn backup_leaves_the_log_of_a_foreign_file_alone() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let backup = backup_path(&copy.path);
    let log = Copy::of("populated/wal-0.6.0a4.db").files()["degenbot.db-wal"].clone();
    fs::write(&backup, vec![7; 40_000]).unwrap();
    let wal = copy.folder().join("degenbot.db.bak-wal");
    fs::write(&wal, log).unwrap();
    let before = copy.files();
    let error = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::Leftover { leftover } if leftover.ends_with("degenbot.db.bak-wal")),
        "{error}"
    );
    assert_eq!(copy.files(), before);
}

#[test]
fn backup_does_not_replace_one_that_is_in_use() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    let mut user = content::connect(&report.path);
    user.batch_execute("BEGIN IMMEDIATE; UPDATE exchanges SET active = 0")
        .unwrap();
    let error = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Locked), "{error}");
    user.batch_execute("COMMIT").unwrap();
}

#[test]
fn backup_copies_objects_that_sqlite_cannot_load() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut connection = content::connect(&copy.path);
    connection
        .batch_execute(
            "CREATE TABLE notes (note TEXT); CREATE INDEX notes_by_note ON notes (note); \
             PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = 'CREATE INDEX notes_by_note ON notes (note COLLATE mine)' \
             WHERE name = 'notes_by_note'; \
             INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) \
             VALUES ('table', 'search', 'search', 0, 'CREATE VIRTUAL TABLE search USING nomod(x)')",
        )
        .unwrap();
    drop(connection);
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    let info = degenbot::database::inspect_sqlite_database(&report.path, false).unwrap();
    assert_eq!(
        info.recognition
            .extras()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["table notes", "table search"],
        "an index of an unknown collation cannot be described"
    );
    let search = info.tables.iter().find(|table| table.name == "search");
    assert!(search.unwrap().problem.as_ref().unwrap().contains("nomod"));
}

#[test]
fn backup_of_a_damaged_database_does_not_replace_a_good_one() {
    let copy = Copy::of("odd/flipped-byte-index-page.db");
    let backup = backup_path(&copy.path);
    fs::write(&backup, "good").unwrap();
    let mut connection = content::connect(&copy.path);
    // Break a page that only a full look finds, in place.
    connection
        .batch_execute(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET rootpage = 5 WHERE name = 'aave_v3_markets'",
        )
        .unwrap();
    drop(connection);
    let options = replacing().verify(IntegrityCheck::Quick);
    assert!(backup_sqlite_database(&copy.path, &options, &mut ()).is_err());
    assert_eq!(fs::read_to_string(&backup).unwrap(), "good");
}

#[test]
fn backup_command_reports_and_refuses() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    insta::assert_snapshot!(without_sizes(&quietly(&copy.path, &["database", "backup"])), @r"
    status: 0
    --- stdout
    --- stderr
    Backed up degenbot.db to degenbot.db.bak ([SIZE]).
    ");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "backup", "-q", "--yes"]), @r"
    status: 0
    --- stdout
    --- stderr
    ");
    let older = Copy::of("upgraded/direct-0.5.0-to-0.6.0a2.db");
    let output = quietly(&older.path, &["database", "backup"]);
    insta::assert_snapshot!(settled(&output), @r"
    status: 0
    --- stdout
    --- stderr
    warning: The database is at e0aaad8ad486, not at the latest ([LATEST]): 'degenbot database upgrade' brings it there
    Backed up degenbot.db to degenbot.db.bak (384.00 KiB).
    ");
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.db");
    insta::assert_snapshot!(quietly(&missing, &["database", "backup"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: There is no database at missing.db
    hint: Nothing was changed. Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file), or create the database with 'degenbot database reset'
    ");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn backup_goes_to_the_given_output() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let folder = tempfile::tempdir().unwrap();
    for name in ["a copy.db", "file:x?mode=ro", "ünicode.db"] {
        let output = folder.path().join(name);
        let told = quietly(
            &copy.path,
            &[
                "database",
                "backup",
                "--verify",
                "full",
                "--output",
                output.to_str().unwrap(),
            ],
        );
        assert!(told.starts_with("status: 0\n"), "{told}");
        assert!(told.contains(name), "{told}");
        let bytes = fs::read(&output).unwrap();
        assert_eq!(bytes, fs::read(&copy.path).unwrap(), "{name}");
    }
    let missing = folder.path().join("missing/x.db");
    let told = quietly(
        &copy.path,
        &["database", "backup", "--output", missing.to_str().unwrap()],
    );
    assert!(told.starts_with("status: 1\n"), "{told}");
}

#[test]
fn backup_copies_every_page_size_in_blocks_and_page_by_page() {
    for page_size in [512, 1024, 4096, 16384, 65536] {
        let copy = Copy::of("populated/populated-0.6.0a4.db");
        let mut connection = content::connect(&copy.path);
        connection
            .batch_execute(&format!(
                "PRAGMA journal_mode = DELETE; PRAGMA page_size = {page_size}; VACUUM; \
                 PRAGMA journal_mode = WAL; UPDATE exchanges SET active = 0"
            ))
            .unwrap();
        let report = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
        assert!(report.checkpointed);
        assert_eq!(
            content::of(&report.path),
            content::of(&copy.path),
            "{page_size}"
        );
        // A reader of an older state keeps the log from being emptied.
        connection
            .batch_execute("BEGIN; SELECT * FROM exchanges")
            .unwrap();
        content::connect(&copy.path)
            .batch_execute("UPDATE exchanges SET active = 1")
            .unwrap();
        let report = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
        assert!(!report.checkpointed);
        connection.batch_execute("COMMIT").unwrap();
        assert_eq!(
            content::of(&report.path),
            content::of(&copy.path),
            "{page_size}"
        );
        assert_eq!(content::complaints(&report.path), [""; 0]);
    }
}

#[test]
fn backup_does_not_wait_for_an_open_write_transaction() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let before = content::of(&copy.path);
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE exchanges SET active = 0")
        .unwrap();
    let report = backup_sqlite_database(&copy.path, &replacing(), &mut ()).unwrap();
    writer.batch_execute("COMMIT").unwrap();
    assert_eq!(content::of(&report.path), before);
    assert_ne!(content::of(&copy.path), before);
}

#[test]
fn backup_refuses_the_names_of_sqlites_own_files() {
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    let before = copy.files();
    for suffix in ["-wal", "-shm", "-journal"] {
        let name = format!("degenbot.db{suffix}");
        let said = format!(
            "error: {name} is the place of a file that SQLite keeps beside the database, or beside a copy of it\n"
        );
        let told = quietly(&copy.path, &["database", "backup", "-y", "--output", &name]);
        assert!(told.contains(&said), "{told}");
        let told = quietly(&copy.path, &["database", "compact", "-y", "--into", &name]);
        assert!(told.contains(&said), "{told}");
        assert_eq!(copy.files(), before, "{name}");
    }
}

#[test]
fn a_backup_with_an_interrupted_transaction_stays_as_it_is_until_it_is_replaced() {
    let hot = Copy::of("odd/hot-journal.db").files();
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let backup = backup_path(&copy.path);
    for (name, bytes) in hot {
        let suffix = name.strip_prefix("degenbot.db").unwrap();
        let target = format!("{}{suffix}", backup.display());
        fs::write(target, bytes).unwrap();
    }
    let before = copy.files();
    let told = run(on(&copy.path, &["database", "backup"]), "n\n");
    assert!(told.contains("An existing backup was found"), "{told}");
    assert!(told.ends_with("Aborted!\n"), "{told}");
    assert_eq!(copy.files(), before);
    let told = run(on(&copy.path, &["database", "backup"]), "y\n");
    assert!(told.starts_with("status: 0"), "{told}");
    assert_eq!(content::of(&backup), content::of(&copy.path));
}
