//! Benchmark of the maintenance of a large database, compared with the tools that do it without degenbot, as
//! processes that run in turn; and of the time that a writing program has to wait meanwhile.
//!
//! - `database backup` of a gigabyte takes at most 1.2 times the time of `cp` and `sync`, and at most twice that
//!   time beside a program that commits a hundred times a second. The slowest commit of that program takes at
//!   most 50 ms longer than its slowest one in an equally long time before. On a file system on which files can share
//!   their space, `cp` copies all the same, and the backup takes at most 50 ms (`scripts/clones --bench`).
//! - `database compact` takes at most 0.6 times the time of the `VACUUM` of the `sqlite3` shell, and at most 1.05
//!   times that time if another program has the database open.
//! - `database reset` takes less than three times the time of creating the schema with the shell.
//! - `database verify` of a million pools and 7.9 million ticks takes at most 0.8 times the `PRAGMA integrity_check` of the
//!   shell with two threads, and at most 0.2 times with sixteen, on a machine that has as many cores. It checks the rules of
//!   the domain as well. Of the time of one thread, a fifth is the walk through the pages, and the rest are the rules: each
//!   looks up rows through SQLite. The limit of sixteen threads has not been measured.
//!
//! `DEGENBOT_BENCH_MEGABYTES` sets the size of the database, `DEGENBOT_BENCH_POOLS` and `DEGENBOT_BENCH_TICKS` that of the
//! one that is verified. `DEGENBOT_BENCH_ONLY=verify` leaves out the rest.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints the figures, and shares its generator with the tests"
)]

#[path = "../tests/support/generator/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod generator;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use degenbot::database::{backup_path, create_new_sqlite_database};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

const RUNS: usize = 3;
const RESETS: usize = 20;
const POOLS: u64 = 30_000;
/// The size of a position with its index entry.
const BYTES_OF_A_POSITION: u64 = 90;
/// The time between two commits of the writer.
const WRITERS_INTERVAL: Duration = Duration::from_millis(10);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["writer", path] => return write(Path::new(path)),
        ["holder", path] => return hold(Path::new(path)),
        // `cargo test --benches` only checks that this program builds and starts.
        _ if !arguments.contains(&"--bench") => return Ok(()),
        _ => {}
    }
    let megabytes = match std::env::var("DEGENBOT_BENCH_MEGABYTES") {
        Ok(megabytes) => megabytes.parse()?,
        Err(_) => 1_100,
    };
    let folder = tempfile::tempdir()?;
    let mut limits = Limits::default();
    verifications(folder.path(), &mut limits)?;
    if std::env::var("DEGENBOT_BENCH_ONLY").is_ok_and(|only| only == "verify") {
        return limits.judge();
    }
    let model = folder.path().join("model.db");
    generate(&model, (megabytes << 20) / BYTES_OF_A_POSITION)?;
    println!(
        "the database           {:>8} MiB",
        fs::metadata(&model)?.len() >> 20
    );
    backups(folder.path(), &model, &mut limits)?;
    make_holes(&model)?;
    compactions(folder.path(), &model, false, &mut limits)?;
    compactions(folder.path(), &model, true, &mut limits)?;
    resets(folder.path(), &mut limits)?;
    limits.judge()
}

/// The limits that were exceeded. They are reported after all measurements.
#[derive(Default)]
struct Limits(Vec<String>);

impl Limits {
    fn ratio(&mut self, what: &str, one: Duration, other: Duration, limit: f64) {
        let ratio = one.as_secs_f64() / other.as_secs_f64();
        println!("  ratio                 {ratio:>10.2}  (limit {limit})");
        if ratio > limit {
            self.0
                .push(format!("{what}: {ratio:.2} instead of {limit}"));
        }
    }

    fn time(&mut self, what: &str, time: Duration, limit: Duration) {
        println!("  {what:<22}{time:>10.2?}  (limit {limit:?})");
        if time > limit {
            self.0
                .push(format!("{what}: {time:.2?} instead of {limit:?}"));
        }
    }

