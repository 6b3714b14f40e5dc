//! `database reset` and the creation of databases.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use degenbot::database::{
    self, Database, ErrorKind, ExpectedDatabase, ResetOptions, SchemaVersion, Session, backup_path,
    create_new_sqlite_database, programs_using, reset_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::{degenbot, finish, on, quietly, run, send, settled, spawn};
use crate::support::content;
use crate::support::corpus::{self, Copy};

fn assert_empty_and_current(path: &std::path::Path) {
    for (table, rows) in content::of(path) {
        if !["__diesel_schema_migrations", "alembic_version"].contains(&table.as_str()) {
            assert!(rows.rows.is_empty(), "{table}");
        }
    }
    let info = database::inspect_sqlite_database(path, true).unwrap();
    assert_eq!(info.version(), Some(SchemaVersion::latest()));
    assert_eq!(info.journal_mode, "wal");
    assert_eq!(info.auto_vacuum, database::AutoVacuum::Full);
    assert_eq!(info.free_pages, 0);
    assert_eq!(content::complaints(path), [""; 0]);
}

#[test]
fn reset_creates_the_database_and_its_folder_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder/deeper/degenbot.db");
    let mut command = degenbot(folder.path());
    command
        .arg("--database")
        .arg(&path)
        .args(["database", "reset"]);
    let output = run(command, "");
    assert_eq!(
        output,
        format!(
            "status: 0\n--- stdout\n--- stderr\nCreated an empty database at {}.\n",
            path.display()
        )
    );
    assert_eq!(corpus::files(path.parent().unwrap()).len(), 1);
    assert_empty_and_current(&path);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o600, 0o600);
}

#[test]
fn create_never_replaces_a_file() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let before = copy.files();
    let error = create_new_sqlite_database(&copy.path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    assert_eq!(copy.files(), before);
}

#[test]
fn create_refuses_a_log_without_its_database() {
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    fs::remove_file(&copy.path).unwrap();
    let before = copy.files();
    let output = quietly(&copy.path, &["database", "reset", "--force"]);
    insta::assert_snapshot!(output, @r"
    status: 1
    --- stdout
    --- stderr
    error: degenbot.db-wal was left behind by another database and would be taken for the new one's
    hint: Nothing was changed. It may hold the last changes of that database: put the database back under its name, or move degenbot.db-wal away
    ");
    assert_eq!(copy.files(), before);
}

/// Whoever writes to the other database would delete it, or write over it.
#[test]
fn create_refuses_the_place_of_another_databases_log() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let before = copy.files();
    for suffix in ["-wal", "-shm", "-journal"] {
        let path = copy.path.with_file_name(format!("degenbot.db{suffix}"));
        let output = quietly(&path, &["database", "reset", "--force"]);
        let expected = format!(
            "error: degenbot.db{suffix} is the place of a file that SQLite keeps beside another database\n"
        );
        assert!(output.contains(&expected), "{output}");
        let error = create_new_sqlite_database(&path).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::TargetIsReserved { .. }));
    }
    assert_eq!(copy.files(), before);
}

/// Every command would refuse the new database because of it.
#[test]
fn what_is_no_journal_at_the_place_of_one_is_refused_before_a_database_is_created() {
    for arguments in [
        &["database", "reset", "--force"][..],
        &["database", "restore", "--force"],
    ] {
        for is_empty in [false, true] {
            let copy = Copy::of("populated/populated-0.6.0a4.db");
            let journal = copy.folder().join("degenbot.db-journal");
            fs::rename(&copy.path, backup_path(&copy.path)).unwrap();
            fs::write(&journal, "what a program has left").unwrap();
            if is_empty {
                fs::write(&copy.path, "").unwrap();
            }
            let before = copy.files();
            let told = quietly(&copy.path, arguments);
            let problem = "error: degenbot.db-journal was left behind by another database";
            assert!(told.contains(problem), "{told}");
            assert_eq!(copy.files(), before);
            // As the hint says.
            fs::rename(&journal, copy.folder().join("away")).unwrap();
            let told = quietly(&copy.path, arguments);
            assert!(told.starts_with("status: 0\n"), "{told}");
            let told = quietly(&copy.path, &["database", "info"]);
            assert!(told.starts_with("status: 0\n"), "{told}");
        }
    }
}

