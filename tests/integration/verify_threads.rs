//! `database verify` on several threads: the findings are the same for any number of them, and those that SQLite has.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use degenbot::database::{
    CancelToken, Error, ErrorKind, Observer, Rule, VerifyOptions, VerifyReport,
    create_new_sqlite_database, verify_sqlite_database,
};
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::support::cases;
use crate::support::command::{on, run};
use crate::support::content;
use crate::support::corpus::{self, Copy};
use crate::support::faults;
use crate::support::generator::random::Random;
use crate::support::generator::{Size, generate};
use crate::support::observer::{StopAt, Writer};

const THREADS: [usize; 4] = [1, 2, 3, 8];

fn verify(
    path: &Path,
    threads: usize,
    quick: bool,
    observer: &mut dyn Observer,
) -> Result<VerifyReport, Error> {
    let threads = NonZeroUsize::new(threads).unwrap();
    let options = VerifyOptions::default().quick(quick).threads(threads);
    verify_sqlite_database(path, &options, observer)
}

/// The report, or the error, for each number of threads. They are the same.
fn same_for_all(path: &Path, quick: bool, what: &str) -> Result<VerifyReport, String> {
    let reports = THREADS.map(|threads| {
        let report = verify(path, threads, quick, &mut ());
        report.map_err(|error| error.to_string())
    });
    for (report, threads) in reports.iter().zip(THREADS).skip(1) {
        assert_eq!(*report, reports[0], "{what}: {threads} threads");
    }
    reports[0].clone()
}

/// A database with small pages, so that its trees are deep, and enough pools to divide their tables.
fn generated(pools: u32, ticks: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let [made, path] = ["made.db", "degenbot.db"].map(|name| folder.path().join(name));
    let size = Size {
        pools,
        ticks,
        seed: 7,
    };
    generate(&made, size).unwrap();
    // The generator's connections close in their own time.
    content::connect(&made)
        .batch_execute(&format!("VACUUM INTO '{}'", path.display()))
        .unwrap();
    content::connect(&path)
        .batch_execute("PRAGMA page_size = 512; VACUUM; PRAGMA journal_mode = WAL")
        .unwrap();
    (folder, path)
}

#[test]
fn findings_do_not_depend_on_the_number_of_threads() {
    const FAULTS: &str = "PRAGMA foreign_keys = OFF; \
        UPDATE pools SET token0_id = token1_id WHERE id % 97 = 0; \
        UPDATE pools SET token1_id = id + 1000000 WHERE id % 89 = 0; \
        UPDATE pools SET address = upper(address) WHERE id % 83 = 0; \
        DELETE FROM uniswap_v3_pools WHERE pool_id % 79 = 0; \
        DELETE FROM pools WHERE id % 101 = 0; \
        UPDATE uniswap_v2_pools SET fee_token0 = fee_denominator + 1 WHERE pool_id % 73 = 0; \
        UPDATE uniswap_v3_pools SET liquidity_update_block = 999999999 WHERE pool_id % 71 = 0; \
        UPDATE erc20_tokens SET decimals = 256 WHERE id % 67 = 0; \
        UPDATE erc20_tokens SET address = (SELECT upper(o.address) FROM erc20_tokens AS o \
            WHERE o.id = erc20_tokens.id - 1) WHERE id % 1001 = 0; \
        UPDATE liquidity_positions SET liquidity_net = '1e18' WHERE id % 997 = 0; \
        UPDATE liquidity_positions SET liquidity_gross = '0' WHERE id % 991 = 0; \
        UPDATE liquidity_positions SET tick = tick + 1 WHERE id % 983 = 0; \
        DELETE FROM liquidity_positions WHERE id % 977 = 0; \
        UPDATE initialization_maps SET bitmap = '3' WHERE id % 211 = 0; \
        UPDATE managed_pool_liquidity_positions SET managed_pool_id = -5 WHERE id % 199 = 0;";
    let (_folder, path) = generated(13_000, 20_000);
    let report = same_for_all(&path, false, "sound").unwrap();
    assert!(report.is_clean(), "{report:?}");
    content::connect(&path).batch_execute(FAULTS).unwrap();
    for quick in [false, true] {
        let report = same_for_all(&path, quick, "faulty").unwrap();
        let many = report.findings.iter().filter(|finding| finding.rows > 10);
        assert!(many.count() > if quick { 5 } else { 10 }, "{report:?}");
        for finding in &report.findings {
            // The first rows are shown, in the order of the table.
            let ids: Vec<_> = finding.examples.iter().map(|example| example.id).collect();
            let is_of_pools = finding.rule == Rule::PoolKind || finding.rule == Rule::TokenChain;
            assert!(!is_of_pools || ids.is_sorted(), "{finding:?}");
        }
    }
}

