//! Every database of the corpus is what it is said to be, and is left alone.

use std::fs;

use degenbot::database::{
    self, BackupOptions, CompactOptions, ErrorKind, Refusal, ResetOptions, SchemaObject,
    SchemaVersion, compact_sqlite_database, create_new_sqlite_database, reset_sqlite_database,
    upgrade_existing_sqlite_database,
};

use crate::support::cases;
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::variant::variant;

/// What is found in the files of `odd`: a version, or what is refused, or why it cannot be read.
const ODD: &[(&str, &str)] = &[
    ("autovacuum-incremental-freelist", "2606a6c7f5ee"),
    ("bad-text", "2606a6c7f5ee"),
    ("case-duplicate-addresses", "2606a6c7f5ee"),
    ("corrupt-sqlite-master", "Damaged"),
    ("duplicate-natural-keys", "2606a6c7f5ee"),
    ("extra-user-objects", "2606a6c7f5ee"),
    ("fk-violations", "2606a6c7f5ee"),
    ("flipped-byte-index-page", "2606a6c7f5ee"),
    ("flipped-byte-value", "2606a6c7f5ee"),
    ("foreign-no-stamp", "Foreign"),
    ("header-only-magic", "NotADatabase"),
    ("hot-journal", "HotJournal"),
    ("leftover-alembic-tmp-erc20_tokens", "LegacyRevision"),
    ("leftover-alembic-tmp-pool_managers", "LegacyRevision"),
    ("no-stamp-dropped", "NoStamp"),
    ("orphan-children", "2606a6c7f5ee"),
    ("page-size-65536", "LegacyRevision"),
    ("random-bytes", "NotADatabase"),
    ("readonly-file", "2606a6c7f5ee"),
    ("rust-owned-0.6.0a17", "MapsDropped"),
    ("rust-stamp-ahead-4", "RustCore"),
    ("rust-stamp-empty", "EmptyStamp"),
    ("rust-stamp-text", "RustCore"),
    ("rust-stamp-zero", "RustCore"),
    ("stamp-2606-index-missing", "e0aaad8ad486"),
    ("stamp-2606-table-missing", "StampLies"),
    ("stamp-behind-schema", "2606a6c7f5ee"),
    ("stamp-both-alembic-and-rust", "TwoLineages"),
    ("stamp-empty-table", "EmptyStamp"),
    ("stamp-two-equal-rows", "SeveralStamps"),
    ("stamp-two-rows", "SeveralStamps"),
    ("stamp-unknown-revision", "UnknownStamp"),
    ("stamp-whitespace-uppercase", "UnknownStamp"),
    ("truncated-page-boundary", "Damaged"),
    ("user-version-set", "2606a6c7f5ee"),
    ("utf16", "2606a6c7f5ee"),
    ("wal-everything-in-wal", "eb4080485a56"),
    ("wal-of-another-db", "Damaged"),
    ("wal-torn", "e0aaad8ad486"),
    ("wal-uncommitted-tail", "eb4080485a56"),
    ("wal-zero-length", "2606a6c7f5ee"),
    ("weird-numbers", "2606a6c7f5ee"),
    ("weird-types", "2606a6c7f5ee"),
    ("zero-byte-left-by-0.5.0-first-run", "EmptyFile"),
];

fn for_each_odd(check: impl Fn(&str, &str) + Sync) {
    cases::map(
        ODD,
        |(name, _)| (*name).to_owned(),
        |(name, expected)| check(name, expected),
    );
}

fn outcome(copy: &Copy) -> String {
    let found = database::inspect_sqlite_database(&copy.path, false);
    match found {
        Ok(info) => match info.recognition.identity.version_or_refusal() {
            Ok(version) => version.to_string(),
            Err(refusal) => variant(&refusal),
        },
        Err(error) => variant(&error.kind),
    }
}

#[test]
fn recognition_of_each_odd_database_has_its_outcome_and_changes_nothing() {
    assert_eq!(corpus::names(&["odd"]).len(), ODD.len());
    for_each_odd(|name, expected| {
        let copy = Copy::of(&format!("odd/{name}.db"));
        let before = copy.files();
        assert_eq!(outcome(&copy), expected);
        assert_eq!(copy.files(), before);
    });
}

/// Everything that writes refuses what it cannot recognise, before it touches anything.
#[test]
fn operations_never_write_to_unrecognised_files() {
    let degenbots_own = ["no-stamp", "stamp-", "rust-", "leftover-", "page-size"];
    for_each_odd(|name, expected| {
        let comes_in = ["HotJournal", "LegacyRevision", "MapsDropped"];
        if SchemaVersion::all().any(|version| version.to_string() == expected)
            || comes_in.contains(&expected)
        {
            return;
        }
        let copy = Copy::of(&format!("odd/{name}.db"));
        let before = copy.files();
        let refused = upgrade_existing_sqlite_database(&copy.path);
        assert!(refused.is_err(), "{name}");
        if !degenbots_own.iter().any(|prefix| name.starts_with(prefix)) {
            let options = BackupOptions::default();
            let refused = database::backup_sqlite_database(&copy.path, &options, &mut ());
            assert!(refused.is_err(), "{name}");
            assert!(
                compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).is_err(),
                "{name}"
            );
            if expected != "EmptyFile" {
                assert!(
                    reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ()).is_err(),
                    "{name}"
                );
            }
        }
        assert!(create_new_sqlite_database(&copy.path).is_err(), "{name}");
        assert_eq!(copy.files(), before, "{name}");
    });
}

