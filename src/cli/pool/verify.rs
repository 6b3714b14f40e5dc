//! `degenbot pool verify`: compares pools with what their contracts say.

use std::num::NonZeroUsize;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use crate::cli::asking::Asking;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::format::grouped;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing};
use crate::cli::outcome::{last_of, of_chain};
use crate::cli::pool::findings::{FindingDocument, describe};
use crate::cli::pool::which::Which;
use crate::cli::printer::Lines;
use crate::cli::progress::pools::PoolReporter;
use crate::counted::counted;
use crate::deployments::chains::chain_title;
use crate::sync::sync_error::SyncError;
use crate::sync::verify::{PoolVerifyOptions, verify_pools};
use crate::sync::verify_report::{ExchangeVerification, PoolFinding, PoolVerifyReport};

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    which: Which,
    /// How many pools of each exchange are compared, others each time [default: 100]
    #[arg(long, value_name = "POOLS", conflicts_with = "all")]
    sample: Option<NonZeroUsize>,
    /// Compare all pools, and look for those that the database lacks
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    json: Json,
}

type Outcome = (PoolVerifyReport, Result<(), SyncError>);

/// How many pools of an exchange are compared, unless more or fewer are asked for.
const SAMPLE: usize = 100;

impl Verify {
    /// What two of the arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<String> {
        let option = match self.sample {
            Some(_) => "--sample <POOLS>",
            None if self.all => "--all",
            None => return self.which.contradiction(),
        };
        if self.which.names_only_pools() {
            return Some(format!(
                "the argument '{option}' is about exchanges, and only single pools are named; add --exchange"
            ));
        }
        self.which.contradiction()
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
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
                Err(error) => (PoolVerifyReport::new(*chain), Err(error)),
                Ok(node) => {
                    let options = PoolVerifyOptions::default()
                        .exchanges(named.of_chain(*chain))
                        .pools(self.which.pools.clone())
                        .sample(
                            (!self.all).then_some(self.sample.map_or(SAMPLE, NonZeroUsize::get)),
                        )
                        .concurrency(self.asking.concurrency.into())
                        .cancel(cancel_token().clone());
                    let mut reporter = PoolReporter::new(&context.printer);
                    verify_pools(path, *chain, &node, &options, &mut |progress| {
                        reporter.show(progress);
                    })
                }
            };
            if let Err(SyncError::Interrupted) = outcome.1 {
                return Err(Failure::Aborted);
            }
            outcomes.push(outcome);
        }
        let document = Document {
            timing: began.until_now(clock),
            path: path.display().to_string(),
            chains: outcomes.iter().map(Chain::of).collect(),
        };
        self.json.report_or(context, "pool verify", &document, || {
            let mut lines = Lines::new();
            for (report, _) in &outcomes {
                lines_of(&mut lines, report);
            }
            lines
        })?;
        finish(context, outcomes)
    }
}

fn lines_of(lines: &mut Lines, report: &PoolVerifyReport) {
    for exchange in &report.exchanges {
        let ExchangeVerification {
            exchange: name,
            mark,
            compared_at,
            pools,
            compared,
            ..
        } = exchange;
        let mut line = format!(
            "{name}: compared {} of {} at block {}",
            grouped(*compared),
            counted(grouped(*pools), "pool"),
            grouped(compared_at.get())
        );
        if compared_at != mark {
            line += "; the node no longer has the state of the database's block ";
            line += &grouped(mark.get());
        }
        lines.push_fitting(&line, 4);
    }
    for finding in &report.findings {
        describe(lines, finding);
    }
    for part in &report.not_compared {
        let pool = part
            .pool
            .as_ref()
            .map_or_else(String::new, |pool| format!("  {pool}"));
        lines.push_fitting(
            &format!("{}{pool}: not compared: {}", part.exchange, part.reason),
            4,
        );
    }
}

/// Says what was found. The last failure becomes that of the command.
fn finish(context: &Context, outcomes: Vec<Outcome>) -> Result<(), Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let (mut differences, mut pools, mut not_compared) = (0, 0, 0);
    let mut has_later = false;
    for (report, result) in &outcomes {
        has_later |= report.findings.iter().any(PoolFinding::is_created_later);
        differences += report.differences();
        pools += report.findings.len() as u64;
        not_compared += (report.not_compared.len() + report.skipped.len()) as u64;
        if result.is_err() && report.values == 0 {
            continue;
        }
        context.printer.message(format_args!(
            "{}: compared {}, {} differ; {} requests, {:.1} s.",
            chain_title(report.chain),
            counted(grouped(report.values), "value"),
            grouped(report.differences()),
            grouped(report.node.requests),
            report.elapsed.as_secs_f64(),
        ));
    }
    if differences > 0 {
        failures.push(Failure::PoolsDiffer {
            pools,
            differences,
            not_compared,
            has_later,
        });
    } else if not_compared > 0 {
        failures.push(Failure::PoolsNotCompared { not_compared });
    }
    for (report, result) in outcomes {
        for skipped in report.skipped {
            context.printer.always(format_args!(
                "{}: not compared: {}",
                skipped.exchange, skipped.reason
            ));
        }
        if let Err(error) = result {
            failures.push(of_chain(report.chain, error));
        }
    }
    last_of(context, failures)
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    chains: Vec<Chain>,
}

#[derive(Serialize)]
struct Chain {
    #[serde(rename = "chain_id")]
    id: u64,
    exchanges: Vec<Exchange>,
    values: u64,
    differences: u64,
    findings: Vec<FindingDocument>,
    not_compared: Vec<NotCompared>,
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
    compared_at_block: u64,
    pools: u64,
    compared: u64,
    pools_on_chain: Option<u64>,
}

#[derive(Serialize)]
struct NotCompared {
    exchange: String,
    pool: Option<String>,
    reason: String,
}

impl Chain {
    fn of((report, result): &Outcome) -> Self {
        let exchanges = report.exchanges.iter().map(|exchange| Exchange {
            name: exchange.exchange.to_string(),
            block: exchange.mark.get(),
            compared_at_block: exchange.compared_at.get(),
            pools: exchange.pools,
            compared: exchange.compared,
            pools_on_chain: exchange.on_chain,
        });
        let not_compared = report.not_compared.iter().map(|part| NotCompared {
            exchange: part.exchange.to_string(),
            pool: part.pool.clone(),
            reason: part.reason.clone(),
        });
        let skipped = report.skipped.iter().map(|skipped| NotCompared {
            exchange: skipped.exchange.to_string(),
            pool: None,
            reason: skipped.reason.to_string(),
        });
        Self {
            id: report.chain.get(),
            exchanges: exchanges.collect(),
            values: report.values,
            differences: report.differences(),
            findings: report.findings.iter().map(FindingDocument::of).collect(),
            not_compared: not_compared.chain(skipped).collect(),
            requests: report.node.requests,
            calls: report.node.calls,
            received_bytes: report.node.bytes,
            milliseconds: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
            error: result.as_ref().err().map(|error| with_causes(error)),
        }
    }
}
