//! An operation is done on what its caller has agreed to, or nothing is changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use degenbot::database::{
    Effect, Error, ErrorKind, ExpectedDatabase, MigrateOptions, ResetOptions, RestoreOptions,
    SchemaVersion, UpgradeOptions, backup_path, create_new_sqlite_database,
    migrate_sqlite_database, plan_migration, plan_restore, reset_sqlite_database,
    restore_sqlite_database, upgrade_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::corpus::Copy;

const POPULATED: &str = "populated/populated-0.6.0a4.db";
const OLDER: &str = "populated/populated-0.5.0.db";
const EARLY: &str = "populated/populated-0.5.0b1.db";

/// Puts a copy of another database at the path, as a program that renames a finished file does.
fn replace(path: &Path, name: &str) {
    let other = Copy::of(name);
    let staged = path.with_extension("new");
    fs::copy(&other.path, &staged).unwrap();
    fs::rename(staged, path).unwrap();
}

fn assert_refused<T>(result: Result<T, Error>, expected: &str) {
    let error = result.err().unwrap();
    let ErrorKind::ChangedMeanwhile { detail } = &error.kind else {
        panic!("{error}");
    };
    assert_eq!(detail, expected);
    assert_eq!(error.effect, Some(Effect::Nothing));
}

fn write(path: &Path, sql: &str) {
    content::connect(path).batch_execute(sql).unwrap();
}

fn write_block(path: &Path, block: u64) {
    let sql = format!("UPDATE exchanges SET last_update_block = {block}");
    write(path, &sql);
}

/// A database and a backup of it.
fn with_backup() -> Copy {
    let copy = Copy::of(POPULATED);
    fs::copy(&copy.path, backup_path(&copy.path)).unwrap();
    copy
}

#[test]
fn restore_takes_only_the_backup_of_its_plan() {
    type Change = fn(&Path);
    let changes: [Change; 3] = [
        |backup| replace(backup, OLDER),
        |backup| replace(backup, POPULATED),
        |backup| write_block(backup, 7),
    ];
    for change in changes {
        let copy = with_backup();
        let before = content::of(&copy.path);
        let options = RestoreOptions::default();
        let options = options
            .clone()
            .agreed(plan_restore(&copy.path, &options).unwrap());
        change(&backup_path(&copy.path));
        let restored = restore_sqlite_database(&copy.path, &options, &mut ());
        assert_refused(restored, "it was written or replaced");
        assert_eq!(content::of(&copy.path), before);
    }
}

#[test]
fn restore_replaces_only_the_database_of_its_plan() {
    let copy = with_backup();
    let options = RestoreOptions::default();
    let agreed = options
        .clone()
        .agreed(plan_restore(&copy.path, &options).unwrap());
    let restore = || restore_sqlite_database(&copy.path, &agreed, &mut ());
    replace(&copy.path, POPULATED);
    let before = content::of(&copy.path);
    assert_refused(restore(), "another file is there");
    assert_eq!(content::of(&copy.path), before);
    fs::remove_file(&copy.path).unwrap();
    for sidecar in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{sidecar}", copy.path.display()));
    }
    assert_refused(restore(), "the file is gone");
    assert!(!copy.path.exists());
    let without = options
        .clone()
        .agreed(plan_restore(&copy.path, &options).unwrap());
    create_new_sqlite_database(&copy.path).unwrap();
    let restored = restore_sqlite_database(&copy.path, &without, &mut ());
    assert_refused(restored, "there was no file");
}

#[test]
fn restore_reports_the_database_that_it_replaced() {
    let copy = with_backup();
    let options = RestoreOptions::default();
    let plan = plan_restore(&copy.path, &options).unwrap();
    // A bot goes on meanwhile.
    write_block(&copy.path, 99_999_999);
    write(&copy.path, "DELETE FROM liquidity_positions");
    let agreed = options.agreed(plan.clone());
    let report = restore_sqlite_database(&copy.path, &agreed, &mut ()).unwrap();
    let replaced = report.replaced.unwrap();
    assert_eq!(replaced.newest_block, Some(99_999_999));
    assert!(replaced.rows < plan.replaced.unwrap().rows);
    assert_eq!(report.backup, plan.from);
    // Where there was no database, none was replaced.
    fs::remove_file(&copy.path).unwrap();
    let again = RestoreOptions::default();
    let report = restore_sqlite_database(&copy.path, &again, &mut ()).unwrap();
    assert_eq!(report.replaced, None);
}

#[test]
fn reset_empties_only_the_database_that_was_expected() {
    let copy = Copy::of(POPULATED);
    let options = ResetOptions::default().expected(ExpectedDatabase::at(&copy.path).unwrap());
    let reset = |options: &ResetOptions| reset_sqlite_database(&copy.path, options, &mut ());
    for (name, detail) in [
        (POPULATED, "another file is there"),
        (OLDER, "another file is there"),
    ] {
        replace(&copy.path, name);
        let before = content::of(&copy.path);
        assert_refused(reset(&options), detail);
        assert_eq!(content::of(&copy.path), before);
    }
    // The same file may get rows, but no other version.
    let options = ResetOptions::default().expected(ExpectedDatabase::at(&copy.path).unwrap());
    write_block(&copy.path, 7);
    let upgraded = upgrade_sqlite_database(&copy.path, &UpgradeOptions::default(), &mut ());
    let (from, to) = (
        upgraded.as_ref().unwrap().from.clone(),
        upgraded.unwrap().to,
    );
    assert_refused(
        reset(&options),
        &format!("its version is {to}, and was {from}"),
    );
    let options = ResetOptions::default().expected(ExpectedDatabase::at(&copy.path).unwrap());
    write_block(&copy.path, 8);
    assert!(!reset(&options).unwrap().created);
    fs::remove_file(&copy.path).unwrap();
    assert_refused(reset(&options), "the file is gone");
    assert!(reset(&ResetOptions::default()).unwrap().created);
}

