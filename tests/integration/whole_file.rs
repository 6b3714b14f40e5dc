//! The check of a file leaves nothing out because of objects of the user's own, or says what it left out.

use std::fs;
use std::path::Path;

use degenbot::database::{
    BackupOptions, CompactOptions, ErrorKind, IntegrityCheck, NotChecked, RestoreOptions, Rule,
    VerifyOptions, backup_path, backup_sqlite_database, compact_sqlite_database, plan_restore,
    restore_sqlite_database, verify_sqlite_database,
};
use diesel::connection::SimpleConnection;

use crate::support::cases;
use crate::support::command::{on, quietly, run, without_sizes};
use crate::support::content;
use crate::support::corpus::{Copy, earlier_backup};

const POPULATED: &str = "populated/populated-0.6.0a4.db";

/// An index of the user's own, in one of our tables and in one of his own, with a collation that only his program has.
const COLLATION: &str = "CREATE TABLE notes (note TEXT); INSERT INTO notes VALUES ('b'), ('a'); \
     CREATE INDEX notes_by_note ON notes (note); CREATE INDEX tokens_by_symbol ON erc20_tokens (symbol); \
     PRAGMA writable_schema = ON; \
     UPDATE sqlite_schema SET sql = 'CREATE INDEX notes_by_note ON notes (note COLLATE mine)' \
     WHERE name = 'notes_by_note'; \
     UPDATE sqlite_schema SET sql = 'CREATE INDEX tokens_by_symbol ON erc20_tokens (symbol COLLATE mine)' \
     WHERE name = 'tokens_by_symbol'";

/// The same with a function, in a constraint and in an index.
const FUNCTION: &str = "CREATE TABLE notes (note TEXT CHECK (abs(note) NOTNULL)); \
     INSERT INTO notes VALUES ('b'), ('a'); \
     CREATE INDEX tokens_by_symbol ON erc20_tokens (lower(symbol)); PRAGMA writable_schema = ON; \
     UPDATE sqlite_schema SET sql = replace(replace(sql, 'abs(', 'own('), 'lower(', 'own(') \
     WHERE tbl_name IN ('notes', 'erc20_tokens')";

/// A view that SQLite puts before all tables, and virtual tables.
const VIEWS: &str = "CREATE VIEW my_view AS SELECT id FROM pools; CREATE VIEW report AS SELECT 1; \
     CREATE VIEW pool_summary AS SELECT 1; CREATE VIEW v_pools AS SELECT 1; CREATE VIEW a AS SELECT 1";
const VIRTUAL: &str = "CREATE VIRTUAL TABLE search USING fts5 (a); INSERT INTO search VALUES ('b')";

fn with(objects: &str) -> Copy {
    let copy = Copy::of(POPULATED);
    execute(&copy.path, objects);
    copy
}

