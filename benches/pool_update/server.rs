//! A node that answers from a [`Stream`], in a process of its own.
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

use degenbot::events::{Event, uniswap_v3, uniswap_v4};
use serde_json::Value;

use crate::Result;
use crate::stream::{Change, FIRST, MANAGED, Pool, Size, Stream, TAIL};

/// A running node. It ends when this is dropped.
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts one on the second core.
    pub fn start(size: Size) -> Result<Self> {
        let mut command = Command::new("taskset");
        command
            .args(["-c", "1"])
            .arg(std::env::current_exe()?)
            .arg("serve");
        for number in [size.events, size.pools, size.blocks] {
            command.arg(number.to_string());
        }
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
pub fn serve(size: Size) -> Result<()> {
    let stream = Arc::new(Stream::new(size)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let requests = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (stream, requests) = (Arc::clone(&stream), Arc::clone(&requests));
            thread::spawn(move || answer_all(&stream, &requests, &connection));
        }
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Answers the requests of a connection until it ends.
fn answer_all(stream: &Stream, requests: &AtomicU64, connection: &TcpStream) -> Option<()> {
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
                stream,
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

fn reply(stream: &Stream, limit: u64, message: &Value, out: &mut Vec<u8>) {
    let Value::Array(calls) = message else {
        return reply_one(stream, limit, message, out);
    };
    for (index, call) in calls.iter().enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        reply_one(stream, limit, call, out);
    }
    out.push(b']');
}

fn reply_one(stream: &Stream, limit: u64, call: &Value, out: &mut Vec<u8>) {
    let _ = write!(out, r#"{{"jsonrpc":"2.0","id":{},"#, call["id"]);
    let number = |tag: &Value| match tag.as_str().unwrap_or_default() {
        "latest" => stream.head(),
        "safe" => stream.head() - u64::from(TAIL / 2),
        "finalized" => stream.head() - u64::from(TAIL),
        "earliest" => FIRST,
        number => u64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap_or(u64::MAX),
    };
    let params = &call["params"];
    match call["method"].as_str().unwrap_or_default() {
        "eth_chainId" => out.extend_from_slice(br#""result":"0x1""#),
        "eth_getBlockByNumber" => match number(&params[0]) {
            number if number > stream.head() => out.extend_from_slice(br#""result":null"#),
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
                logs(stream, params[0]["address"].is_array(), from, to, out);
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

/// Writes the logs of a range: those of the exchanges' contracts, or those of pools.
pub fn logs(stream: &Stream, of_exchanges: bool, from: u64, to: u64, out: &mut Vec<u8>) {
    let place = |number: u64| u32::try_from(number.saturating_sub(FIRST)).unwrap_or(u32::MAX);
    let (from, to) = (place(from), place(to));
    let changes = &stream.changes[usize::from(of_exchanges)];
    let first = changes.partition_point(|change| change.block < from);
    let mut changes = changes[first..]
        .iter()
        .take_while(|change| change.block <= to)
        .peekable();
    let first = stream.pools.partition_point(|pool| pool.created < from);
    let new = stream.pools[first..].iter().filter(|_| of_exchanges);
    let mut new = new.take_while(|pool| pool.created <= to).peekable();
    let mut index = Index::default();
    out.push(b'[');
    let mut comma = false;
    loop {
        let is_new = match (new.peek(), changes.peek()) {
            (Some(pool), Some(change)) => pool.created <= change.block,
            (pool, change) => {
                if pool.is_none() && change.is_none() {
                    break;
                }
                pool.is_some()
            }
        };
        if comma {
            out.push(b',');
        }
        comma = true;
        if is_new {
            if let Some(pool) = new.next() {
                creation(stream, pool, index.next(pool.created, 0), out);
            }
        } else if let Some(change) = changes.next() {
            // The events of a pool come after its creation, those of the other answer have other places.
            let base = if of_exchanges { 2_000 } else { 1_000 };
            let pool = &stream.pools[change.pool as usize];
            liquidity(stream, pool, change, index.next(change.block, base), out);
        }
    }
    out.push(b']');
}

/// Numbers the logs of each block.
#[derive(Default)]
struct Index {
    block: u32,
    used: u32,
}

impl Index {
    fn next(&mut self, block: u32, base: u32) -> u32 {
        if self.block != block {
            *self = Self { block, used: 0 };
        }
        self.used += 1;
        base + self.used
    }
}

fn creation(stream: &Stream, pool: &Pool, index: u32, out: &mut Vec<u8>) {
    let factory = stream.factories[pool.exchange].as_bytes();
    let tokens = pool.tokens.each_ref().map(|token| padded(token.as_bytes()));
    let (fee, spacing) = (unsigned(pool.fee.into()), signed(pool.spacing.into()));
    if pool.exchange == MANAGED {
        let topics = [
            uniswap_v4::Initialize::TOPIC.0,
            pool.key,
            tokens[0],
            tokens[1],
        ];
        let data = [fee, spacing, [0; 32], unsigned(1 << 96), [0; 32]];
        log(factory, &topics, &data, pool.created, index, out);
    } else {
        let topics = [uniswap_v3::PoolCreated::TOPIC.0, tokens[0], tokens[1], fee];
        log(
            factory,
            &topics,
            &[spacing, pool.key],
            pool.created,
            index,
            out,
        );
    }
}

fn liquidity(stream: &Stream, pool: &Pool, change: &Change, index: u32, out: &mut Vec<u8>) {
    let owner = padded(&[0xc3; 20]);
    let [lower, upper] = [change.lower, change.upper].map(|tick| signed(tick.into()));
    let (block, delta) = (change.block, change.delta());
    let amounts = [0x1234_5678_9abc_def0, 0xfed_cba9_8765].map(unsigned);
    if pool.exchange == MANAGED {
        let topics = [uniswap_v4::ModifyLiquidity::TOPIC.0, pool.key, owner];
        let data = [lower, upper, signed(delta), amounts[0]];
        let manager = stream.factories[pool.exchange].as_bytes();
        log(manager, &topics, &data, block, index, out);
    } else if delta > 0 {
        let topics = [uniswap_v3::Mint::TOPIC.0, owner, lower, upper];
        let data = [owner, signed(delta), amounts[0], amounts[1]];
        log(&pool.key[12..], &topics, &data, block, index, out);
    } else {
        let topics = [uniswap_v3::Burn::TOPIC.0, owner, lower, upper];
        let data = [signed(-delta), amounts[0], amounts[1]];
        log(&pool.key[12..], &topics, &data, block, index, out);
    }
}

fn log(
    address: &[u8],
    topics: &[[u8; 32]],
    data: &[[u8; 32]],
    block: u32,
    index: u32,
    out: &mut Vec<u8>,
) {
    let number = FIRST + u64::from(block);
    out.extend_from_slice(br#"{"address":""#);
    hex(address, out);
    for (place, topic) in topics.iter().enumerate() {
        out.extend_from_slice(if place == 0 {
            br#"","topics":[""#
        } else {
            br#"",""#
        });
        hex(topic, out);
    }
    out.extend_from_slice(br#""],"data":""#);
    hex(data.as_flattened(), out);
    let _ = write!(out, r#"","blockNumber":"{number:#x}","transactionHash":""#);
    hex(&hash(number ^ u64::from(index) << 40), out);
    out.extend_from_slice(br#"","transactionIndex":"0x1b","blockHash":""#);
    hex(&hash(number), out);
    let _ = write!(
        out,
        r#"","blockTimestamp":"{:#x}","logIndex":"{index:#x}","removed":false}}"#,
        12 * number
    );
}

fn padded(address: &[u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    word
}

fn unsigned(number: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

fn signed(number: i128) -> [u8; 32] {
    let mut word = [if number < 0 { 0xff } else { 0 }; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

/// The hash of a block, which is as good as any.
fn hash(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, part) in (0..).zip(bytes.chunks_exact_mut(8)) {
        // The generator SplitMix64.
        let mut mixed = (4 * number + place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        part.copy_from_slice(&(mixed ^ mixed >> 31).to_be_bytes());
    }
    bytes
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: [[u8; 2]; 256] = digits();
    out.extend_from_slice(b"0x");
    let mut text = [0; 512];
    for (digits, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *digits = DIGITS[usize::from(*byte)];
    }
    out.extend_from_slice(&text[..2 * bytes.len()]);
}

const fn digits() -> [[u8; 2]; 256] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [HEX[byte >> 4], HEX[byte & 15]];
        byte += 1;
    }
    digits
}
