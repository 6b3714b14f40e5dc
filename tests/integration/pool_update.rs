//! The update of pools from a node, against a node of the tests' own and a model of its chain.

mod command;
mod concurrency;
mod disagreement;
mod disk;
mod faults;
mod final_hashes;
mod follow;
mod follow_command;
mod hostile;
mod model;
mod plan;
mod pool;
mod properties;
mod recorded;
mod reorganisations;
mod repair;
mod triggers;
mod verify;
mod with_markets;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use degenbot::database::{
    CancelToken, ExchangeOptions, activate_exchange, add_exchange, create_new_sqlite_database,
};
use degenbot::deployments::Deployment;
use degenbot::node::{Node, NodeOptions};
use degenbot::sync::{BlockTarget, PoolUpdateOptions, PoolUpdateReport, SyncError, update_pools};
use degenbot::types::ChainId;
use diesel::connection::SimpleConnection as _;
use tempfile::TempDir;

use crate::support::content::{connect, lines};
use crate::support::fake_chain::FakeChain;
use crate::support::node_faults::Faults;
use crate::support::node_server::NodeServer;
use model::{FIRST, Happening, Model};
use pool::answer_call;

/// A database, a node, and the model of the node's chain.
struct Scene {
    folder: TempDir,
    path: PathBuf,
    server: Arc<NodeServer>,
    model: Model,
}

/// A new database with all exchanges of both chains, inactive.
static TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    for chain in [ChainId::ETHEREUM, ChainId::BASE] {
        for exchange in Model::new(chain).exchanges {
            insert_exchange(&path, &exchange);
        }
    }
    connect(&path)
        .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    fs::read(&path).unwrap()
});

/// Adds an exchange, with the block and the hash of the model.
fn insert_exchange(path: &Path, exchange: &Deployment) {
    let name = exchange.exchange();
    let options = ExchangeOptions::default();
    if Deployment::of(&name).is_some() {
        activate_exchange(path, &name, &options).unwrap().unwrap();
    } else {
        add_exchange(path, exchange, &options).unwrap();
    }
    let hash = exchange
        .init_code_hash
        .map_or_else(|| "NULL".to_owned(), |hash| format!("'{hash}'"));
    connect(path)
        .batch_execute(&format!(
            "UPDATE exchanges SET active = 0 WHERE chain_id = {chain} AND name = '{name}';
             INSERT INTO exchange_deployments (exchange_id, kind, first_block, init_code_hash)
                 SELECT id, '{kind}', {FIRST}, {hash} FROM exchanges
                 WHERE chain_id = {chain} AND name = '{name}'
                 ON CONFLICT (exchange_id) DO UPDATE SET first_block = {FIRST}, init_code_hash = {hash}",
            chain = exchange.chain,
            name = exchange.name,
            kind = exchange.kind.as_str(),
        ))
        .unwrap();
}

/// A database in which all exchanges of a chain are active.
fn database(chain: ChainId) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    fs::write(&path, &*TEMPLATE).unwrap();
    execute(
        &path,
        &format!("UPDATE exchanges SET active = 1 WHERE chain_id = {chain}"),
    );
    (folder, path)
}

/// Runs statements as another program.
fn execute(path: &Path, sql: &str) {
    let mut connection = connect(path);
    let wait = "PRAGMA busy_timeout = 60000";
    connection.batch_execute(wait).unwrap();
    connection.batch_execute(sql).unwrap();
}

impl Scene {
    /// A chain with one block, `finality` of whose last blocks are not final.
    fn new(chain: ChainId, finality: u64) -> Self {
        let (folder, path) = database(chain);
        let mut fake = FakeChain::new(chain.get(), FIRST);
        fake.finality = finality;
        fake.calls = answer_call;
        Self {
            folder,
            path,
            server: Arc::new(NodeServer::start(fake)),
            model: Model::new(chain),
        }
    }

    /// A chain with these blocks after the first one.
    fn with(chain: ChainId, finality: u64, blocks: &[Vec<Happening>]) -> Self {
        let mut scene = Self::new(chain, finality);
        scene.push(blocks);
        scene
    }

    fn push(&mut self, blocks: &[Vec<Happening>]) {
        for block in blocks {
            let logs = self.model.push(block);
            self.server.chain(|chain| chain.push(logs));
        }
    }

    /// Replaces the last blocks.
    fn reorganise(&mut self, depth: usize, blocks: &[Vec<Happening>]) {
        self.model.truncate(depth);
        let logs = blocks.iter().map(|block| self.model.push(block)).collect();
        self.server.chain(|chain| chain.reorganise(depth, logs));
    }

    fn head(&self) -> u64 {
        self.model.head()
    }

    fn node(&self) -> Node {
        let endpoints = vec![self.server.endpoint()];
        Node::new(self.model.chain, endpoints, impatient(), CancelToken::new()).unwrap()
    }

    fn update(&self, options: &PoolUpdateOptions) -> (PoolUpdateReport, Result<(), SyncError>) {
        let chain = self.model.chain;
        update_pools(&self.path, chain, &self.node(), options, &mut ())
    }

    /// Updates to the head, and compares the database with the model.
    fn update_to_head(&self) -> PoolUpdateReport {
        let (report, result) = self.update(&to_head());
        result.unwrap();
        self.assert_at(self.head());
        report
    }

