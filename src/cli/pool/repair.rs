//! `degenbot pool repair`: makes pools as the events of their chain say.

use std::time::Instant;

use clap::{ArgGroup, Args};
use serde::Serialize;

use crate::cli::asking::Asking;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::format::grouped;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing};
use crate::cli::options::Waiting;
use crate::cli::outcome::{last_of, of_chain};
use crate::cli::pool::findings::{FindingDocument, describe};
use crate::cli::pool::which::Which;
use crate::cli::printer::Lines;
use crate::cli::progress::pools::PoolReporter;
use crate::counted::counted;
use crate::deployments::chains::chain_title;
use crate::sync::repair::{PoolRepairOptions, repair_pools};
use crate::sync::repair_report::PoolRepairReport;
use crate::sync::sync_error::SyncError;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["pools", "exchange"]).required(true).multiple(true))]
pub(in crate::cli) struct Repair {
    #[command(flatten)]
    which: Which,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete pools that their exchange has not created
    #[arg(long)]
    delete_unknown: bool,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    json: Json,
}

type Outcome = (PoolRepairReport, Result<(), SyncError>);

impl Repair {
    /// What two of the arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<String> {
        self.which.contradiction()
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let path = &settings.database.path;
        let _running = Cancellable::begin();
        let named = self.which.look_up(path)?;
        let node_options = self.asking.node_options();
        let endpoints = Endpoints::new(
            &settings,
            &self.asking.nodes.rpc,
            &node_options,
            &named.chains,
        )?;
        let (began, clock) = (Timing::now(), Instant::now());
        let mut outcomes: Vec<Outcome> = Vec::new();
        for chain in &named.chains {
            let outcome = match endpoints.node(*chain) {
                Err(error) => (PoolRepairReport::new(*chain), Err(error)),
                Ok(node) => {
                    let options = PoolRepairOptions::default()
                        .exchanges(named.of_chain(*chain))
                        .pools(self.which.pools.clone())
                        .delete_unknown(self.delete_unknown)
                        .dry_run(self.dry_run)
                        .concurrency(self.asking.concurrency.into())
                        .wait(self.waiting.time())
                        .cancel(cancel_token().clone());
                    let mut reporter = PoolReporter::new(&context.printer);
                    repair_pools(path, *chain, &node, &options, &mut |progress| {
                        reporter.show(progress);
                    })
                }
            };
            let is_interrupted = matches!(outcome.1, Err(SyncError::Interrupted));
            outcomes.push(outcome);
            if is_interrupted {
                break;
            }
        }
        let document = Document {
            timing: began.until_now(clock),
            path: path.display().to_string(),
            dry_run: self.dry_run,
            chains: outcomes.iter().map(Chain::of).collect(),
        };
        self.json.report_or(context, "pool repair", &document, || {
            let mut lines = Lines::new();
            for (report, _) in &outcomes {
                for finding in report.findings.iter().chain(&report.unknown) {
                    describe(&mut lines, finding);
                }
            }
            lines
        })?;
        for (report, result) in &outcomes {
            if result.is_ok() || report.undone.is_some() {
                self.tell(context, report);
            }
        }
        self.finish(context, outcomes)
    }

    fn tell(&self, context: &Context, report: &PoolRepairReport) {
        let title = chain_title(report.chain);
        let pools: u64 = report.exchanges.iter().map(|exchange| exchange.pools).sum();
        let cost = format!(
            "{} requests, {:.1} s",
            grouped(report.node.requests),
            report.elapsed.as_secs_f64()
        );
        let line = if self.dry_run {
            format!(
                "{title}: {} pools are wrong or missing, of {} that were compared; nothing is changed; {cost}.",
                grouped(report.findings.len() as u64),
                grouped(pools)
            )
        } else {
            format!(
                "{title}: compared {}, rewrote {}, added {}, deleted {}; {cost}.",
                counted(grouped(pools), "pool"),
                grouped(report.rewritten),
                grouped(report.inserted),
                grouped(report.deleted)
            )
        };
        context.printer.message(line);
        if let Some((keep, _)) = report.undone {
            let state = match report.taken_in {
                Some(block) => format!("taken in again, up to block {}", grouped(block.get())),
                None => "left for the next 'degenbot pool update'".to_owned(),
            };
            context.printer.message(format_args!(
                "{title}: what came after block {} was taken back and {state}.",
                grouped(keep.get())
            ));
        }
    }

    /// The last failure becomes that of the command.
    fn finish(&self, context: &Context, outcomes: Vec<Outcome>) -> Result<(), Failure> {
        let mut failures: Vec<Failure> = Vec::new();
        let (mut unknown, mut later) = (0, 0);
        for (report, result) in outcomes {
            let created_later = report.unknown.iter().filter(|it| it.is_created_later());
            let created_later = created_later.count() as u64;
            later += created_later;
            if !(self.dry_run && self.delete_unknown) {
                let not_created = report.unknown.len() as u64 - created_later;
                unknown += not_created.saturating_sub(report.deleted);
            }
            for skipped in report.skipped {
                failures.push(Failure::ExchangeNotRepaired {
                    exchange: skipped.exchange,
                    reason: skipped.reason,
                });
            }
            match result {
                Ok(()) => {}
                Err(SyncError::Interrupted) => failures.push(Failure::Aborted),
                Err(error) => failures.push(of_chain(report.chain, error)),
            }
        }
        if unknown > 0 {
            failures.insert(0, Failure::UnknownPoolsLeft { pools: unknown });
        }
        if later > 0 {
            failures.insert(0, Failure::PoolsCreatedLater { pools: later });
        }
        last_of(context, failures)
    }
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    dry_run: bool,
    chains: Vec<Chain>,
}

#[derive(Serialize)]
struct Chain {
    #[serde(rename = "chain_id")]
    id: u64,
    exchanges: Vec<Exchange>,
    findings: Vec<FindingDocument>,
    unknown: Vec<FindingDocument>,
    rewritten: u64,
    inserted: u64,
    deleted: u64,
    undone_above_block: Option<u64>,
    taken_in_to_block: Option<u64>,
    requests: u64,
    calls: u64,
    received_bytes: u64,
    milliseconds: u64,
    error: Option<String>,
}

#[derive(Serialize)]
struct Exchange {
    name: String,
    block: u64,
    compared: u64,
}

impl Chain {
    fn of((report, result): &Outcome) -> Self {
        let exchanges = report.exchanges.iter().map(|exchange| Exchange {
            name: exchange.exchange.to_string(),
            block: exchange.mark.get(),
            compared: exchange.pools,
        });
        Self {
            id: report.chain.get(),
            exchanges: exchanges.collect(),
            findings: report.findings.iter().map(FindingDocument::of).collect(),
            unknown: report.unknown.iter().map(FindingDocument::of).collect(),
            rewritten: report.rewritten,
            inserted: report.inserted,
            deleted: report.deleted,
            undone_above_block: report.undone.map(|(block, _)| block.get()),
            taken_in_to_block: report.taken_in.map(Into::into),
            requests: report.node.requests,
            calls: report.node.calls,
            received_bytes: report.node.bytes,
            milliseconds: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
            error: result.as_ref().err().map(|error| with_causes(error)),
        }
    }
}
