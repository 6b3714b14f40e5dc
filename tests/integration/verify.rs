//! `database verify` is silent on what is right, and right about what is not.

mod planted;

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use degenbot::database::{
    ErrorKind, Observer, Progress, Rule, SchemaVersion, VerifyOptions, VerifyReport,
    create_new_sqlite_database, verify_sqlite_database,
};
use diesel::connection::SimpleConnection;
use rustix::io::Errno;
use tempfile::TempDir;

use crate::support::cases;
use crate::support::command::{on, quietly, run};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::faults;
use crate::support::generator::{Size, generate};
use crate::support::observer::Writer;
use crate::support::unprivileged::{public_copy_of_the_binary, unprivileged};
use crate::support::versions::newest_of_corpus;
use planted::{CLEAN, FAULTS, FAULTS_OF_MANY};

/// A database with rows in every table of which a rule says something, all of them right.
struct Clean {
    _folder: TempDir,
    path: PathBuf,
}

impl Clean {
    fn new() -> Self {
        static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        let bytes = BYTES.get_or_init(|| {
            create_new_sqlite_database(&path).unwrap();
            content::connect(&path)
                .batch_execute(&format!("PRAGMA foreign_keys = ON; {CLEAN}"))
                .unwrap();
            fs::read(&path).unwrap()
        });
        fs::write(&path, bytes).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    /// The same with something wrong in it.
    fn with(fault: &str) -> Self {
        let clean = Self::new();
        content::connect(&clean.path)
            .batch_execute(&format!("PRAGMA foreign_keys = OFF; {fault}"))
            .unwrap_or_else(|error| panic!("{fault}: {error}"));
        clean
    }

    fn findings(&self) -> Vec<String> {
        lines(&verify(&self.path))
    }
}

fn verify(path: &Path) -> VerifyReport {
    verify_sqlite_database(path, &VerifyOptions::default(), &mut ())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each finding as its rule, its table and the ids of its rows.
fn lines(report: &VerifyReport) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &report.findings {
        let table = finding.table.as_deref().unwrap_or("-");
        let mut line = format!("{} {table}", finding.rule);
        for example in &finding.examples {
            line.push(' ');
            line.push_str(&example.id.map_or("-".to_owned(), |id| id.to_string()));
        }
        lines.push(line);
    }
    lines
}

fn for_each_fault(check: impl Fn(&str, &[&str]) + Sync) {
    cases::map(
        FAULTS,
        |(fault, _)| (*fault).to_owned(),
        |(fault, findings)| check(fault, findings),
    );
}

#[test]
fn verify_finds_nothing_in_a_sound_database() {
    let clean = Clean::new();
    let before = fs::read(&clean.path).unwrap();
    let report = verify(&clean.path);
    assert_eq!(lines(&report), [""; 0], "{report:?}");
    assert!(report.is_clean());
    assert_eq!(fs::read(&clean.path).unwrap(), before);
    let files = corpus::files(clean.path.parent().unwrap());
    assert_eq!(files.into_keys().collect::<Vec<_>>(), ["degenbot.db"]);
}

#[test]
fn verify_finds_each_planted_fault_and_nothing_else() {
    for_each_fault(|fault, expected| assert_eq!(Clean::with(fault).findings(), expected));
}

#[test]
fn verify_finds_the_one_faulty_row_of_many() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    for seed in 1..4 {
        let _ = fs::remove_file(&path);
        let size = Size {
            pools: 2_000,
            ticks: 30_000,
            seed,
        };
        generate(&path, size).unwrap();
        assert_eq!(lines(&verify(&path)), [""; 0]);
    }
    let clean = fs::read(&path).unwrap();
    let name = |(fault, _): &(&str, &[&str])| (*fault).to_owned();
    let rules = cases::map(FAULTS_OF_MANY, name, |(fault, expected)| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        fs::write(&path, &clean).unwrap();
        content::connect(&path)
            .batch_execute(&format!("PRAGMA foreign_keys = OFF; {fault}"))
            .unwrap();
        let report = verify(&path);
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "{} {}",
                    finding.rule,
                    finding.table.as_deref().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(&found, expected);
        for finding in &report.findings {
            // SQLite says two things about a row that an index lacks.
            let is_one = finding.rows == 1 || finding.rule == Rule::Integrity;
            assert!(is_one, "{finding:?}");
        }
        report.findings.iter().map(|found| found.rule).collect()
    });
    let rules: BTreeSet<Rule> = rules.into_iter().flat_map(|rules: Vec<_>| rules).collect();
    for rule in Rule::ALL {
        assert!(
            rules.contains(rule),
            "{rule}: add a fault to FAULTS_OF_MANY in tests/integration/verify/planted.rs"
        );
    }
}

