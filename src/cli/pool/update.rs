//! `degenbot pool update`: takes in new pools and the changes of liquidity from a node.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use crate::cli::asking::Asking;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::exchange::lookup::{parse, require_known_chains, unknown};
use crate::cli::failure::{Failure, with_causes};
use crate::cli::follow::Followed;
use crate::cli::follow::metrics::FollowMetrics;
use crate::cli::follow::news::Ended;
use crate::cli::follow::options::Following;
use crate::cli::format::{bytes, grouped, requests};
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing};
use crate::cli::known_values::chain_id;
use crate::cli::options::Waiting;
use crate::cli::outcome::outcome;
use crate::cli::pool::filters;
use crate::cli::pool::update_plan;
use crate::cli::progress::update::{Subject, UpdateReporter};
use crate::database::exchanges::list_exchanges;
use crate::database::reports::inspect::ExchangeInfo;
use crate::deployments::chains::chain_title;
use crate::deployments::deployment::Deployment;
use crate::deployments::exchange_name::ExchangeName;
use crate::sync::block_target::BlockTarget;
use crate::sync::follow::{FollowOptions, follow_pools};
use crate::sync::report::PoolUpdateReport;
use crate::sync::sync_error::SyncError;
use crate::sync::update::update_pools;
use crate::sync::update_options::PoolUpdateOptions;
use crate::types::hash::BlockHash;
use crate::types::integer::ChainId;
use crate::types::sql_value::SqlValue;

#[derive(Debug, Args)]
pub(in crate::cli) struct Update {
    /// Only this chain, by its name or ID; can be repeated
    #[arg(long, value_name = "CHAIN", value_parser = chain_id(), hide_possible_values = true)]
    chain: Vec<ChainId>,
    /// Only this exchange, as 'exchange list' shows it; can be repeated
    #[arg(long, value_name = "NAME")]
    exchange: Vec<String>,
    /// The last block: a number, or earliest, finalized, safe or latest, with an offset; with
    /// --follow, latest if it is not given
    #[arg(long, value_name = "BLOCK", default_value_t = BlockTarget::DEFAULT, default_value_if("follow", "true", "latest"))]
    to_block: BlockTarget,
    /// How many blocks are written at a time, at most
    #[arg(long, value_name = "BLOCKS", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..))]
    chunk: u64,
    #[command(flatten)]
    asking: Asking,
    /// Say what an update would need (blocks, requests, time, disk), and write nothing
    ///
    /// The node is asked for the end of its chain and for the events of about eight ranges of
    /// blocks, from which the rest is estimated. What an update refuses is refused here too.
    #[arg(long, conflicts_with_all = ["follow", "no_space_check"])]
    dry_run: bool,
    /// Go on if the disk has probably too little room
    ///
    /// Without this option, a first sync of more than 100,000 blocks estimates its need like
    /// --dry-run, and every update looks again before each commit.
    #[arg(long)]
    no_space_check: bool,
    /// Go on although a final block has this hash on the node, and another one in the database
    ///
    /// The error says which hash it is. Ask another node first: what the database has may be of
    /// another chain.
    #[arg(long, value_name = "HASH", conflicts_with = "dry_run")]
    accept_hash: Option<BlockHash>,
    #[command(flatten)]
    following: Following,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    json: Json,
}

