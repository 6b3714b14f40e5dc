//! `database upgrade`: everything or nothing.

use std::fmt::Write;

use degenbot::database::{
    self, ErrorKind, MigrateOptions, SchemaVersion, UpgradeOptions, inspect_sqlite_database,
    plan_upgrade, upgrade_existing_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::{on, quietly, run, settled};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::versions::{migrations_after, newest_of_corpus};

#[test]
fn upgrade_command_asks_and_reports() {
    let copy = Copy::of("upgraded/b2chain-0.6.0a1.db");
    let before = copy.files();
    insta::assert_snapshot!(settled(&quietly(&copy.path, &["database", "upgrade"])), @r"
    status: 1
    --- stdout
    --- stderr
    The database at degenbot.db will be upgraded from version b0b9e84d5527 to [LATEST]. Do you want to proceed? [y/N] 
    Aborted!
    ");
    assert_eq!(copy.files(), before);
    insta::assert_snapshot!(settled(&run(on(&copy.path, &["database", "upgrade"]), "Yes\n")), @r"
    status: 0
    --- stdout
    --- stderr
    The database at degenbot.db will be upgraded from version b0b9e84d5527 to [LATEST]. Do you want to proceed? [y/N] 
    Upgraded the database at degenbot.db from version b0b9e84d5527 to [LATEST].
    ");
    let before = copy.files();
    insta::assert_snapshot!(settled(&quietly(&copy.path, &["database", "upgrade"])), @r"
    status: 0
    --- stdout
    --- stderr
    The database at degenbot.db is already at the latest version ([LATEST]).
    ");
    assert_eq!(copy.files(), before);
}

#[test]
fn upgrade_refusals_name_the_finding_and_a_remedy() {
    let names = corpus::names(&["odd", "upgraded", "populated"]);
    let told = cases::map(&names, ToString::to_string, |name| {
        let file = name.rsplit('/').next().unwrap();
        let copy = Copy::named(name, file);
        let output = quietly(&copy.path, &["database", "upgrade", "--force"]);
        if output.starts_with("status: 0\n") {
            return String::new();
        }
        let told = output
            .strip_prefix("status: 1\n--- stdout\n--- stderr\n")
            .unwrap_or_else(|| panic!("{output}"));
        assert!(told.contains("\nhint: "), "{told}");
        told.to_owned()
    });
    let mut text = told.concat();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("folder.db");
    std::fs::create_dir(&folder).unwrap();
    text.push_str(&quietly(&folder, &["database", "upgrade"]));
    insta::assert_snapshot!(text);
}

#[test]
fn upgrade_keeps_unsound_rows_and_user_objects() {
    let names = [
        "odd/extra-user-objects.db",
        "odd/fk-violations.db",
        "odd/weird-types.db",
        "odd/weird-numbers.db",
        "odd/bad-text.db",
    ];
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        // Back to the version before, by hand: the corpus has these at one version only.
        content::connect(&copy.path)
            .batch_execute(
                "DROP INDEX ix_erc20_tokens_chain; \
                 UPDATE alembic_version SET version_num = 'e0aaad8ad486'",
            )
            .unwrap();
        let before = content::of(&copy.path);
        let complaints = content::complaints(&copy.path);
        let extras = database::recognise(&copy.path).unwrap().extras();
        let report = upgrade_existing_sqlite_database(&copy.path).unwrap();
        let from = "e0aaad8ad486".parse().unwrap();
        assert_eq!(report.migrations, migrations_after(from));
        content::assert_carried_over(&before, &content::of(&copy.path), name);
        assert_eq!(content::complaints(&copy.path), complaints, "{name}");
        assert_eq!(database::recognise(&copy.path).unwrap().extras(), extras);
    });
}

#[test]
fn upgrade_ignores_an_unusable_foreign_key_of_a_user_table() {
    let copy = Copy::of("populated/populated-0.5.0.db");
    content::connect(&copy.path)
        .batch_execute("CREATE TABLE mine (kind TEXT REFERENCES pools (kind))")
        .unwrap();
    upgrade_existing_sqlite_database(&copy.path).unwrap();
    let extras = database::recognise(&copy.path).unwrap().extras();
    assert_eq!(
        extras.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["table mine"]
    );
}

#[test]
fn upgrade_works_in_place_on_unusual_files() {
    let names = [
        "odd/wal-everything-in-wal.db",
        "odd/wal-torn.db",
        "odd/wal-uncommitted-tail.db",
    ];
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        let before = content::of(&Copy::of(name).path);
        upgrade_existing_sqlite_database(&copy.path).unwrap();
        content::assert_carried_over(&before, &content::of(&copy.path), name);
    });
    // Rollback-journal mode becomes WAL mode.
    let copy = Copy::of("populated/populated-0.5.0.db");
    content::connect(&copy.path)
        .batch_execute("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM")
        .unwrap();
    upgrade_existing_sqlite_database(&copy.path).unwrap();
    let info = inspect_sqlite_database(&copy.path, false).unwrap();
    assert_eq!(info.journal_mode, "wal");
    assert_eq!(info.auto_vacuum, database::AutoVacuum::None);
}