fn execute(path: &Path, sql: &str) {
    content::connect(path)
        .batch_execute(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn page_of(path: &Path, name: &str) -> usize {
    let query =
        format!("SELECT CAST(rootpage AS TEXT) AS line FROM sqlite_schema WHERE name = '{name}'");
    content::lines(&mut content::connect(path), &query)[0]
        .parse()
        .unwrap()
}

/// What the verification says about the file, as opposed to its rows.
fn about_the_file(path: &Path) -> Vec<(Rule, String)> {
    let report = verify_sqlite_database(path, &VerifyOptions::default(), &mut ()).unwrap();
    assert_eq!(report.is_clean(), report.findings.is_empty());
    report
        .findings
        .into_iter()
        .filter(|finding| matches!(finding.rule, Rule::Integrity | Rule::NotChecked))
        .flat_map(|finding| {
            let table = finding.table.unwrap_or_default();
            finding
                .examples
                .into_iter()
                .map(move |example| (finding.rule, format!("{table}: {}", example.detail)))
        })
        .collect()
}

#[test]
fn verify_finds_nothing_in_sound_files_with_views_and_virtual_tables() {
    for objects in [VIEWS, VIRTUAL] {
        assert_eq!(about_the_file(&with(objects).path), []);
    }
}

#[test]
fn verify_says_what_it_cannot_check() {
    for (objects, reason) in [
        (COLLATION, "no such collation sequence: mine"),
        (FUNCTION, "unknown function: own()"),
    ] {
        let expected =
            ["erc20_tokens", "notes"].map(|table| (Rule::NotChecked, format!("{table}: {reason}")));
        for quick in [false, true] {
            let copy = with(objects);
            let options = VerifyOptions::default().quick(quick);
            let report = verify_sqlite_database(&copy.path, &options, &mut ()).unwrap();
            assert!(!report.is_clean());
        }
        let found = about_the_file(&with(objects).path);
        let not_checked: Vec<_> = found
            .iter()
            .filter(|(rule, _)| *rule == Rule::NotChecked)
            .cloned()
            .collect();
        assert_eq!(found, not_checked);
        assert!(
            expected.iter().all(|part| found.contains(part)),
            "{found:?}"
        );
    }
}

/// Our own index of a table that has an index with an unknown collation, too.
#[test]
fn damage_is_found_beside_what_cannot_be_checked() {
    for objects in [COLLATION, FUNCTION, VIEWS, VIRTUAL] {
        let copy = with(objects);
        execute(
            &copy.path,
            "PRAGMA journal_mode = DELETE; PRAGMA writable_schema = ON; \
             CREATE TABLE other (a); \
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'other') \
             WHERE name = 'ix_erc20_tokens_address_chain'",
        );
        let found = about_the_file(&copy.path);
        assert!(
            found.iter().any(|(rule, _)| *rule == Rule::Integrity),
            "{objects}: {found:?}"
        );
        let options = BackupOptions::default()
            .verify(IntegrityCheck::Full)
            .allow_unchecked(true);
        let error = backup_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::CopyCheckFailed { .. }),
            "{objects}: {error}"
        );
        assert!(!error.to_string().contains("***"), "{error}");
    }
}

#[test]
fn backup_and_restore_take_what_cannot_be_checked_only_if_told() {
    let copy = with(COLLATION);
    let backup = backup_path(&copy.path);
    fs::write(&backup, earlier_backup()).unwrap();
    let options = BackupOptions::default()
        .replace_existing(true)
        .verify(IntegrityCheck::Full);
    let error = backup_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
    let part = |table: &str| NotChecked {
        table: Some(table.to_owned()),
        reason: "no such collation sequence: mine".to_owned(),
    };
    let expected = vec![part("erc20_tokens"), part("notes")];
    assert!(
        matches!(&error.kind, ErrorKind::NotChecked { parts } if *parts == expected),
        "{error}"
    );
    assert_eq!(fs::read(&backup).unwrap(), earlier_backup());

    let report =
        backup_sqlite_database(&copy.path, &options.clone().allow_unchecked(true), &mut ())
            .unwrap();
    assert_eq!(report.not_checked, expected);
    let unchecked = BackupOptions::default().replace_existing(true);
    let report = backup_sqlite_database(&copy.path, &unchecked, &mut ()).unwrap();
    assert_eq!(report.not_checked, []);

    let before = content::of(&copy.path);
    execute(&copy.path, "DELETE FROM liquidity_positions");
    let emptied = content::of(&copy.path);
    let error =
        restore_sqlite_database(&copy.path, &RestoreOptions::default(), &mut ()).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::NotChecked { .. }),
        "{error}"
    );
    assert_eq!(content::of(&copy.path), emptied);
    let options = RestoreOptions::default().allow_unchecked(true);
    let report = restore_sqlite_database(&copy.path, &options, &mut ()).unwrap();
    assert_eq!(report.not_checked, expected);
    assert_eq!(content::of(&copy.path), before);
}

