//! `degenbot database status`: says how far the database is, and whether that is too far behind.

mod figures;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde::Serialize;

use crate::cli::asking::Nodes;
use crate::cli::context::Context;
use crate::cli::database::status::figures::{BEGIN, figures_of};
use crate::cli::endpoints::{Endpoints, IfSilent};
use crate::cli::failure::{Failure, with_causes};
use crate::cli::format::{bytes, cell, grouped, plain, time, timestamp, yes_or_no};
use crate::cli::interrupt::Cancellable;
use crate::cli::json::Json;
use crate::cli::metrics_file::MetricsFile;
use crate::cli::options::path_of_file;
use crate::cli::printer::Lines;
use crate::cli::quantities;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::Table;
use crate::database::files::open_by::Program;
use crate::database::reports::staleness::{Age, Staleness, StatusLimits};
use crate::database::reports::status::{
    DatabaseStatus, Lag, StatusOptions, UpdatedTo, read_database_status,
};
use crate::deployments::chains::chain_title;
use crate::node::client::Node;
use crate::node::header::BlockTag;
use crate::node::options::NodeOptions;
use crate::settings::resolve::Settings;
use crate::sync::block_target::BlockTarget;
use crate::sync::sync_error::SyncError;
use crate::types::integer::{BlockNumber, ChainId};
use crate::types::sql_value::{SqlValue, serialize_flag};

const EXAMPLES: &str = "\
Examples:
  degenbot database status
  degenbot database status --max-lag-blocks 100 --max-backup-age 26h --max-log 1G
  degenbot --quiet database status --max-lag-blocks 100 --json=compact
  degenbot database status --prometheus /var/lib/node_exporter/degenbot-status.prom";

/// Say how far exchanges and markets are, and how old the backup is
///
/// It writes nothing to the database and nothing beside it. Nodes of --rpc or the config file are asked for their newest
/// block; without one, exchanges and markets are compared with the newest block of their chain in the database. Beyond a
/// limit that is given, the database is stale: the exit status is 4, and a line says why. What is not known does not pass a
/// limit, such as the lag behind a node that does not answer.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Status {
    /// How many blocks an active exchange or market may be behind
    #[arg(long, value_name = "BLOCKS")]
    max_lag_blocks: Option<u64>,
    /// How old the backup may be, such as 26h; one must be there
    #[arg(long, value_name = "TIME", value_parser = quantities::time)]
    max_backup_age: Option<Duration>,
    /// How long the log may be, such as 1G
    #[arg(long, value_name = "SIZE", value_parser = quantities::size)]
    max_log: Option<u64>,
    /// Look for the backup at this path instead of PATH.bak
    ///
    /// Backups of 'backup --keep' have a time behind this name; the newest of all counts.
    #[arg(long, value_name = "PATH")]
    backup: Option<PathBuf>,
    /// Write the figures to this file, for Prometheus
    ///
    /// The textfile collector of node_exporter reads it if its name ends in .prom. The file
    /// is replaced as a whole, also if the database is stale.
    #[expect(clippy::doc_markdown, reason = "the comment is the help text")]
    #[arg(long, value_name = "PATH", value_parser = path_of_file("the figures are written to a file as a whole; stdout has the status itself"))]
    prometheus: Option<PathBuf>,
    #[command(flatten)]
    nodes: Nodes,
    /// Ask no node
    #[arg(long, conflicts_with = "rpc")]
    offline: bool,
    #[command(flatten)]
    json: Json,
}

