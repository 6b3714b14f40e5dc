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
use degenbot::sync::{UpdateObserver, UpdateProgress};
use degenbot::types::ChainId;

use crate::Result;
use crate::cpu::{anonymous_memory, children_time};

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

/// Runs this program in a process of its own, on two cores, with the argument `update` and these. It prints the last block
/// of each transaction ([`Ends`]).
pub fn run_update(arguments: &[&str]) -> Result<Update> {
    let cpu = children_time();
    let began = Instant::now();
    let mut child = Command::new("taskset")
        .args(["-c", "0,1"])
        .arg(std::env::current_exe()?)
        .arg("update")
        .args(arguments)
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

/// The node of such a process.
pub fn node(url: &str) -> Result<Node> {
    let endpoints = vec![Endpoint::parse(url)?];
    let options = NodeOptions::default();
    let cancel = CancelToken::new();
    Ok(Node::new(ChainId::ETHEREUM, endpoints, options, cancel)?)
}

/// Prints the last block of each transaction.
pub struct Ends;

impl UpdateObserver for Ends {
    fn progress(&mut self, progress: &UpdateProgress) -> ControlFlow<()> {
        println!("{}", progress.block);
        ControlFlow::Continue(())
    }
}
