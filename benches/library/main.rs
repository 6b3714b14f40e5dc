//! Benchmark of the library, compared with bare prepared statements, which run in turn in one process. The
//! database has a million pools and eight million ticks; `scripts/bench --pools N --ticks M --seed S` changes that.
//!
//! - All V3 tick maps of a chain take at most 1.3 times the bare loop over the same rows, and at most 0.8 times
//!   with two connections. The memory of the streamed form does not grow with the database.
//! - Writing all ticks to a Parquet file takes at most twice as long as reading their tick maps, and its memory does not grow
//!   with the database.
//! - All pools of a chain with their tokens and exchanges take at most 1.5 times the bare loop over the same rows,
//!   and at most 300 bytes a pool.
//! - Upserting a million tick positions in one transaction, into an empty and into a full table, takes at most
//!   1.25 times the bare loop; upserting them again takes at most 0.6 times.
//! - Inserting 100,000 new V2 pools with their tokens takes at most 1.5 times the bare statements.
//! - Finding one pool by its address takes at most 1.3 times the bare statements; getting a connection of the pool
//!   and giving it back takes at most 6 µs. It takes 3 µs more if the session has changed a pragma that is set again.
//! - Ten times the rows take at most eleven times the time.
//!
//! Point reads go through Diesel, whose cache of prepared statements costs some tenths of a microsecond a query.
//! Operations on millions of rows go through `src/sqlite/statement.rs`. For reading ticks alone, Diesel would be
//! about as fast (the line `Diesel`), because both decode a column with the same code. But Diesel's rows borrow the
//! connection, so ticks and words, or pools and the tables of their kinds, could not be read in parallel streams.
//! And Diesel prepares an insertion of many rows again for each batch.

#![expect(
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the figures are what it is for, and it is for developers"
)]

mod bare;
#[cfg(feature = "export")]
mod export;
#[path = "../../tests/support/generator/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod generator;
mod memory;
mod reads;
mod writes;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use generator::{Content, Size, generate};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 5;
const POOLS: u32 = 1_000_000;
const TICKS: u32 = 8_000_000;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["memory", what, path] => {
            memory::measure(what, Path::new(path))?;
            return Ok(ExitCode::SUCCESS);
        }
        // `cargo test --benches` only checks that this program builds and starts.
        _ if !arguments.contains(&"--bench") => return Ok(ExitCode::SUCCESS),
        _ => {}
    }
    let pools = number("DEGENBOT_BENCH_POOLS", POOLS)?;
    let ticks = number("DEGENBOT_BENCH_TICKS", TICKS)?;
    let seed = number("DEGENBOT_BENCH_SEED", 1)?;
    let folder = tempfile::tempdir()?;
    let database = |name: &str, part: u32| -> Result<Subject> {
        let path = folder.path().join(name);
        let size = Size {
            pools: pools / part,
            ticks: ticks / part,
            seed: seed.into(),
        };
        let content = generate(&path, size)?;
        Ok(Subject { path, content })
    };
    let tenth = database("tenth.db", 10)?;
    let whole = database("whole.db", 1)?;
    println!(
        "{} pools, {} ticks, {} words, {} MiB",
        whole.content.pools + whole.content.managed_pools,
        whole.content.ticks,
        whole.content.words,
        std::fs::metadata(&whole.path)?.len() >> 20
    );
    let mut limits = Limits {
        count: pools >= POOLS && ticks >= TICKS,
        exceeded: false,
    };
    if !limits.count {
        println!("The limits are for {POOLS} pools and {TICKS} ticks, and do not apply here.");
    }
    let only = std::env::var("DEGENBOT_BENCH_ONLY").unwrap_or_default();
    if only.is_empty() || only == "reads" {
        reads::bench(&mut limits, &tenth, &whole)?;
    }
    #[cfg(feature = "export")]
    if only.is_empty() || only == "export" {
        export::bench(&mut limits, &tenth, &whole)?;
    }
    if only.is_empty() || only == "memory" {
        memory::bench(&mut limits, &tenth, &whole)?;
    }
    if only.is_empty() || only == "writes" {
        writes::bench(&mut limits, folder.path(), &tenth, &whole)?;
    }
    Ok(limits.verdict())
}

fn number(variable: &str, usual: u32) -> Result<u32> {
    Ok(match std::env::var(variable) {
        Ok(number) => number.parse()?,
        Err(_) => usual,
    })
}

/// A database to measure on.
struct Subject {
    path: PathBuf,
    content: Content,
}

/// Figures and their limits.
struct Limits {
    /// Whether the database has the size that the limits are for.
    count: bool,
    exceeded: bool,
}

impl Limits {
    /// Prints a figure and its limit.
    pub fn check(&mut self, what: &str, figure: f64, limit: f64, details: &str) {
        let is_too_much = self.count && figure > limit;
        let mark = if is_too_much { "TOO MUCH" } else { "" };
        println!("{what:<44} {figure:>7.2}  (limit {limit:>6.2})  {details} {mark}");
        self.exceeded |= is_too_much;
    }

    /// Prints the ratio of two times.
    pub fn ratio(&mut self, what: &str, ours: Duration, theirs: Duration, limit: f64) {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        self.check(
            what,
            ratio,
            limit,
            &format!("{ours:.2?} beside {theirs:.2?}"),
        );
    }

    fn verdict(&self) -> ExitCode {
        ExitCode::from(u8::from(self.exceeded))
    }
}

/// The median times of several operations, which run in turn.
fn medians<const N: usize>(
    rounds: usize,
    mut things: [&mut dyn FnMut() -> Result<()>; N],
) -> Result<[Duration; N]> {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..rounds {
        for (thing, times) in things.iter_mut().zip(&mut times) {
            let began = Instant::now();
            thing()?;
            times.push(began.elapsed());
        }
    }
    Ok(times.map(median))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