impl Status {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let settings = context.settings()?;
        let file = self.prometheus.clone();
        let file = file
            .map(|path| MetricsFile::at(path, &settings, BEGIN))
            .transpose()?;
        let options = StatusOptions {
            backup: self.backup.clone(),
        };
        let mut status = read_database_status(&settings.database.path, &options)?;
        if !self.offline {
            let _running = Cancellable::begin();
            self.ask_nodes(&settings, &mut status)?;
        }
        let limits = StatusLimits {
            max_lag_blocks: self.max_lag_blocks,
            max_backup_age: self.max_backup_age,
            max_log_bytes: self.max_log,
        };
        let now = SystemTime::now();
        let stale = status.staleness(&limits, now);
        if let Some(file) = file {
            file.replace(&figures_of(&status, &limits, &stale, now))?;
        }
        let document = Document::of(&status, &limits, &stale, now);
        self.json
            .report_or(context, "database status", &document, || {
                describe(&status, now)
            })?;
        if stale.is_empty() {
            return Ok(());
        }
        Err(Failure::Stale {
            is_upgradable: status.recognition.identity.is_upgradable(),
            path: status.path,
            stale,
        })
    }

    /// Says what a limit misses without a node.
    fn warn_without_node(&self, chain: ChainId) {
        if self.max_lag_blocks.is_some() {
            log::warn!(
                "No node of {} is known: if nothing of the chain is updated any more, nothing is behind",
                chain_title(chain)
            );
        }
    }

    /// Asks the nodes of all chains with something active for their newest blocks, at the same time.
    fn ask_nodes(&self, settings: &Settings, status: &mut DatabaseStatus) -> Result<(), Failure> {
        // Somebody waits for the status, and it is asked for again soon.
        let options = NodeOptions::default()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10))
            .patience(Duration::from_secs(20))
            .max_tries(2);
        let chains = status.active_chains();
        if chains.is_empty() {
            return Ok(());
        }
        let (given, silent) = (&self.nodes.rpc, IfSilent::CannotWait);
        let endpoints = match Endpoints::with_silent(settings, given, &options, &chains, silent) {
            Err(Failure::SilentNode { source }) => {
                for chain in chains {
                    status.set_head(chain, Err(with_causes(&source)));
                }
                return Ok(());
            }
            endpoints => endpoints?,
        };
        let mut nodes = Vec::new();
        for chain in chains {
            match endpoints.node(chain) {
                Ok(node) => nodes.push((chain, node)),
                Err(SyncError::NoEndpoint { .. }) => self.warn_without_node(chain),
                Err(error) => status.set_head(chain, Err(with_causes(&error))),
            }
        }
        let heads = thread::scope(|scope| {
            let asked: Vec<_> = nodes
                .iter()
                .map(|(chain, node)| {
                    let asking = thread::Builder::new().spawn_scoped(scope, || head(node));
                    (*chain, node, asking)
                })
                .collect();
            let answers = asked.into_iter().map(|(chain, node, asking)| {
                // If the system has no thread left, one node is asked after the other.
                let answer = asking.ok().and_then(|asking| asking.join().ok());
                (chain, answer.unwrap_or_else(|| head(node)))
            });
            answers.collect::<Vec<_>>()
        });
        for (chain, head) in heads {
            match head {
                Ok(head) => status.set_head(chain, Ok(head)),
                Err(SyncError::Interrupted) => return Err(Failure::Aborted),
                Err(error) => status.set_head(chain, Err(with_causes(&error))),
            }
        }
        Ok(())
    }
}

/// The newest block of a node.
fn head(node: &Node) -> Result<BlockNumber, SyncError> {
    let target = BlockTarget::LATEST;
    let header = node.header(BlockTag::Latest)?;
    header
        .map(|header| header.number)
        .ok_or(SyncError::NoTarget { target })
}

#[derive(Serialize)]
struct Document<'status> {
    path: String,
    version: String,
    file_bytes: u64,
    wal_bytes: u64,
    chains: Vec<ChainDocument<'status>>,
    exchanges: Option<Vec<UpdatedToDocument<'status>>>,
    markets: Option<Vec<UpdatedToDocument<'status>>>,
    backup: BackupDocument<'status>,
    programs: Option<&'status [Program]>,
    litestream: LitestreamDocument,
    limits: LimitsDocument,
    stale: Vec<StaleDocument>,
}

#[derive(Serialize)]
struct ChainDocument<'status> {
    chain_id: u64,
    newest_block: Option<u64>,
    head_block: Option<u64>,
    problem: Option<&'status str>,
}

#[derive(Serialize)]
struct UpdatedToDocument<'status> {
    full_name: Option<&'status str>,
    chain_id: Option<SqlValue>,
    name: Option<SqlValue>,
    #[serde(serialize_with = "serialize_flag")]
    active: Option<SqlValue>,
    last_update_block: Option<SqlValue>,
    behind_blocks: Option<u64>,
}

#[derive(Serialize)]
struct BackupDocument<'status> {
    path: String,
    bytes: Option<u64>,
    time: Option<String>,
    age_seconds: Option<u64>,
    version: Option<&'status str>,
    problem: Option<&'status str>,
    not_listed: Option<&'status str>,
}

