//! `database views --install`: ordinary views that survive what happens to the database, and never cost the user an object.

use std::fs;
use std::path::Path;

use degenbot::database::{
    BackupOptions, CompactOptions, Effect, ErrorKind, ResetOptions, RestoreOptions, SchemaVersion,
    VerifyOptions, ViewsOptions, backup_sqlite_database, compact_sqlite_database,
    find_installed_views, inspect_sqlite_database, install_database_views, list_database_views,
    remove_database_views, reset_sqlite_database, restore_sqlite_database, verify_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::quietly;
use crate::support::content;
use crate::support::corpus::{self, Copy};

const ALL: [&str; 3] = ["v_aave_positions", "v_pools", "v_ticks"];

fn install(path: &Path) {
    install_database_views(path, &ViewsOptions::default()).unwrap();
}

fn installed(path: &Path) -> Vec<String> {
    find_installed_views(path).unwrap().installed
}

/// The names of all views.
fn views(path: &Path) -> Vec<String> {
    let query = "SELECT name AS line FROM sqlite_schema WHERE type = 'view' ORDER BY name";
    content::lines(&mut content::connect(path), query)
}

/// The rows of the installed views, in no order.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let mut connection = content::connect(path);
    let rows = installed(path).into_iter().map(|view| {
        let columns = format!("SELECT name AS line FROM pragma_table_info('{view}')");
        let columns = content::lines(&mut connection, &columns);
        let columns: Vec<_> = columns
            .iter()
            .map(|column| format!("coalesce({column}, '-')"))
            .collect();
        let query = format!("SELECT {} AS line FROM {view}", columns.join(" || ' ' || "));
        let mut lines = content::lines(&mut connection, &query);
        lines.sort();
        lines
    });
    rows.collect()
}

/// The rows of the temporary views of the same names in the same version.
fn expected(path: &Path) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("degenbot.db");
    backup_sqlite_database(
        path,
        &BackupOptions::default().output(other.clone()),
        &mut (),
    )
    .unwrap();
    remove_database_views(&other, &ViewsOptions::default()).unwrap();
    install(&other);
    rows(&other)
}

#[test]
fn installed_views_have_the_rows_of_the_printed_ones() {
    cases::for_each(&corpus::supported(), |name| {
        let copy = Copy::of(name);
        let listed = list_database_views(&copy.path).unwrap();
        let mut names: Vec<_> = listed.views.iter().map(|view| view.name).collect();
        names.sort_unstable();
        let report = install_database_views(&copy.path, &ViewsOptions::default()).unwrap();
        assert!(report.is_changed);
        assert_eq!(report.installed, names, "{name}");
        assert_eq!(views(&copy.path), names, "{name}");
        let mut connection = content::connect(&copy.path);
        for view in &listed.views {
            let temporary = view.sql.replace(view.name, &format!("t_{}", view.name));
            connection.batch_execute(&temporary).unwrap();
            let mut without = |a: &str, b: &str| {
                let query = format!(
                    "SELECT count(*) AS line FROM (SELECT * FROM {a} EXCEPT SELECT * FROM {b})"
                );
                content::lines(&mut connection, &query)
            };
            let other = format!("t_{}", view.name);
            assert_eq!(without(view.name, &other), ["0"], "{name}");
            assert_eq!(without(&other, view.name), ["0"], "{name}");
        }
        let before = fs::read(&copy.path).unwrap();
        let again = install_database_views(&copy.path, &ViewsOptions::default()).unwrap();
        assert!(!again.is_changed);
        assert_eq!(fs::read(&copy.path).unwrap(), before, "{name}");
        let removed = remove_database_views(&copy.path, &ViewsOptions::default()).unwrap();
        assert!(removed.is_changed && removed.installed.is_empty());
        assert!(views(&copy.path).is_empty(), "{name}");
    });
}

#[test]
fn objects_of_the_user_are_never_replaced_or_removed() {
    for (own, kind) in [
        ("CREATE VIEW V_Pools AS SELECT 1 AS mine", "view V_Pools"),
        ("CREATE TABLE v_ticks (mine)", "table v_ticks"),
        ("CREATE INDEX v_pools ON exchanges (name)", "index v_pools"),
    ] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        content::connect(&copy.path).batch_execute(own).unwrap();
        let before = copy.files();
        let error = install_database_views(&copy.path, &ViewsOptions::default()).unwrap_err();
        assert_eq!(error.effect, Some(Effect::Nothing));
        match error.kind {
            ErrorKind::ViewNamesTaken { objects } => assert_eq!(objects, [kind]),
            other => panic!("{other:?}"),
        }
        assert_eq!(copy.files(), before, "{own}");
        let removed = remove_database_views(&copy.path, &ViewsOptions::default()).unwrap();
        assert!(!removed.is_changed);
        assert_eq!(copy.files(), before, "{own}");
    }
}

