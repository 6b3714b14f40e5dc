//! Benchmark of upgrades of large databases: their time compared with the `sqlite3` shell, as processes that run
//! in turn, and the memory of a rebuild.
//!
//! - A rebuild of a million rows takes at most half the time of `sqlite3 OLD .dump | sqlite3 NEW`.
//! - A rebuild of ten times the rows takes at most 1.2 times the memory.
//! - An upgrade in place of ten million rows takes at most 1.2 times the time of the same migrations in the
//!   shell.

#![expect(clippy::print_stdout, reason = "it prints the figures")]

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

const RUNS: usize = 3;
const MILLION: u64 = 1_000_000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    // `cargo test --benches` only checks that this program builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let [small, large] = ["small.db", "large.db"].map(|name| folder.join(name));
    generate(&small, MILLION)?;
    rebuild_beside_a_dump(folder, &small)?;

    generate(&large, 10 * MILLION)?;
    let memory = [&small, &large].map(|model| memory_of_a_rebuild(folder, model));
    let [few, many] = memory;
    let (few, many) = (few?, many?);
    println!("memory of a rebuild     {few:>7} KiB, of ten times the rows {many} KiB");
    judge(
        "  ten times / once      ",
        f64::from(many) / f64::from(few),
        1.2,
    )?;
    in_place_beside_the_shell(folder, &large)
}

fn rebuild_beside_a_dump(folder: &Path, model: &Path) -> Result<()> {
    let [ours, old, new] = ["ours.db", "old.db", "new.db"].map(|name| folder.join(name));
    let (mut rebuilds, mut dumps) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        copy(model, &ours)?;
        rebuilds.push(time(&mut upgrade(&ours))?);
        copy(model, &old)?;
        remove(&new);
        let mut dump = Command::new("sh");
        dump.arg("-c").arg("sqlite3 \"$0\" .dump | sqlite3 \"$1\"");
        dumps.push(time(dump.arg(&old).arg(&new))?);
    }
    for file in [&ours, &old, &new] {
        remove(file);
    }
    let (rebuild, dump) = (median(rebuilds), median(dumps));
    println!("rebuild of a million    {rebuild:>10.2?}  (median of {RUNS})");
    println!(".dump | sqlite3         {dump:>10.2?}  (median of {RUNS})");
    judge("  ratio                 ", ratio(rebuild, dump), 0.5)
}

fn in_place_beside_the_shell(folder: &Path, model: &Path) -> Result<()> {
    let [stable, ours, theirs] =
        ["stable.db", "ours.db", "theirs.db"].map(|name| folder.join(name));
    copy(model, &stable)?;
    let first = ["--to", "eb4080485a56"];
    run(upgrade(&stable).args(first))?;
    let mut statements = String::from("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE;\n");
    let mut migrations: Vec<_> = fs::read_dir("migrations")?
        .map(|entry| entry.map(|entry| entry.path().join("up.sql")))
        .collect::<std::result::Result<_, _>>()?;
    migrations.sort();
    for migration in migrations.iter().skip(1) {
        statements.push_str(&fs::read_to_string(migration)?);
    }
    statements.push_str("COMMIT;\n");
    let script = folder.join("up.sql");
    fs::write(&script, statements)?;
    let (mut upgrades, mut scripts) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        copy(&stable, &ours)?;
        upgrades.push(time(&mut upgrade(&ours))?);
        copy(&stable, &theirs)?;
        let mut shell = Command::new("sqlite3");
        shell.arg(&theirs).stdin(fs::File::open(&script)?);
        scripts.push(time(&mut shell)?);
    }
    let (upgrade, shell) = (median(upgrades), median(scripts));
    println!("in place, ten million   {upgrade:>10.2?}  (median of {RUNS})");
    println!("its migrations, shell   {shell:>10.2?}  (median of {RUNS})");
    judge("  ratio                 ", ratio(upgrade, shell), 1.2)
}

