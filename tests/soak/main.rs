//! A bot's day in a short time: programs that write and checkpoint while backups, compactions and
//! restores go on, and commands that are killed at random instants.
//!
//! `cargo test` runs a short form of it, `scripts/soak --minutes N` a long one. It has no harness, because
//! the programs that write are this one again, told so by its arguments (see `children`). A failure
//! prints the seed; with `--seed`, the same instants and choices are taken again.

#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails by panicking; its figures are for the reader of a log"
)]

mod children;
mod folder;
mod kills;
mod large;
mod ledger;
mod rollback;
mod rounds;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;
mod truth;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::generator::random::Random;

/// How much is done.
struct Form {
    /// At least so many backups beside writers.
    backups: u32,
    /// At least so many commands killed.
    kills: u32,
    /// How long each part goes on at least.
    time: Duration,
    /// Whether a database of more than a gigabyte is tried.
    large: bool,
    /// Rows of the databases beside what is looked at, so that copying takes time.
    ballast: u32,
}

const SHORT: Form = Form {
    backups: 30,
    kills: 40,
    time: Duration::ZERO,
    large: false,
    ballast: 4_000,
};

/// How many things were found as they should be, and how many were not.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

/// A part of the test, which does as much as the form says.
type Part = fn(&Form, &mut Random) -> Tally;

const PARTS: [(&str, Part); 4] = [
    ("ledger", rounds::run),
    ("rollback", rollback::run),
    ("kills", kills::run),
    ("large", large::run),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if children::run(&arguments) {
        return ExitCode::SUCCESS;
    }
    let seed = number_after(&arguments, "--seed").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_secs() << 20 | u64::from(now.subsec_micros())
    });
    let form = number_after(&arguments, "--minutes").map_or(SHORT, |minutes| Form {
        backups: 500,
        kills: 1_000,
        // The last part takes the time that it takes.
        time: Duration::from_secs(minutes * 60) / 3,
        large: true,
        ballast: 30_000,
    });
    println!("soak: seed {seed}");
    let mut all = Tally::default();
    for (name, part) in PARTS {
        if !is_asked_for(&arguments, name) {
            continue;
        }
        let began = Instant::now();
        // What went wrong was printed when it did; the other parts are worth running all the same.
        let tally = catch_unwind(AssertUnwindSafe(|| part(&form, &mut Random::new(seed))));
        let Tally { passed, failed } = tally.unwrap_or(Tally {
            passed: 0,
            failed: 1,
        });
        all.passed += passed;
        all.failed += failed;
        println!("soak: {name} took {:.1?}", began.elapsed());
    }
    println!("soak: {} passed, {} failed", all.passed, all.failed);
    if all.failed > 0 {
        eprintln!("soak: again with --seed {seed}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// `cargo test NAME` gives the name to every test program, and this one takes it as the others do.
fn is_asked_for(arguments: &[String], name: &str) -> bool {
    let mut names = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-') && argument.parse::<u64>().is_err())
        .peekable();
    names.peek().is_none() || names.any(|asked| name.contains(asked.as_str()))
}

fn number_after(arguments: &[String], option: &str) -> Option<u64> {
    let position = arguments.iter().position(|argument| argument == option)?;
    let number = arguments.get(position + 1).map(|number| number.parse());
    Some(number.unwrap().unwrap())
}