/// Damages a byte, or copies a page.
fn damage(bytes: &mut [u8], random: &mut Random) -> String {
    const PAGE: usize = 512;
    let mut below = |end: usize| usize::try_from(random.below(end.try_into().unwrap())).unwrap();
    let start = below(bytes.len() / PAGE) * PAGE;
    let kind = below(6);
    let at = match kind {
        0 => 28 + below(44),
        1 => start + below(12),
        2 => start + 8 + below(40),
        _ => start + below(PAGE),
    };
    if kind == 5 {
        let other = below(bytes.len() / PAGE) * PAGE;
        bytes.copy_within(other..other + PAGE, start);
    } else {
        bytes[at] = bytes[at].wrapping_add(1 + u8::try_from(below(255)).unwrap());
    }
    format!("kind {kind}, page {}, byte {at}", start / PAGE + 1)
}

/// `scripts/fuzz --verify` does the same with files of other content, many more of them, and another SQLite.
#[test]
fn what_sqlite_finds_in_damaged_databases_is_found_on_any_number_of_threads() {
    let (_folder, path) = generated(60, 600);
    content::connect(&path)
        .batch_execute(
            "PRAGMA journal_mode = DELETE; CREATE TABLE notes (note TEXT); \
             INSERT INTO notes SELECT printf('%0*d', id % 30 * 50, 1) FROM erc20_tokens; \
             CREATE INDEX notes_by_note ON notes (note); DELETE FROM notes WHERE rowid % 3 = 0",
        )
        .unwrap();
    let sound = fs::read(&path).unwrap();
    let seeds: Vec<u64> = (0..80).collect();
    let found = cases::map(&seeds, u64::to_string, |seed| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("degenbot.db");
        let mut bytes = sound.clone();
        let what = damage(&mut bytes, &mut Random::new(*seed));
        fs::write(&path, &bytes).unwrap();
        let check = "SELECT integrity_check AS line FROM pragma_integrity_check";
        let said = content::try_lines(&mut content::connect(&path), check)
            .unwrap_or_else(|error| vec![error.to_string()]);
        let report = same_for_all(&path, false, &what);
        assert!(fs::read(&path).unwrap() == bytes, "{what}");
        let Ok(report) = report else {
            return true;
        };
        // The rules about values say more of a value than SQLite does.
        let is_about_a_value = |line: &String| line.contains(" value in ");
        let is_damaged = said != ["ok"] && !said.iter().all(is_about_a_value);
        // SQLite does not notice that the tree of an empty index is that of a table.
        let is_ours = |line: &str| line.starts_with("database disk image is malformed: index ");
        let mut integrity = report
            .findings
            .iter()
            .filter(|found| found.rule == Rule::Integrity);
        let has_damage = integrity.any(|found| {
            let mut details = found.examples.iter().map(|example| example.detail.as_str());
            is_damaged || !details.all(is_ours)
        });
        assert_eq!(has_damage, is_damaged, "{what}: {said:?}: {report:?}");
        assert!(said == ["ok"] || !report.is_clean(), "{what}: {said:?}");
        is_damaged
    });
    let damaged = found.iter().filter(|is_damaged| **is_damaged).count();
    assert!(damaged > 40 && damaged < 80, "{damaged}");
}

