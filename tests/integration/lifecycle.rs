//! What a user of the Python package does first, on every database that such a user can have.

use degenbot::database::{
    self, BackupOptions, CompactOptions, ResetOptions, SchemaVersion, backup_path,
};

use crate::support::cases;
use crate::support::command::{degenbot, quietly, run, settled, without_sizes};
use crate::support::content;
use crate::support::corpus::{self, Copy};

#[test]
fn every_supported_database_can_be_described_backed_up_upgraded_and_compacted() {
    cases::for_each(&corpus::supported(), |name| {
        let original = Copy::of(name);
        let copy = Copy::of(name);
        let before = content::of(&original.path);

        let described = quietly(&copy.path, &["database", "info"]);
        assert!(described.starts_with("status: 0\n"), "{name}: {described}");

        let options = BackupOptions::default();
        let report = database::backup_sqlite_database(&copy.path, &options, &mut ()).unwrap();
        assert_eq!(report.path, backup_path(&copy.path));
        assert_eq!(content::of(&report.path), before, "{name}");
        assert_eq!(content::complaints(&report.path), [""; 0], "{name}");

        let from = database::current_database_version(&copy.path).unwrap();
        let report = database::upgrade_existing_sqlite_database(&copy.path).unwrap();
        assert_eq!(report.from, from.to_string());
        assert_eq!(report.to, SchemaVersion::latest());
        content::assert_carried_over(&before, &content::of(&copy.path), name);
        assert_eq!(content::complaints(&copy.path), [""; 0], "{name}");
        let stamps = database::recognise(&copy.path).unwrap().stamps;
        let stamp = SchemaVersion::latest().alembic_stamp().unwrap();
        assert_eq!(stamps.alembic, Some(vec![stamp.to_owned()]));

        let upgraded = content::of(&copy.path);
        database::compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
        assert_eq!(content::of(&copy.path), upgraded, "{name}");
        assert_eq!(content::complaints(&copy.path), [""; 0], "{name}");

        let described = quietly(&copy.path, &["database", "info"]);
        assert!(described.starts_with("status: 0\n"), "{name}: {described}");
        assert!(
            described.contains("\nPending      no migrations\n"),
            "{described}"
        );
    });
}

#[test]
fn backup_copied_back_with_cp_is_the_database_again() {
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    let before = content::of(&copy.path);
    let report =
        database::backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    database::reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ()).unwrap();
    assert_ne!(content::of(&copy.path), before);
    std::fs::copy(&report.path, &copy.path).unwrap();
    assert_eq!(content::of(&copy.path), before);
}

#[test]
fn user_workflows_succeed_one_after_the_other() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/degenbot");
    let database = folder.join("degenbot.db");
    let degenbot = |line: &str| {
        let mut command = degenbot(home.path());
        command.args(line.split(' '));
        let told = run(command, "").replace(home.path().to_str().unwrap(), "[HOME]");
        format!("$ degenbot {line}\n{told}")
    };

    // The initial set-up.
    let mut told = degenbot("database reset");
    told += &degenbot("exchange activate ethereum_uniswap_v3");
    told += &degenbot("exchange activate base_aerodrome_v2");
    // Regular maintenance.
    told += &degenbot("database backup");
    told += &degenbot("database compact");
    // Schema upgrade.
    told += &degenbot("database upgrade --force");
    insta::assert_snapshot!(without_sizes(&settled(&told)));

    // Data recovery.
    let maintained = content::of(&database);
    degenbot("exchange deactivate base_aerodrome_v2");
    assert_ne!(content::of(&database), maintained);
    let copied = std::process::Command::new("cp")
        .args(["degenbot.db.bak", "degenbot.db"])
        .current_dir(&folder)
        .status();
    assert!(copied.unwrap().success());
    assert_eq!(content::of(&database), maintained);
    assert_eq!(content::complaints(&database), [""; 0]);
    let described = degenbot("database info");
    for line in [
        "\nPending      no migrations\n",
        "\nethereum_uniswap_v3      1  yes                     -\n",
        "\nbase_aerodrome_v2     8453  yes                     -\n",
    ] {
        assert!(described.contains(line), "{line}: {described}");
    }
}