#[test]
fn upgrade_rolls_back_when_a_migration_fails() {
    let copy = Copy::of("populated/populated-0.5.0.db");
    // A stamp that only the third of the pending migrations writes.
    content::connect(&copy.path)
        .batch_execute(
            "ALTER TABLE alembic_version RENAME TO old; \
             CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL \
               CHECK (version_num <> '9c411aeeb15e'), \
               CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)); \
             INSERT INTO alembic_version SELECT * FROM old; DROP TABLE old",
        )
        .unwrap();
    let before = content::of(&copy.path);
    let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
    match &error.kind {
        ErrorKind::Migration {
            migration, detail, ..
        } => {
            assert_eq!(migration, "2026-03-20-000000_aave_v3_emode_and_configs");
            assert!(detail.starts_with("CHECK constraint failed"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(content::of(&copy.path), before);
    assert_eq!(
        database::current_database_version(&copy.path)
            .unwrap()
            .to_string(),
        "eb4080485a56"
    );
}

#[test]
fn upgrade_waits_for_a_writer_and_gives_up_unchanged() {
    let copy = Copy::of("populated/populated-0.5.0.db");
    let mut writer = content::connect(&copy.path);
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Locked), "{error}");
    drop(writer);
    let version = database::current_database_version(&copy.path).unwrap();
    assert_eq!(Some(version), SchemaVersion::all().next());
}

/// Databases with the stamp of a Rust-core release, and the version that their structure is of.
const RUST_CORE: [(&str, &str); 14] = [
    ("fresh/fresh-0.6.0a11.db", "2606a6c7f5ee"),
    ("fresh/fresh-0.6.0a12.db", "2606a6c7f5ee"),
    (
        "fresh/implicit-0.6.0a11-by-exchange-activate.db",
        "2606a6c7f5ee",
    ),
    ("fresh/fresh-0.6.0a13.db", "20260618000000"),
    ("populated/populated-0.6.0a11.db", "2606a6c7f5ee"),
    ("populated/populated-0.6.0a14.db", "20260618000000"),
    ("populated/wal-0.6.0a14.db", "20260618000000"),
    ("upgraded/b2chain-0.6.0a11.db", "2606a6c7f5ee"),
    (
        "upgraded/cutover-0.6.0a4-from-2606a6c7f5ee.db",
        "2606a6c7f5ee",
    ),
    ("upgraded/cutover11-from-e0aaad8ad486.db", "e0aaad8ad486"),
    (
        "upgraded/cutover17-from-2606a6c7f5ee-fresh.db",
        "2606a6c7f5ee",
    ),
    ("upgraded/cutover17-from-eb4080485a56.db", "eb4080485a56"),
    ("upgraded/cutover17-from-rust1.db", "2606a6c7f5ee"),
    ("upgraded/heal11-from-e0aaad8ad486.db", "2606a6c7f5ee"),
];

#[test]
fn upgrade_judges_a_rust_core_database_by_its_structure() {
    let name = |(name, _): &(&str, &str)| (*name).to_owned();
    cases::map(&RUST_CORE, name, |&(name, version)| {
        let copy = Copy::of(name);
        let before = content::of(&Copy::of(name).path);
        let recognition = database::recognise(&copy.path).unwrap();
        assert_eq!(
            recognition.identity.version().unwrap().to_string(),
            version,
            "{name}"
        );
        assert!(!recognition.identity.is_stamped_right());
        let report = upgrade_existing_sqlite_database(&copy.path).unwrap();
        assert_eq!(report.to, SchemaVersion::latest());
        content::assert_carried_over(&before, &content::of(&copy.path), name);
        assert_eq!(content::complaints(&copy.path), [""; 0], "{name}");
        let recognition = database::recognise(&copy.path).unwrap();
        assert!(recognition.identity.is_stamped_right(), "{name}");
        assert_eq!(recognition.stamps.rust_core, None, "{name}");
        let revision = SchemaVersion::latest().alembic_stamp();
        let revision = revision.map(|revision| vec![revision.to_owned()]);
        assert_eq!(recognition.stamps.alembic, revision, "{name}");
        assert_eq!(recognition.extras(), [], "{name}");
    });
}

#[test]
fn upgrade_keeps_every_cell_of_a_rust_core_database() {
    let copy = Copy::of("populated/populated-0.6.0a14.db");
    let before = content::of(&Copy::of("populated/populated-0.6.0a14.db").path);
    assert_eq!(before["lfj_pools"].rows.len(), 3);
    let report = upgrade_existing_sqlite_database(&copy.path).unwrap();
    assert!(report.from.starts_with("Rust-core "), "{}", report.from);
    assert_eq!(report.migrations, migrations_after(newest_of_corpus()));

    let after = content::of(&copy.path);
    assert!(!after.contains_key("_degenbot_db_schema_version"));
    content::assert_carried_over(&before, &after, "taken in");
    let recognition = database::recognise(&copy.path).unwrap();
    assert!(recognition.identity.is_stamped_right());
    let migrations: Vec<_> = SchemaVersion::all().map(SchemaVersion::migration).collect();
    assert_eq!(recognition.stamps.diesel.unwrap(), migrations);
    let stamp = SchemaVersion::latest().alembic_stamp().unwrap();
    assert_eq!(recognition.stamps.alembic.unwrap(), [stamp]);
}

#[test]
fn upgrade_warns_about_a_stamp_that_contradicts_the_structure() {
    let copy = Copy::of("upgraded/cutover17-from-eb4080485a56.db");
    let told = run(on(&copy.path, &["database", "upgrade"]), "y\n");
    insta::assert_snapshot!(settled(&told), @r"
    status: 0
    --- stdout
    --- stderr
    warning: The database at degenbot.db is stamped Rust-core 3; the structure is that of eb4080485a56
    The database at degenbot.db will be upgraded from version Rust-core 3 to [LATEST]. Do you want to proceed? [y/N] 
    Upgraded the database at degenbot.db from version Rust-core 3 to [LATEST].
    ");
}

#[test]
fn upgrade_reconciles_stamps_after_the_python_package_migrated() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let [older, newer] = ["e0aaad8ad486", "2606a6c7f5ee"].map(|name| name.parse().unwrap());
    database::migrate_sqlite_database(&copy.path, newer, older, &MigrateOptions::default())
        .unwrap();
    // What the Python package's own migration does, which knows nothing of the other stamp.
    let up = "CREATE INDEX ix_erc20_tokens_chain ON erc20_tokens (chain); \
              UPDATE alembic_version SET version_num = '2606a6c7f5ee'";
    content::connect(&copy.path).batch_execute(up).unwrap();
    let info = quietly(&copy.path, &["database", "info"]);
    assert!(
        info.contains(
            "stamped 20260402000000 in __diesel_schema_migrations and 2606a6c7f5ee in \
             alembic_version; the structure is that of 2606a6c7f5ee"
        ),
        "{info}"
    );
    let before = content::of(&copy.path);
    let report =
        database::migrate_sqlite_database(&copy.path, newer, newer, &MigrateOptions::default())
            .unwrap();
    assert_eq!(report.migrations, [""; 0]);
    content::assert_carried_over(&before, &content::of(&copy.path), "reconciled");
    assert!(
        database::recognise(&copy.path)
            .unwrap()
            .identity
            .is_stamped_right()
    );

    // And back: the package has gone down by itself.
    let down = "DROP INDEX ix_erc20_tokens_chain; \
                UPDATE alembic_version SET version_num = 'e0aaad8ad486'";
    content::connect(&copy.path).batch_execute(down).unwrap();
    let report = upgrade_existing_sqlite_database(&copy.path).unwrap();
    assert_eq!(report.from, older.to_string());
    assert_eq!(report.migrations, migrations_after(older));
    assert!(
        database::recognise(&copy.path)
            .unwrap()
            .identity
            .is_stamped_right()
    );

    // From a version without a revision, its way down leaves that version's table where it is.
    let without_revision = newest_of_corpus();
    database::migrate_sqlite_database(
        &copy.path,
        SchemaVersion::latest(),
        without_revision,
        &MigrateOptions::default(),
    )
    .unwrap();
    content::connect(&copy.path).batch_execute(down).unwrap();
    let report = upgrade_existing_sqlite_database(&copy.path).unwrap();
    assert_eq!(report.migrations, migrations_after(older));
    let version = database::current_database_version(&copy.path).unwrap();
    assert_eq!(version, SchemaVersion::latest());
}

#[test]
fn upgrade_refuses_names_that_the_new_version_needs() {
    for (statement, object) in [
        ("CREATE VIEW lfj_pools AS SELECT 1", "view lfj_pools"),
        ("CREATE VIEW LFJ_Pools AS SELECT 1", "view LFJ_Pools"),
        ("CREATE TABLE LFJ_POOLS (a)", "table LFJ_POOLS"),
        (
            "CREATE TABLE mine (a); CREATE INDEX lfj_pools ON mine (a)",
            "index lfj_pools",
        ),
        (
            "CREATE INDEX ix_exchange_deployments_exchange_id ON exchanges (name)",
            "index ix_exchange_deployments_exchange_id",
        ),
        (
            "CREATE TABLE Ix_Erc20_Tokens_Chain (a)",
            "table Ix_Erc20_Tokens_Chain",
        ),
        (
            "CREATE VIEW __Diesel_Schema_Migrations AS SELECT 1",
            "view __Diesel_Schema_Migrations",
        ),
    ] {
        let copy = Copy::of("populated/populated-0.5.0.db");
        content::connect(&copy.path)
            .batch_execute(statement)
            .unwrap();
        let before = content::of(&copy.path);
        let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::NamesTaken { .. }),
            "{error:?}"
        );
        assert!(error.to_string().ends_with(object), "{error}");
        assert_eq!(content::of(&copy.path), before);
        let planned = plan_upgrade(&copy.path, &UpgradeOptions::default()).unwrap_err();
        assert_eq!(planned.to_string(), error.to_string());
    }
}

