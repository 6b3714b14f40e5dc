//! `database info` tells what there is and leaves no trace.

use std::fs;
use std::process::{Command, Stdio};

use degenbot::database::{self, ErrorKind, SchemaVersion, inspect_sqlite_database};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::{degenbot, on, quietly, run, settled};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::versions::migrations_after;

#[test]
fn info_lists_pending_migrations() {
    let copy = Copy::of("populated/wal-0.5.0.db");
    insta::assert_snapshot!(settled(&quietly(&copy.path, &["database", "info"])));
}

#[test]
fn info_lists_the_users_own_objects() {
    let copy = Copy::of("odd/extra-user-objects.db");
    let info = inspect_sqlite_database(&copy.path, false).unwrap();
    assert_eq!(
        info.recognition
            .extras()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [
            "table my_notes",
            "index my_ix",
            "view v_pools",
            "trigger trg"
        ]
    );
}

#[test]
fn info_json_is_one_object_on_stdout() {
    let copy = Copy::of("upgraded/alembic-at-9c411aeeb15e.db");
    let output = on(&copy.path, &["database", "info", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["format"], 2);
    assert_eq!(document["current_version"]["alembic"], "9c411aeeb15e");
    assert_eq!(document["current_version"]["migration"], "20260320000000");
    let latest = SchemaVersion::latest();
    assert_eq!(
        document["latest_version"]["alembic"].as_str(),
        latest.alembic_revision()
    );
    assert_eq!(document["latest_version"]["migration"], latest.migration());
    let pending = migrations_after("9c411aeeb15e".parse().unwrap());
    assert_eq!(document["pending_migrations"], serde_json::json!(pending));
    assert_eq!(document["journal_mode"], "wal");
    assert_eq!(document["exchanges"][0]["chain_id"], 1);
    let tokens = document["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["name"] == "erc20_tokens")
        .unwrap();
    assert_eq!(tokens["rows"], 157);
    assert_eq!(tokens["estimated"], false);
}

#[test]
fn info_names_the_problem_of_each_odd_file() {
    let names = corpus::names(&["odd"]);
    let described = cases::map(&names, ToString::to_string, |name| {
        let file = name.strip_prefix("odd/").unwrap();
        let copy = Copy::named(name, file);
        let output = quietly(&copy.path, &["database", "info"]);
        let mut told = output
            .lines()
            .filter(|line| {
                ["Version ", "Problem ", "error", "hint"]
                    .iter()
                    .any(|p| line.starts_with(p))
            })
            .chain(output.lines().take(1))
            .collect::<Vec<_>>();
        told.rotate_right(1);
        format!("{file}: {}\n", told.join("\n    "))
    });
    insta::assert_snapshot!(described.concat());
}

#[test]
fn info_works_on_a_backup() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let options = database::BackupOptions::default();
    let report = database::backup_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    let before = copy.files();
    let info = inspect_sqlite_database(&report.path, true).unwrap();
    assert_eq!(info.version(), Some(SchemaVersion::latest()));
    assert_eq!(info.journal_mode, "wal");
    assert_eq!(copy.files(), before);
}

#[test]
fn info_reads_beside_a_writer() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut bot = content::connect(&copy.path);
    bot.batch_execute(
        "PRAGMA wal_autocheckpoint = 0; \
         INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, 'new', 1, '0x'); \
         BEGIN IMMEDIATE; \
         INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, 'newer', 1, '0x')",
    )
    .unwrap();
    let before: Vec<_> = copy.files().into_keys().collect();
    let info = inspect_sqlite_database(&copy.path, false).unwrap();
    assert_eq!(info.exchanges.len(), 20);
    assert!(info.wal_bytes > 0);
    assert_eq!(copy.files().into_keys().collect::<Vec<_>>(), before);
    bot.batch_execute("COMMIT").unwrap();
    assert_eq!(content::of(&copy.path)["exchanges"].rows.len(), 21);
}

