//! A node that answers from a prepared [`Chain`], in a process of its own.
//!
//! The path of the address says what the node is like: `/20/1000` answers after 20 ms, and refuses ranges of more than
//! 1,000 blocks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::wire::{hash, hex};

/// A chain whose events are prepared.
pub trait Chain: Send + Sync + 'static {
    /// The number of the first block.
    const FIRST: u64;
    /// How many blocks at the end are not final.
    const TAIL: u64;

    /// The number of the last block.
    fn head(&self) -> u64;

    /// The filters that ask for all events.
    fn filters(&self) -> Vec<Value>;

    /// Writes the logs of a range as an array.
    fn logs(&self, filter: &Value, from: u64, to: u64, out: &mut Vec<u8>);

    /// What a contract answers to a call; `None` if that is an error. Both texts are hexadecimal.
    fn call(&self, to: &str, data: &str) -> Option<Vec<u8>>;
}

/// A running node. It ends when this is dropped.
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts this program on the second core, with the argument `serve` and these numbers.
    pub fn start(numbers: &[u32]) -> Result<Self> {
        let mut command = Command::new("taskset");
        command
            .args(["-c", "1"])
            .arg(std::env::current_exe()?)
            .arg("serve");
        command.args(numbers.iter().map(u32::to_string));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self {
            child,
            port: line.trim().parse()?,
        })
    }

    /// The address of a node with a latency in milliseconds and a limit of blocks a request; none if 0.
    pub fn url(&self, latency: u64, blocks: u64) -> String {
        format!("http://127.0.0.1:{}/{latency}/{blocks}", self.port)
    }

    /// The seconds of CPU that it has used.
    pub fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit(')').next().ok_or("no fields")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut next = || fields.next().and_then(|ticks| ticks.parse::<f64>().ok());
        Ok((next().unwrap_or_default() + next().unwrap_or_default()) / 100.0)
    }

    /// How many requests there were since the last time.
    pub fn requests(&self) -> Result<u64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(b"GET /requests HTTP/1.1\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.rsplit('\n').next().unwrap_or_default().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when its stdin closes.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The process of a [`Server`].
pub fn serve(chain: impl Chain) -> Result<()> {
    let chain = Arc::new(chain);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let requests = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (chain, requests) = (Arc::clone(&chain), Arc::clone(&requests));
            thread::spawn(move || answer_all(&*chain, &requests, &connection));
        }
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Answers the requests of a connection until it ends.
fn answer_all(chain: &impl Chain, requests: &AtomicU64, connection: &TcpStream) -> Option<()> {
    let _ = connection.set_nodelay(true);
    let mut reader = BufReader::new(connection);
    let mut body = Vec::new();
    let mut answer = Vec::new();
    loop {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let path = first.split(' ').nth(1)?.to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let line = line.trim_end().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        answer.clear();
        if path == "/requests" {
            write!(answer, "\n{}", requests.swap(0, Ordering::Relaxed)).ok()?;
        } else {
            requests.fetch_add(1, Ordering::Relaxed);
            let mut options = path.split('/').skip(1).map(|option| option.parse().ok());
            let (latency, limit) = (options.next()??, options.next()??);
            thread::sleep(Duration::from_millis(latency));
            reply(
                chain,
                limit,
                &serde_json::from_slice(&body).ok()?,
                &mut answer,
            );
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let mut writer = connection;
        writer.write_all(head.as_bytes()).ok()?;
        writer.write_all(&answer).ok()?;
        if path == "/requests" {
            return None;
        }
    }
}

fn reply(chain: &impl Chain, limit: u64, message: &Value, out: &mut Vec<u8>) {
    let Value::Array(calls) = message else {
        return reply_one(chain, limit, message, out);
    };
    for (index, call) in calls.iter().enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        reply_one(chain, limit, call, out);
    }
    out.push(b']');
}

fn reply_one<C: Chain>(chain: &C, limit: u64, call: &Value, out: &mut Vec<u8>) {
    let _ = write!(out, r#"{{"jsonrpc":"2.0","id":{},"#, call["id"]);
    let number = |tag: &Value| match tag.as_str().unwrap_or_default() {
        "latest" => chain.head(),
        "safe" => chain.head() - C::TAIL / 2,
        "finalized" => chain.head() - C::TAIL,
        "earliest" => C::FIRST,
        number => u64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap_or(u64::MAX),
    };
    let params = &call["params"];
    match call["method"].as_str().unwrap_or_default() {
        "eth_chainId" => out.extend_from_slice(br#""result":"0x1""#),
        "eth_getBlockByNumber" => match number(&params[0]) {
            number if number > chain.head() => out.extend_from_slice(br#""result":null"#),
            number => header(number, out),
        },
        "eth_getLogs" => {
            let (from, to) = (
                number(&params[0]["fromBlock"]),
                number(&params[0]["toBlock"]),
            );
            if limit > 0 && to - from >= limit {
                let message = format!("exceed maximum block range: {limit}");
                let _ = write!(out, r#""error":{{"code":-32602,"message":"{message}"}}"#);
            } else {
                out.extend_from_slice(br#""result":"#);
                chain.logs(&params[0], from, to, out);
            }
        }
        "eth_call" => {
            let text = |name: &str| params[0][name].as_str().unwrap_or_default();
            match chain.call(text("to"), text("data")) {
                Some(answer) => {
                    out.extend_from_slice(br#""result":""#);
                    hex(&answer, out);
                    out.push(b'"');
                }
                None => out.extend_from_slice(
                    br#""error":{"code":3,"message":"execution reverted","data":"0x"}"#,
                ),
            }
        }
        _ => out.extend_from_slice(br#""error":{"code":-32601,"message":"no such method"}"#),
    }
    out.push(b'}');
}

fn header(number: u64, out: &mut Vec<u8>) {
    // An empty filter says nothing of the events, as on some chains.
    const BLOOM: [u8; 256] = [0; 256];
    let _ = write!(out, r#""result":{{"number":"{number:#x}","hash":""#);
    hex(&hash(number), out);
    out.extend_from_slice(br#"","parentHash":""#);
    hex(&hash(number.wrapping_sub(1)), out);
    let _ = write!(out, r#"","timestamp":"{:#x}","logsBloom":""#, 12 * number);
    hex(&BLOOM, out);
    out.extend_from_slice(br#"","transactions":[]}"#);
}