#[derive(Serialize)]
struct LitestreamDocument {
    pid: Option<u32>,
    has_tables: bool,
    is_follower: bool,
}

#[derive(Serialize)]
struct LimitsDocument {
    lag_blocks: Option<u64>,
    backup_age_seconds: Option<u64>,
    log_bytes: Option<u64>,
}

#[derive(Serialize)]
struct StaleDocument {
    subject: &'static str,
    reason: String,
}

impl<'status> Document<'status> {
    fn of(
        status: &'status DatabaseStatus,
        limits: &StatusLimits,
        stale: &[Staleness],
        now: SystemTime,
    ) -> Self {
        let chains = status.chains.iter().map(|(chain, known)| ChainDocument {
            chain_id: chain.get(),
            newest_block: known.newest.map(BlockNumber::get),
            head_block: match known.head {
                Some(Ok(head)) => Some(head.get()),
                _ => None,
            },
            problem: match &known.head {
                Some(Err(problem)) => Some(problem),
                _ => None,
            },
        });
        let documents = |rows: &'status Vec<UpdatedTo>| {
            let documents = rows.iter().map(|one| UpdatedToDocument {
                full_name: one.full_name.as_deref(),
                chain_id: one.chain_id.clone(),
                name: one.name.clone(),
                active: one.active.clone(),
                last_update_block: one.last_update_block.clone(),
                behind_blocks: match status.lag(one) {
                    Lag::Blocks(blocks) => Some(blocks),
                    _ => None,
                },
            });
            documents.collect()
        };
        let backup = &status.backup;
        Self {
            path: status.path.display().to_string(),
            version: status.recognition.version_name(),
            file_bytes: status.file_bytes,
            wal_bytes: status.log_bytes,
            chains: chains.collect(),
            exchanges: status.exchanges.as_ref().map(documents),
            markets: status.markets.as_ref().map(documents),
            backup: BackupDocument {
                path: backup.path.display().to_string(),
                bytes: backup.bytes,
                time: backup.modified.map(timestamp),
                age_seconds: backup.age(now).map(|age| age.as_secs()),
                version: backup.version.as_deref(),
                problem: backup.problem.as_deref(),
                not_listed: backup.not_listed.as_deref(),
            },
            programs: status.programs.as_deref(),
            litestream: LitestreamDocument {
                pid: status.litestream.process,
                has_tables: status.litestream.has_tables,
                is_follower: status.litestream.is_follower,
            },
            limits: LimitsDocument {
                lag_blocks: limits.max_lag_blocks,
                backup_age_seconds: limits.max_backup_age.map(|age| age.as_secs()),
                log_bytes: limits.max_log_bytes,
            },
            stale: stale
                .iter()
                .map(|stale| StaleDocument {
                    subject: stale.subject().name(),
                    reason: stale.to_string(),
                })
                .collect(),
        }
    }
}

fn describe(status: &DatabaseStatus, now: SystemTime) -> Lines {
    let mut table = Table::new([Left, Left]);
    for (name, value) in [
        ("Database", status.path.display().to_string()),
        ("Version", plain(&status.recognition.version_name())),
        ("Size", bytes(status.file_bytes).to_string()),
        ("Log (-wal)", bytes(status.log_bytes).to_string()),
        ("Backup", describe_backup(status, now)),
        ("Open in", describe_programs(status)),
        ("Litestream", describe_litestream(status)),
    ] {
        table.push([name.to_owned(), value]);
    }
    // Values begin in the second column.
    let indent = table.width_of(0) + 2;
    let mut text = Lines::new();
    for line in table.lines() {
        text.push_fitting(&line, indent);
    }
    describe_chains(&mut text, status);
    let parts = [
        (
            "Exchange",
            &status.exchanges,
            "does not say the blocks of exchanges",
        ),
        ("Market", &status.markets, "does not have markets of Aave"),
    ];
    for (title, rows, without) in parts {
        let Some(rows) = rows else {
            let version = plain(&status.recognition.version_name());
            let upgrade = if status.recognition.identity.is_upgradable() {
                "; 'degenbot database upgrade' brings it to one that does"
            } else {
                ""
            };
            text.push("");
            text.push_fitting(&format!("A database at {version} {without}{upgrade}."), 2);
            continue;
        };
        describe_rows(&mut text, status, title, rows);
    }
    text
}