    /// Asserts that the database has what the model has at a block.
    fn assert_at(&self, block: u64) {
        assert_rows(&rows(&self.path), &self.model.rows_at(block));
    }

    /// An update that fails, and changes nothing. Returns the error's text.
    fn refused(&self, options: &PoolUpdateOptions) -> String {
        let before = rows(&self.path);
        let error = self.update(options).1.unwrap_err();
        assert_rows(&rows(&self.path), &before);
        error.to_string()
    }

    /// Does something while the node answers a request for events, counted from 0.
    fn at_request(&self, number: usize, action: impl FnOnce(&NodeServer) + Send + 'static) {
        let server = Arc::downgrade(&self.server);
        let count = AtomicUsize::new(0);
        let action = Mutex::new(Some(action));
        self.server.set_faults(Faults::mutating(move |method, _| {
            if method == "eth_getLogs"
                && count.fetch_add(1, Ordering::Relaxed) == number
                && let Some(action) = action.lock().unwrap().take()
                && let Some(server) = server.upgrade()
            {
                action(&server);
            }
        }));
    }

    /// The error of an update whose node changes its answers, after which the database is as at the block `kept`, and
    /// an update from a good node is not disturbed.
    fn refused_answer(
        &self,
        kept: Option<u64>,
        change: impl Fn(&str, &mut serde_json::Value) + Send + Sync + 'static,
    ) -> String {
        self.server.set_faults(Faults::mutating(change));
        let error = self.update(&to_head()).1.unwrap_err().to_string();
        self.server.set_faults(Faults::default());
        assert_rows(&rows(&self.path), &self.model.rows(|_| kept));
        self.update_to_head();
        error
    }
}

fn impatient() -> NodeOptions {
    NodeOptions::default().max_tries(2)
}

fn to_head() -> PoolUpdateOptions {
    PoolUpdateOptions::default()
        .to_block(BlockTarget::LATEST)
        .patience(Duration::ZERO)
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

/// The rows of a database that a chain decides, as the model writes them.
fn rows(path: &Path) -> Vec<String> {
    let connection = &mut connect(path);
    let mut rows = Vec::new();
    let mut read = |sql: &str| rows.extend(lines(connection, sql));
    read(
        "SELECT 'exchange ' || chain_id || ' ' || name || ' ' || last_update_block AS line \
         FROM exchanges WHERE last_update_block IS NOT NULL",
    );
    read("SELECT 'token ' || chain || ' ' || address AS line FROM erc20_tokens");
    for (kind, more) in [
        ("uniswap_v2", ""),
        ("sushiswap_v2", ""),
        ("pancakeswap_v2", ""),
        ("swapbased_v2", ""),
        ("aerodrome_v2", STABLE),
        ("uniswap_v3", WITH_TICKS),
        ("sushiswap_v3", WITH_TICKS),
        ("pancakeswap_v3", WITH_TICKS),
        ("aerodrome_v3", WITH_TICKS),
    ] {
        read(&format!(
            "SELECT 'pool ' || p.chain || ' ' || p.address || ' ' || p.kind || ' ' || e.name || ' ' || a.address || \
             ' ' || b.address || ' fee ' || fee_token0 || '/' || fee_token1 || '/' || fee_denominator {more} AS line \
             FROM pools p LEFT JOIN {kind}_pools k ON p.id = k.pool_id LEFT JOIN exchanges e ON e.id = p.exchange_id \
             LEFT JOIN erc20_tokens a ON a.id = token0_id LEFT JOIN erc20_tokens b ON b.id = token1_id \
             WHERE p.kind = '{kind}'"
        ));
    }
    read(&format!(
        "SELECT 'pool ' || m.chain || ' ' || v.pool_hash || ' ' || p.kind || ' ' || e.name || ' ' || a.address || \
         ' ' || b.address || ' fee ' || fee_currency0 || '/' || fee_currency1 || '/' || fee_denominator {WITH_TICKS} \
         || ' hooks ' || hooks AS line \
         FROM managed_pools p LEFT JOIN uniswap_v4_pools v ON p.id = v.managed_pool_id \
         LEFT JOIN pool_managers m ON m.id = p.manager_id LEFT JOIN exchanges e ON e.id = m.exchange_id \
         LEFT JOIN erc20_tokens a ON a.id = currency0_id LEFT JOIN erc20_tokens b ON b.id = currency1_id"
    ));
    for (pools, key, id, prefix) in [
        ("pools", "address", "pool_id", ""),
        (
            "uniswap_v4_pools",
            "pool_hash",
            "managed_pool_id",
            "managed_pool_",
        ),
    ] {
        let own = if prefix.is_empty() { "id" } else { id };
        read(&format!(
            "SELECT 'tick ' || {key} || ' ' || tick || ' ' || liquidity_net || ' ' || liquidity_gross AS line \
             FROM {prefix}liquidity_positions t LEFT JOIN {pools} p ON p.{own} = t.{id}"
        ));
        read(&format!(
            "SELECT 'word ' || {key} || ' ' || word || ' ' || bitmap AS line \
             FROM {prefix}initialization_maps t LEFT JOIN {pools} p ON p.{own} = t.{id}"
        ));
    }
    rows.sort();
    rows
}

const STABLE: &str = "|| ' stable ' || stable";
const WITH_TICKS: &str = "|| ' spacing ' || tick_spacing || ' mark ' || \
    coalesce(liquidity_update_block || ':' || liquidity_update_log_index, 'none')";