#[test]
fn operations_report_paths_that_name_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let typo = folder.path().join("typo.db");
    for result in [
        upgrade_existing_sqlite_database(&typo).map(drop),
        compact_sqlite_database(&typo, &CompactOptions::default(), &mut ()).map(drop),
        database::backup_sqlite_database(&typo, &BackupOptions::default(), &mut ()).map(drop),
        database::inspect_sqlite_database(&typo, false).map(drop),
        database::Database::open(&typo).map(drop),
    ] {
        let error = result.unwrap_err();
        assert!(
            matches!(&error.kind, ErrorKind::NotFound) && error.path() == Some(&*typo),
            "{error}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let error = database::recognise(folder.path()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::IsFolder), "{error}");
    let error =
        reset_sqlite_database(folder.path(), &ResetOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::IsFolder), "{error}");
}

#[test]
fn table_of_a_later_version_is_accepted_only_with_that_versions_columns() {
    use degenbot::database::catalogue::Difference;
    use diesel::connection::SimpleConnection;

    for name in [
        "populated/populated-0.6.0a4.db",
        "populated/populated-0.5.0.db",
    ] {
        let copy = Copy::of(name);
        content::connect(&copy.path)
            .batch_execute(
                "CREATE TABLE lfj_pools (pool_id INTEGER NOT NULL, bin_step INTEGER NOT NULL, \
                 PRIMARY KEY (pool_id), FOREIGN KEY (pool_id) REFERENCES pools (id))",
            )
            .unwrap();
        // Whoever made it as the Rust-core releases do: it stays with what is in it.
        let before = content::of(&copy.path);
        upgrade_existing_sqlite_database(&copy.path).unwrap();
        content::assert_carried_over(&before, &content::of(&copy.path), name);

        let other = Copy::of(name);
        content::connect(&other.path)
            .batch_execute("CREATE TABLE lfj_pools (mine TEXT)")
            .unwrap();
        let before = other.files();
        let refusal = database::recognise(&other.path)
            .unwrap()
            .identity
            .version_or_refusal()
            .unwrap_err();
        let Refusal::StampLies { differences, .. } = &refusal else {
            panic!("{name}: {refusal:?}");
        };
        let later = Difference::FromLaterVersion {
            object: SchemaObject::table("lfj_pools"),
        };
        assert_eq!(differences, &[later], "{name}");
        assert!(
            upgrade_existing_sqlite_database(&other.path).is_err(),
            "{name}"
        );
        assert_eq!(other.files(), before, "{name}");
    }
}

type Check = fn(&Refusal) -> bool;

#[test]
fn stamps_that_a_later_program_left_are_refused_each_with_its_own_reason() {
    use diesel::connection::SimpleConnection;

    let copy = Copy::of("populated/populated-0.6.0a1.db");
    upgrade_existing_sqlite_database(&copy.path).unwrap();
    let cases: [(&str, Check); 5] = [
        (
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')",
            |refusal| matches!(refusal, Refusal::Newer { migration, .. } if migration == "20991231000000"),
        ),
        (
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('another')",
            |refusal| matches!(refusal, Refusal::UnknownMigrations { .. }),
        ),
        (
            "DELETE FROM __diesel_schema_migrations WHERE version = '20260312000000'",
            |refusal| matches!(refusal, Refusal::UnknownMigrations { .. }),
        ),
        (
            "UPDATE alembic_version SET version_num = 'e0aaad8ad486'; \
             DROP INDEX ix_pools_token0_id",
            |refusal| {
                matches!(
                    refusal,
                    Refusal::StampsDisagree {
                        alembic: Some(_),
                        ..
                    }
                )
            },
        ),
        (
            "DELETE FROM alembic_version; DROP INDEX ix_pools_token0_id",
            |refusal| matches!(refusal, Refusal::StampsDisagree { alembic: None, .. }),
        ),
    ];
    for (change, is_expected) in cases {
        let changed = Copy::of("fresh/fresh-0.5.0.db");
        fs::copy(&copy.path, &changed.path).unwrap();
        content::connect(&changed.path)
            .batch_execute(change)
            .unwrap();
        let before = changed.files();
        let error = upgrade_existing_sqlite_database(&changed.path).unwrap_err();
        match error.kind {
            ErrorKind::Refused { refusal, .. } => assert!(is_expected(&refusal), "{refusal:?}"),
            other => panic!("{change}: {other:?}"),
        }
        assert_eq!(changed.files(), before, "{change}");
    }
}

/// An upgrade writes the list of migrations anew. The rows in it may be another program's.
#[test]
fn migrations_of_another_program_are_refused_beside_every_stamp() {
    use diesel::connection::SimpleConnection;

    const MIGRATIONS: &str = "CREATE TABLE __diesel_schema_migrations \
                              (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP); \
                              INSERT INTO __diesel_schema_migrations (version) \
                              VALUES ('20240101000000'), ('20240202000000')";
    for name in corpus::names(&["populated"]) {
        let copy = Copy::of(name);
        content::connect(&copy.path)
            .batch_execute(MIGRATIONS)
            .unwrap();
        let before = copy.files();
        let error = upgrade_existing_sqlite_database(&copy.path).unwrap_err();
        let ErrorKind::Refused { refusal } = &error.kind else {
            panic!("{name}: {error}");
        };
        assert!(
            matches!(&**refusal, Refusal::UnknownMigrations { migrations } if migrations.len() == 2),
            "{name}: {refusal:?}"
        );
        assert_eq!(copy.files(), before, "{name}");
    }
}