#[test]
fn upgrade_fires_no_trigger_of_the_user() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut connection = content::connect(&copy.path);
    let pools = content::lines(&mut connection, "SELECT id AS line FROM pools");
    connection
        .batch_execute(
            "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
               run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
             CREATE TRIGGER on_stamp AFTER INSERT ON __diesel_schema_migrations \
               BEGIN DELETE FROM pools; DELETE FROM initialization_maps; END; \
             CREATE TRIGGER on_revision AFTER UPDATE ON alembic_version \
               BEGIN DELETE FROM erc20_tokens; END; \
             CREATE TRIGGER on_revision_gone AFTER DELETE ON alembic_version \
               BEGIN DELETE FROM erc20_tokens; END",
        )
        .unwrap();
    let before = content::of(&copy.path);
    upgrade_existing_sqlite_database(&copy.path).unwrap();
    content::assert_carried_over(&before, &content::of(&copy.path), "triggers");
    let mut connection = content::connect(&copy.path);
    let after = content::lines(&mut connection, "SELECT id AS line FROM pools");
    assert_eq!(after, pools);
    let triggers = "SELECT name AS line FROM sqlite_schema WHERE type = 'trigger'";
    assert_eq!(content::lines(&mut connection, triggers).len(), 3);
}

#[test]
fn upgrade_corrects_a_stamp_that_is_stored_as_a_blob() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    for table in [
        "alembic_version SET version_num = CAST(version_num AS BLOB)",
        "__diesel_schema_migrations SET version = CAST(version AS BLOB)",
    ] {
        let mut connection = content::connect(&copy.path);
        connection
            .batch_execute(&format!("UPDATE {table}"))
            .unwrap();
        let recognition = database::recognise(&copy.path).unwrap();
        assert!(!recognition.identity.is_stamped_right());
        assert!(
            recognition
                .remark()
                .unwrap()
                .contains("another type than text")
        );
        upgrade_existing_sqlite_database(&copy.path).unwrap();
        let types = "SELECT typeof(version_num) AS line FROM alembic_version \
                     UNION SELECT typeof(version) FROM __diesel_schema_migrations";
        assert_eq!(content::lines(&mut connection, types), ["text"]);
        let recognition = database::recognise(&copy.path).unwrap();
        assert!(recognition.identity.is_stamped_right());
    }
}