fn describe_backup(status: &DatabaseStatus, now: SystemTime) -> String {
    let backup = &status.backup;
    let path = backup.path.display();
    let (Some(size), Some(modified)) = (backup.bytes, backup.modified) else {
        return match (&backup.problem, &backup.not_listed) {
            (Some(problem), _) => problem.clone(),
            (None, Some(problem)) => format!("not known: {problem}"),
            (None, None) => format!("none at {path}"),
        };
    };
    let others = match &backup.not_listed {
        Some(problem) => format!("; whether there is a newer one is not known: {problem}"),
        None => String::new(),
    };
    let age = match backup.age(now) {
        Some(age) => format!("{} old", Age(age)),
        None => "of the future".to_owned(),
    };
    let what = match (&backup.problem, &backup.version) {
        (Some(problem), _) => format!("no backup: {problem}"),
        (None, Some(version)) => format!("at {}", plain(version)),
        (None, None) => "of an unknown version".to_owned(),
    };
    format!(
        "{path}, {age} ({}), {}, {what}{others}",
        time(modified),
        bytes(size)
    )
}

fn describe_programs(status: &DatabaseStatus) -> String {
    let Some(programs) = &status.programs else {
        return "not known: only Linux tells".to_owned();
    };
    let programs: Vec<_> = programs
        .iter()
        .map(|program| {
            let what = if program.is_writing { ", writing" } else { "" };
            format!("{} {}{what}", program.pid, program.name)
        })
        .collect();
    match programs.as_slice() {
        [] => "no other program that can be seen".to_owned(),
        programs => programs.join("; "),
    }
}

fn describe_litestream(status: &DatabaseStatus) -> String {
    let litestream = status.litestream;
    match (litestream.process, litestream.has_tables) {
        _ if litestream.is_follower => "keeps the file up to date with another one".to_owned(),
        (Some(pid), _) => format!("attached (process {pid})"),
        (None, true) if status.programs.is_some() => {
            "not attached that can be seen, but its tables are there".to_owned()
        }
        (None, true) => "its tables are there; whether it is attached is not known".to_owned(),
        (None, false) => "no".to_owned(),
    }
}

fn describe_chains(text: &mut Lines, status: &DatabaseStatus) {
    let chains = status.chains.iter();
    let chains: Vec<_> = chains
        .filter(|(_, known)| known.newest.is_some() || known.head.is_some())
        .collect();
    if chains.is_empty() {
        return;
    }
    let mut table = Table::titled([
        ("Chain", Left),
        ("Newest in the database", Right),
        ("Newest of the node", Right),
    ]);
    for (chain, known) in &chains {
        table.push([
            chain_title(**chain),
            block(known.newest),
            match known.head {
                Some(Ok(head)) => block(Some(head)),
                Some(Err(_)) => "not known".to_owned(),
                None => "not asked".to_owned(),
            },
        ]);
    }
    text.push("");
    text.extend(table.lines());
    for (chain, known) in chains {
        if let Some(Err(problem)) = &known.head {
            text.push_fitting(&format!("  {}: {problem}", chain_title(*chain)), 4);
        }
    }
}

fn block(block: Option<BlockNumber>) -> String {
    block.map_or_else(|| "-".to_owned(), |block| grouped(block.get()))
}

fn describe_rows(text: &mut Lines, status: &DatabaseStatus, title: &str, rows: &[UpdatedTo]) {
    if rows.is_empty() {
        return;
    }
    let mut table = Table::titled([
        (title, Left),
        ("Active", Left),
        ("Last update block", Right),
        ("Behind", Right),
    ]);
    for one in rows {
        let name = one.full_name.as_deref().map(plain);
        table.push([
            name.unwrap_or_else(|| cell(one.name.as_ref())),
            yes_or_no(one.active.as_ref()),
            match one.block() {
                Some(number) => block(Some(number)),
                None => cell(one.last_update_block.as_ref()),
            },
            match status.lag(one) {
                Lag::Blocks(blocks) => grouped(blocks),
                Lag::NeverUpdated if one.is_active() => "never updated".to_owned(),
                Lag::NeverUpdated => "-".to_owned(),
                Lag::HeadNotKnown(_) => "not known".to_owned(),
                Lag::Invalid => "invalid".to_owned(),
            },
        ]);
    }
    text.push("");
    text.extend(table.lines());
}
