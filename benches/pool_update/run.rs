//! Running updates as processes, and measuring them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use degenbot::database::CancelToken;
use degenbot::node::{Endpoint, Node, NodeOptions};
use degenbot::sync::{PoolUpdateOptions, UpdateObserver, UpdateProgress, update_pools};
use degenbot::types::ChainId;

use crate::Result;
use crate::cpu::{anonymous_memory, children_time};
use crate::stream::EXCHANGES;

/// What an update has cost.
pub struct Update {
    pub seconds: f64,
    pub cpu: f64,
    /// The last block of each transaction.
    pub ends: Vec<u64>,
    /// The anonymous memory in MB, every few milliseconds.
    samples: Vec<f64>,
}

impl Update {
    pub fn memory(&self) -> f64 {
        largest(&self.samples)
    }

    /// How much more memory the last third of the time takes than the middle one.
    pub fn growth(&self) -> f64 {
        let third = self.samples.len() / 3;
        largest(&self.samples[2 * third..]) / largest(&self.samples[third..2 * third])
    }
}

fn largest(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(0.0, f64::max)
}

/// Removes a database, if it is there.
pub fn remove_database(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let _ = fs::remove_file(file);
    }
}

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

/// Runs the command.
pub fn degenbot(path: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_degenbot"));
    command.arg("--database").arg(path).args(arguments);
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{arguments:?}: {problem}").into())
}

/// The seconds that `degenbot pool update` takes.
pub fn command(path: &Path, url: &str, options: &[&str]) -> Result<f64> {
    let began = Instant::now();
    degenbot(path, &[&["pool", "update", "--rpc", url], options].concat())?;
    Ok(began.elapsed().as_secs_f64())
}

/// Runs an update in a process of its own, on two cores, with this number of blocks in a transaction.
pub fn run_update(path: &Path, url: &str, chunk: u64) -> Result<Update> {
    let cpu = children_time();
    let began = Instant::now();
    let mut child = Command::new("taskset")
        .args(["-c", "0,1"])
        .arg(std::env::current_exe()?)
        .args(["update", url])
        .arg(path)
        .arg(chunk.to_string())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("no stdout")?;
    let (process, has_ended) = (child.id(), AtomicBool::new(false));
    let (ends, seconds, samples) = thread::scope(|scope| -> Result<_> {
        let sampling = scope.spawn(|| {
            let mut samples = Vec::new();
            while !has_ended.load(Ordering::Relaxed) {
                samples.extend(anonymous_memory(process));
                thread::sleep(Duration::from_millis(5));
            }
            samples
        });
        let lines = BufReader::new(stdout).lines();
        let ends: Vec<u64> = lines.map_while(|line| line.ok()?.parse().ok()).collect();
        let status = child.wait()?;
        let seconds = began.elapsed().as_secs_f64();
        has_ended.store(true, Ordering::Relaxed);
        let samples = sampling.join().map_err(|_| "the sampling thread failed")?;
        if !status.success() {
            return Err("the update failed".into());
        }
        Ok((ends, seconds, samples))
    })?;
    Ok(Update {
        seconds,
        cpu: children_time() - cpu,
        ends,
        samples,
    })
}

/// Prints the last block of each transaction.
struct Ends;

impl UpdateObserver for Ends {
    fn progress(&mut self, progress: &UpdateProgress) -> ControlFlow<()> {
        println!("{}", progress.block);
        ControlFlow::Continue(())
    }
}

/// Such a process.
pub fn update(url: &str, path: &Path, chunk: u64) -> Result<()> {
    let node = Node::new(
        ChainId::ETHEREUM,
        vec![Endpoint::parse(url)?],
        NodeOptions::default(),
        CancelToken::new(),
    )?;
    let options = PoolUpdateOptions::default().chunk(chunk);
    let (_, result) = update_pools(path, ChainId::ETHEREUM, &node, &options, &mut Ends);
    Ok(result?)
}
