//! `database restore`: a backup becomes the database, or nothing changes.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use degenbot::database::{
    BackupOptions, Effect, ErrorKind, RestoreOptions, backup_path, backup_sqlite_database,
    plan_restore, restore_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::command::{on, quietly, run, settled};
use crate::support::content;
use crate::support::corpus::Copy;
use crate::support::observer::StopAt;

const POPULATED: &str = "populated/populated-0.6.0a4.db";

/// A database, its backup, and a change since.
fn changed_since_its_backup(name: &str) -> (Copy, content::Content) {
    let copy = Copy::of(name);
    backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    let before = content::of(&copy.path);
    content::connect(&copy.path)
        .batch_execute(
            "DELETE FROM liquidity_positions; UPDATE exchanges SET last_update_block = 7",
        )
        .unwrap();
    assert_ne!(content::of(&copy.path), before);
    (copy, before)
}

fn from(path: impl Into<PathBuf>) -> RestoreOptions {
    RestoreOptions::default()
        .from(path.into())
        .wait(Duration::ZERO)
}

#[test]
fn restore_brings_the_backup_back_and_keeps_the_replaced_database() {
    let (copy, before) = changed_since_its_backup(POPULATED);
    let after = content::of(&copy.path);
    let report = restore_sqlite_database(&copy.path, &RestoreOptions::default(), &mut ()).unwrap();
    assert_eq!(content::of(&copy.path), before);
    let kept = report.kept.unwrap();
    assert_eq!(kept.file_name().unwrap(), "degenbot.db.pre-restore");
    assert_eq!(content::of(&kept), after);
    assert!(report.is_upgrade_pending);
    for path in [&copy.path, &kept] {
        assert_eq!(content::complaints(path), [""; 0]);
    }
    let without = from(&kept).keep_replaced(false);
    let report = restore_sqlite_database(&copy.path, &without, &mut ()).unwrap();
    assert_eq!(report.kept, None);
    assert_eq!(content::of(&copy.path), after);
    assert_eq!(copy.files().len(), 3);
}

#[test]
fn open_connections_see_the_content_before_or_after_a_restore() {
    let (copy, before) = changed_since_its_backup(POPULATED);
    let inode = fs::metadata(&copy.path).unwrap().ino();
    let mut idle = content::connect(&copy.path);
    idle.batch_execute("SELECT * FROM exchanges").unwrap();
    let mut reading = content::connect(&copy.path);
    reading
        .batch_execute("BEGIN; SELECT * FROM exchanges")
        .unwrap();
    let mut unused = content::connect(&copy.path);
    let after = content::of_connection(&mut reading);
    restore_sqlite_database(&copy.path, &RestoreOptions::default(), &mut ()).unwrap();
    assert_eq!(content::of_connection(&mut reading), after);
    reading.batch_execute("COMMIT").unwrap();
    for connection in [&mut idle, &mut reading, &mut unused] {
        assert_eq!(content::of_connection(connection), before);
    }
    assert_eq!(fs::metadata(&copy.path).unwrap().ino(), inode);
}

#[test]
fn restore_beside_a_writer_changes_nothing() {
    let (copy, _) = changed_since_its_backup(POPULATED);
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE exchanges SET active = 0")
        .unwrap();
    let told = quietly(&copy.path, &["database", "restore", "-y", "--wait", "0"]);
    insta::assert_snapshot!(settled(&told), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is locked by another program: in use by [PROGRAMS]
    hint: Nothing was changed. Let the other program finish its transaction, or stop it, and try again. --wait SECONDS waits longer
    ");
    writer.batch_execute("COMMIT").unwrap();
    drop(writer);
    let files: Vec<_> = copy.files().into_keys().collect();
    assert_eq!(files, ["degenbot.db", "degenbot.db.bak"]);
}

#[test]
fn restore_creates_a_missing_database() {
    let copy = Copy::of(POPULATED);
    let before = content::of(&copy.path);
    let elsewhere = copy.folder().join("a new one.db");
    let report = restore_sqlite_database(&elsewhere, &from(&copy.path), &mut ()).unwrap();
    assert_eq!((report.kept, report.is_upgrade_pending), (None, true));
    assert_eq!(content::of(&elsewhere), before);
    let mut restored = content::connect(&elsewhere);
    let mode = content::lines(
        &mut restored,
        "SELECT journal_mode AS line FROM pragma_journal_mode",
    );
    assert_eq!(mode, ["wal"]);
}

/// On a new computer, nothing has created the folder yet.
#[test]
fn restore_creates_a_missing_folder_and_leaves_none_if_it_fails() {
    let copy = Copy::of(POPULATED);
    let above = copy.folder().join("new");
    let path = above.join("folder/degenbot.db");
    let error = restore_sqlite_database(&path, &RestoreOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoBackup), "{error}");
    assert!(!above.exists());
    plan_restore(&path, &from(&copy.path)).unwrap();
    assert!(!above.exists());
    restore_sqlite_database(&path, &from(&copy.path), &mut ()).unwrap();
    assert_eq!(content::of(&path), content::of(&copy.path));
    // No folder can be created in a file.
    let path = copy.path.join("new/degenbot.db");
    assert!(plan_restore(&path, &from(&path)).is_err());
}