#[test]
fn reset_keeps_a_log_beside_an_empty_file() {
    let copy = Copy::of("odd/wal-everything-in-wal.db");
    fs::write(&copy.path, "").unwrap();
    let before = copy.files();
    let error = reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Leftover { .. }), "{error}");
    assert_eq!(copy.files(), before);
}

#[test]
fn reset_refuses_what_is_not_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.path().join("nowhere.db"), &link).unwrap();
    let error = reset_sqlite_database(&link, &ResetOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::AlreadyExists), "{error}");
    let error =
        reset_sqlite_database("/dev/null".as_ref(), &ResetOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NotAFile), "{error}");

    // A link to an empty file is as good as the file.
    fs::write(folder.path().join("nowhere.db"), "").unwrap();
    reset_sqlite_database(&link, &ResetOptions::default(), &mut ()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_empty_and_current(&link);
}

#[test]
fn reset_empties_databases_of_every_version_and_kind() {
    let names = [
        "populated/wal-0.6.0a4.db",
        "populated/populated-0.5.0a1.db",
        "populated/populated-0.6.0a17.db",
        "odd/readonly-file.db",
        "odd/page-size-65536.db",
        "odd/utf16.db",
        "odd/extra-user-objects.db",
        "odd/hot-journal.db",
        "odd/zero-byte-left-by-0.5.0-first-run.db",
    ];
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_empty_and_current(&copy.path);
        assert_eq!(copy.files().len(), 1, "{name}: {:?}", copy.files().keys());
    });
}

#[test]
fn pools_of_connections_go_on_after_a_reset_in_each_encoding() {
    for name in ["odd/utf16.db", "populated/populated-0.6.0a4.db"] {
        let copy = Copy::upgraded(name);
        let database = Database::open(&copy.path).unwrap();
        let count = |session: &mut Session| {
            content::lines(session, "SELECT count(*) || '' AS line FROM exchanges")
        };
        let mut session = database.session().unwrap();
        assert_ne!(count(&mut session), ["0"], "{name}");
        reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ()).unwrap();
        assert_eq!(count(&mut session), ["0"], "{name}");
    }
}

#[test]
fn open_connections_go_on_in_the_database_after_a_reset() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut idle = content::connect(&copy.path);
    idle.batch_execute("SELECT * FROM pools").unwrap();
    let mut reading = content::connect(&copy.path);
    reading.batch_execute("BEGIN; SELECT * FROM pools").unwrap();

    reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ()).unwrap();

    let count = "SELECT count(*) || '' AS line FROM pools";
    assert_eq!(content::lines(&mut reading, count), ["75"]);
    reading.batch_execute("COMMIT").unwrap();
    assert_eq!(content::lines(&mut reading, count), ["0"]);
    idle.batch_execute(
        "INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, 'new', 1, '0x')",
    )
    .unwrap();
    drop((idle, reading));
    let rows = &content::of(&copy.path)["exchanges"].rows;
    assert_eq!(rows.len(), 1, "what a bot wrote after the reset is there");
}

#[test]
fn reset_waits_for_a_writer_and_gives_up_unchanged() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE exchanges SET active = 0")
        .unwrap();
    let output = quietly(&copy.path, &["database", "reset", "-y", "--wait", "1"]);
    assert!(
        output.contains(&format!(": in use by {} ", std::process::id())),
        "{output}"
    );
    assert!(output.contains(", writing\n"), "{output}");
    insta::assert_snapshot!(settled(&output), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is locked by another program: in use by [PROGRAMS]
    hint: Nothing was changed. Let the other program finish its transaction, or stop it, and try again. --wait SECONDS waits longer
    ");
    let hint = output.lines().last().unwrap();
    assert!(include_str!("../../README.md").contains(hint), "{hint}");
    writer.batch_execute("ROLLBACK").unwrap();
    drop(writer);
    assert_eq!(content::of(&copy.path)["pools"].rows.len(), 75);
    assert_eq!(copy.files().len(), 1);
}