impl Update {
    /// What two of the arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<String> {
        self.following
            .contradiction(self.to_block)
            .or_else(|| filters::contradiction(&self.chain, &self.exchange))
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let path = &settings.database.path;
        let exchanges = self
            .exchange
            .iter()
            .map(|name| parse(path, name))
            .collect::<Result<Vec<_>, _>>()?;
        require_known_chains(path, &self.chain)?;
        self.require_active(path, &exchanges)?;
        let node_options = self.asking.node_options();
        let _running = Cancellable::begin();
        let chains = self.chains(path, &exchanges)?;
        if chains.is_empty() {
            return Err(Failure::NothingToUpdate);
        }
        // What can be refused without the nodes is refused before they are waited for.
        let metrics = self.following.metrics_file.clone();
        let metrics = metrics
            .map(|file| FollowMetrics::at(file, &settings))
            .transpose()?;
        let endpoints = Endpoints::with_silent(
            &settings,
            &self.asking.nodes.rpc,
            &node_options,
            &chains,
            self.following.if_silent(&chains),
        )?;
        if self.dry_run {
            let options = |chain| self.options(chain, &exchanges);
            return update_plan::run(context, &self.json, path, &chains, &endpoints, options);
        }
        if self.following.follow {
            let followed = Followed {
                subject: Subject::Pools,
                context,
                following: &self.following,
                json: &self.json,
                metrics,
                path,
                endpoints,
                chains: &|| self.chains(path, &exchanges),
                follow: &|chain, node, poll, observer| {
                    let options = FollowOptions::default()
                        .update(self.options(chain, &exchanges))
                        .poll(poll);
                    let (report, result) = follow_pools(path, chain, node, &options, observer);
                    Ended {
                        chain,
                        created: report.pools,
                        events: report.events,
                        node: report.node,
                        elapsed: report.elapsed,
                        result,
                    }
                },
                wait: self.waiting.time(),
            };
            return followed.run();
        }
        let (began, clock) = (Timing::now(), Instant::now());
        let mut updates = Vec::new();
        for chain in chains {
            let (report, result) = match endpoints.node(chain) {
                Err(error) => (PoolUpdateReport::new(chain), Err(error)),
                Ok(node) => {
                    let options = self.options(chain, &exchanges);
                    let mut reporter = UpdateReporter::new(&context.printer, Subject::Pools);
                    update_pools(path, chain, &node, &options, &mut reporter)
                }
            };
            if let Err(SyncError::Interrupted) = result {
                updates.push((report, result));
                self.tell(context, path, began.until_now(clock), &updates)?;
                return Err(Failure::Aborted);
            }
            updates.push((report, result));
        }
        self.tell(context, path, began.until_now(clock), &updates)?;
        outcome(
            context,
            updates
                .into_iter()
                .map(|(report, result)| (report.chain, report.skipped, result)),
        )
    }

    /// The chains of the active exchanges that take part.
    fn chains(
        &self,
        path: &Path,
        exchanges: &[ExchangeName],
    ) -> Result<BTreeSet<ChainId>, Failure> {
        let active = active(&list_exchanges(path)?)
            .into_iter()
            .filter(|name| exchanges.is_empty() || exchanges.contains(name))
            .map(|name| name.chain)
            .filter(|chain| self.chain.is_empty() || self.chain.contains(chain));
        Ok(active.collect())
    }

    /// Fails if one of the exchanges is not active: nobody would notice that it is left out. What is followed may become
    /// active later.
    fn require_active(&self, path: &Path, exchanges: &[ExchangeName]) -> Result<(), Failure> {
        if exchanges.is_empty() {
            return Ok(());
        }
        let rows = list_exchanges(path)?;
        let stored: Vec<_> = rows.iter().filter_map(ExchangeInfo::full_name).collect();
        let active = active(&rows);
        for exchange in exchanges.iter().filter(|name| !active.contains(name)) {
            let is_stored = stored.contains(exchange);
            if !is_stored && Deployment::of(exchange).is_none() {
                return Err(unknown(path, &exchange.to_string()));
            }
            if !self.following.follow {
                let exchange = exchange.clone();
                return Err(if is_stored {
                    Failure::ExchangeNotActive { exchange }
                } else {
                    Failure::ExchangeNotStored { exchange }
                });
            }
            log::warn!("The exchange {exchange} is not active; it is followed once it is");
        }
        Ok(())
    }

    fn options(&self, chain: ChainId, exchanges: &[ExchangeName]) -> PoolUpdateOptions {
        let of_chain = exchanges.iter().filter(|name| name.chain == chain);
        PoolUpdateOptions::default()
            .exchanges(of_chain.cloned().collect())
            .to_block(self.to_block)
            .chunk(self.chunk)
            .concurrency(self.asking.concurrency.into())
            .wait(self.waiting.time())
            .accept_hash(self.accept_hash)
            .check_space(!self.no_space_check)
            .cancel(cancel_token().clone())
    }

    fn tell(
        &self,
        context: &Context,
        path: &Path,
        timing: Timing,
        updates: &[(PoolUpdateReport, Result<(), SyncError>)],
    ) -> Result<(), Failure> {
        let document = Document {
            timing,
            path: path.display().to_string(),
            chains: updates.iter().map(ChainDocument::of).collect(),
        };
        self.json.report(context, "pool update", &document)?;
        for (report, result) in updates {
            for line in describe(report, result.is_ok()) {
                context.printer.message(line);
            }
        }
        Ok(())
    }
}