/// Its text was copied, and has the mark.
#[test]
fn view_of_the_user_with_the_mark_stays() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let find = |name: &str| {
        let query = format!("SELECT sql AS line FROM sqlite_schema WHERE name = '{name}'");
        content::lines(&mut content::connect(&copy.path), &query)
    };
    install(&copy.path);
    let own = find("v_pools")[0].replace("VIEW v_pools", "VIEW my_pools");
    content::connect(&copy.path).batch_execute(&own).unwrap();
    let own = find("my_pools");
    assert_eq!(own.len(), 1);
    let options = ViewsOptions::default();
    install_database_views(&copy.path, &options).unwrap();
    assert_eq!(find("my_pools"), own);
    remove_database_views(&copy.path, &options).unwrap();
    assert_eq!(find("my_pools"), own);
    assert_eq!(find("v_pools"), [""; 0]);
}

#[test]
fn installed_views_of_another_release_are_renewed_and_users_of_views_are_refused() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    install(&copy.path);
    let text = |path: &Path| {
        let query = "SELECT sql AS line FROM sqlite_schema WHERE name = 'v_ticks'";
        content::lines(&mut content::connect(path), query)
    };
    let latest = text(&copy.path);
    let age = "PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'l.tick', 'l.tick + 1 AS tick') WHERE name = 'v_ticks';";
    content::connect(&copy.path).batch_execute(age).unwrap();
    assert_ne!(text(&copy.path), latest);
    let own = "CREATE TRIGGER mine INSTEAD OF DELETE ON v_ticks BEGIN SELECT 1; END;
        CREATE VIEW reader AS SELECT * FROM V_TICKS";
    content::connect(&copy.path).batch_execute(own).unwrap();
    let users = |error: degenbot::database::Error| match error.kind {
        ErrorKind::ViewsInUse { objects } => objects,
        other => panic!("{other:?}"),
    };
    let options = ViewsOptions::default();
    let error = install_database_views(&copy.path, &options).unwrap_err();
    assert_eq!(users(error), ["trigger mine"]);
    let error = remove_database_views(&copy.path, &options).unwrap_err();
    assert_eq!(users(error), ["trigger mine", "view reader"]);
    content::connect(&copy.path)
        .batch_execute("DROP TRIGGER mine")
        .unwrap();
    assert!(
        install_database_views(&copy.path, &options)
            .unwrap()
            .is_changed
    );
    assert_eq!(text(&copy.path), latest);
    assert_eq!(
        views(&copy.path),
        ["reader", "v_aave_positions", "v_pools", "v_ticks"]
    );
}

#[test]
fn migrations_make_installed_views_anew_for_their_version() {
    let versions: Vec<_> = SchemaVersion::all().collect();
    cases::map(&versions, ToString::to_string, |version| {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        install(&copy.path);
        let latest = rows(&copy.path);
        assert_eq!(latest, expected(&copy.path));
        if *version != SchemaVersion::latest() {
            let to = version.to_string();
            let told = quietly(&copy.path, &["database", "downgrade", "--yes", "--to", &to]);
            assert!(told.starts_with("status: 0"), "{told}");
            let missing = list_database_views(&copy.path).unwrap().missing;
            let gone = told.contains("The view v_aave_positions is gone");
            assert_eq!(gone, missing == ["v_aave_positions"], "{told}");
        }
        assert_eq!(rows(&copy.path), expected(&copy.path), "{version}");
        let told = quietly(&copy.path, &["database", "upgrade", "--yes"]);
        assert!(told.starts_with("status: 0"), "{told}");
        assert_eq!(installed(&copy.path), ALL, "{version}");
        assert_eq!(rows(&copy.path), expected(&copy.path), "{version}");
        assert_eq!(rows(&copy.path)[1].len(), latest[1].len(), "{version}");
    });
}

