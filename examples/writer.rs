//! A bot that commits one block after the other to a table of its own, next to the tables of degenbot:
//! `cargo run --example writer -- PATH BLOCKS`. It goes on where the database ends.

#![expect(clippy::print_stdout, reason = "its figures are what it is run for")]

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use degenbot::database::Database;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

/// The time between two blocks. A chain takes longer; a bot that catches up does not.
const PAUSE: Duration = Duration::from_millis(1);

#[derive(QueryableByName)]
struct Block {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next().ok_or("usage: writer PATH BLOCKS")?;
    let blocks = arguments.next().ok_or("usage: writer PATH BLOCKS")?;
    let blocks: u32 = blocks.to_str().ok_or("BLOCKS is a number")?.parse()?;

    let database = Database::open(path)?;
    let first = database.write(create_table)? + 1;
    println!("The next block is {first}.");
    let mut slowest = Duration::ZERO;
    for number in first..first + i64::from(blocks) {
        let began = Instant::now();
        database.write(|connection| append(connection, number))?;
        slowest = slowest.max(began.elapsed());
        thread::sleep(PAUSE);
    }
    let noun = if blocks == 1 { "block" } else { "blocks" };
    println!("Committed {blocks} {noun}; the slowest commit took {slowest:.1?}.");
    Ok(())
}

/// Creates the table if it does not exist; the last block in it.
fn create_table(connection: &mut SqliteConnection) -> Result<i64, Box<dyn Error>> {
    diesel::sql_query("CREATE TABLE IF NOT EXISTS my_blocks (number INTEGER PRIMARY KEY)")
        .execute(connection)?;
    let last: Block = diesel::sql_query("SELECT coalesce(max(number), 0) AS number FROM my_blocks")
        .get_result(connection)?;
    Ok(last.number)
}

fn append(connection: &mut SqliteConnection, number: i64) -> Result<(), Box<dyn Error>> {
    diesel::sql_query("INSERT INTO my_blocks (number) VALUES (?)")
        .bind::<BigInt, _>(number)
        .execute(connection)?;
    Ok(())
}
