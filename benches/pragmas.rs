//! Benchmark of `cache_size` and `mmap_size` on a database of 2.4 million ticks. Its figures are the reason for
//! the values in `src/database/connection.rs`. It has no limit.

#![expect(clippy::print_stdout, reason = "it prints the figures")]

use std::path::Path;
use std::time::{Duration, Instant};

use degenbot::database::create_new_sqlite_database;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path)?;
    connect(&path)?.batch_execute(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; \
         WITH RECURSIVE pool(p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM pool WHERE p < 30000), \
                        place(t) AS (SELECT 0 UNION ALL SELECT t + 1 FROM place WHERE t < 79) \
         INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) \
         SELECT p, t * 60, hex(randomblob(14)), hex(randomblob(14)) FROM pool, place",
    )?;
    println!("cache_size  mmap_size  10,000 pools read  50,000 ticks written  all ticks read");
    for cache_size in [-2_000, -16_384, -65_536] {
        for mmap_size in [0, 1 << 30] {
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                let mut connection = connect(&path)?;
                connection.batch_execute(&format!(
                    "PRAGMA foreign_keys = OFF; PRAGMA synchronous = NORMAL; \
                     PRAGMA cache_size = {cache_size}; PRAGMA mmap_size = {mmap_size}"
                ))?;
                times.push([
                    time(&mut connection, READ_POOLS)?,
                    time(&mut connection, WRITE_TICKS)?,
                    time(&mut connection, READ_TICKS)?,
                ]);
                connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
            }
            let [pools, ticks, all] = [0, 1, 2].map(|column| {
                let mut column: Vec<_> = times.iter().map(|row| row[column]).collect();
                column.sort_unstable();
                column[column.len() / 2]
            });
            println!(
                "{cache_size:>10}  {mmap_size:>9}  {pools:>17.1?}  {ticks:>20.1?}  {all:>14.1?}"
            );
        }
    }
    Ok(())
}

/// Random pools and ticks of the table.
const READ_POOLS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT sum((SELECT sum(length(liquidity_net)) FROM liquidity_positions \
                 WHERE pool_id = abs(random()) % 30000 + 1 + i * 0)) FROM n";
const WRITE_TICKS: &str = "BEGIN IMMEDIATE; \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
     INSERT INTO liquidity_positions (pool_id, tick, liquidity_net, liquidity_gross) \
     SELECT abs(random()) % 30000 + 1, abs(random()) % 80 * 60, '1', '1' FROM n WHERE true \
     ON CONFLICT (pool_id, tick) DO UPDATE SET liquidity_net = hex(randomblob(14)); \
     COMMIT";
const READ_TICKS: &str = "SELECT sum(length(liquidity_net)) FROM liquidity_positions";

fn connect(path: &Path) -> Result<SqliteConnection, Box<dyn std::error::Error>> {
    let path = path
        .to_str()
        .ok_or("the temporary folder's name is not UTF-8")?;
    Ok(SqliteConnection::establish(path)?)
}

fn time(connection: &mut SqliteConnection, sql: &str) -> QueryResult<Duration> {
    let began = Instant::now();
    connection.batch_execute(sql)?;
    Ok(began.elapsed())
}
