//! `degenbot aave verify`: compares markets with what their contracts say.

use std::num::NonZeroUsize;
use std::time::Instant;

use clap::Args;
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
use crate::cli::outcome::{last_of, of_chain};
use crate::cli::printer::Lines;
use crate::cli::progress::one_line::OneLine;
use crate::counted::counted;
use crate::deployments::chains::chain_title;
use crate::sync::aave::verify::{AaveVerifyOptions, verify_aave_markets};
use crate::sync::aave::verify_report::{AaveVerifyReport, MarketVerification};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// Only these users, by their addresses, with all tokens
    #[arg(value_name = "USER", value_parser = Address::typed)]
    users: Vec<Address>,
    #[command(flatten)]
    chosen: Chosen,
    /// How many users of each market are compared, others each time [default: 100]
    #[arg(long, value_name = "USERS", conflicts_with_all = ["all", "users"])]
    sample: Option<NonZeroUsize>,
    /// Compare all users
    #[arg(long, conflicts_with = "users")]
    all: bool,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    json: Json,
}

type Outcome = (AaveVerifyReport, Result<(), SyncError>);

/// How many users of a market are compared, unless more or fewer are asked for.
const SAMPLE: usize = 100;

impl Verify {
    /// What two of the arguments say different things about.
    pub(super) fn contradiction(&self) -> Option<String> {
        self.chosen.contradiction()
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
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
                Err(error) => (AaveVerifyReport::new(*chain), Err(error)),
                Ok(node) => {
                    let options = AaveVerifyOptions::default()
                        .markets(chosen.of_chain(*chain))
                        .users(self.users.clone())
                        .sample(
                            (!self.all).then_some(self.sample.map_or(SAMPLE, NonZeroUsize::get)),
                        )
                        .cancel(cancel_token().clone());
                    let mut line = OneLine::new(&context.printer);
                    verify_aave_markets(path, *chain, &node, &options, &mut |progress| {
                        line.show(line_of(progress), String::new);
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
        self.json.report_or(context, "aave verify", &document, || {
            let mut lines = Lines::new();
            for (report, _) in &outcomes {
                lines_of(&mut lines, report);
            }
            lines
        })?;
        finish(context, outcomes)
    }
}

fn lines_of(lines: &mut Lines, report: &AaveVerifyReport) {
    for market in &report.markets {
        let MarketVerification {
            market: name,
            mark,
            compared_at,
            users,
            compared,
            unknown,
            positions,
            ..
        } = market;
        let of_users = match *unknown {
            0 => format!(
                "{} of {}",
                grouped(*compared),
                counted(grouped(*users), "user")
            ),
            unknown => format!(
                "{}, of which the database has {},",
                counted(grouped(*compared), "user"),
                grouped(compared - unknown)
            ),
        };
        let mut line = format!(
            "{name}: compared {of_users} and {} at block {}",
            counted(grouped(*positions), "position"),
            grouped(compared_at.get())
        );
        if compared_at != mark {
            line += "; the node no longer has the state of the database's block ";
            line += &grouped(mark.get());
        }
        lines.push_fitting(&line, 4);
    }
    describe(lines, &report.findings);
    for part in &report.not_compared {
        lines.push_fitting(
            &format!("{}: not compared: {}", part.market, part.reason),
            4,
        );
    }
}

/// Says what was found. The last failure becomes that of the command.
fn finish(context: &Context, outcomes: Vec<Outcome>) -> Result<(), Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let (mut differences, mut not_compared) = (0, 0);
    for (report, result) in &outcomes {
        let of_chain = report.findings.len() as u64;
        differences += of_chain;
        not_compared += (report.not_compared.len() + report.skipped.len()) as u64;
        if result.is_err() && report.values == 0 {
            continue;
        }
        context.printer.message(format_args!(
            "{}: compared {}, {} differ; {}, {:.1} s.",
            chain_title(report.chain),
            counted(grouped(report.values), "value"),
            grouped(of_chain),
            requests(report.node.requests),
            report.elapsed.as_secs_f64(),
        ));
    }
    if differences > 0 {
        failures.push(Failure::MarketsDiffer {
            differences,
            not_compared,
        });
    } else if not_compared > 0 {
        failures.push(Failure::MarketsNotCompared { not_compared });
    }
    for (report, result) in outcomes {
        for skipped in report.skipped {
            context.printer.always(format_args!(
                "{}: not compared: {}",
                skipped.market, skipped.reason
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
    markets: Vec<Market>,
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
struct Market {
    name: String,
    block: u64,
    compared_at_block: u64,
    users: u64,
    compared: u64,
    unknown: u64,
    positions: u64,
}

#[derive(Serialize)]
struct NotCompared {
    market: String,
    reason: String,
}

impl Chain {
    fn of((report, result): &Outcome) -> Self {
        let markets = report.markets.iter().map(|market| Market {
            name: market.market.to_string(),
            block: market.mark.get(),
            compared_at_block: market.compared_at.get(),
            users: market.users,
            compared: market.compared,
            unknown: market.unknown,
            positions: market.positions,
        });
        let not_compared = report.not_compared.iter().map(|part| NotCompared {
            market: part.market.to_string(),
            reason: part.reason.clone(),
        });
        let skipped = report.skipped.iter().map(|skipped| NotCompared {
            market: skipped.market.to_string(),
            reason: skipped.reason.to_string(),
        });
        Self {
            id: report.chain.get(),
            markets: markets.collect(),
            values: report.values,
            differences: report.findings.len() as u64,
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
