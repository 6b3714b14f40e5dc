//! Benchmark of `degenbot aave update`. A node in a process of its own answers from a prepared history (`market.rs`);
//! what is compared runs in turn. The limits are for two cores, of which the node has one.
//!
//! - 150,000 events of tokens that make 150,000 positions, and 150,000 events that change those at random: each at most
//!   1.5 seconds, from the start of the process to its end.
//! - The anonymous memory does not grow: the largest of the last third of the time is at most 1.2 times that of the
//!   middle third.
//! - The CPU is told beside that of decoding the events once and of the bare prepared statements without which the rows
//!   cannot be what they are (`statements.rs`).
//!
//! `scripts/bench --bench aave_update --events N` sets the number of events, and of positions. `--rounds N` sets how often
//! they are taken in.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the figures are what it is for, and it is for developers"
)]

#[path = "../library/bare.rs"]
#[expect(dead_code, reason = "the other benchmarks use the rest")]
mod bare;
#[path = "../pool_update/cpu.rs"]
mod cpu;
#[path = "../pool_update/decode.rs"]
mod decode;
#[path = "../pool_update/limits.rs"]
#[expect(dead_code, reason = "the other benchmark uses the rest")]
mod limits;
mod market;
#[path = "../../tests/support/generator/random.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod random;
#[path = "../pool_update/run.rs"]
mod run;
#[path = "../pool_update/same_rows.rs"]
mod same_rows;
#[path = "../pool_update/server.rs"]
#[expect(dead_code, reason = "the other benchmark uses the rest")]
mod server;
mod statements;
#[path = "../pool_update/wire.rs"]
mod wire;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use degenbot::sync::{AaveUpdateOptions, update_aave_markets};
use degenbot::types::{BlockNumber, ChainId};

use limits::{Limits, median};
use market::{FIRST, History};
use run::{Ends, Update, degenbot, node, remove_database, run_update};
use same_rows::require_same_rows;
use server::{Chain as _, Server};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 5;
const EVENTS: u32 = 150_000;
/// Which rows both databases must have, or the statements are not those that are needed.
const ROWS: [&str; 3] = [
    "SELECT u.address, p.asset_id, p.balance, p.last_index FROM X.aave_v3_collateral_positions p \
     JOIN X.aave_v3_users u ON u.id = p.user_id",
    "SELECT u.address, p.asset_id, p.balance, p.last_index FROM X.aave_v3_debt_positions p \
     JOIN X.aave_v3_users u ON u.id = p.user_id",
    "SELECT last_update_block FROM X.aave_v3_markets",
];

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", positions] => {
            server::serve(History::new(positions.parse()?)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        ["update", url, path, to_block] => {
            update(url, Path::new(path), to_block.parse()?)?;
            return Ok(ExitCode::SUCCESS);
        }
        // `cargo test --benches` only checks that this program builds and starts.
        _ if !arguments.contains(&"--bench") => return Ok(ExitCode::SUCCESS),
        _ => {}
    }
    let number = |name: &str, otherwise: u32| match std::env::var(name) {
        Ok(number) => number.parse::<u32>(),
        Err(_) => Ok(otherwise),
    };
    // Each user has two positions.
    let events = number("DEGENBOT_BENCH_EVENTS", EVENTS)?.next_multiple_of(2);
    let rounds = number("DEGENBOT_BENCH_ROUNDS", u32::try_from(ROUNDS)?)?.max(1);
    let folder = tempfile::tempdir()?;
    let mut limits = Limits::default();
    limits.need(2, "cores, for the limits to mean anything");
    bench(&mut limits, folder.path(), events, rounds)?;
    Ok(limits.verdict())
}

/// A part of the history, and its figures.
#[derive(Default)]
struct Part {
    title: &'static str,
    /// The block before, and the last one.
    blocks: [u64; 2],
    updates: Vec<Update>,
    decoding: Vec<f64>,
    bare: Vec<f64>,
    statements: u64,
}

fn bench(limits: &mut Limits, folder: &Path, events: u32, rounds: u32) -> Result<()> {
    let server = Server::start(&[events])?;
    let url = server.url(0, 0);
    let history = History::new(events)?;
    let made = FIRST + u64::from(history.made);
    let mut parts = [
        Part {
            title: "make as many positions",
            blocks: [FIRST, made],
            ..Part::default()
        },
        Part {
            title: "change as many positions",
            blocks: [made, history.head() - History::TAIL],
            ..Part::default()
        },
    ];
    let [ours, bare] = ["ours.db", "bare.db"].map(|name| folder.join(name));
    for _ in 0..rounds {
        new_database(&ours, &url)?;
        new_database(&bare, &url)?;
        for part in &mut parts {
            let [after, last] = part.blocks;
            let update = run_update(&[&url, &ours.to_string_lossy(), &last.to_string()])?;
            part.decoding
                .push(decode::decode(&history, after + 1..=last, 10_000)?);
            let (seconds, count) = statements::run(&bare, &history, after, &update.ends);
            part.bare.push(seconds);
            part.statements = count;
            part.updates.push(update);
            require_same_rows(&ours, &bare, &ROWS)?;
        }
    }
    for part in parts {
        part.print(limits, events);
    }
    Ok(())
}

impl Part {
    fn print(self, limits: &mut Limits, events: u32) {
        let median_of = |figure: fn(&Update) -> f64| {
            median(self.updates.iter().map(figure).collect::<Vec<_>>())
        };
        let (seconds, cpu) = (
            median_of(|update| update.seconds),
            median_of(|update| update.cpu),
        );
        let title = format!("{events} events {}: seconds", self.title);
        let commits = self.updates.first().map_or(0, |update| update.ends.len());
        let details = format!("{cpu:.2} s of CPU; {commits} transactions");
        if events <= EVENTS {
            limits.at_most(&title, seconds, 1.5, &details);
        } else {
            Limits::tell(&title, seconds, &details);
        }
        let (decoding, bare) = (median(self.decoding), median(self.bare));
        let details = format!(
            "{cpu:.2} s beside {decoding:.2} + {bare:.2} s; {} statements",
            self.statements
        );
        let ratio = cpu / (decoding + bare);
        Limits::tell("CPU beside decoding and bare statements", ratio, &details);
        let memory = |part: fn(&Update) -> f64| self.updates.iter().map(part).fold(0.0, f64::max);
        Limits::tell("anonymous memory, MB", memory(Update::memory), "");
        let growth = memory(Update::growth);
        limits.at_most("its growth from the middle to the end", growth, 1.2, "");
    }
}

/// Makes a new database with the market, up to the block that lists the reserves.
fn new_database(path: &Path, url: &str) -> Result<()> {
    remove_database(path);
    degenbot(path, &["database", "reset", "--force"])?;
    let name = "ethereum_aave_v3";
    degenbot(path, &["aave", "activate", name, "--rpc", url])?;
    let first = FIRST.to_string();
    let arguments = ["aave", "update", "--rpc", url, "--to-block", &first];
    degenbot(path, &arguments)
}

/// The process that is measured.
fn update(url: &str, path: &Path, to_block: u64) -> Result<()> {
    let options = AaveUpdateOptions::default().to_block(BlockNumber::new(to_block)?.into());
    let chain = ChainId::ETHEREUM;
    let (_, result) = update_aave_markets(path, chain, &node(url)?, &options, &mut Ends);
    Ok(result?)
}
