//! Devices, pipes, folders and links where a regular file is expected: they are refused or passed over, and stay.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use degenbot::database::{
    BackupOptions, CompactOptions, Error, ErrorKind, ResetOptions, RestoreOptions, UpgradeOptions,
    VerifyOptions, backup_path, backup_sqlite_database, compact_sqlite_database,
    inspect_sqlite_database, reset_sqlite_database, restore_sqlite_database,
    upgrade_sqlite_database, verify_sqlite_database,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::command::quietly;
use crate::support::content;
use crate::support::corpus::{Copy, upgrade_options};

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// Writes a copy to a path, by either operation, and replaces what is there.
fn copies_to(database: &Path, target: &Path) -> [Error; 2] {
    let backup = BackupOptions::default()
        .output(target.to_owned())
        .replace_existing(true);
    let compact = CompactOptions::default()
        .into(target.to_owned())
        .replace_existing(true);
    [
        backup_sqlite_database(database, &backup, &mut ()).unwrap_err(),
        compact_sqlite_database(database, &compact, &mut ()).unwrap_err(),
    ]
}

#[test]
fn copies_replace_no_device_pipe_or_open_file() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let at = |name: &str| copy.folder().join(name);
    pipe(&at("pipe"));
    let socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let links = [
        ("to-pipe", "pipe"),
        ("to-socket", "socket"),
        ("to-null", "/dev/null"),
        ("to-stdout", "/dev/stdout"),
    ];
    for (link, target) in links {
        symlink(target, at(link)).unwrap();
    }
    let names = [
        "pipe",
        "socket",
        "to-pipe",
        "to-socket",
        "to-null",
        "to-stdout",
    ];
    let targets = names.map(at).into_iter();
    let targets = targets.chain(["/dev/null", "/dev/stdout", "/proc/self/fd/1"].map(PathBuf::from));
    for target in targets {
        for error in copies_to(&copy.path, &target) {
            assert!(matches!(error.kind, ErrorKind::NotAFile), "{error}");
            assert_eq!(error.path(), Some(&*target));
        }
    }
    assert!(fs::metadata(at("pipe")).unwrap().file_type().is_fifo());
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    for (link, target) in links {
        assert_eq!(fs::read_link(at(link)).unwrap(), Path::new(target));
    }
    drop(socket);
}

#[test]
fn copies_replace_no_sidecar_of_the_database() {
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    let wal = copy.folder().join("degenbot.db-wal");
    let link = copy.folder().join("link.db");
    symlink(&wal, &link).unwrap();
    let hard = copy.folder().join("hard.db");
    fs::hard_link(&wal, &hard).unwrap();
    let before = copy.files();
    for target in [&wal, &link, &hard] {
        let [error, _] = copies_to(&copy.path, target);
        assert!(
            matches!(error.kind, ErrorKind::TargetIsReserved { .. }),
            "{error}"
        );
    }
    assert_eq!(copy.files(), before);
}

/// SQLite would take a copy of such a name for what belongs to the other database.
#[test]
fn copies_take_no_name_of_a_sidecar_of_another_database() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let other = copy.folder().join("other.db");
    fs::copy(&copy.path, &other).unwrap();
    let before = copy.files();
    for suffix in ["-wal", "-shm", "-journal"] {
        let target = copy.folder().join(format!("other.db{suffix}"));
        for error in copies_to(&copy.path, &target) {
            assert_eq!(
                error.to_string(),
                format!(
                    "{} is the place of a file that SQLite keeps beside another database",
                    target.display()
                )
            );
        }
    }
    assert_eq!(copy.files(), before);
}

#[test]
fn copies_take_no_place_where_settings_are_looked_for() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let nodes = copy.folder().join("nodes.toml");
    fs::write(copy.folder().join("config.toml"), "").unwrap();
    for command in [
        &["database", "backup", "--output", "nodes.toml"][..],
        &["database", "compact", "--into", "nodes.toml"],
    ] {
        let told = quietly(
            &copy.path,
            &[&["--config", "config.toml"], command].concat(),
        );
        assert!(told.contains("nodes.toml"), "{told}");
        assert!(told.starts_with("status: 1"), "{told}");
        assert!(!nodes.exists());
    }
}