#[test]
fn every_rule_has_a_planted_fault() {
    let found: BTreeSet<_> = FAULTS
        .iter()
        .flat_map(|(_, findings)| *findings)
        .filter_map(|finding| finding.split(' ').next())
        .collect();
    for rule in Rule::ALL {
        assert!(
            found.contains(rule.name()),
            "{rule}: add a fault to FAULTS in tests/integration/verify/planted.rs"
        );
    }
}

#[test]
fn quick_verify_skips_the_slow_rules() {
    const LEFT_OUT: [&str; 8] = [
        "decimal",
        "tick-range",
        "tick-spacing",
        "liquidity-sum",
        "liquidity-gross",
        "bitmap",
        "value liquidity_positions",
        "value initialization_maps",
    ];
    let options = VerifyOptions::default().quick(true);
    for_each_fault(|fault, expected| {
        let faulty = Clean::with(fault);
        let report = verify_sqlite_database(&faulty.path, &options, &mut ()).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .filter(|line| !LEFT_OUT.iter().any(|left_out| line.starts_with(left_out)))
            .filter(|line| **line != "value aave_v3_users 1")
            // The entries of an index are counted, but not looked for.
            .map(|line| line.replace("erc20_tokens - -", "erc20_tokens -"))
            .collect();
        let found: Vec<_> = lines(&report)
            .into_iter()
            // A type that SQLite itself looks at.
            .filter(|line| line != "integrity liquidity_positions -")
            .collect();
        assert_eq!(found, expected, "{fault}");
    });
}

#[test]
fn verify_counts_repeated_findings_and_lists_a_few() {
    let faulty = Clean::with(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO erc20_tokens (id, chain, address)
         SELECT 100 + i, 1, printf('0xabcdefabcdefabcdefabcdefabcdef%010d', i) FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO liquidity_positions (id, pool_id, tick, liquidity_net, liquidity_gross)
         SELECT 100 + i, 2, 10 * i + 1000, 'x' || i, 'y' FROM n",
    );
    let report = verify(&faulty.path);
    let counts: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.rule, finding.rows, finding.examples.len()))
        .collect();
    assert_eq!(
        counts,
        [
            (Rule::Decimal, 10_000, 10),
            (Rule::AddressChecksum, 5_000, 10)
        ]
    );
    assert_eq!(report.rows(), 15_000);
}