    fn judge(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(format!("limits are exceeded: {}", self.0.join("; ")).into())
    }
}

fn backups(folder: &Path, database: &Path, limits: &mut Limits) -> Result<()> {
    let copy = folder.join("copy.db");
    let backup = backup_path(database);
    let is_cloned = can_clone(folder)?;
    let (mut copies, mut alone, mut beside, mut delays) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        prepare(&[&copy, &backup])?;
        let mut shell = Command::new("sh");
        let cp = if is_cloned {
            "cp --reflink=never"
        } else {
            "cp"
        };
        shell.args(["-c", &format!("{cp} \"$0\" \"$1\" && sync \"$1\"")]);
        copies.push(time(shell.arg(database).arg(&copy))?);

        prepare(&[&copy, &backup])?;
        alone.push(time(&mut degenbot(database, &["backup", "--force"]))?);

        prepare(&[&copy, &backup])?;
        let mut writer = Writer::start(database)?;
        let expected = beside.last().or(alone.last()).copied().unwrap_or_default();
        writer.slowest()?;
        thread::sleep(expected);
        let before = writer.slowest()?;
        beside.push(time(&mut degenbot(database, &["backup", "--force"]))?);
        let meanwhile = writer.slowest()?;
        println!("  slowest commit        {before:>10.2?} before, {meanwhile:.2?} meanwhile");
        delays.push(meanwhile.saturating_sub(before));
        writer.stop()?;
    }
    prepare(&[&copy, &backup])?;
    let (copies, alone, beside) = (median(copies), median(alone), median(beside));
    tell("cp && sync", copies);
    tell("backup", alone);
    limits.ratio("backup", alone, copies, 1.2);
    if is_cloned {
        limits.time("backup, a clone", alone, Duration::from_millis(50));
    }
    tell("backup beside a writer", beside);
    limits.ratio("backup beside a writer", beside, copies, 2.0);
    limits.time(
        "delay of a commit",
        median(delays),
        Duration::from_millis(50),
    );
    Ok(())
}

/// Whether files in a folder can share their space on the disk.
fn can_clone(folder: &Path) -> Result<bool> {
    let [source, target] = ["to clone", "clone"].map(|name| folder.join(name));
    fs::write(&source, [1; 4096])?;
    let target = fs::File::create(target)?;
    Ok(rustix::fs::ioctl_ficlone(&target, fs::File::open(source)?).is_ok())
}

/// Measures compactions of copies, alone and with another program that has the database open.
fn compactions(folder: &Path, model: &Path, is_held: bool, limits: &mut Limits) -> Result<()> {
    let [ours, theirs] = ["ours.db", "theirs.db"].map(|name| folder.join(name));
    let (mut compactions, mut vacuums) = (vec![], vec![]);
    for _ in 0..RUNS {
        let mut vacuum = Command::new("sqlite3");
        vacuum.arg(&theirs).arg("vacuum");
        for (path, command, times) in [
            (&ours, &mut degenbot(&ours, &["compact"]), &mut compactions),
            (&theirs, &mut vacuum, &mut vacuums),
        ] {
            prepare(&[&ours, &theirs])?;
            fs::copy(model, path)?;
            prepare(&[])?;
            let holder = is_held.then(|| Holder::start(path)).transpose()?;
            times.push(time(command)?);
            holder.map(Holder::stop).transpose()?;
        }
    }
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len() >> 20);
    println!(
        "compacted from         {:>8} MiB to {} MiB",
        size(model),
        size(&theirs)
    );
    prepare(&[&ours, &theirs])?;
    let (compaction, vacuum) = (median(compactions), median(vacuums));
    let (what, limit) = if is_held {
        ("compact, open elsewhere", 1.05)
    } else {
        ("compact", 0.6)
    };
    tell(what, compaction);
    tell("sqlite3 DB vacuum", vacuum);
    limits.ratio(what, compaction, vacuum, limit);
    Ok(())
}