#[test]
fn copies_replace_no_file_of_another_kind_under_a_name_that_was_given() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let notes = copy.folder().join("notes.txt");
    fs::write(&notes, "precious").unwrap();
    let foreign = copy.folder().join("places.db");
    fs::write(
        &foreign,
        &Copy::of("odd/foreign-no-stamp.db").files()["degenbot.db"],
    )
    .unwrap();
    for target in [&notes, &foreign] {
        let before = fs::read(target).unwrap();
        for error in copies_to(&copy.path, target) {
            assert!(
                matches!(error.kind, ErrorKind::TargetIsForeign { .. }),
                "{error}"
            );
        }
        assert_eq!(fs::read(target).unwrap(), before);
    }
    let told = quietly(&copy.path, &["database", "backup", "--output", "notes.txt"]);
    assert!(
        told.contains("notes.txt exists and is not a degenbot database"),
        "{told}"
    );
}

#[test]
fn question_calls_only_a_database_a_backup() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let foreign = &Copy::of("odd/foreign-no-stamp.db").files()["degenbot.db"];
    fs::write(backup_path(&copy.path), foreign).unwrap();
    let told = quietly(&copy.path, &["database", "backup"]);
    assert!(
        told.contains("cannot be read as a degenbot database"),
        "{told}"
    );
    assert!(!told.contains("existing backup"), "{told}");
    // What is no database at all is not replaced.
    fs::write(backup_path(&copy.path), "notes").unwrap();
    for arguments in [
        &["database", "backup"][..],
        &["database", "backup", "--force"],
    ] {
        let told = quietly(&copy.path, arguments);
        assert!(
            told.contains("degenbot.db.bak exists and is not an SQLite database"),
            "{told}"
        );
    }
    // A link is no name of a backup.
    let notes = copy.folder().join("notes.txt");
    fs::rename(backup_path(&copy.path), &notes).unwrap();
    symlink("notes.txt", backup_path(&copy.path)).unwrap();
    let told = quietly(&copy.path, &["database", "backup", "--force"]);
    assert!(
        told.contains("exists and is not a degenbot database"),
        "{told}"
    );
    assert_eq!(fs::read(&notes).unwrap(), b"notes");
    fs::remove_file(backup_path(&copy.path)).unwrap();
    fs::copy(&copy.path, backup_path(&copy.path)).unwrap();
    let told = quietly(&copy.path, &["database", "backup"]);
    assert!(told.contains("An existing backup was found at"), "{told}");
}

#[test]
fn dash_is_not_taken_for_a_file_nor_for_stdout() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let before = copy.files();
    for arguments in [["backup", "--output"], ["compact", "--into"]] {
        let [command, option] = arguments;
        let told = quietly(&copy.path, &["database", command, option, "-"]);
        assert!(
            told.starts_with("status: 2\n--- stdout\n--- stderr\n"),
            "{told}"
        );
        assert!(
            told.contains("a copy cannot be written to stdout"),
            "{told}"
        );
    }
    assert_eq!(copy.files(), before);
}

/// Puts something at a path that a copy of the database is to get.
type Obstacle = fn(&Path, &Copy);

const OBSTACLES: [(&str, Obstacle); 6] = [
    ("symbolic link", |path, copy| {
        symlink(&copy.path, path).unwrap();
    }),
    ("hard link", |path, copy| {
        fs::hard_link(&copy.path, path).unwrap();
    }),
    ("link to nothing", |path, _| {
        symlink("nothing", path).unwrap();
    }),
    ("pipe", |path, _| pipe(path)),
    ("folder", |path, _| fs::create_dir(path).unwrap()),
    ("link to a copy", |path, copy| {
        fs::copy(&copy.path, copy.folder().join("other")).unwrap();
        symlink("other", path).unwrap();
    }),
];

fn assert_kept(copy: &Copy, before: &content::Content, kept: &Path, obstacle: &str) {
    let metadata = fs::symlink_metadata(kept).unwrap();
    assert!(metadata.is_file(), "{obstacle}");
    assert_eq!(metadata.nlink(), 1, "{obstacle}");
    assert_ne!(
        metadata.ino(),
        fs::metadata(&copy.path).unwrap().ino(),
        "{obstacle}"
    );
    assert_eq!(&content::of(kept), before, "{obstacle}");
}

