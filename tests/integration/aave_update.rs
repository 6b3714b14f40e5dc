//! The update of Aave's markets from a node, against what the contracts of recorded markets said.

mod command;
mod disagreement;
mod isolation;
mod price_sources;
mod properties;
mod refusals;
mod reorganisations;
mod stored;
mod transfer_amounts;
mod triggers;
mod two_markets;
mod without_node;
mod without_node_refusals;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use degenbot::database::{
    CancelToken, MarketFacts, MarketOptions, activate_market, create_new_sqlite_database,
};
use degenbot::deployments::MarketName;
use degenbot::models::NewErc20Token;
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::{
    AaveUpdateOptions, AaveUpdateReport, BlockTarget, SyncError, update_aave_markets,
};
use degenbot::types::{BlockNumber, ChainId, Decimals};
use diesel::connection::SimpleConnection as _;
use tempfile::TempDir;

use crate::support::aave_recording::{Recording, recording};
use crate::support::content::connect;
use crate::support::fake_chain::FakeChain;
use crate::support::node_faults::Faults;
use crate::support::node_server::NodeServer;
use stored::rows;
pub use stored::rows as market_rows;

const MARKETS: [&str; 4] = ["300", "302", "302to36", "36"];

/// More blocks than a chain has: none of them is final.
const NEVER: u64 = 1_000_000_000;

/// A database with the market of the recordings, and a node.
struct Scene {
    _folder: TempDir,
    path: PathBuf,
    server: Arc<NodeServer>,
    recording: &'static Recording,
}

/// A new database in which the market of the recordings is active.
static TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    let gho = NewErc20Token {
        chain: ChainId::ETHEREUM,
        address: "0x40D16FC0246aD3160Ccc09B8D0D3A2cD28aE6C2f"
            .parse()
            .unwrap(),
        name: Some("Gho Token".to_owned()),
        symbol: Some("GHO".to_owned()),
        decimals: Some(Decimals::new(18).unwrap()),
    };
    let facts = MarketFacts::new("Aave Ethereum Market".to_owned()).gho(gho);
    let options = MarketOptions::default().facts(facts);
    activate_market(&path, &market(), &options)
        .unwrap()
        .unwrap();
    connect(&path)
        .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    fs::read(&path).unwrap()
});

fn market() -> MarketName {
    "ethereum_aave_v3".parse().unwrap()
}

fn database() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    fs::write(&path, &*TEMPLATE).unwrap();
    (folder, path)
}

/// Runs statements as another program.
fn execute(path: &Path, sql: &str) {
    let mut connection = connect(path);
    let wait = "PRAGMA busy_timeout = 60000";
    connection.batch_execute(wait).unwrap();
    connection.batch_execute(sql).unwrap();
}

fn to_head() -> AaveUpdateOptions {
    AaveUpdateOptions::default()
        .to_block(BlockTarget::LATEST)
        .patience(Duration::ZERO)
}

fn at(block: u64) -> BlockTarget {
    BlockNumber::new(block).unwrap().into()
}

impl Scene {
    /// The whole recorded market; the last `finality` blocks are not final.
    fn new(name: &str, finality: u64) -> Self {
        let head = recording(name).head();
        Self::at(name, finality, head)
    }

    /// The market when a block was the newest one.
    fn at(name: &str, finality: u64, head: u64) -> Self {
        let recording = recording(name);
        let chain = recording.chain_at(head);
        Self::on(recording, chain, finality)
    }

    fn on(recording: &'static Recording, mut chain: FakeChain, finality: u64) -> Self {
        let (folder, path) = database();
        chain.finality = finality;
        Self {
            _folder: folder,
            path,
            server: Arc::new(NodeServer::start(chain)),
            recording,
        }
    }

    /// The block at a part of the recorded ones, in percent.
    fn percent(&self, percent: u64) -> u64 {
        let first = self.recording.first_block;
        first + (self.recording.head() - first) * percent / 100
    }

    /// The node has the recorded blocks up to this one, after those that it has.
    fn grow(&self, head: u64) {
        let recorded = &self.recording.chain;
        self.server.chain(|chain| {
            for number in chain.head() + 1..=head {
                let block = recorded.block(number).unwrap();
                chain.push_with_time(block.timestamp, block.logs.clone());
            }
        });
    }

    /// The last blocks disappear, and as many without events come.
    fn replace(&self, depth: u64, blocks: u64) {
        self.server.chain(|chain| {
            chain.fork(usize::try_from(depth).unwrap());
            for _ in 0..blocks {
                let time = chain.blocks.last().unwrap().timestamp + 12;
                chain.push_with_time(time, Vec::new());
            }
        });
    }

    /// The last blocks disappear. Those that come next are of another branch.
    fn fork_above(&self, block: u64) {
        self.server.chain(|chain| {
            let depth = chain.head() - block;
            chain.fork(usize::try_from(depth).unwrap());
        });
    }

    fn node(&self) -> Node {
        let endpoints = vec![self.server.endpoint()];
        let options = NodeOptions::default().max_tries(2);
        Node::new(ChainId::ETHEREUM, endpoints, options, CancelToken::new()).unwrap()
    }

    fn update(&self, options: &AaveUpdateOptions) -> (AaveUpdateReport, Result<(), SyncError>) {
        let node = self.node();
        update_aave_markets(&self.path, ChainId::ETHEREUM, &node, options, &mut ())
    }

    /// Updates to the node's newest block.
    fn update_to_head(&self) -> AaveUpdateReport {
        let (report, result) = self.update(&to_head());
        result.unwrap();
        report
    }

    /// The error of an update that changes nothing.
    fn refused(&self, options: &AaveUpdateOptions) -> SyncError {
        let before = rows(&self.path);
        let error = self.update(options).1.unwrap_err();
        assert_rows(&rows(&self.path), &before);
        error
    }

    /// The error of an update whose node changes its answers, after which the database is as it was, and an update from
    /// a good node is not disturbed.
    fn refused_answer(
        &self,
        change: impl Fn(&str, &mut serde_json::Value) + Send + Sync + 'static,
    ) -> SyncError {
        self.server.set_faults(Faults::mutating(change));
        let error = self.refused(&to_head());
        self.server.set_faults(Faults::default());
        self.update_to_head();
        let head = self.server.chain(|chain| chain.head());
        assert_rows(&rows(&self.path), &reference(self.recording, head));
        error
    }
}

/// The rows of a database that was updated at once, from a node whose newest block is this one.
fn reference(recording: &'static Recording, head: u64) -> Arc<Vec<String>> {
    type Known = BTreeMap<(String, u64), Arc<Vec<String>>>;
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let key = (recording.name.clone(), head);
    if let Some(known) = KNOWN.lock().unwrap().get(&key) {
        return Arc::clone(known);
    }
    let scene = Scene::at(&recording.name, 0, head);
    scene.update_to_head();
    let found = Arc::new(rows(&scene.path));
    KNOWN.lock().unwrap().insert(key, Arc::clone(&found));
    found
}

fn assert_rows(found: &[String], expected: &[String]) {
    let missing: Vec<_> = expected.iter().filter(|row| !found.contains(row)).collect();
    let wrong: Vec<_> = found.iter().filter(|row| !expected.contains(row)).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "missing: {missing:#?}\nwrong: {wrong:#?}"
    );
    assert_eq!(found.len(), expected.len(), "a row is there twice");
}