#[test]
fn upgrade_refuses_views_that_sqlite_would_resolve_for_ever() {
    let copy = Copy::of("populated/populated-0.5.0.db");
    let mut connection = content::connect(&copy.path);
    let mut views = "CREATE VIEW v0 AS SELECT 1 AS id;".to_owned();
    for n in 1..=60 {
        let before = n - 1;
        let _ = write!(
            views,
            "CREATE VIEW v{n} AS SELECT a.id FROM v{before} a, v{before} b;"
        );
    }
    connection.batch_execute(&views).unwrap();
    let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::ObjectsTooLarge { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("view v14, "), "{error}");
}

#[test]
fn upgrade_computes_no_initialization_maps_of_missing_pools() {
    let copy = Copy::of("populated/populated-0.6.0a17.db");
    let missing = "SELECT min(pool_id) AS line FROM liquidity_positions";
    let mut connection = content::connect(&copy.path);
    let [pool] = &content::lines(&mut connection, missing)[..] else {
        panic!("there are no positions");
    };
    connection
        .batch_execute(&format!(
            "PRAGMA foreign_keys = OFF; DELETE FROM pools WHERE id = {pool}"
        ))
        .unwrap();
    drop(connection);
    let report = database::upgrade_sqlite_database(&copy.path, &UpgradeOptions::default(), &mut ());
    assert!(report.unwrap().computed_words > 0);
    let mut connection = content::connect(&copy.path);
    let words = "SELECT count(*) AS line FROM initialization_maps WHERE pool_id NOT IN (SELECT id FROM pools)";
    assert_eq!(content::lines(&mut connection, words), ["0"]);
}
