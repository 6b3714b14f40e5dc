//! Benchmark of `degenbot pool update`. A node in a process of its own answers from a prepared stream of events; what
//! is compared runs in turn. The limits are for two cores, of which the node has one.
//!
//! - Taking in a million events of 20,000 new pools: at least 150,000 events a second, from the start of the process
//!   to its end. The CPU is at most 1.5 times that of decoding the events once (`decode.rs`) and of the bare prepared
//!   statements without which the rows cannot be what they are (`statements.rs`).
//! - Its anonymous memory is at most 256 MB and does not grow: the largest of the last third of the time is at most
//!   1.2 times that of the middle third.
//! - An event costs at most 1.2 times the CPU of one in a database of a tenth. A transaction has a tenth of the blocks
//!   there: each pool has as many events in each transaction, and only the size of the database differs. Beyond a
//!   million events there is no limit: SQLite's page cache is 16 MB, and each transaction reads and writes nearly all
//!   pages of a file that is many times as large.
//! - An update with nothing new takes at most three requests, and 30 ms beside their latency.
//! - 20,027 nearly empty blocks, through a limit of 1,000 blocks a request and with 20 ms for each, take at most half
//!   a second.
//! - With the real contracts on a local chain (`chain.rs`), if node, npm and Python 3 are there. A follower commits each new
//!   block at most 50 ms, and one poll, after the node has it (`follow.rs`).
//!
//! `scripts/bench --bench pool_update --events N` sets the number of events; a pool has 50 of them on average.
//! `--rounds N` sets how often they are taken in.

#![expect(
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the figures are what it is for, and it is for developers"
)]

#[path = "../library/bare.rs"]
#[expect(dead_code, reason = "the other benchmark uses the rest")]
mod bare;
mod chain;
mod cpu;
mod decode;
mod events;
mod follow;
#[path = "../../tests/support/generator/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod generator;
mod limits;
mod pools;
mod run;
mod same_rows;
mod server;
mod statements;
mod stream;
mod wire;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use limits::{Limits, median};
use pools::{measure, new_database};
use run::Update;
use same_rows::require_same_rows;
use server::{Chain as _, Server};
use stream::{Size, Stream};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 3;
const EVENTS: u32 = 1_000_000;
/// The blocks of a transaction, as in `degenbot pool update`.
const CHUNK: u64 = 500_000;
/// Which rows both databases must have, or the statements are not those that are needed.
const ROWS: [&str; 5] = [
    "SELECT pool_id, tick, liquidity_net, liquidity_gross FROM X.liquidity_positions",
    "SELECT pool_id, word, bitmap FROM X.initialization_maps",
    "SELECT managed_pool_id, tick, liquidity_net, liquidity_gross \
     FROM X.managed_pool_liquidity_positions",
    "SELECT managed_pool_id, word, bitmap FROM X.managed_pool_initialization_maps",
    "SELECT id, address, kind, exchange_id FROM X.pools",
];

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", events, pools, blocks] => {
            server::serve(Stream::new(Size {
                events: events.parse()?,
                pools: pools.parse()?,
                blocks: blocks.parse()?,
            })?)?;
            return Ok(ExitCode::SUCCESS);
        }
        ["update", url, path, chunk] => {
            pools::update(url, Path::new(path), chunk.parse()?)?;
            return Ok(ExitCode::SUCCESS);
        }
        // `cargo test --benches` only checks that this program builds and starts.
        _ if !arguments.contains(&"--bench") => return Ok(ExitCode::SUCCESS),
        _ => {}
    }
    let events = match std::env::var("DEGENBOT_BENCH_EVENTS") {
        Ok(events) => events.parse()?,
        Err(_) => EVENTS,
    };
    let rounds = match std::env::var("DEGENBOT_BENCH_ROUNDS") {
        Ok(rounds) => rounds.parse::<usize>()?.max(1),
        Err(_) => ROUNDS,
    };
    let folder = tempfile::tempdir()?;
    let mut limits = Limits::default();
    limits.need(2, "cores, for the limits to mean anything");
    many_events(&mut limits, folder.path(), events, rounds)?;
    empty_blocks(&mut limits, folder.path())?;
    chain::bench(&mut limits, folder.path())?;
    Ok(limits.verdict())
}

fn start(size: Size) -> Result<Server> {
    Server::start(&[size.events, size.pools, size.blocks])
}