#[test]
fn reset_command_asks() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let before = copy.files();
    let output = run(on(&copy.path, &["database", "reset"]), "n\n");
    insta::assert_snapshot!(settled(&output), @r"
    status: 1
    --- stdout
    --- stderr
    The existing database at degenbot.db will be removed and a new, empty database will be initialized using the schema included in degenbot version [VERSION]. Do you want to proceed? [y/N] 
    Aborted!
    ");
    assert_eq!(copy.files(), before);
    let output = run(on(&copy.path, &["database", "reset"]), "perhaps\ny\n");
    insta::assert_snapshot!(settled(&output), @r"
    status: 0
    --- stdout
    --- stderr
    The existing database at degenbot.db will be removed and a new, empty database will be initialized using the schema included in degenbot version [VERSION]. Do you want to proceed? [y/N] 
    Please answer y or n.
    The existing database at degenbot.db will be removed and a new, empty database will be initialized using the schema included in degenbot version [VERSION]. Do you want to proceed? [y/N] 
    Reset the database at degenbot.db.
    ");
    assert_empty_and_current(&copy.path);
}

#[test]
fn reset_says_how_many_objects_of_ones_own_go() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    quietly(&copy.path, &["database", "views", "--install"]);
    content::connect(&copy.path)
        .batch_execute(
            "CREATE TABLE notes (note); CREATE VIEW seen AS SELECT * FROM notes; \
             CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)",
        )
        .unwrap();
    let told = run(on(&copy.path, &["database", "reset"]), "n\n");
    assert!(
        told.contains("at degenbot.db, with 2 objects of your own, will be removed"),
        "{told}"
    );
}

#[test]
fn reset_refuses_a_foreign_database_before_asking() {
    let copy = Copy::of("odd/foreign-no-stamp.db");
    let before = copy.files();
    let output = quietly(&copy.path, &["database", "reset", "--force"]);
    insta::assert_snapshot!(output, @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is not a degenbot database: its tables are notes, pools
    hint: Nothing was changed. Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file)
    ");
    assert_eq!(copy.files(), before);
}

#[test]
fn waiting_for_a_lock_is_aborted_by_sigint() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE exchanges SET active = 0")
        .unwrap();
    for command in [
        ["reset", "-y", "--wait", "600"].as_slice(),
        &["compact", "--wait", "600"],
    ] {
        let mut arguments = vec!["database"];
        arguments.extend(command);
        let child = spawn(on(&copy.path, &arguments));
        if cfg!(target_os = "linux") {
            // Where the system does not tell, it may not have begun to wait.
            let uses = || programs_using(&copy.path).into_iter();
            while !uses().any(|program| program.pid == child.id()) {
                std::thread::yield_now();
            }
        }
        assert!(send(&child, "-INT"));
        // Before it has begun to wait, a line of its own keeps the word apart from what was typed.
        assert_eq!(
            finish(child).replace("\n\n", "\n"),
            "status: 1\n--- stdout\n--- stderr\nAborted!\n",
            "{command:?}"
        );
    }
    writer.batch_execute("ROLLBACK").unwrap();
    drop(writer);
    assert_eq!(copy.files().len(), 1);
}

/// The database is switched to WAL mode before its content is replaced.
#[test]
fn reset_that_is_refused_leaves_a_database_in_rollback_mode() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mode = || {
        let query = "SELECT journal_mode AS line FROM pragma_journal_mode";
        content::lines(&mut content::connect(&copy.path), query)
    };
    content::connect(&copy.path)
        .batch_execute("PRAGMA journal_mode = DELETE")
        .unwrap();
    let before = content::of(&copy.path);
    let other = Copy::of("populated/populated-0.5.0.db");
    let expected = ExpectedDatabase::at(&other.path).unwrap();
    let options = ResetOptions::default().expected(expected);
    let error = reset_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::ChangedMeanwhile { .. }),
        "{error}"
    );
    assert_eq!(mode(), ["delete"]);
    assert_eq!(content::of(&copy.path), before);
    assert_eq!(copy.files().len(), 1);
    reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ()).unwrap();
    assert_eq!(mode(), ["wal"]);
}