#[test]
fn restore_keeps_the_replaced_database_in_a_file_of_its_own() {
    for (obstacle, put) in OBSTACLES {
        let copy = Copy::of("populated/populated-0.6.0a4.db");
        let before = content::of(&copy.path);
        let backup = backup_path(&copy.path);
        fs::write(
            &backup,
            &Copy::of("fresh/fresh-0.6.0a3.db").files()["degenbot.db"],
        )
        .unwrap();
        put(&copy.folder().join("degenbot.db.pre-restore"), &copy);
        let report =
            restore_sqlite_database(&copy.path, &RestoreOptions::default(), &mut ()).unwrap();
        assert_kept(&copy, &before, &report.kept.unwrap(), obstacle);
        assert!(
            content::of(&copy.path)["pools"].rows.is_empty(),
            "{obstacle}"
        );
    }
}

#[test]
fn rebuild_keeps_the_original_in_a_file_of_its_own() {
    for (obstacle, put) in OBSTACLES {
        let copy = Copy::of("populated/populated-0.5.0b1.db");
        let before = content::of(&copy.path);
        put(&copy.folder().join("degenbot.db.pre-upgrade"), &copy);
        let report = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap();
        let original = report.rebuild.unwrap().original;
        assert_kept(&copy, &before, &original, obstacle);
    }
}

/// Every operation on a database, by name.
fn operations(path: &Path) -> [(&'static str, Result<(), Error>); 7] {
    let backup = BackupOptions::default().replace_existing(true);
    [
        ("inspect", inspect_sqlite_database(path, true).map(drop)),
        (
            "verify",
            verify_sqlite_database(path, &VerifyOptions::default(), &mut ()).map(drop),
        ),
        (
            "backup",
            backup_sqlite_database(path, &backup, &mut ()).map(drop),
        ),
        (
            "compact",
            compact_sqlite_database(path, &CompactOptions::default(), &mut ()).map(drop),
        ),
        (
            "upgrade",
            upgrade_sqlite_database(path, &UpgradeOptions::default(), &mut ()).map(drop),
        ),
        (
            "restore",
            restore_sqlite_database(path, &RestoreOptions::default(), &mut ()).map(drop),
        ),
        (
            "reset",
            reset_sqlite_database(path, &ResetOptions::default(), &mut ()).map(drop),
        ),
    ]
}

#[test]
fn nothing_waits_at_a_pipe_with_the_name_of_a_temporary_file() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    for target in ["", ".bak", ".pre-restore", ".pre-upgrade"] {
        pipe(
            &copy
                .folder()
                .join(format!("degenbot.db{target}.degenbot-tmp-1-0")),
        );
        symlink(
            "nothing",
            copy.folder()
                .join(format!("degenbot.db{target}.degenbot-tmp-1-1")),
        )
        .unwrap();
    }
    for (operation, done) in operations(&copy.path) {
        assert!(done.is_ok(), "{operation}: {done:?}");
    }
}

#[test]
fn nothing_opens_a_sidecar_that_sqlite_has_not_made() {
    let obstacles: [(&str, Obstacle); 4] = [OBSTACLES[0], OBSTACLES[1], OBSTACLES[3], OBSTACLES[4]];
    for sidecar in ["-wal", "-shm", "-journal"] {
        for (obstacle, put) in obstacles {
            let copy = Copy::of("populated/populated-0.6.0a4.db");
            fs::copy(&copy.path, backup_path(&copy.path)).unwrap();
            let before = fs::read(&copy.path).unwrap();
            let path = copy.folder().join(format!("degenbot.db{sidecar}"));
            put(&path, &copy);
            for (operation, done) in operations(&copy.path) {
                let error = done.unwrap_err();
                assert!(
                    matches!(error.kind, ErrorKind::SidecarNotAFile),
                    "{operation} {sidecar} {obstacle}: {error}"
                );
            }
            assert_eq!(
                fs::read(&copy.path).unwrap(),
                before,
                "{sidecar} {obstacle}"
            );
            assert!(fs::symlink_metadata(&path).is_ok(), "{sidecar} {obstacle}");
        }
    }
}