#[test]
fn verify_reads_the_whole_corpus_and_changes_nothing() {
    let versions = Mutex::new(BTreeSet::new());
    let names = corpus::names(&["fresh", "populated", "upgraded", "odd", "revisions"]);
    cases::for_each(&names, |name| {
        let copy = Copy::of(name);
        let before = copy.files();
        for quick in [false, true] {
            let options = VerifyOptions::default().quick(quick);
            match verify_sqlite_database(&copy.path, &options, &mut ()) {
                Ok(report) => {
                    versions.lock().unwrap().extend(report.version);
                    let is_damaged = report.findings.iter().any(|f| f.rule == Rule::Integrity);
                    assert!(
                        !is_damaged || name.starts_with("odd/"),
                        "{name}: {report:?}"
                    );
                    if name.starts_with("fresh/") {
                        assert!(report.is_clean(), "{name}: {report:?}");
                    }
                }
                Err(error)
                    if matches!(
                        error.kind,
                        ErrorKind::Refused { .. }
                            | ErrorKind::NotADatabase
                            | ErrorKind::EmptyFile
                            | ErrorKind::HotJournal
                    ) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        let mut after = copy.files();
        after.retain(|file, _| before.contains_key(file));
        assert!(after == before, "{name}");
        // Who reads a log that a killed program has left needs an index to it.
        let added: Vec<_> = copy
            .files()
            .into_keys()
            .filter(|file| !before.contains_key(file))
            .collect();
        assert!(
            added.is_empty() || (added == ["degenbot.db-shm"] && before.len() > 1),
            "{name}: {added:?}"
        );
    });
    let released = SchemaVersion::all().filter(|version| *version <= newest_of_corpus());
    assert!(versions.into_inner().unwrap().into_iter().eq(released));
}

#[test]
fn verify_reports_damage_and_checks_the_rest() {
    for name in [
        "odd/corrupt-sqlite-master.db",
        "odd/flipped-byte-index-page.db",
        "odd/truncated-page-boundary.db",
    ] {
        let report = verify(&Copy::of(name).path);
        assert_eq!(
            report.findings[0].rule,
            Rule::Integrity,
            "{name}: {report:?}"
        );
    }
    let damaged = Clean::with(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = CAST(x'70ff' AS TEXT) \
         WHERE name = 'ix_pools_token0_id'",
    );
    assert_eq!(damaged.findings()[0], "integrity - -");
    let damaged = Clean::with("UPDATE erc20_tokens SET decimals = 256 WHERE id = 2");
    let page = "SELECT CAST(rootpage AS TEXT) AS line FROM sqlite_schema \
                WHERE name IN ('liquidity_positions', 'aave_v3_users')";
    let pages = content::lines(&mut content::connect(&damaged.path), page);
    let mut bytes = fs::read(&damaged.path).unwrap();
    for page in pages {
        let start = (page.parse::<usize>().unwrap() - 1) * 4_096;
        bytes[start..start + 4_096].fill(0x5a);
    }
    fs::write(&damaged.path, bytes).unwrap();
    let report = verify(&damaged.path);
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {}",
                finding.rule,
                finding.table.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert!(
        found.contains(&"integrity liquidity_positions".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"integrity aave_v3_users".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"value erc20_tokens".to_owned()),
        "{found:?}"
    );
}

#[test]
fn verify_reads_one_state_beside_a_writer() {
    let clean = Clean::new();
    let statement = "UPDATE liquidity_positions SET liquidity_net = '499' WHERE id = 11";
    let mut writer = Writer::new(&clean.path, statement);
    let options = VerifyOptions::default();
    let report = verify_sqlite_database(&clean.path, &options, &mut writer).unwrap();
    assert!(writer.has_written);
    assert_eq!(lines(&report), [""; 0]);
    assert_eq!(clean.findings(), ["liquidity-sum pools 2"]);
}

#[test]
fn verify_is_right_while_a_writer_keeps_committing() {
    let clean = Clean::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = content::connect(&clean.path);
            let mut commits = 0;
            while !done.load(Ordering::Relaxed) {
                commits += 1;
                connection
                    .batch_execute(&format!(
                        "PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE; \
                         UPDATE liquidity_positions SET liquidity_net = '{commits}', \
                             liquidity_gross = '{commits}' WHERE id = 11; \
                         UPDATE liquidity_positions SET liquidity_net = '-{commits}', \
                             liquidity_gross = '{commits}' WHERE id = 13; COMMIT"
                    ))
                    .unwrap();
            }
            commits
        });
        for _ in 0..50 {
            assert_eq!(clean.findings(), [""; 0]);
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}

/// What only the user's own program knows is named, and all else is looked at.
#[test]
fn verify_names_objects_that_sqlite_cannot_load() {
    const OBJECTS: &str = "CREATE TABLE notes (note TEXT); CREATE INDEX notes_by_note ON notes (note); \
         PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE INDEX notes_by_note ON notes (note COLLATE mine)' \
         WHERE name = 'notes_by_note'; \
         INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) \
         VALUES ('table', 'search', 'search', 0, 'CREATE VIRTUAL TABLE search USING nomod(x)')";
    let not_checked = ["not-checked notes -", "not-checked search -"];
    assert_eq!(Clean::with(OBJECTS).findings(), not_checked);
    let (unindexed, found) = FAULTS[1];
    let faulty = Clean::with(unindexed);
    content::connect(&faulty.path)
        .batch_execute(OBJECTS)
        .unwrap();
    let mut found: Vec<_> = found.iter().map(|line| (*line).to_owned()).collect();
    found.splice(1..1, not_checked.map(str::to_owned));
    assert_eq!(faulty.findings(), found);
}

#[test]
fn verify_leaves_the_log_of_a_killed_process_unchanged() {
    let copy = Copy::of("populated/wal-0.6.0a4.db");
    let before = copy.files();
    verify(&copy.path);
    let after = copy.files();
    for (file, bytes) in &before {
        assert!(after[file] == *bytes, "{file}");
    }
}

#[test]
fn verify_can_be_interrupted() {
    struct Stop;

    impl Observer for Stop {
        fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }

    let clean = Clean::new();
    let error = verify_sqlite_database(&clean.path, &VerifyOptions::default(), &mut Stop);
    assert!(
        matches!(&error, Err(error) if matches!(error.kind, ErrorKind::Interrupted)),
        "{error:?}"
    );
}

#[test]
fn verify_works_where_nothing_may_be_written() {
    use std::os::unix::fs::PermissionsExt;

    let clean = Clean::with("UPDATE pools SET token1_id = 1 WHERE id = 2");
    let folder = clean.path.parent().unwrap();
    fs::set_permissions(&clean.path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    let (_folder, binary) = public_copy_of_the_binary();
    let mut command = unprivileged(&binary);
    command
        .args(["--database", "degenbot.db", "database", "verify"])
        .current_dir(folder);
    let told = run(command, "");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    insta::assert_snapshot!(told, @r"
    status: 3
    --- stdout
    Rule         Table  Rows
    token-order  pools     1
        2  0x3000000000000000000000000000000000000002  ethereum_uniswap_v3
           the address of token0_id 1 is not below that of token1_id 1
    --- stderr
    error: 1 problem found in degenbot.db
    hint: 'degenbot database verify --help' says what to do about each rule
    ");
    assert_eq!(corpus::files(folder).len(), 1);
}

#[test]
fn verify_reports_a_sound_database() {
    let clean = Clean::new();
    insta::assert_snapshot!(quietly(&clean.path, &["database", "verify"]), @r"
    status: 0
    --- stdout
    degenbot.db is sound
    --- stderr
    ");
    insta::assert_snapshot!(quietly(&clean.path, &["database", "verify", "--quick"]), @r"
    status: 0
    --- stdout
    degenbot.db is sound, as far as --quick checks it
    --- stderr
    ");
    let document = json(&clean.path, 0);
    let latest = SchemaVersion::latest();
    assert_eq!(document["version"]["migration"], latest.migration());
    assert_eq!(document["findings"].as_array().unwrap().len(), 0);
}

/// Several faults, one of them many times.
fn faulty() -> Clean {
    Clean::with(
        "UPDATE erc20_tokens SET symbol = CAST(x'1b5b41ff' AS TEXT) WHERE id = 2;
         UPDATE liquidity_positions SET liquidity_net = '499' WHERE id = 11;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
         INSERT INTO aave_v3_contracts (market_id, name, address)
         SELECT 7, 'ORACLE', printf('0xabcdefabcdefabcdefabcdefabcdef%010d', i) FROM n",
    )
}

#[test]
fn verify_lists_findings() {
    let faulty = faulty();
    let told = quietly(&faulty.path, &["database", "verify"]);
    insta::assert_snapshot!(told, @r#"
    status: 3
    --- stdout
    Rule              Table               Rows
    foreign-key       aave_v3_contracts  1,234
         2  0xabcdefabcdefabcdefabcdefabcdef0000000001
            market_id 7 is not in aave_v3_markets
         3  0xabcdefabcdefabcdefabcdefabcdef0000000002
            market_id 7 is not in aave_v3_markets
         4  0xabcdefabcdefabcdefabcdefabcdef0000000003
            market_id 7 is not in aave_v3_markets
         5  0xabcdefabcdefabcdefabcdefabcdef0000000004
            market_id 7 is not in aave_v3_markets
         6  0xabcdefabcdefabcdefabcdefabcdef0000000005
            market_id 7 is not in aave_v3_markets
         7  0xabcdefabcdefabcdefabcdefabcdef0000000006
            market_id 7 is not in aave_v3_markets
         8  0xabcdefabcdefabcdefabcdefabcdef0000000007
            market_id 7 is not in aave_v3_markets
         9  0xabcdefabcdefabcdefabcdefabcdef0000000008
            market_id 7 is not in aave_v3_markets
        10  0xabcdefabcdefabcdefabcdefabcdef0000000009
            market_id 7 is not in aave_v3_markets
        11  0xabcdefabcdefabcdefabcdefabcdef0000000010
            market_id 7 is not in aave_v3_markets
        and 1,224 more
    value             erc20_tokens           1
        2  0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2
           symbol: expected a text in UTF-8, found "\u{1b}[A�"
    address-checksum  aave_v3_contracts  1,234
         2  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000001"
         3  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000002"
         4  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000003"
         5  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000004"
         6  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000005"
         7  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000006"
         8  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000007"
         9  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000008"
        10  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000009"
        11  address: found "0xabcdefabcdefabcdefabcdefabcdef0000000010"
        and 1,224 more
    liquidity-sum     pools                  1
        2  0x3000000000000000000000000000000000000002  ethereum_uniswap_v3
           the net liquidity of its ticks adds up to -1
    --- stderr
    error: 2,470 problems found in degenbot.db
    hint: 'degenbot database verify --help' says what to do about each rule
    "#);
    let longest = told.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest <= 80, "{longest}: {told}");
}

#[test]
fn verify_json_is_one_object_on_stdout() {
    let document = json(&faulty().path, 3);
    assert_eq!(document["format"], 2);
    assert_eq!(document["path"], "degenbot.db");
    assert_eq!(document["quick"], false);
    let findings = document["findings"].as_array().unwrap();
    let finding = &findings[0];
    assert_eq!(finding["rule"], "foreign-key");
    assert_eq!(finding["table"], "aave_v3_contracts");
    assert_eq!(finding["rows"], 1_234);
    assert_eq!(finding["examples"].as_array().unwrap().len(), 10);
    assert_eq!(finding["examples"][0]["id"], 2);
    assert_eq!(
        finding["examples"][0]["detail"],
        "market_id 7 is not in aave_v3_markets"
    );
    assert_eq!(findings.len(), 4);
    assert_eq!(document["total"], 2_470);
    assert_eq!(document["not_checked"], 0);
}

fn json(path: &Path, status: i32) -> serde_json::Value {
    let output = on(path, &["database", "verify", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(status));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn verify_names_rows_by_their_keys() {
    let faulty = Clean::with(
        "UPDATE pools SET token1_id = 1 WHERE id = 2; DELETE FROM exchanges WHERE id = 2; \
         UPDATE erc20_tokens SET decimals = 256 WHERE id = 2",
    );
    let report = verify(&faulty.path);
    let keys = |query| content::lines(&mut content::connect(&faulty.path), query);
    let tokens = keys("SELECT address AS line FROM erc20_tokens WHERE id = 2");
    let pools = keys("SELECT address AS line FROM pools WHERE id = 2");
    let example = |rule| {
        let finding = report.findings.iter().find(|finding| finding.rule == rule);
        finding.unwrap().examples[0].clone()
    };
    let token = example(Rule::Value);
    assert_eq!((token.id, token.key.as_ref()), (Some(2), tokens.first()));
    assert_eq!(token.exchange, None);
    let pool = example(Rule::TokenOrder);
    assert_eq!((pool.id, pool.key.as_ref()), (Some(2), pools.first()));
}

#[test]
fn verify_prints_names_of_any_length() {
    let name = "x".repeat(70_000);
    let long = Clean::with(&format!(
        "CREATE TABLE {name} (a REFERENCES pools (id)); INSERT INTO {name} VALUES (77)"
    ));
    let told = quietly(&long.path, &["database", "verify"]);
    assert!(told.starts_with("status: 3"), "{}", &told[..200]);
    assert!(told.contains(&name[..50]));
}

#[test]
fn verify_of_a_locked_database_suggests_no_option_that_it_lacks() {
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let mut writer = content::connect(&copy.path);
    writer
        .batch_execute("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
        .unwrap();
    let told = quietly(&copy.path, &["database", "verify"]);
    assert!(told.contains("is locked by another program"), "{told}");
    assert!(told.ends_with("or stop it, and try again\n"), "{told}");
}

/// A text that is not UTF-8 keeps an upgrade from reading the row.
#[test]
fn verify_names_rows_of_early_databases() {
    let copy = Copy::of("populated/populated-0.5.0a2.db");
    content::connect(&copy.path)
        .batch_execute(
            "UPDATE aerodrome_v2_pools SET token0 = CAST(x'3078ff41' AS TEXT) \
             WHERE rowid = (SELECT min(rowid) FROM aerodrome_v2_pools)",
        )
        .unwrap();
    let report = verify(&copy.path);
    assert_eq!(report.version, None);
    let found = lines(&report);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("value aerodrome_v2_pools ")),
        "{found:?}"
    );
}

#[test]
fn verify_names_the_temporary_folder_that_is_full() {
    let Some(library) = faults::library() else {
        return;
    };
    let clean = Clean::with(
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) \
         INSERT INTO erc20_tokens (id, chain, address) SELECT i, 1, printf('0x%0400d', i) FROM n",
    );
    let folder = tempfile::tempdir().unwrap();
    let mut command = on(&clean.path, &["database", "verify"]);
    command.env("SQLITE_TMPDIR", folder.path());
    faults::preload(&mut command, library, folder.path());
    // The first call creates a file.
    let fault = faults::Fault {
        at: 2,
        error: Errno::NOSPC,
        sticky: true,
    };
    fault.inject(&mut command);
    let told = run(command, "");
    let told = told.replace(&*folder.path().to_string_lossy(), "FOLDER");
    insta::assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    error: The disk of the folder for temporary files is full: FOLDER ran out of space while degenbot.db was in use
    hint: Free some space there, or name another folder in SQLITE_TMPDIR
    ");
}

#[test]
fn upgrade_names_the_temporary_folder_that_is_full() {
    let Some(library) = faults::library() else {
        return;
    };
    // The upgrade creates an index, for which SQLite sorts the tokens.
    let clean = Clean::with(
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) \
         INSERT INTO erc20_tokens (id, chain, address, name) \
         SELECT i, 1, printf('0x%040d', i), hex(randomblob(30)) FROM n",
    );
    let first = ["database", "downgrade", "--to", "eb4080485a56", "--force"];
    run(on(&clean.path, &first), "");
    let folder = tempfile::tempdir().unwrap();
    let mut command = on(&clean.path, &["database", "upgrade", "--force"]);
    command.env("SQLITE_TMPDIR", folder.path());
    faults::preload(&mut command, library, folder.path());
    let fault = faults::Fault {
        at: 2,
        error: Errno::NOSPC,
        sticky: true,
    };
    fault.inject(&mut command);
    let told = run(command, "");
    let told = told.replace(&*folder.path().to_string_lossy(), "FOLDER");
    insta::assert_snapshot!(told, @r"
    status: 1
    --- stdout
    --- stderr
    error: The disk of the folder for temporary files is full: FOLDER ran out of space while degenbot.db was in use
    hint: Nothing was changed. Free some space there, or name another folder in SQLITE_TMPDIR
    ");
}

#[test]
fn verify_suggests_a_remedy_for_damage() {
    let copy = Copy::of("odd/corrupt-sqlite-master.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "verify"]), @r"
    status: 3
    --- stdout
    Rule       Table  Rows
    integrity  -         1
        database disk image is malformed
    --- stderr
    error: 1 problem found in degenbot.db
    hint: Move it away with its -wal, and 'degenbot database restore' puts degenbot.db.bak in its place, if there is one; or salvage a copy with the '.recover' command of the sqlite3 shell
    ");
}

#[test]
fn verify_refuses_early_and_foreign_databases() {
    let copy = Copy::of("populated/populated-0.5.0b1.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "verify"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db has the schema of b20f5564b3b6, from before the first stable one (eb4080485a56)
    hint: Bring it to the newest version with 'degenbot database upgrade'
    ");
    let copy = Copy::of("odd/foreign-no-stamp.db");
    insta::assert_snapshot!(quietly(&copy.path, &["database", "verify", "--json"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: The database at degenbot.db is not a degenbot database: its tables are notes, pools
    hint: Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file)
    ");
}