fn resets(folder: &Path, limits: &mut Limits) -> Result<()> {
    let [ours, theirs, script] = ["small.db", "new.db", "schema.sql"].map(|name| folder.join(name));
    create_new_sqlite_database(&ours)?;
    let schema = Command::new("sqlite3").arg(&ours).arg(".schema").output()?;
    fs::write(&script, schema.stdout)?;
    let (mut resets, mut shells) = (vec![], vec![]);
    for _ in 0..RESETS {
        prepare(&[])?;
        resets.push(time(&mut degenbot(&ours, &["reset", "--force"]))?);
        prepare(&[&theirs])?;
        let mut shell = Command::new("sqlite3");
        shell.arg(&theirs).stdin(fs::File::open(&script)?);
        shells.push(time(&mut shell)?);
    }
    let (reset, shell) = (median(resets), median(shells));
    tell("reset", reset);
    tell("sqlite3 NEW < schema", shell);
    limits.ratio("reset", reset, shell, 3.0);
    Ok(())
}

/// Measures verifications of a database that looks like a bot's, beside the shell's check of the file alone.
fn verifications(folder: &Path, limits: &mut Limits) -> Result<()> {
    let number = |name: &str, default| match std::env::var(name) {
        Ok(number) => number.parse(),
        Err(_) => Ok(default),
    };
    let path = folder.join("verified.db");
    let size = generator::Size {
        pools: number("DEGENBOT_BENCH_POOLS", 1_000_000)?,
        ticks: number("DEGENBOT_BENCH_TICKS", 7_900_000)?,
        seed: 1,
    };
    let content = generator::generate(&path, size)?;
    println!(
        "to verify              {:>8} MiB, {} pools, {} ticks",
        fs::metadata(&path)?.len() >> 20,
        content.pools + content.managed_pools,
        content.ticks
    );
    let cores = thread::available_parallelism()?.get();
    let threads = [(1, None), (2, Some(0.8)), (16, Some(0.2))];
    let threads = threads.into_iter().filter(|(threads, _)| *threads <= cores);
    let mut ours: Vec<_> = threads
        .map(|(threads, limit)| (threads, limit, vec![]))
        .collect();
    let mut shells = vec![];
    for _ in 0..RUNS {
        prepare(&[])?;
        let mut shell = Command::new("sqlite3");
        shells.push(time(shell.arg(&path).arg("PRAGMA integrity_check"))?);
        for (threads, _, times) in &mut ours {
            let threads = threads.to_string();
            times.push(time(&mut degenbot(
                &path,
                &["verify", "--threads", &threads],
            ))?);
        }
    }
    prepare(&[&path])?;
    let shell = median(shells);
    tell("PRAGMA integrity_check", shell);
    for (threads, limit, times) in ours {
        let what = format!("verify, {threads} threads");
        let time = median(times);
        tell(&what, time);
        if let Some(limit) = limit {
            limits.ratio(&what, time, shell, limit);
        }
    }
    Ok(())
}

/// Generates a database with this number of positions of V3 pools.
fn generate(path: &Path, positions: u64) -> Result<()> {
    create_new_sqlite_database(path)?;
    let ticks = positions / POOLS + 1;
    connect(path)?.batch_execute(&format!(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN; \
         INSERT INTO exchanges (id, chain_id, name, active, factory) \
             VALUES (1, 1, 'uniswap_v3', 1, printf('0x%040x', 1)); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {POOLS}) \
         INSERT INTO erc20_tokens (id, chain, address) \
             SELECT i, 1, printf('0x%040x', i * 2654435761 % 4294967296) FROM n; \
         INSERT INTO pools (id, address, chain, kind, token0_id, token1_id, exchange_id) \
             SELECT id, address, 1, 'uniswap_v3', id, {POOLS} + 1 - id, 1 FROM erc20_tokens; \
         INSERT INTO uniswap_v3_pools \
             (pool_id, tick_spacing, fee_token0, fee_token1, fee_denominator) \
             SELECT id, 60, 3000, 3000, 1000000 FROM pools; \
         WITH RECURSIVE pool(p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM pool WHERE p < {POOLS}), \
                        place(t) AS (SELECT 0 UNION ALL SELECT t + 1 FROM place WHERE t + 1 < {ticks}) \
         INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) \
             SELECT p, t * 60, abs(random()) || abs(random() % 1000000), \
                    abs(random()) || abs(random() % 1000000) \
             FROM pool, place; \
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE)"
    ))?;
    Ok(())
}