#[test]
fn restore_includes_commits_in_the_log_of_the_source() {
    let source = Copy::of("populated/wal-0.6.0a4.db");
    let target = Copy::of("populated/populated-0.5.0.db");
    let files = source.files();
    restore_sqlite_database(&target.path, &from(&source.path), &mut ()).unwrap();
    let expected = Copy::of("populated/wal-0.6.0a4.db");
    assert_eq!(content::of(&target.path), content::of(&expected.path));
    assert!(source.files().len() <= files.len());
}

#[test]
fn restore_accepts_another_page_size() {
    for name in ["odd/page-size-65536.db", "odd/hot-journal.db"] {
        for page_size in [512, 4096, 65536] {
            let source = Copy::of(name);
            let before = content::of(&Copy::of(name).path);
            let target = Copy::of(POPULATED);
            content::connect(&target.path)
                .batch_execute(&format!(
                    "PRAGMA journal_mode = DELETE; PRAGMA page_size = {page_size}; VACUUM; \
                     PRAGMA journal_mode = WAL"
                ))
                .unwrap();
            restore_sqlite_database(&target.path, &from(&source.path), &mut ())
                .unwrap_or_else(|error| panic!("{name}, {page_size}: {error}"));
            assert_eq!(content::of(&target.path), before, "{name}, {page_size}");
            assert_eq!(content::complaints(&target.path), [""; 0]);
        }
    }
}

#[test]
fn restore_refuses_another_encoding_which_open_connections_could_not_read() {
    let (utf16, utf8) = (Copy::of("odd/utf16.db"), Copy::of(POPULATED));
    for (source, target) in [(&utf16, &utf8), (&utf8, &utf16)] {
        let before = target.files();
        let mut reader = content::connect(&target.path);
        let count = "SELECT count(*) || '' AS line FROM pools";
        let pools = content::lines(&mut reader, count);
        let options = from(&source.path);
        for error in [
            plan_restore(&target.path, &options).unwrap_err(),
            restore_sqlite_database(&target.path, &options, &mut ()).unwrap_err(),
        ] {
            assert!(
                matches!(error.kind, ErrorKind::OtherEncoding { .. }),
                "{error}"
            );
            assert_eq!(error.effect, Some(Effect::Nothing));
        }
        assert_eq!(content::lines(&mut reader, count), pools);
        drop(reader);
        assert!(
            before
                .iter()
                .all(|(name, bytes)| target.files()[name] == *bytes)
        );
        // Without a database at the path, as the hint says, the backup becomes the database.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        restore_sqlite_database(&path, &options, &mut ()).unwrap();
        assert_eq!(content::of(&path), content::of(&source.path));
        // An empty database takes any encoding.
        fs::write(folder.path().join("empty.db"), "").unwrap();
        let path = folder.path().join("empty.db");
        restore_sqlite_database(&path, &options, &mut ()).unwrap();
        assert_eq!(content::of(&path), content::of(&source.path));
    }
}

#[test]
fn restore_refuses_damaged_and_foreign_sources() {
    let copy = Copy::of(POPULATED);
    let folder = copy.folder().to_owned();
    let sound = fs::read(&copy.path).unwrap();
    let sources: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        (
            "text",
            b"not a database, but long enough to be looked at".repeat(100),
        ),
        ("cut off", sound[..sound.len() / 2].to_vec()),
        ("foreign", foreign()),
        ("torn", torn(&sound)),
    ];
    for (name, bytes) in &sources {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let before = copy.files();
    for (name, _) in sources {
        let error =
            restore_sqlite_database(&copy.path, &from(folder.join(name)), &mut ()).unwrap_err();
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert_eq!(copy.files(), before, "{name}");
    }
    let missing = plan_restore(&copy.path, &RestoreOptions::default()).unwrap_err();
    assert!(matches!(missing.kind, ErrorKind::NoBackup), "{missing}");
}

fn foreign() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    fs::write(&path, "").unwrap();
    content::connect(&path)
        .batch_execute("CREATE TABLE notes (note)")
        .unwrap();
    fs::read(&path).unwrap()
}

/// A database whose header and schema are sound and some page of whose rows is not.
fn torn(sound: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    let last = bytes.len() - 4096;
    for page in bytes[40 * 4096..last].chunks_mut(4096) {
        page[..64].fill(0xa5);
    }
    bytes
}

#[test]
fn restore_refuses_the_database_itself_as_the_source() {
    let copy = Copy::of(POPULATED);
    let link = copy.folder().join("degenbot.db.bak");
    symlink("degenbot.db", &link).unwrap();
    let hard = copy.folder().join("hard.db");
    fs::hard_link(&copy.path, &hard).unwrap();
    let before = copy.files();
    for source in [&link, &hard, &copy.path] {
        let error = restore_sqlite_database(&copy.path, &from(source), &mut ()).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::RestoreFromItself),
            "{error}"
        );
    }
    assert_eq!(copy.files(), before);
}