#[test]
fn the_command_names_what_it_did_not_check() {
    let copy = with(COLLATION);
    let arguments = ["database", "backup", "--force", "--verify", "full"];
    let told = quietly(&copy.path, &arguments);
    insta::assert_snapshot!(told.lines().skip(4).collect::<Vec<_>>().join("\n"), @r"
    error: degenbot.db.bak could not be checked completely: erc20_tokens: no such collation sequence: mine; notes: no such collation sequence: mine
    hint: Nothing was changed. The rest of the file was checked and is sound. A program of your own may define what is unknown here (a collation, a function, a module). 'degenbot database backup' and 'restore' take the file with --allow-unchecked, and a backup without --verify needs no check
    ");
    let arguments = [&arguments[..], &["--allow-unchecked"]].concat();
    let told = without_sizes(&quietly(&copy.path, &arguments));
    insta::assert_snapshot!(told.lines().skip(4).collect::<Vec<_>>().join("\n"), @r"
    Backed up degenbot.db to degenbot.db.bak ([SIZE]).
    Not checked: erc20_tokens: no such collation sequence: mine
    Not checked: notes: no such collation sequence: mine
    ");
}

/// A database with these objects that has free pages.
fn with_free_pages(objects: &str) -> Copy {
    let copy = with("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM");
    execute(&copy.path, objects);
    execute(
        &copy.path,
        "CREATE TABLE junk (a); INSERT INTO junk VALUES (randomblob(30000)); DROP TABLE junk",
    );
    copy
}

/// Names a page in use in the list of free pages, in the place of a page that is then in no tree.
fn free_page_in_use(path: &Path) {
    let root = page_of(path, "uniswap_v3_pools");
    let mut bytes = fs::read(path).unwrap();
    let trunk = u32::from_be_bytes(bytes[32..36].try_into().unwrap()) as usize;
    let leaf = (trunk - 1) * 4096 + 8;
    bytes[leaf..leaf + 4].copy_from_slice(&u32::try_from(root).unwrap().to_be_bytes());
    fs::write(path, bytes).unwrap();
}

/// However many views there are, and whatever they are called. Triggers on views cannot be on the tables that stand in for
/// them.
#[test]
fn a_free_page_that_is_in_use_is_found_beside_many_views() {
    let mut numbers: Vec<usize> = (1..40).collect();
    numbers.extend([100, 1_000]);
    let partial = cases::map(&numbers, ToString::to_string, |&number| {
        let views = (0..number).map(|view| {
            let name = format!("\"My \"\"{:x}\"\"\"", (number * 7_919 + view) * 104_729);
            format!("CREATE VIEW {name} AS SELECT id FROM pools;")
        });
        let views: String = views.collect();
        let copy = with_free_pages(&format!(
            "{views} CREATE VIEW eth_trade AS SELECT 1 AS a; CREATE VIEW price_open AS SELECT a FROM eth_trade; \
             CREATE TRIGGER trades INSTEAD OF INSERT ON eth_trade BEGIN DELETE FROM pools; END"
        ));
        let explained = content::explained(&copy.path, "PRAGMA integrity_check");
        assert_eq!(about_the_file(&copy.path), []);
        free_page_in_use(&copy.path);
        let found = about_the_file(&copy.path);
        assert!(found[0].1.contains("2nd reference"), "{found:?}");
        let before = fs::read(&copy.path).unwrap();
        let error = compact_sqlite_database(&copy.path, &CompactOptions::default(), &mut ());
        let error = error.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Damaged { .. }), "{error}");
        assert!(fs::read(&copy.path).unwrap() == before);
        explained.contains("[0,")
    });
    assert!(partial.iter().filter(|is_partial| **is_partial).count() > 10);
}

/// A page in use is on the list of free pages as well, and a page of the list is in no tree.
#[test]
fn a_free_page_that_is_in_use_is_found_beside_views() {
    for (objects, name) in [
        (VIEWS, "views"),
        (VIRTUAL, "virtual"),
        (COLLATION, "collation"),
    ] {
        let copy = with_free_pages(objects);
        free_page_in_use(&copy.path);
        let found = about_the_file(&copy.path);
        assert!(
            found
                .iter()
                .any(|(_, detail)| detail.contains("2nd reference")),
            "{name}: {found:?}"
        );
        assert!(
            found
                .iter()
                .any(|(_, detail)| detail.contains("never used")),
            "{name}: {found:?}"
        );
    }
}

