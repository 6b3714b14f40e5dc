//! How long it takes until a new block of a real node is committed, while `degenbot pool update --follow` runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Result, median};

/// The time between two questions for a new block.
pub const POLL: Duration = Duration::from_millis(50);
const BLOCKS: usize = 40;

/// The milliseconds from the node's answer that it has a new block to the line that says it is committed: the median, and
/// the most. One poll is in them. The database is at the head of the chain.
pub fn latency(path: &Path, port: u16) -> Result<(f64, f64)> {
    let mut follower = Follower::start(path, port)?;
    // The first block shows that it has begun.
    let first = mine(port)?;
    follower.wait_for(first)?;
    let mut times = Vec::new();
    for _ in 0..BLOCKS {
        let block = mine(port)?;
        let mined = Instant::now();
        let committed = follower.wait_for(block)?;
        times.push((committed - mined).as_secs_f64() * 1e3);
    }
    let most = times.iter().copied().fold(0.0, f64::max);
    Ok((median(times), most))
}

/// A process that follows the chain. It is killed when this is dropped.
struct Follower {
    child: Child,
    /// The blocks that are committed, each with the time at which it was said.
    committed: Receiver<(u64, Instant)>,
}

impl Follower {
    fn start(path: &Path, port: u16) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_degenbot"))
            .arg("--database")
            .arg(path)
            .args(["pool", "update", "--follow", "--json=compact", "--poll"])
            .arg(POLL.as_secs_f64().to_string())
            .args(["--rpc", &format!("http://127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let (sender, committed) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout)
                .lines()
                .map_while(std::result::Result::ok)
            {
                let now = Instant::now();
                let line: Value = serde_json::from_str(&line).unwrap_or_default();
                if let (Some("commit"), Some(block)) =
                    (line["event"].as_str(), line["block"].as_u64())
                    && sender.send((block, now)).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { child, committed })
    }

    fn wait_for(&mut self, block: u64) -> Result<Instant> {
        const PATIENCE: Duration = Duration::from_secs(30);
        loop {
            let (committed, time) = self.committed.recv_timeout(PATIENCE)?;
            if committed >= block {
                return Ok(time);
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the node add an empty block. Returns its number.
fn mine(port: u16) -> Result<u64> {
    ask(port, "evm_mine")?;
    let number = ask(port, "eth_blockNumber")?;
    let digits = number.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.ok_or("the node has no block number")?;
    Ok(u64::from_str_radix(digits, 16)?)
}

/// Asks the node without any latency of a process of its own.
fn ask(port: u16, method: &str) -> Result<Value> {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#);
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .ok_or("the node's answer has no body")?;
    let mut answer: Value = serde_json::from_str(body)?;
    Ok(answer["result"].take())
}