#[test]
fn migrations_are_of_the_database_that_was_expected() {
    for (expected, found) in [(POPULATED, OLDER), (POPULATED, EARLY), (EARLY, EARLY)] {
        let copy = Copy::of(expected);
        let options = UpgradeOptions::default().expected(ExpectedDatabase::at(&copy.path).unwrap());
        replace(&copy.path, found);
        let before = content::of(&copy.path);
        let upgraded = upgrade_sqlite_database(&copy.path, &options, &mut ());
        assert_refused(upgraded, "another file is there");
        assert_eq!(content::of(&copy.path), before);
    }
    let copy = Copy::upgraded(POPULATED);
    let expected = ExpectedDatabase::at(&copy.path).unwrap();
    let target: SchemaVersion = "2606a6c7f5ee".parse().unwrap();
    let from = plan_migration(&copy.path, target).unwrap().from.unwrap();
    fs::copy(&copy.path, copy.path.with_extension("new")).unwrap();
    fs::rename(copy.path.with_extension("new"), &copy.path).unwrap();
    let options = MigrateOptions::default().expected(expected);
    let migrated = migrate_sqlite_database(&copy.path, from, target, &options);
    assert_refused(migrated, "another file is there");
}

#[test]
fn upgrade_that_another_program_has_done_is_no_error() {
    let copy = Copy::of(POPULATED);
    let options = UpgradeOptions::default().expected(ExpectedDatabase::at(&copy.path).unwrap());
    upgrade_sqlite_database(&copy.path, &UpgradeOptions::default(), &mut ()).unwrap();
    upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap();
}

/// Runs a script where the database's folder is the lower layer of an overlay, as in a container. `None` where this system
/// does not allow that to this user. Each file is another one once it is opened for writing: the writable layer is on
/// another file system.
fn on_an_overlay(copy: &Copy, script: &str) -> Option<String> {
    on_an_overlay_of(64, copy, script)
}

/// The same with this many megabytes for what changes.
fn on_an_overlay_of(megabytes: u32, copy: &Copy, script: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let setup = format!(
        "set -e; mount -t tmpfs -o size={megabytes}m tmpfs '{disk}'; cd '{disk}'; mkdir upper work merged; \
         mount -t overlay overlay -o 'lowerdir={lower},upperdir=upper,workdir=work' merged; \
         echo mounted; cd merged; set +e; {script}",
        disk = folder.path().display(),
        lower = copy.folder().display()
    );
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &setup])
        .env("HOME", folder.path())
        .env("DEGENBOT", env!("CARGO_BIN_EXE_degenbot"))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.strip_prefix("mounted\n").map(str::to_owned)
}

/// SQLite opens the file to read only then, and calls it one that cannot be written.
#[test]
fn database_that_an_overlay_has_no_room_to_copy_up_is_refused_because_of_that() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let small = copy.folder().join("small.db");
    fs::copy(&copy.path, &small).unwrap();
    content::connect(&copy.path)
        .batch_execute("CREATE TABLE own (a); INSERT INTO own VALUES (zeroblob(16000000))")
        .unwrap();
    let run = "run() { \"$DEGENBOT\" --database degenbot.db \"$@\" 2>&1; echo status $?; }; ";
    let restore = "database restore --from small.db --no-keep";
    for command in [
        &format!("echo y | run {restore}"),
        &format!("run {restore} --force"),
        "run database reset --force",
        "run exchange deactivate ethereum_uniswap_v2",
    ] {
        let script = format!("{run} {command}");
        let Some(told) = on_an_overlay_of(12, &copy, &script) else {
            eprintln!("skipped: no overlay can be mounted");
            return;
        };
        assert!(
            told.contains("error: The disk is full"),
            "{command}: {told}"
        );
        assert!(!told.contains("[y/N]"), "{command}: {told}");
        assert!(told.ends_with("status 1\n"), "{command}: {told}");
    }
}

#[test]
fn database_that_an_overlay_copies_up_is_the_one_that_was_expected() {
    let copy = with_backup();
    for command in ["upgrade", "downgrade --to 0.5.0", "restore", "reset"] {
        let run = format!("\"$DEGENBOT\" --database degenbot.db database {command}");
        let Some(told) = on_an_overlay(&copy, &format!("echo y | {run} 2>&1; echo status $?"))
        else {
            eprintln!("skipped: no overlay can be mounted");
            return;
        };
        assert!(told.ends_with("status 0\n"), "{told}");
        // A file that is renamed over the database while the question is open is another one.
        let replace = "until grep -q proceed ../told; do sleep 0.02; done; \
                       cp degenbot.db new; mv new degenbot.db; echo y";
        let script = format!("touch ../told; ({replace}) | {run} >../told 2>&1; cat ../told");
        let told = on_an_overlay(&copy, &script).unwrap();
        assert!(told.contains("another file is there"), "{told}");
    }
}