/// The exchanges that are active.
fn active(rows: &[ExchangeInfo]) -> Vec<ExchangeName> {
    let active = |row: &&ExchangeInfo| row.active == Some(SqlValue::Integer(1));
    rows.iter()
        .filter(active)
        .filter_map(ExchangeInfo::full_name)
        .collect()
}

fn describe(report: &PoolUpdateReport, is_done: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let title = chain_title(report.chain);
    if let Some((block, undone)) = &report.undone {
        lines.push(format!(
            "{title}: the chain was reorganised; what came after block {} is undone: {} pools, {} tokens and {} rows.",
            grouped(block.get()),
            grouped(undone.pools),
            grouped(undone.tokens),
            grouped(undone.rows)
        ));
    }
    for exchange in &report.exchanges {
        if exchange.missing_pairs > 0 {
            lines.push(format!(
                "{}: {} pools from before block {} are missing; an older update has lost them.",
                exchange.exchange,
                grouped(exchange.missing_pairs),
                grouped(exchange.from.get())
            ));
        }
    }
    let reached = report
        .exchanges
        .iter()
        .filter_map(|exchange| exchange.to)
        .min();
    let state = match (reached, report.target) {
        (Some(block), Some(target)) if is_done && block >= target => {
            format!("is at block {}", grouped(block.get()))
        }
        (Some(block), _) if is_done => format!("is at block {}", grouped(block.get())),
        (Some(block), _) => format!("got as far as block {}", grouped(block.get())),
        (None, Some(target)) if is_done && !report.exchanges.is_empty() => {
            let target = grouped(target.get());
            lines.push(format!(
                "{title} has nothing to take in up to block {target}."
            ));
            return lines;
        }
        (None, _) => return lines,
    };
    lines.push(format!(
        "{title} {state}: {} new pools, {} liquidity events, {}, {}, {:.1} s.",
        grouped(report.pools),
        grouped(report.events),
        requests(report.node.requests),
        bytes(report.node.bytes),
        report.elapsed.as_secs_f64(),
    ));
    lines
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    chains: Vec<ChainDocument>,
}

#[derive(Serialize)]
struct ChainDocument {
    chain_id: u64,
    target_block: Option<u64>,
    head_block: Option<u64>,
    finalized_block: Option<u64>,
    exchanges: Vec<Exchange>,
    skipped: Vec<SkippedExchange>,
    new_pools: u64,
    liquidity_events: u64,
    events_already_applied: u64,
    rows_written: u64,
    undone_above_block: Option<u64>,
    requests: u64,
    calls: u64,
    splits: u64,
    retries: u64,
    rate_limits: u64,
    received_bytes: u64,
    milliseconds: u64,
    error: Option<String>,
}

#[derive(Serialize)]
struct Exchange {
    name: String,
    from_block: u64,
    to_block: Option<u64>,
    new_pools: u64,
    missing_pools: u64,
}

#[derive(Serialize)]
struct SkippedExchange {
    name: String,
    reason: Cow<'static, str>,
}

impl ChainDocument {
    fn of((report, result): &(PoolUpdateReport, Result<(), SyncError>)) -> Self {
        Self {
            chain_id: report.chain.get(),
            target_block: report.target.map(Into::into),
            head_block: report.head.map(Into::into),
            finalized_block: report.finalized.map(Into::into),
            exchanges: report
                .exchanges
                .iter()
                .map(|exchange| Exchange {
                    name: exchange.exchange.to_string(),
                    from_block: exchange.from.get(),
                    to_block: exchange.to.map(Into::into),
                    new_pools: exchange.pools,
                    missing_pools: exchange.missing_pairs,
                })
                .collect(),
            skipped: report
                .skipped
                .iter()
                .map(|skipped| SkippedExchange {
                    name: skipped.exchange.to_string(),
                    reason: skipped.reason.clone(),
                })
                .collect(),
            new_pools: report.pools,
            liquidity_events: report.events,
            events_already_applied: report.already_applied,
            rows_written: report.rows,
            undone_above_block: report.undone.map(|(block, _)| block.get()),
            requests: report.node.requests,
            calls: report.node.calls,
            splits: report.node.splits,
            retries: report.node.retries,
            rate_limits: report.node.rate_limits,
            received_bytes: report.node.bytes,
            milliseconds: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
            error: result.as_ref().err().map(|error| with_causes(error)),
        }
    }
}