fn many_events(limits: &mut Limits, folder: &Path, events: u32, rounds: usize) -> Result<()> {
    let size = |events: u32| Size {
        events,
        pools: events / 50,
        blocks: events,
    };
    let (whole, tenth) = (size(events), size(events / 10));
    let servers = [start(whole)?, start(tenth)?];
    let stream = Stream::new(whole)?;
    let paths = ["whole.db", "tenth.db", "bare.db"].map(|name| folder.join(name));
    let (mut updates, mut tenths, mut decoding, mut bare) = (vec![], vec![], vec![], vec![]);
    let mut node_cpu = 0.0;
    let mut count = 0;
    for round in 0..rounds {
        new_database(&paths[0], stream::FIRST)?;
        let before = servers[0].cpu()?;
        let update = measure(&paths[0], &servers[0].url(0, 0), CHUNK)?;
        node_cpu = servers[0].cpu()? - before;
        new_database(&paths[1], stream::FIRST)?;
        tenths.push(measure(&paths[1], &servers[1].url(0, 0), CHUNK / 10)?);
        decoding.push(decode::decode(
            &stream,
            stream::FIRST..=stream.head(),
            10_000,
        )?);
        new_database(&paths[2], stream::FIRST)?;
        let (seconds, statements) = statements::run(&paths[2], &stream, &update.ends)?;
        bare.push(seconds);
        count = statements;
        if round == 0 {
            require_same_rows(&paths[0], &paths[2], &ROWS)?;
        }
        updates.push(update);
    }
    let median_of = |runs: &[Update], figure: fn(&Update) -> f64| {
        median(runs.iter().map(figure).collect::<Vec<_>>())
    };
    let (seconds, cpu) = (
        median_of(&updates, |update| update.seconds),
        median_of(&updates, |update| update.cpu),
    );
    let number = f64::from(events);
    let title = format!("{events} events, {} pools", whole.pools);
    limits.at_least(
        &format!("{title}: events a second"),
        number / seconds,
        150_000.0,
        &format!("{seconds:.2} s; {cpu:.2} s of CPU, the node {node_cpu:.2} s"),
    );
    let (decoding, bare) = (median(decoding), median(bare));
    limits.at_most(
        "CPU beside decoding and bare statements",
        cpu / (decoding + bare),
        1.5,
        &format!("{cpu:.2} s beside {decoding:.2} + {bare:.2} s; {count} statements"),
    );
    let memory = |part: fn(&Update) -> f64| updates.iter().map(part).fold(0.0, f64::max);
    limits.at_most("anonymous memory, MB", memory(Update::memory), 256.0, "");
    limits.at_most(
        "its growth from the middle to the end",
        memory(Update::growth),
        1.2,
        "",
    );
    let per_event = cpu / number;
    let of_tenth = median_of(&tenths, |update| update.cpu) / f64::from(tenth.events);
    let ratio = per_event / of_tenth;
    let title = "CPU of an event, tenfold database";
    let details = format!("{:.2} and {:.2} µs", per_event * 1e6, of_tenth * 1e6);
    if events <= EVENTS {
        limits.at_most(title, ratio, 1.2, &details);
    } else {
        Limits::tell(title, ratio, &details);
    }
    nothing_new(limits, &servers[0], &paths[0])
}

/// An update with nothing new, of the large database.
fn nothing_new(limits: &mut Limits, server: &Server, path: &Path) -> Result<()> {
    const LATENCY: u64 = 20;
    let mut times = Vec::new();
    let mut requests = 0;
    for _ in 0..4 * ROUNDS {
        server.requests()?;
        let seconds = pools::command(path, &server.url(LATENCY, 0), &[])?;
        requests = server.requests()?;
        times.push(seconds * 1e3 - (requests * LATENCY) as f64);
    }
    limits.at_most("nothing new: requests", requests as f64, 3.0, "");
    let time = median(times);
    limits.at_most("nothing new: ms beside the latency", time, 30.0, "");
    Ok(())
}

fn empty_blocks(limits: &mut Limits, folder: &Path) -> Result<()> {
    let server = start(Size {
        events: 60,
        pools: 6,
        blocks: 20_027,
    })?;
    let path = folder.join("empty.db");
    let mut times = Vec::new();
    for _ in 0..2 * ROUNDS {
        new_database(&path, stream::FIRST)?;
        let options = ["--concurrency", "4", "--to-block", "latest"];
        times.push(pools::command(&path, &server.url(20, 1_000), &options)?);
    }
    let details = format!("{} requests in {} runs", server.requests()?, times.len());
    limits.at_most("20,027 empty blocks: seconds", median(times), 0.5, &details);
    Ok(())
}