/// Generates a database of release 0.5.0a2 with this number of rows: 15 % tokens, 15 % pools and their
/// subclass rows, the rest liquidity positions.
fn generate(path: &Path, rows: u64) -> Result<()> {
    fs::write(path, fresh_a2()?)?;
    let tokens = rows * 15 / 100;
    let pools = rows * 15 / 100;
    let positions = rows - tokens - 2 * pools;
    let per_pool = positions * 2 / pools + 1;
    // The references are spread like hashes: neighbours in one table are not neighbours in another.
    let address = |salt: &str, number: &str| {
        format!(
            "printf('0x{salt}%08x%08x%08x%08x0', ({number}) * 2654435761 % 4294967296, \
             ({number}) * 40503 % 4294967296, ({number}) * 97 % 65536, {number})"
        )
    };
    let token = |multiplier: u64| address("beef123", &format!("1 + i * {multiplier} % {tokens}"));
    let fill = |into: &str, first: u64, last: u64, step: u64, values: &str| {
        format!(
            "WITH RECURSIVE n(i) AS \
             (SELECT {first} UNION ALL SELECT i + {step} FROM n WHERE i + {step} <= {last}) \
             INSERT INTO {into} SELECT {values} FROM n;"
        )
    };
    let mut connection = SqliteConnection::establish(&path.display().to_string())?;
    connection.batch_execute(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN",
    )?;
    for statement in [
        fill(
            "erc20_tokens",
            1,
            tokens,
            1,
            &format!(
                "i, {}, 1, 'Token ' || i, 'T' || i, 18",
                address("beef123", "i")
            ),
        ),
        fill(
            "pools",
            1,
            pools,
            1,
            &format!(
                "i, {}, 1, iif(i % 2, 'uniswap_v2', 'uniswap_v3')",
                address("cafe123", "i")
            ),
        ),
        fill(
            "uniswap_v2_pools",
            1,
            pools,
            2,
            &format!(
                "i, {}, {}, '0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f', NULL, 3, 3, 1000",
                token(48_271),
                token(69_621)
            ),
        ),
        fill(
            "uniswap_v3_pools",
            2,
            pools,
            2,
            &format!(
                "i, 60, 1, {}, {}, '0x1F98431c8aD98523631AE4a59f267346ea31F984', NULL, 3000, 3000, \
                 1000000",
                token(48_271),
                token(69_621)
            ),
        ),
        fill(
            "liquidity_positions",
            1,
            positions,
            1,
            &format!(
                "i, 2 + i / {per_pool} * 2, (i % {per_pool} - 10) * 60, \
                 CAST(abs(random()) AS TEXT) || abs(random() % 1000000), \
                 CAST(abs(random()) AS TEXT) || abs(random() % 1000000)"
            ),
        ),
    ] {
        connection.batch_execute(&statement)?;
    }
    connection.batch_execute("COMMIT; PRAGMA journal_mode = WAL")?;
    Ok(())
}

/// The empty database of release 0.5.0a2, from the tests' archive.
fn fresh_a2() -> Result<Vec<u8>> {
    let mut decoder = zstd::Decoder::new(fs::File::open("tests/corpus.tar.zst")?)?;
    decoder.window_log_max(27)?;
    for entry in tar::Archive::new(decoder).entries()? {
        let mut entry = entry?;
        if entry.path()?.ends_with("fresh/fresh-0.5.0a2.db") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Err("the archive has no database of 0.5.0a2".into())
}

fn upgrade(path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_degenbot"));
    command
        .arg("--database")
        .arg(path)
        .args(["database", "upgrade", "--force"]);
    command
}

/// The peak resident memory of a rebuild, in KiB.
fn memory_of_a_rebuild(folder: &Path, model: &Path) -> Result<u32> {
    let path = folder.join("memory.db");
    copy(model, &path)?;
    let mut child = upgrade(&path).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kibibytes.unwrap_or(0).max(peak);
    }
    remove(&path);
    if !child.wait()?.success() {
        return Err("the rebuild failed".into());
    }
    Ok(peak)
}

/// Copies a database, so that it is in the page cache and no other data is being written.
fn copy(model: &Path, path: &Path) -> Result<()> {
    remove(path);
    fs::copy(model, path)?;
    run(&mut Command::new("sync"))?;
    Ok(())
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", ".pre-upgrade"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

fn run(command: &mut Command) -> Result<()> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if command.status()?.success() {
        Ok(())
    } else {
        Err(format!("{command:?} failed").into())
    }
}

fn time(command: &mut Command) -> Result<Duration> {
    let began = Instant::now();
    run(command)?;
    Ok(began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn judge(what: &str, ratio: f64, limit: f64) -> Result<()> {
    println!("{what}{ratio:>10.2}  (limit {limit})");
    if ratio > limit {
        return Err("the limit is exceeded".into());
    }
    Ok(())
}
