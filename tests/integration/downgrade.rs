//! `database downgrade`, `--to` and `--dry-run`.

use degenbot::database::{
    self, Effect, ErrorKind, MigrateOptions, SchemaVersion, migrate_sqlite_database,
    plan_migration, upgrade_existing_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::{on, quietly, run, settled};
use crate::support::content;
use crate::support::corpus::{self, Copy};

fn version(name: &str) -> SchemaVersion {
    name.parse().unwrap()
}

#[test]
fn every_supported_database_migrates_to_every_version_and_back() {
    cases::for_each(&corpus::supported(), |name| {
        let copy = Copy::of(name);
        upgrade_existing_sqlite_database(&copy.path).unwrap();
        let top = content::of(&copy.path);
        for target in SchemaVersion::all().rev() {
            let plan = plan_migration(&copy.path, target).unwrap();
            let report = migrate_sqlite_database(
                &copy.path,
                plan.from.unwrap(),
                target,
                &MigrateOptions::default(),
            )
            .unwrap();
            assert_eq!(report.migrations, plan.migrations, "{name}");
            assert_eq!(report.to, target, "{name}");
            let stamps = database::recognise(&copy.path).unwrap().stamps;
            let stamp = target.alembic_stamp().unwrap().to_owned();
            assert_eq!(stamps.alembic, Some(vec![stamp]), "{name}");
            assert_eq!(content::complaints(&copy.path), [""; 0], "{name}");
        }
        upgrade_existing_sqlite_database(&copy.path).unwrap();
        let back = content::of(&copy.path);
        for (table, rows) in &top {
            if !table.starts_with("aave") && !table.starts_with("__diesel") {
                assert_eq!(&back[table], rows, "{name}: {table}");
            }
        }
    });
}

#[test]
fn plan_lists_exactly_what_a_downgrade_would_lose() {
    let copy = Copy::of("populated/populated-0.6.0a14.db");
    let before = copy.files();
    let losses = |target| -> Vec<String> {
        let plan = plan_migration(&copy.path, version(target)).unwrap();
        plan.losses.iter().map(ToString::to_string).collect()
    };
    assert_eq!(losses("20260618000000"), [""; 0]);
    assert_eq!(losses("2606a6c7f5ee"), ["table lfj_pools with 3 rows"]);
    assert_eq!(losses("e0aaad8ad486"), ["table lfj_pools with 3 rows"]);
    let content = content::of(&Copy::of("populated/populated-0.6.0a14.db").path);
    let expected: Vec<_> = content
        .iter()
        .filter(|(table, rows)| {
            (table.starts_with("aave") || *table == "lfj_pools") && !rows.rows.is_empty()
        })
        .map(|(table, rows)| format!("table {table} with {} rows", rows.rows.len()))
        .collect();
    assert_eq!(losses("eb4080485a56"), expected);
    let told = losses("b0b9e84d5527");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("column aave_v3_assets.price_source with a value in "));
    assert_eq!(told[1], "table lfj_pools with 3 rows");
    assert_eq!(copy.files(), before);
}

/// There are as many rows as before, and one of them is another.
#[test]
fn downgrade_drops_no_row_that_has_taken_the_place_of_another() {
    let copy = Copy::of("populated/populated-0.6.0a14.db");
    let target = version("e0aaad8ad486");
    let plan = plan_migration(&copy.path, target).unwrap();
    let agreed = MigrateOptions::default().agreed_losses(plan.losses.clone());
    let mut connection = content::connect(&copy.path);
    let (first, last) = (
        "(SELECT min(pool_id) FROM lfj_pools)",
        "(SELECT max(pool_id) FROM lfj_pools)",
    );
    let change =
        |rowid: &str| format!("UPDATE lfj_pools SET rowid = {rowid} WHERE rowid = {first}");
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .unwrap();
    connection
        .batch_execute(&change(&format!("{last} + 1")))
        .unwrap();
    let from = plan.from.unwrap();
    let error = migrate_sqlite_database(&copy.path, from, target, &agreed).unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::MoreLosses { losses } if *losses == ["table lfj_pools with 3 rows"]),
        "{error:?}"
    );
    // One of them fewer is nothing new.
    connection
        .batch_execute(&format!(
            "UPDATE lfj_pools SET rowid = {first} - 1 WHERE rowid = {last}"
        ))
        .unwrap();
    connection
        .batch_execute(&format!("DELETE FROM lfj_pools WHERE rowid = {first}"))
        .unwrap();
    migrate_sqlite_database(&copy.path, from, target, &agreed).unwrap();
}

