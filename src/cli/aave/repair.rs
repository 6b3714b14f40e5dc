//! `degenbot aave repair`: makes users and reserves what the contracts say.

use std::time::Instant;

use clap::{ArgGroup, Args};
use serde::Serialize;

use crate::cli::aave::active::Chosen;
use crate::cli::aave::findings::{FindingDocument, describe, line_of};
use crate::cli::asking::Asking;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::format::{grouped, requests};
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing};
use crate::cli::options::Waiting;
use crate::cli::outcome::{last_of, of_chain};
use crate::cli::printer::Lines;
use crate::cli::progress::one_line::OneLine;
use crate::counted::counted;
use crate::deployments::chains::chain_title;
use crate::sync::aave::repair::{AaveRepairOptions, repair_aave_markets};
use crate::sync::aave::repair_report::AaveRepairReport;
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["users", "all_found", "reserves"]).required(true).multiple(true))]
pub(in crate::cli) struct Repair {
    /// The users to make right, by their addresses, with all tokens
    #[arg(value_name = "USER", value_parser = Address::typed)]
    users: Vec<Address>,
    /// Compare everything, and make right what differs
    #[arg(long, conflicts_with = "users")]
    all_found: bool,
    /// Make the reserves, the contracts and the e-mode categories right
    #[arg(long)]
    reserves: bool,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    json: Json,
}

type Outcome = (AaveRepairReport, Result<(), SyncError>);

impl Repair {
    /// What two of the arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<String> {
        self.chosen.contradiction()
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let path = &settings.database.path;
        let _running = Cancellable::begin();
        let chosen = self.chosen.look_up(path)?;
        let node_options = self.asking.node_options();
        let endpoints = Endpoints::new(
            &settings,
            &self.asking.nodes.rpc,
            &node_options,
            &chosen.chains,
        )?;
        let (began, clock) = (Timing::now(), Instant::now());
        let mut outcomes: Vec<Outcome> = Vec::new();
        for chain in &chosen.chains {
            let outcome = match endpoints.node(*chain) {
                Err(error) => (AaveRepairReport::new(*chain), Err(error)),
                Ok(node) => {
                    let options = AaveRepairOptions::default()
                        .markets(chosen.of_chain(*chain))
                        .users(self.users.clone())
                        .all_found(self.all_found)
                        .reserves(self.reserves)
                        .concurrency(self.asking.concurrency.into())
                        .wait(self.waiting.time())
                        .cancel(cancel_token().clone());
                    let mut line = OneLine::new(&context.printer);
                    repair_aave_markets(path, *chain, &node, &options, &mut |progress| {
                        line.show(line_of(progress), String::new);
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
            chains: outcomes.iter().map(Chain::of).collect(),
        };
        self.json.report_or(context, "aave repair", &document, || {
            let mut lines = Lines::new();
            for (report, _) in &outcomes {
                describe(&mut lines, &report.findings);
            }
            lines
        })?;
        for (report, result) in &outcomes {
            if result.is_ok() || report.undone.is_some() {
                tell(context, report);
            }
        }
        finish(context, outcomes)
    }
}

fn tell(context: &Context, report: &AaveRepairReport) {
    let title = chain_title(report.chain);
    let users: u64 = report.markets.iter().map(|market| market.users).sum();
    context.printer.message(format_args!(
        "{title}: compared {}, {} differed, {} written; {}, {:.1} s.",
        counted(grouped(users), "user"),
        counted(grouped(report.findings.len() as u64), "value"),
        counted(grouped(report.rows), "row"),
        requests(report.node.requests),
        report.elapsed.as_secs_f64()
    ));
    if let Some((keep, _)) = report.undone {
        let state = match report.taken_in {
            Some(block) => format!("taken in again, up to block {}", grouped(block.get())),
            None => {
                "left for the next 'degenbot aave update' and 'degenbot pool update'".to_owned()
            }
        };
        context.printer.message(format_args!(
            "{title}: what came after block {} was taken back and {state}.",
            grouped(keep.get())
        ));
    }
}

/// The last failure becomes that of the command.
fn finish(context: &Context, outcomes: Vec<Outcome>) -> Result<(), Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for (report, result) in outcomes {
        for skipped in report.skipped {
            failures.push(Failure::MarketNotRepaired {
                market: skipped.market,
                reason: skipped.reason,
            });
        }
        match result {
            Ok(()) => {}
            Err(SyncError::Interrupted) => failures.push(Failure::Aborted),
            Err(error) => failures.push(of_chain(report.chain, error)),
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
    markets: Vec<Market>,
    findings: Vec<FindingDocument>,
    rows_written: u64,
    undone_above_block: Option<u64>,
    taken_in_to_block: Option<u64>,
    requests: u64,
    calls: u64,
    received_bytes: u64,
    milliseconds: u64,
    error: Option<String>,
}

#[derive(Serialize)]
struct Market {
    name: String,
    block: u64,
    repaired_at_block: u64,
    compared: u64,
}

impl Chain {
    fn of((report, result): &Outcome) -> Self {
        let markets = report.markets.iter().map(|market| Market {
            name: market.market.to_string(),
            block: market.mark.get(),
            repaired_at_block: market.block.get(),
            compared: market.users,
        });
        Self {
            id: report.chain.get(),
            markets: markets.collect(),
            findings: report.findings.iter().map(FindingDocument::of).collect(),
            rows_written: report.rows,
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
