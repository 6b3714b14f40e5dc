//! Generates a database of any size that looks like a bot's:
//! `cargo run --release --example generate -- --pools N --ticks M --seed S PATH`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for developers, which shares its parts with the tests"
)]

#[path = "../tests/support/generator/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod generator;

use std::path::Path;

use generator::{Size, generate};

const USAGE: &str = "usage: generate --pools N --ticks M --seed S PATH";

fn main() -> generator::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ["--pools", pools, "--ticks", ticks, "--seed", seed, path] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let size = Size {
        pools: pools.parse()?,
        ticks: ticks.parse()?,
        seed: seed.parse()?,
    };
    let content = generate(Path::new(path), size)?;
    println!(
        "{} pools and {} managed pools with {} ticks in {} words",
        content.pools, content.managed_pools, content.ticks, content.words
    );
    Ok(())
}
