//! The effect of a failed operation: what was changed is said as it is.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Command;

use degenbot::database::{
    self, Effect, ErrorKind, MigrateOptions, SchemaVersion, migrate_sqlite_database,
    upgrade_existing_sqlite_database, upgrade_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::command::{on, quietly};
use crate::support::content;
use crate::support::corpus::{Copy, upgrade_options};

/// Overwrites the root page of a table or an index.
fn damage(path: &Path, object: &str) {
    let query = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{object}'");
    let mut connection = content::connect(path);
    // Everything goes into the file, so that no log hides the damage.
    connection
        .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let [root] = content::lines(
        &mut connection,
        &query.replace("rootpage", "rootpage AS line"),
    )
    .try_into()
    .unwrap();
    drop(connection);
    let root: usize = root.parse().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[(root - 1) * 4096..root * 4096].fill(0x7f);
    fs::write(path, bytes).unwrap();
}

#[test]
fn upgrade_of_a_damaged_database_is_refused_and_leaves_it_as_it_was() {
    // The first is upgraded in place, the second by a rebuild that leaves the damaged table where it is.
    for name in [
        "populated/populated-0.5.0.db",
        "populated/populated-0.5.0a2.db",
    ] {
        let copy = Copy::of(name);
        damage(&copy.path, "liquidity_positions");
        let before = copy.files();
        let error = upgrade_sqlite_database(&copy.path, &upgrade_options(), &mut ()).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Damaged { .. }),
            "{name}: {error:?}"
        );
        assert_eq!(error.effect, Some(Effect::Nothing), "{name}");
        let assume = "aerodrome_v2.stable=false";
        let command = ["database", "upgrade", "-y", "--assume", assume];
        let told = quietly(&copy.path, &command);
        assert!(told.starts_with("status: 1"), "{told}");
        assert!(told.contains("hint: Nothing was changed. "), "{told}");
        let mut after = copy.files();
        after.retain(|file, _| !file.ends_with("-wal") && !file.ends_with("-shm"));
        assert_eq!(after, before, "{name}");
    }
}

#[test]
fn upgrade_of_a_finished_database_inspects_the_version_that_it_finds() {
    let copy = Copy::upgraded("populated/populated-0.5.0.db");
    damage(&copy.path, "liquidity_positions");
    let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error:?}");
    assert_eq!(error.effect, Some(Effect::Nothing));
}

#[test]
fn an_output_that_cannot_be_written_is_not_called_a_failed_change() {
    let newest = "upgraded/b2chain-0.6.0a1.db";
    for arguments in [
        vec!["upgrade", "--force"],
        vec!["downgrade", "--to", "eb40", "--force"],
        vec!["reset", "--force"],
        vec!["restore", "--force", "--no-keep"],
        vec!["compact", "--force"],
        vec!["backup", "--force"],
        vec!["verify"],
    ] {
        let copy = if arguments[0] == "upgrade" {
            Copy::of(newest)
        } else {
            Copy::upgraded(newest)
        };
        fs::copy(&copy.path, copy.folder().join("degenbot.db.bak")).unwrap();
        let mut command: Command = on(&copy.path, &["database"]);
        command.args(&arguments).arg("--json");
        let full = OpenOptions::new().write(true).open("/dev/full");
        // Only Linux and some other systems have this device.
        let Ok(full) = full else { return };
        let output = command.stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("error: Could not write to stdout"), "{told}");
        assert!(!told.contains("as it was"), "{told}");
        assert!(!told.contains("Nothing was changed"), "{told}");
        assert!(told.contains("nothing but the output has failed"), "{told}");
    }
}

#[test]
fn a_refused_migration_says_that_nothing_was_changed() {
    let copy = Copy::upgraded("populated/populated-0.5.0.db");
    let options = MigrateOptions::default();
    let (latest, first) = (SchemaVersion::latest(), SchemaVersion::first());
    content::connect(&copy.path)
        .batch_execute("CREATE TABLE mine (a REFERENCES lfj_pools (pool_id))")
        .unwrap();
    let error = migrate_sqlite_database(&copy.path, latest, first, &options).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::ObjectsLost { .. }),
        "{error:?}"
    );
    assert_eq!(error.effect, Some(Effect::Nothing));
    assert_eq!(
        database::current_database_version(&copy.path).unwrap(),
        latest
    );
}