#[test]
fn restore_keeps_a_symbolic_link_to_the_database() {
    let (copy, before) = changed_since_its_backup(POPULATED);
    let other = tempfile::tempdir().unwrap();
    let link = other.path().join("link.db");
    symlink(&copy.path, &link).unwrap();
    restore_sqlite_database(&link, &from(backup_path(&copy.path)), &mut ()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(content::of(&copy.path), before);
}

#[test]
fn restore_stopped_at_any_step_leaves_everything_unchanged() {
    let (copy, _) = changed_since_its_backup(POPULATED);
    let grow = "CREATE TABLE ballast (bytes); \
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) \
                INSERT INTO ballast SELECT zeroblob(1000000) FROM n";
    content::connect(&copy.path).batch_execute(grow).unwrap();
    content::connect(&backup_path(&copy.path))
        .batch_execute(grow)
        .unwrap();
    let after = content::of(&copy.path);
    let mut stopped = 0;
    loop {
        match restore_sqlite_database(
            &copy.path,
            &RestoreOptions::default(),
            &mut StopAt { left: stopped },
        ) {
            Ok(_) => break,
            Err(error) if matches!(error.kind, ErrorKind::Interrupted) => stopped += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(content::of(&copy.path) == after, "{stopped}");
        let files: Vec<_> = copy.files().into_keys().collect();
        assert_eq!(files, ["degenbot.db", "degenbot.db.bak"], "{stopped}");
    }
    // Fewer where the copies are clones.
    assert!(stopped > 5, "{stopped}");
}

/// The restore itself makes a log beside the database.
#[test]
fn replaced_database_has_the_time_of_its_last_write() {
    let (copy, _) = changed_since_its_backup(POPULATED);
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let file = fs::File::options().write(true).open(&copy.path).unwrap();
    file.set_modified(written).unwrap();
    drop(file);
    let options = RestoreOptions::default();
    let plan = plan_restore(&copy.path, &options).unwrap();
    let report = restore_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    for replaced in [plan.replaced, report.replaced] {
        assert_eq!(replaced.unwrap().modified, Some(written));
    }
}

#[test]
fn restore_command_asks_and_reports() {
    let (copy, _) = changed_since_its_backup("upgraded/direct-0.5.0-to-0.6.0a2.db");
    let timeless = |told: &str| {
        let lines = told
            .lines()
            .map(|line| match line.split_once(", last written ") {
                Some((before, after)) => {
                    let rest = after.split_once("UTC").unwrap().1;
                    format!("{before}, last written [TIME]{rest}\n")
                }
                None => format!("{line}\n"),
            });
        lines.collect::<String>()
    };
    let told = run(on(&copy.path, &["database", "restore"]), "n\n");
    insta::assert_snapshot!(timeless(&told), @r"
    status: 1
    --- stdout
    --- stderr
    Database degenbot.db: 376.00 KiB, version e0aaad8ad486, 663 rows, last written [TIME], up to block 7
    Backup   degenbot.db.bak: 384.00 KiB, version e0aaad8ad486, 778 rows, last written [TIME], up to block 34583730
    The content of the database at degenbot.db will be replaced by that of degenbot.db.bak. Do you want to proceed? [y/N] 
    Aborted!
    ");
    assert_eq!(copy.files().len(), 2);
    let told = quietly(&copy.path, &["database", "restore", "--yes"]);
    insta::assert_snapshot!(told, @r"
    status: 0
    --- stdout
    --- stderr
    Restored degenbot.db from degenbot.db.bak (384.00 KiB).
    The replaced database is kept at degenbot.db.pre-restore.
    The database is now at version e0aaad8ad486; 'degenbot database upgrade' brings it to the latest version.
    ");
    let told = quietly(&copy.path, &["database", "restore", "--from", "missing.db"]);
    insta::assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    error: There is no backup at missing.db
    hint: Nothing was changed. Make one with 'degenbot database backup', or name another file with --from, such as one of 'backup --keep'
    ");
    let told = quietly(
        &copy.path,
        &["database", "restore", "--from", "degenbot.db", "-y"],
    );
    insta::assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    error: degenbot.db cannot be restored from itself
    hint: Nothing was changed. Name another file with --from
    ");
    assert!(Path::new(&copy.folder().join("degenbot.db.pre-restore")).exists());
}

#[test]
fn restore_of_the_latest_version_suggests_no_upgrade() {
    let copy = Copy::upgraded(POPULATED);
    let newer = copy.folder().join("newer.db");
    fs::copy(&copy.path, &newer).unwrap();
    content::connect(&newer)
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')")
        .unwrap();
    let report = restore_sqlite_database(&copy.path, &from(&newer), &mut ()).unwrap();
    assert!(!report.is_upgrade_pending);
}