/// Deletes every tenth position, so that the pages are no longer full.
fn make_holes(path: &Path) -> Result<()> {
    connect(path)?.batch_execute(
        "PRAGMA synchronous = OFF; DELETE FROM liquidity_positions WHERE id % 10 = 0; \
         PRAGMA wal_checkpoint(TRUNCATE)",
    )?;
    Ok(())
}

fn connect(path: &Path) -> Result<SqliteConnection> {
    let mut connection = SqliteConnection::establish(&path.display().to_string())?;
    connection.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA synchronous = NORMAL")?;
    Ok(connection)
}

fn degenbot(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_degenbot"));
    command
        .arg("--database")
        .arg(path)
        .arg("database")
        .args(arguments);
    command
}

/// A process that changes a few rows a hundred times a second, and measures its commits.
struct Writer {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Writer {
    fn start(database: &Path) -> Result<Self> {
        let (child, questions, answers) = start("writer", database)?;
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    /// The duration of its slowest commit since the last question.
    fn slowest(&mut self) -> Result<Duration> {
        self.questions.write_all(b"\n")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(Duration::from_micros(answer.trim().parse()?))
    }

    fn stop(mut self) -> Result<()> {
        drop(self.questions);
        finish(&mut self.child)
    }
}

/// The process of a [`Writer`]. It runs until its stdin closes.
fn write(path: &Path) -> Result<()> {
    let (asked, asks) = channel();
    thread::spawn(move || {
        for line in std::io::stdin().lines() {
            // Both ends of the channel close with the process.
            let _ = line.map(|_| asked.send(()));
        }
    });
    let mut connection = connect(path)?;
    let mut slowest = Duration::ZERO;
    let mut pool: u64 = 1;
    loop {
        // A Lehmer generator: consecutive pools are far apart.
        pool = pool * 48_271 % 0x7fff_ffff;
        let began = Instant::now();
        connection.batch_execute(&format!(
            "BEGIN IMMEDIATE; \
             UPDATE liquidity_positions SET liquidity_gross = abs(random()) \
                 WHERE pool_id = {pool} % {POOLS} + 1 AND tick < 600; \
             COMMIT"
        ))?;
        slowest = slowest.max(began.elapsed());
        match asks.recv_timeout(WRITERS_INTERVAL.saturating_sub(began.elapsed())) {
            Ok(()) => println!("{}", std::mem::take(&mut slowest).as_micros()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// A process that only has the database open.
struct Holder {
    child: Child,
    stdin: ChildStdin,
}

impl Holder {
    fn start(database: &Path) -> Result<Self> {
        let (child, stdin, mut answers) = start("holder", database)?;
        answers.read_line(&mut String::new())?;
        Ok(Self { child, stdin })
    }

    fn stop(mut self) -> Result<()> {
        drop(self.stdin);
        finish(&mut self.child)
    }
}

/// The process of a [`Holder`]. It runs until its stdin closes.
fn hold(path: &Path) -> Result<()> {
    let mut connection = connect(path)?;
    connection.batch_execute("SELECT * FROM exchanges")?;
    println!("open");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn start(role: &str, database: &Path) -> Result<(Child, ChildStdin, BufReader<ChildStdout>)> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(role)
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("a process without streams".into());
    };
    Ok((child, stdin, BufReader::new(stdout)))
}

fn finish(child: &mut Child) -> Result<()> {
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("a process beside it ended with {status}").into())
    }
}

/// Removes an existing file, and waits until no other data is being written.
fn prepare(unwanted: &[&PathBuf]) -> Result<()> {
    for path in unwanted {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", path.display()));
        }
    }
    run(&mut Command::new("sync"))
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

fn tell(what: &str, time: Duration) {
    println!("{what:<24}{time:>10.2?}  (median)");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