#[test]
fn several_threads_read_one_state_beside_a_writer() {
    let (_folder, path) = generated(200, 2_000);
    let statement = "UPDATE liquidity_positions SET liquidity_net = liquidity_net || '0'";
    let mut writer = Writer::new(&path, statement);
    let report = verify(&path, 4, false, &mut writer).unwrap();
    assert!(writer.has_written);
    assert!(report.is_clean(), "{report:?}");
    let report = verify(&path, 4, false, &mut ()).unwrap();
    assert!(!report.is_clean());
}

#[test]
fn several_threads_are_right_while_a_writer_keeps_committing() {
    let (_folder, path) = generated(200, 2_000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = content::connect(&path);
            let mut commits = 0;
            while !done.load(Ordering::Relaxed) {
                commits += 1;
                // The ticks of each state add up, and nearly every page changes.
                let scaled = |column| match commits % 2 {
                    0 => format!("substr({column}, 1, length({column}) - 1)"),
                    _ => format!("{column} || '0'"),
                };
                connection
                    .batch_execute(&format!(
                        "PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = {}; BEGIN IMMEDIATE; \
                         UPDATE liquidity_positions SET liquidity_net = {}, liquidity_gross = {} \
                             WHERE liquidity_net <> '0'; COMMIT",
                        commits % 50 + 1,
                        scaled("liquidity_net"),
                        scaled("liquidity_gross")
                    ))
                    .unwrap();
            }
            commits
        });
        for _ in 0..15 {
            let report = verify(&path, 3, false, &mut ()).unwrap();
            assert!(report.is_clean(), "{report:?}");
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}

#[test]
fn several_threads_end_when_the_observer_stops_them() {
    let (_folder, path) = generated(2_000, 20_000);
    let is_interrupted = |result: Result<VerifyReport, Error>| matches!(&result, Err(error) if matches!(error.kind, ErrorKind::Interrupted));
    let mut left = 0;
    while is_interrupted(verify(&path, 3, false, &mut StopAt { left })) {
        left = left * 2 + 1;
    }
    assert!(left > 20, "{left}");
    let cancelled = CancelToken::new();
    cancelled.cancel();
    assert!(is_interrupted(verify(
        &path,
        3,
        false,
        &mut cancelled.clone()
    )));
}

#[test]
fn several_threads_leave_nothing_behind() {
    for name in [
        "populated/wal-0.6.0a4.db",
        "populated/populated-0.6.0a17.db",
    ] {
        let copy = Copy::of(name);
        let before = copy.files();
        let _ = verify(&copy.path, 4, false, &mut ());
        let after = copy.files();
        for (file, bytes) in &before {
            assert!(after[file] == *bytes, "{name}: {file}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    for mode in ["WAL", "DELETE", "PERSIST"] {
        content::connect(&path)
            .batch_execute(&format!("PRAGMA journal_mode = {mode}"))
            .unwrap();
        let before = corpus::files(folder.path());
        assert!(verify(&path, 4, false, &mut ()).unwrap().is_clean());
        assert!(corpus::files(folder.path()) == before, "{mode}");
    }
}

/// In rollback mode, a writer that waits for the readers lets in no others.
#[test]
fn several_threads_start_beside_a_writer_in_rollback_mode() {
    let (_folder, path) = generated(200, 2_000);
    let mut writer = content::connect(&path);
    writer
        .batch_execute(
            "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE; UPDATE exchanges SET active = active",
        )
        .unwrap();
    let report = verify(&path, 4, false, &mut ()).unwrap();
    assert!(report.is_clean(), "{report:?}");
    writer.batch_execute("COMMIT").unwrap();
}

#[test]
fn verify_works_if_no_thread_can_be_started() {
    let Some(library) = faults::library() else {
        return;
    };
    let (_folder, path) = generated(200, 2_000);
    let mut command = on(&path, &["database", "verify", "--threads", "3"]);
    faults::preload(&mut command, library, path.parent().unwrap());
    faults::refuse(&mut command, "thread", rustix::io::Errno::AGAIN);
    let told = run(command, "");
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert!(told.contains("is sound"), "{told}");
}
