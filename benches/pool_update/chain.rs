//! Updates from a real node with the real contracts: anvil, with 1,000 pools and some 17,000 events that count.
//!
//! `scripts/chain` has the node, and a provider in front of it that answers after 20 ms.
//! `PYTHON_DEGENBOT` and `PYTHON_DEGENBOT_NEW` are interpreters with the Python package 0.5.0 and with its newest
//! release, whose `pool update` takes turns with ours.
//!
//! - An update from nothing to the newest block takes at most 0.3 s, and at most three times the time of two parallel
//!   requests with `curl` for the same events. Through the provider it takes at most twice that time.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use degenbot::events::{Event, uniswap_v2, uniswap_v3, uniswap_v4};

use crate::follow;
use crate::limits::Limits;
use crate::pools::command;
use crate::run::{degenbot, remove_database};
use crate::{Result, median};

const FIRST: &str = "26000000";
const ROUNDS: usize = 7;
/// The exchanges and their factories. All contracts have Uniswap's code.
const EXCHANGES: [(&str, &str); 7] = [
    ("uniswap_v2", "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"),
    ("uniswap_v3", "0x1F98431c8aD98523631AE4a59f267346ea31F984"),
    ("uniswap_v4", "0x000000000004444c5dc75cB358380D2e3dE08A90"),
    ("sushiswap_v2", "0xC0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac"),
    ("sushiswap_v3", "0xbACEB8eC6b9355Dfc0269C18bac9d6E2Bdc29C4F"),
    (
        "pancakeswap_v2",
        "0x1097053Fd2ea711dad45caCcc45EfF7548fCB362",
    ),
    (
        "pancakeswap_v3",
        "0x0BFbCF9fa4f9C56B0F40a671Ad40E0805A091865",
    ),
];

pub fn bench(limits: &mut Limits, folder: &Path) -> Result<()> {
    let what = "the real contracts on a local chain";
    let Some(work) = install() else {
        limits.skip(what, "node, npm or their packages cannot be had");
        return Ok(());
    };
    let work = work.to_string_lossy();
    // The sizes are those of the script: 1,000 pools and 20,000 events.
    let node = Server::start(
        "serve.py",
        &["--work", &work, "--tail", "0", "--per-block", "10"],
    )?;
    let provider = Server::start("provider.py", &[&node.port.to_string(), "latency=0.02"])?;
    let path = folder.join("chain.db");
    let direct = measure(&path, folder, node.port)?;
    let delayed = measure(&path, folder, provider.port)?;
    let details = format!("two requests {:.3} s", direct.requests);
    limits.at_most("local chain: seconds", direct.update, 0.3, &details);
    let ratio = direct.update / direct.requests;
    limits.at_most("local chain: times two requests", ratio, 3.0, "");
    let details = format!("{:.3} beside {:.3} s", delayed.update, delayed.requests);
    let ratio = delayed.update / delayed.requests;
    limits.at_most("with 20 ms: times two requests", ratio, 2.0, &details);
    let (latency, most) = follow::latency(&path, node.port)?;
    let details = format!(
        "with a poll of {} ms; at most {most:.0}",
        follow::POLL.as_millis()
    );
    let limit = 50.0 + follow::POLL.as_secs_f64() * 1e3;
    limits.at_most(
        "following: ms from block to commit",
        latency,
        limit,
        &details,
    );
    for variable in ["PYTHON_DEGENBOT", "PYTHON_DEGENBOT_NEW"] {
        let what = format!("the Python package of {variable}");
        match std::env::var(variable) {
            Ok(python) => {
                let version = version(&python)?;
                let what = format!("Python package {version}: seconds");
                match python_update(&python, &version, &path, folder, node.port) {
                    Ok(seconds) => {
                        let details = format!("{:.1} times ours", seconds / direct.update);
                        Limits::tell(&what, seconds, &details);
                    }
                    Err(error) => limits.skip(&what, &error.to_string()),
                }
            }
            Err(_) => limits.skip(&what, "it is not set"),
        }
    }
    Ok(())
}

/// A program of `scripts/chain`, which serves until its stdin is closed. It ends when this is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(script: &str, arguments: &[&str]) -> Result<Self> {
        let script = repository().join("scripts/chain").join(script);
        let mut child = Command::new("python3")
            .arg("-B")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = &mut child.stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.split_whitespace().next().unwrap_or_default();
        let port = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        let port = port.ok_or("a server of scripts/chain does not start")?;
        Ok(Self { child, port })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Installs the node and the contracts. Returns their folder; `None` if they cannot be had.
fn install() -> Option<PathBuf> {
    let folder = repository().join("target/chain");
    let mut command = Command::new(repository().join("scripts/chain/install"));
    let is_there = command
        .arg(&folder)
        .status()
        .is_ok_and(|status| status.success());
    is_there.then_some(folder)
}

/// The seconds of an update from nothing, and of two parallel requests for the same events.
struct Times {
    update: f64,
    requests: f64,
}