#[test]
fn downgrade_drops_no_more_than_the_plan_lists() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut connection = content::connect(&copy.path);
    connection
        .batch_execute("UPDATE aave_v3_assets SET price_source = NULL WHERE id > (SELECT min(id) FROM aave_v3_assets)")
        .unwrap();
    let target = version("b0b9e84d5527");
    let plan = plan_migration(&copy.path, target).unwrap();
    let agreed = MigrateOptions::default().agreed_losses(plan.losses.clone());
    connection
        .batch_execute("UPDATE aave_v3_assets SET price_source = 'X' WHERE id = (SELECT max(id) FROM aave_v3_assets)")
        .unwrap();
    let before = content::of(&copy.path);
    let downgrade = |options| {
        let from = plan.from.unwrap();
        migrate_sqlite_database(&copy.path, from, target, options)
    };
    let error = downgrade(&agreed).unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::MoreLosses { losses }
            if *losses == ["column aave_v3_assets.price_source with a value in 2 rows"]),
        "{error:?}"
    );
    assert_eq!(error.effect, Some(Effect::Nothing));
    assert_eq!(content::of(&copy.path), before);
    // A caller who has not said what may be dropped learns what was.
    let report = downgrade(&MigrateOptions::default()).unwrap();
    let [loss] = report.losses.as_slice() else {
        panic!("{:?}", report.losses);
    };
    assert_eq!(loss.rows, 2);
}

#[test]
fn downgrade_drops_less_than_the_plan_lists() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let target = version("b0b9e84d5527");
    let plan = plan_migration(&copy.path, target).unwrap();
    content::connect(&copy.path)
        .batch_execute("UPDATE aave_v3_assets SET price_source = NULL")
        .unwrap();
    let agreed = MigrateOptions::default().agreed_losses(plan.losses);
    let report = migrate_sqlite_database(&copy.path, plan.from.unwrap(), target, &agreed).unwrap();
    assert_eq!(report.losses, []);
}

#[test]
fn downgrade_takes_a_rust_core_database_to_the_last_alembic_revision() {
    let copy = Copy::of("populated/populated-0.6.0a14.db");
    let before = content::of(&Copy::of("populated/populated-0.6.0a14.db").path);
    let downgrade = ["database", "downgrade", "--to", "2606a6c7f5ee"];
    insta::assert_snapshot!(run(on(&copy.path, &downgrade), "y\n"));
    let after = content::of(&copy.path);
    assert!(!after.contains_key("lfj_pools"));
    let mut kept = before;
    kept.remove("lfj_pools");
    content::assert_carried_over(&kept, &after, "downgraded");
    let recognition = database::recognise(&copy.path).unwrap();
    assert!(recognition.identity.is_stamped_right());
    assert_eq!(
        recognition.identity.version().unwrap(),
        version("2606a6c7f5ee")
    );
    assert_eq!(recognition.stamps.rust_core, None);
}

#[test]
fn downgrade_refuses_to_drop_the_users_own_objects() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute(
            "CREATE INDEX mine ON aave_v3_users (e_mode); \
             CREATE VIEW seen AS SELECT * FROM aave_v3_users; \
             CREATE INDEX harmless ON pools (kind)",
        )
        .unwrap();
    let before = content::of(&copy.path);
    let error = migrate_sqlite_database(
        &copy.path,
        SchemaVersion::latest(),
        version("5d2dfe7292b3"),
        &MigrateOptions::default(),
    )
    .unwrap_err();
    match &error.kind {
        ErrorKind::ObjectsLost { objects, .. } => assert_eq!(objects, &["index mine"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(content::of(&copy.path), before);
    migrate_sqlite_database(
        &copy.path,
        SchemaVersion::latest(),
        version("9c411aeeb15e"),
        &MigrateOptions::default(),
    )
    .unwrap();
    let extras = database::recognise(&copy.path).unwrap().extras();
    assert_eq!(
        extras.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["index mine", "index harmless", "view seen"]
    );
}

/// Whether the table is dropped by the last step or by an earlier one, after which another table is renamed.
#[test]
fn view_of_a_table_that_goes_is_named_whatever_the_target() {
    for target in ["0.6.0a1", "0.6.0a4"] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        content::connect(&copy.path)
            .batch_execute("CREATE VIEW mine AS SELECT * FROM exchange_deployments")
            .unwrap();
        let error = plan_migration(&copy.path, version(target)).unwrap_err();
        let ErrorKind::ObjectsLost { objects, .. } = &error.kind else {
            panic!("{target}: {error}");
        };
        assert_eq!(
            objects,
            &["view mine (no such table: main.exchange_deployments)"]
        );
    }
}

/// A plan runs the migrations on a database in memory.
#[test]
fn a_migration_is_told_once_and_only_if_it_ran() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let told = |arguments: &[&str]| {
        let told = quietly(&copy.path, &[&["-v", "database"], arguments].concat());
        let is_told = |line: &&str| line.starts_with("info: ") && line.contains(" the migration ");
        told.lines().filter(is_told).count()
    };
    assert_eq!(told(&["upgrade", "--dry-run"]), 0);
    let first = version("0.6.0a4");
    let pending = SchemaVersion::all().filter(|one| *one > first).count();
    assert_eq!(told(&["upgrade", "--force"]), pending);
    assert_eq!(told(&["downgrade", "--to", "0.6.0a4", "--dry-run"]), 0);
    assert_eq!(told(&["downgrade", "--to", "0.6.0a4", "--force"]), pending);
}