#[test]
fn migrations_refuse_to_break_what_uses_installed_views() {
    let to = ["database", "downgrade", "--yes", "--to", "eb4080485a56"];
    for own in [
        "CREATE VIEW mine AS SELECT symbol0 FROM v_pools",
        "CREATE VIEW mine AS SELECT side FROM V_Aave_Positions",
        "CREATE TRIGGER mine INSTEAD OF DELETE ON v_ticks BEGIN SELECT 1; END",
    ] {
        let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
        install(&copy.path);
        content::connect(&copy.path).batch_execute(own).unwrap();
        let before = content::of(&copy.path);
        let told = quietly(&copy.path, &to);
        let refusal = "use the installed views: ";
        assert!(told.contains(refusal) && told.contains(" mine\n"), "{told}");
        assert_eq!(content::of(&copy.path), before);
        assert_eq!(installed(&copy.path), ALL);
        let told = quietly(
            &copy.path,
            &["database", "downgrade", "--dry-run", "--to", to[4]],
        );
        assert!(told.contains(refusal), "{told}");
    }
    // A view of the user's with a name that an older version leaves free stays.
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    install(&copy.path);
    let told = quietly(&copy.path, &to);
    assert!(told.starts_with("status: 0"), "{told}");
    content::connect(&copy.path)
        .batch_execute("CREATE VIEW v_aave_positions AS SELECT 1 AS mine")
        .unwrap();
    let told = quietly(&copy.path, &["database", "upgrade", "--yes"]);
    assert!(told.starts_with("status: 0"), "{told}");
    assert!(told.contains("view v_aave_positions is your own"), "{told}");
    assert_eq!(installed(&copy.path), ["v_pools", "v_ticks"]);
    let query = "SELECT mine AS line FROM v_aave_positions";
    assert_eq!(
        content::lines(&mut content::connect(&copy.path), query),
        ["1"]
    );
}

#[test]
fn other_operations_take_installed_views_along() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let findings = |path: &Path| {
        let report = verify_sqlite_database(path, &VerifyOptions::default(), &mut ()).unwrap();
        report.findings
    };
    let before = findings(&copy.path);
    install(&copy.path);
    assert_eq!(findings(&copy.path), before);
    let info = inspect_sqlite_database(&copy.path, true).unwrap();
    let extras: Vec<_> = info
        .recognition
        .extras()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(extras, ALL.map(|view| format!("view {view}")));
    let with_views = rows(&copy.path);
    compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ()).unwrap();
    assert_eq!(rows(&copy.path), with_views);
    let report = backup_sqlite_database(&copy.path, &BackupOptions::default(), &mut ()).unwrap();
    assert_eq!(rows(&report.path), with_views);
    reset_sqlite_database(&copy.path, &ResetOptions::default(), &mut ()).unwrap();
    assert!(views(&copy.path).is_empty());
    restore_sqlite_database(&copy.path, &RestoreOptions::default(), &mut ()).unwrap();
    assert_eq!(rows(&copy.path), with_views);
}

#[test]
fn command_says_what_is_so_afterwards_and_refuses_a_follower() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    // A bot has the database open.
    let mut bot = content::connect(&copy.path);
    bot.batch_execute("BEGIN; SELECT 1 FROM exchanges").unwrap();
    for (arguments, expected) in [
        (&["--remove"][..], "degenbot.db has no installed views.\n"),
        (
            &["--install"],
            "Installed in degenbot.db: v_aave_positions, v_pools, v_ticks.\n",
        ),
        (
            &["--install"],
            "degenbot.db has the views already: v_aave_positions, v_pools, v_ticks.\n",
        ),
        (
            &["--remove"],
            "Removed the installed views from degenbot.db.\n",
        ),
    ] {
        let command = [&["database", "views"], arguments].concat();
        let told = quietly(&copy.path, &command);
        assert_eq!(
            told,
            format!("status: 0\n--- stdout\n--- stderr\n{expected}")
        );
    }
    drop(bot);
    quietly(&copy.path, &["database", "views", "--install"]);
    let told = quietly(&copy.path, &["database", "views"]);
    assert!(
        told.contains("-- v_ticks is installed in the database.\n"),
        "{told}"
    );
    let follower = Copy::upgraded("populated/populated-0.6.0a4.db");
    fs::write(
        follower.folder().join("degenbot.db-txid"),
        "0000000000000007",
    )
    .unwrap();
    let before = follower.files();
    let told = quietly(&follower.path, &["database", "views", "--install"]);
    assert!(told.contains("it follows another one"), "{told}");
    assert_eq!(follower.files(), before);
}