fn measure(path: &Path, folder: &Path, port: u16) -> Result<Times> {
    let url = format!("http://127.0.0.1:{port}");
    let (mut updates, mut requests) = (vec![], vec![]);
    for round in 0..=ROUNDS {
        prepare(path)?;
        let update = command(path, &url, &["--to-block", "latest"])?;
        let two = two_requests(folder, &url)?;
        // The first round fills the caches.
        if round > 0 {
            updates.push(update);
            requests.push(two);
        }
    }
    Ok(Times {
        update: median(updates),
        requests: median(requests),
    })
}

/// Makes a new database with the exchanges of the chain.
fn prepare(path: &Path) -> Result<()> {
    remove_database(path);
    degenbot(path, &["database", "reset", "--force"])?;
    for (exchange, _) in EXCHANGES {
        let name = format!("ethereum_{exchange}");
        let mut arguments = vec!["exchange", "activate", &name, "--from-block", FIRST];
        if !exchange.starts_with("uniswap") {
            arguments.extend(["--init-code-hash", "none"]);
        }
        degenbot(path, &arguments)?;
    }
    Ok(())
}

/// The seconds that two processes take that ask for all events at once.
fn two_requests(folder: &Path, url: &str) -> Result<f64> {
    let creations = [
        uniswap_v2::PairCreated::TOPIC,
        uniswap_v3::PoolCreated::TOPIC,
        uniswap_v4::Initialize::TOPIC,
        uniswap_v4::ModifyLiquidity::TOPIC,
    ];
    let liquidity = [uniswap_v3::Mint::TOPIC, uniswap_v3::Burn::TOPIC];
    let question = |addresses: &str, topics: &[alloy_primitives::B256]| {
        let topics: Vec<_> = topics.iter().map(|topic| format!("\"{topic}\"")).collect();
        let topics = topics.join(",");
        let first = FIRST.parse::<u64>().unwrap_or_default();
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{{"fromBlock":"{first:#x}","toBlock":"latest",{addresses}"topics":[[{topics}]]}}]}}"#
        )
    };
    let addresses = EXCHANGES.map(|(_, factory)| format!("\"{factory}\""));
    let addresses = format!("\"address\":[{}],", addresses.join(","));
    let questions = [question(&addresses, &creations), question("", &liquidity)];
    let began = Instant::now();
    let mut children = Vec::new();
    for (number, question) in questions.iter().enumerate() {
        let child = Command::new("curl")
            .args([
                "-sS",
                "-f",
                "-H",
                "content-type: application/json",
                "-d",
                question,
                "-o",
            ])
            .arg(folder.join(format!("answer-{number}")))
            .arg(url)
            .spawn()?;
        children.push(child);
    }
    for mut child in children {
        if !child.wait()?.success() {
            return Err("curl failed".into());
        }
    }
    Ok(began.elapsed().as_secs_f64())
}

fn version(python: &str) -> Result<String> {
    let script = "import importlib.metadata as m; print(m.version('degenbot'))";
    let output = Command::new(python).args(["-c", script]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The seconds that the package's own update takes from the first block on.
fn python_update(
    python: &str,
    version: &str,
    path: &Path,
    folder: &Path,
    port: u16,
) -> Result<f64> {
    prepare(path)?;
    let mark = format!("UPDATE exchanges SET last_update_block = {FIRST}");
    let mut command = Command::new(Path::new(python).with_file_name("degenbot"));
    let url = format!("http://127.0.0.1:{port}");
    let home = folder.join(format!("home-{version}"));
    if version.starts_with("0.5.") {
        // This one reads its database and its config file from the user's folder.
        let config = home.join(".config/degenbot");
        let database = config.join("degenbot.db");
        std::fs::create_dir_all(&config)?;
        let older = ["database", "downgrade", "--to", "eb4080485a56", "--force"];
        degenbot(path, &older)?;
        std::fs::copy(path, &database)?;
        let database = database.display();
        let text = format!("[database]\npath = \"{database}\"\n[rpc]\n1 = \"{url}\"\n");
        std::fs::write(config.join("config.toml"), text)?;
        run_sql(&config.join("degenbot.db"), &mark)?;
    } else {
        run_sql(path, &mark)?;
        command.arg("--database").arg(path);
        command.args(["--chain-id", "1", "--node", &url]);
    }
    command.args(["pool", "update", "--to-block", "latest"]);
    if !version.starts_with("0.5.") {
        command.arg("--no-verify-chunk");
    }
    let began = Instant::now();
    let output = command
        .env("HOME", &home)
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .output()?;
    let seconds = began.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(seconds);
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    Err(format!("it fails: {}", last.unwrap_or_default()).into())
}

fn run_sql(path: &Path, sql: &str) -> Result<()> {
    if Command::new("sqlite3")
        .arg(path)
        .arg(sql)
        .status()?
        .success()
    {
        return Ok(());
    }
    Err(format!("sqlite3 failed: {sql}").into())
}
