//! Watches a database that another program writes to, such as a follower of Litestream, and prints what is new:
//! `cargo run --example watch -- PATH [READS]`.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use degenbot::database::{self, Database};
use degenbot::schema::{erc20_tokens, exchanges};
use degenbot::types::BlockNumber;
use diesel::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next().ok_or("usage: watch PATH [READS]")?;
    let reads = match arguments.next() {
        Some(reads) => reads.to_string_lossy().parse()?,
        None => u64::MAX,
    };
    watch(Path::new(&path), reads, &mut std::io::stdout().lock())
}

/// Reads the database so many times. Prints the number of tokens and the blocks of the exchanges if they differ from those
/// of the read before.
pub(crate) fn watch(path: &Path, reads: u64, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let database = Database::open_read_only(path)?;
    let mut before = None;
    for _ in 0..reads {
        // Both are of one state.
        let (tokens, mut blocks) = database.read(|connection| {
            let tokens: i64 = erc20_tokens::table.count().get_result(connection)?;
            let blocks: Vec<Option<BlockNumber>> = exchanges::table
                .select(exchanges::last_update_block)
                .load(connection)?;
            Ok::<_, database::Error>((tokens, blocks))
        })?;
        blocks.sort_unstable();
        blocks.dedup();
        let state = Some((tokens, blocks));
        if state == before {
            continue;
        }
        if let Some((tokens, blocks)) = &state {
            let blocks = blocks.iter().map(|block| match block {
                Some(block) => block.to_string(),
                None => "none".to_owned(),
            });
            let blocks: Vec<_> = blocks.collect();
            writeln!(out, "{tokens} tokens, at block {}", blocks.join(" "))?;
            out.flush()?;
        }
        before = state;
    }
    Ok(())
}
