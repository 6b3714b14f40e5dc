//! `degenbot aave update`: takes in the reserves, users and positions of Aave's markets from a node.

use std::borrow::Cow;
use std::path::Path;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use crate::cli::aave::active::Chosen;
use crate::cli::aave::update_plan;
use crate::cli::asking::Asking;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::follow::Followed;
use crate::cli::follow::metrics::FollowMetrics;
use crate::cli::follow::news::Ended;
use crate::cli::follow::options::Following;
use crate::cli::format::{bytes, grouped, requests};
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing};
use crate::cli::options::Waiting;
use crate::cli::outcome::markets_outcome;
use crate::cli::progress::update::{Subject, UpdateReporter};
use crate::deployments::chains::chain_title;
use crate::deployments::market_name::MarketName;
use crate::sync::aave::takeover::TakenOver;
use crate::sync::aave::update::{
    AaveUpdateOptions, AaveUpdateReport, MarketUpdate, SkippedMarket, follow_aave_markets,
    update_aave_markets,
};
use crate::sync::block_target::BlockTarget;
use crate::sync::sync_error::SyncError;
use crate::types::hash::BlockHash;
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Update {
    #[command(flatten)]
    chosen: Chosen,
    /// The last block: a number, or earliest, finalized, safe or latest, with an offset; with
    /// --follow, latest if it is not given
    #[arg(long, value_name = "BLOCK", default_value_t = BlockTarget::DEFAULT, default_value_if("follow", "true", "latest"))]
    to_block: BlockTarget,
    /// How many blocks are written at a time, at most
    #[arg(long, value_name = "BLOCKS", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
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
        let of_target = self.following.contradiction(self.to_block);
        of_target.or_else(|| self.chosen.contradiction())
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let path = &settings.database.path;
        let markets = self.chosen.names(path)?;
        let _running = Cancellable::begin();
        let chains = self.chosen.chains(path, &markets)?;
        if chains.is_empty() {
            return Err(Failure::NoMarketToUpdate);
        }
        // What can be refused without the nodes is refused before they are waited for.
        let metrics = self.following.metrics_file.clone();
        let metrics = metrics
            .map(|file| FollowMetrics::at(file, &settings))
            .transpose()?;
        let endpoints = Endpoints::with_silent(
            &settings,
            &self.asking.nodes.rpc,
            &self.asking.node_options(),
            &chains,
            self.following.if_silent(&chains),
        )?;
        if self.dry_run {
            let options = |chain| self.options(chain, &markets);
            return update_plan::run(context, &self.json, path, &chains, &endpoints, options);
        }
        if self.following.follow {
            let followed = Followed {
                subject: Subject::Markets,
                context,
                following: &self.following,
                json: &self.json,
                metrics,
                path,
                endpoints,
                chains: &|| self.chosen.chains(path, &markets),
                follow: &|chain, node, poll, observer| {
                    let options = self.options(chain, &markets);
                    let (report, result) =
                        follow_aave_markets(path, chain, node, &options, poll, observer);
                    Ended {
                        chain,
                        created: report.positions,
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
                Err(error) => (AaveUpdateReport::new(chain), Err(error)),
                Ok(node) => {
                    let options = self.options(chain, &markets);
                    let mut reporter = UpdateReporter::new(&context.printer, Subject::Markets);
                    update_aave_markets(path, chain, &node, &options, &mut reporter)
                }
            };
            let is_interrupted = matches!(result, Err(SyncError::Interrupted));
            updates.push((report, result));
            if is_interrupted {
                self.tell(context, path, began.until_now(clock), &updates)?;
                return Err(Failure::Aborted);
            }
        }
        self.tell(context, path, began.until_now(clock), &updates)?;
        let outcomes = updates.into_iter();
        markets_outcome(
            context,
            outcomes.map(|(report, result)| {
                let stopped = report.stopped.into_iter().map(|stopped| stopped.error);
                let errors = stopped.chain(result.err()).collect();
                (report.chain, report.skipped, errors)
            }),
        )
    }

    fn options(&self, chain: ChainId, markets: &[MarketName]) -> AaveUpdateOptions {
        let of_chain = markets.iter().filter(|name| name.chain == chain);
        AaveUpdateOptions::default()
            .markets(of_chain.cloned().collect())
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
        updates: &[(AaveUpdateReport, Result<(), SyncError>)],
    ) -> Result<(), Failure> {
        let document = Document {
            timing,
            path: path.display().to_string(),
            chains: updates.iter().map(ChainDocument::of).collect(),
        };
        self.json.report(context, "aave update", &document)?;
        for (report, result) in updates {
            for line in describe(report, result.is_ok()) {
                context.printer.message(line);
            }
        }
        Ok(())
    }
}

fn describe(report: &AaveUpdateReport, is_done: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let title = chain_title(report.chain);
    if let Some((block, undone)) = &report.undone {
        lines.push(format!(
            "{title}: the chain was reorganised; what came after block {} is undone: {} rows.",
            grouped(block.get()),
            grouped(undone.rows + undone.tokens + undone.pools),
        ));
    }
    lines.extend(report.taken_over.iter().map(taken_over));
    let reached = |market: &&MarketUpdate| is_done || market.to >= report.target;
    // Where an error has stopped some markets, the others are at the target.
    let (at_target, behind): (Vec<_>, Vec<_>) = report.markets.iter().partition(reached);
    let is_split = !at_target.is_empty() && !behind.is_empty();
    let told = if is_split {
        at_target
    } else {
        report.markets.iter().collect()
    };
    let Some(block) = told.iter().filter_map(|market| market.to).min() else {
        return lines;
    };
    let state = if is_done || is_split {
        "is at block"
    } else {
        "got as far as block"
    };
    lines.push(format!(
        "{title} {state} {}: {} new positions, {} events, {}, {}, {:.1} s.",
        grouped(block.get()),
        grouped(report.positions),
        grouped(report.events),
        requests(report.node.requests),
        bytes(report.node.bytes),
        report.elapsed.as_secs_f64(),
    ));
    if is_split {
        lines.extend(behind.iter().map(|market| {
            let to = market.to.map_or_else(
                || "has not begun".to_owned(),
                |to| format!("got as far as block {}", grouped(to.get())),
            );
            format!("{} {to}.", market.market)
        }));
    }
    lines
}

/// What is said of a market that the Python package has followed.
fn taken_over(market: &TakenOver) -> String {
    let name = &market.market;
    let mark = grouped(market.mark.get());
    let block = grouped(market.block.get());
    let line = format!(
        "{name}: taken over at block {mark}; what the Python package does not store was read from the chain"
    );
    let hint = "'degenbot aave verify --all' says whether its balances are right";
    if market.block == market.mark {
        return format!("{line}. {hint}.");
    }
    format!(
        "{line} at block {block}, because the node no longer has the state of block {mark}: flags and e-mode \
         categories are right once the market is at that block. {hint}."
    )
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
    markets: Vec<Market>,
    skipped: Vec<Skipped>,
    stopped: Vec<Stopped>,
    taken_over: Vec<TakenOverDocument>,
    new_positions: u64,
    events: u64,
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
struct Market {
    name: String,
    from_block: u64,
    to_block: Option<u64>,
    new_positions: u64,
}

#[derive(Serialize)]
struct Skipped {
    name: String,
    reason: Cow<'static, str>,
}

#[derive(Serialize)]
struct Stopped {
    name: String,
    error: String,
}

#[derive(Serialize)]
struct TakenOverDocument {
    name: String,
    block: u64,
    read_at_block: u64,
}

impl ChainDocument {
    fn of((report, result): &(AaveUpdateReport, Result<(), SyncError>)) -> Self {
        let market = |market: &MarketUpdate| Market {
            name: market.market.to_string(),
            from_block: market.from.get(),
            to_block: market.to.map(Into::into),
            new_positions: market.positions,
        };
        let skipped = |skipped: &SkippedMarket| Skipped {
            name: skipped.market.to_string(),
            reason: skipped.reason.clone(),
        };
        Self {
            chain_id: report.chain.get(),
            target_block: report.target.map(Into::into),
            head_block: report.head.map(Into::into),
            finalized_block: report.finalized.map(Into::into),
            markets: report.markets.iter().map(market).collect(),
            skipped: report.skipped.iter().map(skipped).collect(),
            stopped: report
                .stopped
                .iter()
                .map(|stopped| Stopped {
                    name: stopped.market.to_string(),
                    error: with_causes(&stopped.error),
                })
                .collect(),
            taken_over: report
                .taken_over
                .iter()
                .map(|market| TakenOverDocument {
                    name: market.market.to_string(),
                    block: market.mark.get(),
                    read_at_block: market.block.get(),
                })
                .collect(),
            new_positions: report.positions,
            events: report.events,
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