#[test]
fn info_leaves_the_log_of_a_killed_process_unchanged() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    // What is left on disk by a program that never closed its connection.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut bot = content::connect(&copy.path);
    bot.batch_execute(
        "PRAGMA wal_autocheckpoint = 0; \
         INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, 'new', 1, '0x')",
    )
    .unwrap();
    for (name, bytes) in copy.files() {
        fs::write(elsewhere.path().join(name), bytes).unwrap();
    }
    drop(bot);
    let before = corpus::files(elsewhere.path());
    assert_eq!(before.len(), 3, "the database, its log and the log's index");
    let info = inspect_sqlite_database(&elsewhere.path().join("degenbot.db"), false).unwrap();
    assert_eq!(info.exchanges.len(), 20);
    assert_eq!(corpus::files(elsewhere.path()), before);
}

#[test]
fn info_waits_for_a_writer_in_rollback_mode() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute(
            "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = MEMORY; PRAGMA cache_size = 5; \
             BEGIN IMMEDIATE; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
             INSERT INTO erc20_tokens (chain, address) SELECT 1, printf('0x%040x', i) FROM n",
        )
        .unwrap();
    let error = inspect_sqlite_database(&copy.path, true).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Locked), "{error}");
    writer.batch_execute("ROLLBACK").unwrap();
    assert_eq!(content::of(&copy.path)["erc20_tokens"].rows.len(), 157);
}

#[test]
fn info_ignores_a_finished_journal() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    fs::write(copy.folder().join("degenbot.db-journal"), [0; 512]).unwrap();
    let before = copy.files();
    inspect_sqlite_database(&copy.path, false).unwrap();
    assert_eq!(copy.files(), before);
}

#[test]
fn info_reads_beside_a_log_that_has_only_a_header() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let log = Copy::of("populated/wal-0.6.0a4.db").files()["degenbot.db-wal"].clone();
    fs::write(copy.folder().join("degenbot.db-wal"), &log[..32]).unwrap();
    fs::write(copy.folder().join("degenbot.db-shm"), vec![0; 32_768]).unwrap();
    let before = copy.files();
    let info = inspect_sqlite_database(&copy.path, false).unwrap();
    assert_eq!(info.exchanges.len(), 19);
    assert_eq!(copy.files(), before);
}

/// The writer runs in a process of its own: this one.
const WRITER: &str = "DEGENBOT_TEST_WRITER";

#[test]
fn info_reads_beside_a_process_that_keeps_reopening_the_database() {
    if let Some(path) = std::env::var_os(WRITER) {
        // Until the test closes this process's input.
        let done = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
        while !done.is_finished() {
            content::connect(path.as_ref())
                .batch_execute(
                    "PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; \
                     INSERT INTO exchanges (chain_id, name, active, factory) VALUES (1, 'a', 1, '0x'); \
                     INSERT INTO aave_v3_markets (chain_id, name, active) VALUES (1, 'a', 1); \
                     COMMIT",
                )
                .unwrap();
        }
        return;
    }
    let copy = Copy::of("fresh/fresh-0.6.0a3.db");
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "info::info_reads_beside_a_process_that_keeps_reopening_the_database",
        ])
        .env(WRITER, &copy.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut last = 0;
    for _ in 0..200 {
        let info = inspect_sqlite_database(&copy.path, true).unwrap();
        let rows = |name| {
            let table = info.tables.iter().find(|table| table.name == name);
            table.unwrap().rows.unwrap()
        };
        assert_eq!(rows("exchanges"), rows("aave_v3_markets"));
        assert!(rows("exchanges") >= last);
        last = rows("exchanges");
    }
    drop(writer.stdin.take());
    assert!(writer.wait().unwrap().success());
    assert!(last > 0, "the writer has not written");
}