#[test]
fn migration_refuses_a_version_that_was_not_planned_for() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let before = copy.files();
    let content = content::of(&copy.path);
    let refused = [
        // An upgrade half the way, while another process has gone all of it.
        ("eb4080485a56", "9c411aeeb15e"),
        // A downgrade, planned before another process upgraded.
        ("e0aaad8ad486", "b0b9e84d5527"),
    ];
    for (planned, target) in refused {
        let error = migrate_sqlite_database(
            &copy.path,
            version(planned),
            version(target),
            &MigrateOptions::default(),
        )
        .unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::VersionChanged { .. }),
            "{error}"
        );
        assert_eq!(content::of(&copy.path), content);
    }
    let latest = SchemaVersion::latest();
    migrate_sqlite_database(
        &copy.path,
        version("eb4080485a56"),
        latest,
        &MigrateOptions::default(),
    )
    .unwrap();
    assert_eq!(copy.files(), before);

    // Up is fine from anywhere.
    let copy = Copy::of("populated/populated-0.5.0.db");
    migrate_sqlite_database(
        &copy.path,
        version("b0b9e84d5527"),
        latest,
        &MigrateOptions::default(),
    )
    .unwrap();
}

#[test]
fn downgrade_rolls_back_an_interrupted_transaction_first() {
    let copy = Copy::of("odd/hot-journal.db");
    let told = quietly(
        &copy.path,
        &["database", "downgrade", "--to", "b0b", "--force"],
    );
    assert!(told.starts_with("status: 0\n"), "{told}");
    let version = database::current_database_version(&copy.path).unwrap();
    assert_eq!(version.to_string(), "b0b9e84d5527");
}

#[test]
fn downgrade_and_upgrade_commands_plan_ask_and_report() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let before = copy.files();
    insta::assert_snapshot!(
        "dry_run",
        quietly(
            &copy.path,
            &["database", "downgrade", "--to", "5d2d", "--dry-run"]
        )
    );
    assert_eq!(copy.files(), before);
    insta::assert_snapshot!(
        "asked",
        run(
            on(&copy.path, &["database", "downgrade", "--to", "e0aa"]),
            "n\n"
        )
    );
    assert_eq!(copy.files(), before);
    insta::assert_snapshot!(
        "done",
        run(
            on(&copy.path, &["database", "downgrade", "--to", "b0b9"]),
            "y\n"
        )
    );
    insta::assert_snapshot!(
        "wrong_direction",
        quietly(&copy.path, &["database", "upgrade", "--to", "eb4080485a56"])
    );
    let unknown = quietly(&copy.path, &["database", "downgrade", "--to", "2026"]);
    let (_, list) = unknown.split_once("the versions are ").unwrap();
    let (list, _) = list.split_once('\n').unwrap();
    for version in SchemaVersion::all() {
        assert!(list.contains(version.migration()), "{unknown}");
    }
    insta::assert_snapshot!("unknown_version", unknown.replace(list, "[VERSIONS]"));
    insta::assert_snapshot!(
        "upgrade_to",
        quietly(
            &copy.path,
            &["database", "upgrade", "--to", "20260402", "-y"]
        )
    );
    let before = copy.files();
    insta::assert_snapshot!(
        "upgrade_dry_run",
        settled(&quietly(&copy.path, &["database", "upgrade", "--dry-run"]))
    );
    assert_eq!(copy.files(), before);
}