/// Two files that differ only in the schema table: one has views, the other triggers in their place. Each page is
/// changed in several ways. What SQLite finds in the file without views is found in the file with views.
#[test]
fn damage_that_sqlite_finds_without_views_is_found_with_them() {
    /// The changes of each page.
    const CHANGES: u64 = 2;
    let build = |auto_vacuum: &str, kind: &str| {
        let copy = with(&format!(
            "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = {auto_vacuum}; VACUUM; \
             CREATE TABLE filler (a); INSERT INTO filler VALUES (randomblob(30000)); DROP TABLE filler"
        ));
        for number in 0..6 {
            execute(
                &copy.path,
                &match kind {
                    "view" => format!("CREATE VIEW own_{number} AS SELECT 1 AS x FROM pools"),
                    _ => format!(
                        "CREATE TRIGGER own_{number} AFTER DELETE ON pools BEGIN SELECT 1; END"
                    ),
                },
            );
        }
        copy
    };
    let mut partial = 0;
    for auto_vacuum in ["NONE", "FULL"] {
        let [viewed, plain] = ["view", "trigger"].map(|kind| build(auto_vacuum, kind));
        let [seen, reference] = [&viewed, &plain].map(|copy| fs::read(&copy.path).unwrap());
        let explained = content::explained(&viewed.path, "PRAGMA integrity_check");
        partial += usize::from(explained.contains("[0,"));
        let pages: Vec<_> = (1..seen.len() / 4096)
            .filter(|page| {
                let bytes = page * 4096..(page + 1) * 4096;
                seen[bytes.clone()] == reference[bytes]
            })
            .collect();
        assert!(pages.len() > 40, "{}", pages.len());
        cases::map(
            &pages,
            |page| format!("page {}", page + 1),
            |&page| {
                for change in 0..CHANGES {
                    let mut number = (page as u64) << 8 | change;
                    let mut random = |below: usize| {
                        number = number
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        usize::try_from(number >> 33).unwrap() % below
                    };
                    let start = page * 4096;
                    let (at, value) = match random(4) {
                        0 => (start + random(12), random(256)),
                        1 => (start + random(100), random(256)),
                        _ => (start + random(4096), random(256)),
                    };
                    let value = u8::try_from(value).unwrap();
                    let damaged = |bytes: &[u8]| {
                        let mut bytes = bytes.to_owned();
                        bytes[at] = value;
                        bytes
                    };
                    let [folder, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
                    let path = folder.path().join("degenbot.db");
                    fs::write(&path, damaged(&seen)).unwrap();
                    let other = other.path().join("degenbot.db");
                    fs::write(&other, damaged(&reference)).unwrap();
                    let expected = content::integrity(&other);
                    let report =
                        verify_sqlite_database(&path, &VerifyOptions::default(), &mut ()).unwrap();
                    let found: Vec<_> = report
                        .findings
                        .iter()
                        .filter(|finding| finding.rule == Rule::Integrity)
                        .flat_map(|finding| &finding.examples)
                        .collect();
                    if expected == ["ok"] {
                        // SQLite does not look at texts, nor at the kind of an empty tree.
                        let is_more = |detail: &str| {
                            detail.contains("malformed: index ") || detail.contains("utf-8")
                        };
                        assert!(
                            found.iter().all(|example| is_more(&example.detail)),
                            "byte {at} = {value}: {found:?}"
                        );
                    } else {
                        assert!(!report.is_clean(), "byte {at} = {value}: {expected:?}");
                    }
                    assert!(
                        report
                            .findings
                            .iter()
                            .all(|finding| finding.rule != Rule::NotChecked),
                        "{:?}",
                        report.findings
                    );
                }
            },
        );
    }
    assert!(partial > 0, "SQLite's own check is not partial");
}

#[test]
fn restore_asks_about_what_it_accepts_unchecked() {
    let copy = with(COLLATION);
    fs::copy(&copy.path, backup_path(&copy.path)).unwrap();
    let refused = run(on(&copy.path, &["database", "restore"]), "y\n");
    assert!(
        refused.contains("could not be checked completely"),
        "{refused}"
    );
    let arguments = ["database", "restore", "--allow-unchecked"];
    let told = run(on(&copy.path, &arguments), "y\n");
    assert!(told.starts_with("status: 0"), "{told}");
    assert!(told.contains("Not checked: notes"), "{told}");
}

/// The same check of a database, of its copy before a restore, and of the copies of a backup and a restore.
fn each_check_says(copy: &Copy, problem: Option<&str>, parts: &[NotChecked]) {
    let mut expected: Vec<_> = parts
        .iter()
        .map(|part| (Rule::NotChecked, part.to_string()))
        .collect();
    expected.extend(problem.map(|problem| (Rule::Integrity, problem.to_owned())));
    let mut found = about_the_file(&copy.path);
    found.sort_by_key(|(rule, _)| *rule == Rule::Integrity);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((rule, text), (of, part)) in found.iter().zip(&expected) {
        assert!(rule == of && text.contains(part), "{found:?}");
    }
    for verify in [IntegrityCheck::Quick, IntegrityCheck::Full] {
        let backup = copy.path.with_extension("copy");
        let options = BackupOptions::default()
            .output(backup.clone())
            .replace_existing(true)
            .verify(verify);
        let error = backup_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
        let error = error.to_string();
        assert!(
            problem.is_none_or(|problem| error.contains(problem)),
            "{error}"
        );
        let told = |error: &str| parts.iter().all(|part| error.contains(&part.to_string()));
        assert!(problem.is_some() || told(&error), "{error}");
        let options = options.allow_unchecked(true);
        let report = backup_sqlite_database(&copy.path, &options, &mut ());
        if problem.is_none() {
            assert_eq!(report.unwrap().not_checked, parts);
        } else {
            report.unwrap_err();
        }
        // The plan checks the backup itself, the restore its own copy.
        let restored = copy.path.with_extension("restored");
        let options = RestoreOptions::default()
            .from(copy.path.clone())
            .verify(verify);
        plan_restore(&restored, &options).unwrap_err();
        restore_sqlite_database(&restored, &options, &mut ()).unwrap_err();
        let options = options.allow_unchecked(true);
        let report = restore_sqlite_database(&restored, &options, &mut ());
        if problem.is_none() {
            plan_restore(&restored, &options).unwrap();
            assert_eq!(report.unwrap().not_checked, parts);
            fs::remove_file(&restored).unwrap();
        } else {
            report.unwrap_err();
            plan_restore(&restored, &options).unwrap_err();
        }
    }
}

fn part(table: &str, reason: &str) -> NotChecked {
    NotChecked {
        table: Some(table.to_owned()),
        reason: reason.to_owned(),
    }
}

#[test]
fn violated_check_constraint_is_found_in_every_copy() {
    let copy = with(
        "CREATE TABLE notes (note TEXT CHECK (length(note) < 5), other CHECK (other)); \
         PRAGMA ignore_check_constraints = ON; INSERT INTO notes VALUES ('too long', 1), ('a', NULL)",
    );
    each_check_says(&copy, Some("CHECK constraint failed in notes"), &[]);
}

#[test]
fn check_constraint_that_cannot_be_checked_is_told_of_every_copy() {
    let copy = with(
        "CREATE TABLE notes (note TEXT CHECK (abs(note) NOTNULL)); INSERT INTO notes VALUES ('b'); \
         PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = replace(sql, 'abs(', 'own(') WHERE name = 'notes'",
    );
    each_check_says(&copy, None, &[part("notes", "unknown function: own()")]);
}

#[test]
fn virtual_table_that_cannot_be_opened_is_told_with_its_reason() {
    let unknown = "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema \
         VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0 (a)')";
    let without_nodes = "CREATE VIRTUAL TABLE v USING rtree (id, a, b); INSERT INTO v VALUES (1, 1, 2); \
         PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = 'node', tbl_name = 'node', \
         sql = replace(sql, 'v_node', 'node') WHERE name = 'v_node'";
    let tokenizer_of_fts4 = "CREATE VIRTUAL TABLE v USING fts4 (a); INSERT INTO v VALUES ('hello'); \
         PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE v USING fts4 (a, tokenize=mine)' WHERE name = 'v'";
    let tokenizer_of_fts5 = "CREATE VIRTUAL TABLE v USING fts5 (a); INSERT INTO v VALUES ('hello'); \
         PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE v USING fts5 (a, tokenize=mine)' WHERE name = 'v'";
    for (objects, reason) in [
        (unknown, "no such module: vec0"),
        (without_nodes, "no such table: main.v_node"),
        (tokenizer_of_fts4, "unknown tokenizer: mine"),
        (tokenizer_of_fts5, "no such tokenizer: mine"),
    ] {
        each_check_says(&with(objects), None, &[part("v", reason)]);
    }
}
