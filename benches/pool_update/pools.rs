//! Updates of pools as processes, and their databases.

use std::path::Path;
use std::time::Instant;

use degenbot::sync::{PoolUpdateOptions, update_pools};
use degenbot::types::ChainId;

use crate::Result;
use crate::run::{Ends, Update, degenbot, node, remove_database, run_update};
use crate::stream::EXCHANGES;

/// Makes a new database with the exchanges of the stream.
pub fn new_database(path: &Path, first_block: u64) -> Result<()> {
    remove_database(path);
    degenbot(path, &["database", "reset", "--force"])?;
    for exchange in EXCHANGES {
        let name = format!("ethereum_{exchange}");
        let first_block = first_block.to_string();
        let arguments = ["exchange", "activate", &name, "--from-block", &first_block];
        degenbot(path, &arguments)?;
    }
    Ok(())
}

/// The seconds that `degenbot pool update` takes.
pub fn command(path: &Path, url: &str, options: &[&str]) -> Result<f64> {
    let began = Instant::now();
    degenbot(path, &[&["pool", "update", "--rpc", url], options].concat())?;
    Ok(began.elapsed().as_secs_f64())
}

/// Runs an update in a process of its own, with this number of blocks in a transaction.
pub fn measure(path: &Path, url: &str, chunk: u64) -> Result<Update> {
    run_update(&[url, &path.to_string_lossy(), &chunk.to_string()])
}

/// Such a process.
pub fn update(url: &str, path: &Path, chunk: u64) -> Result<()> {
    let options = PoolUpdateOptions::default().chunk(chunk);
    let chain = ChainId::ETHEREUM;
    let (_, result) = update_pools(path, chain, &node(url)?, &options, &mut Ends);
    Ok(result?)
}