#[test]
fn info_reads_through_symbolic_links_and_unusual_names() {
    let name = "a folder/100% of #1? \u{1f98a} 'x\".db";
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    let path = copy.folder().join(name);
    fs::create_dir(path.parent().unwrap()).unwrap();
    let wal = |path: &std::path::Path| format!("{}-wal", path.display());
    fs::copy(&copy.path, &path).unwrap();
    fs::copy(wal(&copy.path), wal(&path)).unwrap();
    let link = copy.folder().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [&path, &link] {
        let info = inspect_sqlite_database(path, false).unwrap();
        let tokens = info
            .tables
            .iter()
            .find(|table| table.name == "erc20_tokens");
        assert_eq!(tokens.unwrap().rows, Some(197), "{}", path.display());
    }
}

#[test]
fn info_estimates_large_tables_unless_exact_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    database::create_new_sqlite_database(&path).unwrap();
    content::connect(&path)
        .batch_execute(
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100010) \
             INSERT INTO initialization_maps (pool_id, word, bitmap) SELECT i, 0, '1' FROM n; \
             DELETE FROM initialization_maps WHERE id BETWEEN 10 AND 14; COMMIT",
        )
        .unwrap();
    let rows = |exact| {
        let info = inspect_sqlite_database(&path, exact).unwrap();
        let table = info
            .tables
            .into_iter()
            .find(|table| table.name == "initialization_maps")
            .unwrap();
        (table.rows, table.is_estimated)
    };
    assert_eq!(rows(false), (Some(100_010), true));
    assert_eq!(rows(true), (Some(100_005), false));
    let output = quietly(&path, &["database", "info"]);
    assert!(output.contains("~100,010\n"), "{output}");
}

#[test]
fn info_ends_well_when_its_output_is_closed() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut child = on(&copy.path, &["database", "info"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    assert!(output.status.success());
}

/// Everything is read-only to `nobody`, and root must not be able to write either.
#[test]
fn info_works_where_nothing_may_be_written() {
    use std::os::unix::fs::PermissionsExt;

    let copy = Copy::of("populated/populated-0.6.0a4.db");
    fs::set_permissions(&copy.path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o555)).unwrap();
    let output = quietly(&copy.path, &["database", "info"]);
    assert!(output.starts_with("status: 0\n"), "{output}");
    fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn help_fits_eighty_columns() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["--help"][..],
        &["database", "--help"],
        &["database", "info", "--help"],
        &["database", "verify", "--help"],
        &["exchange", "--help"],
        &["exchange", "add", "--help"],
        &["exchange", "list", "--help"],
    ] {
        let mut command = degenbot(folder.path());
        command.args(arguments).env("COLUMNS", "80");
        let help = run(command, "");
        assert!(help.starts_with("status: 0\n"), "{help}");
        let longest = help.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 80, "{longest}: {help}");
    }
}

#[test]
fn wrong_arguments_exit_with_status_two() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["database", "backup", "--colour"][..],
        &["database"],
        &["databases"],
        &["-q", "-v", "database", "info"],
    ] {
        let mut command: Command = degenbot(folder.path());
        command.args(arguments);
        let output = run(command, "");
        assert!(
            output.starts_with("status: 2\n--- stdout\n--- stderr\n"),
            "{output}"
        );
    }
}

#[test]
fn very_long_names_are_cut() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let name = "x".repeat(70_000);
    let mut connection = content::connect(&copy.path);
    let changes = format!(
        "CREATE TABLE {name} (a); UPDATE exchanges SET name = '{name}' || id, active = '{name}', \
         last_update_block = '{name}', factory = '{name}', chain_id = id"
    );
    connection.batch_execute(&changes).unwrap();
    drop(connection);
    for arguments in [&["database", "info"][..], &["exchange", "list"]] {
        let told = quietly(&copy.path, arguments);
        assert!(told.starts_with("status: 0\n"), "{arguments:?}");
        assert!(told.contains("x… (70000 characters)"), "{arguments:?}");
        assert!(told.lines().all(|line| line.len() < 500), "{arguments:?}");
    }
    for arguments in [
        &["database", "verify"][..],
        &["database", "upgrade", "--force"],
        &["database", "downgrade", "--to", "eb4080485a56", "--force"],
    ] {
        let told = quietly(&copy.path, arguments);
        assert!(!told.starts_with("status: 101\n"), "{arguments:?}");
    }
}
