//! `degenbot token update`: fills in the names, symbols and decimals of tokens.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::cli::asking::Nodes;
use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::exchange::lookup::require_known_chains;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::format::{grouped, requests};
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing};
use crate::cli::known_values::chain_id;
use crate::cli::options::Waiting;
use crate::deployments::chains::chain_title;
use crate::node::options::NodeOptions;
use crate::sync::sync_error::SyncError;
use crate::sync::tokens::{
    TokenUpdateOptions, TokenUpdateReport, chains_of_incomplete_tokens, chains_of_tokens,
    update_tokens,
};
use crate::types::integer::ChainId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Update {
    /// Only this chain, by its name or ID; can be repeated
    #[arg(long, value_name = "CHAIN", value_parser = chain_id(), hide_possible_values = true)]
    chain: Vec<ChainId>,
    #[command(flatten)]
    nodes: Nodes,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    json: Json,
}

type Outcome = (TokenUpdateReport, Result<(), SyncError>);

impl Update {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        let path = &settings.database.path;
        let _running = Cancellable::begin();
        let mut chains = chains_of_incomplete_tokens(path)?;
        // A chain can have tokens without any exchange.
        let stored = chains_of_tokens(path)?;
        let without = self.chain.iter().filter(|chain| !stored.contains(chain));
        require_known_chains(path, &without.copied().collect::<Vec<_>>())?;
        chains.retain(|chain| self.chain.is_empty() || self.chain.contains(chain));
        let given = if chains.is_empty() {
            context.printer.message(self.complete());
            &[][..]
        } else {
            &self.nodes.rpc
        };
        let endpoints = Endpoints::new(&settings, given, &NodeOptions::default(), &chains)?;
        let (began, clock) = (Timing::now(), Instant::now());
        let options = TokenUpdateOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        let mut outcomes: Vec<Outcome> = Vec::new();
        for chain in chains {
            let outcome = match endpoints.node(chain) {
                Err(error) => (TokenUpdateReport::new(chain), Err(error)),
                Ok(node) => {
                    let mut told = Instant::now();
                    update_tokens(path, &node, chain, &options, &mut |report| {
                        tell_progress(context, report, &mut told);
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
        self.json.report(context, "token update", &document)?;
        finish(context, outcomes)
    }
}

impl Update {
    /// Says that no token lacks anything, as far as the options let the command look.
    fn complete(&self) -> String {
        let chains: Vec<_> = self.chain.iter().map(|chain| chain_title(*chain)).collect();
        match chains.as_slice() {
            [] => "Every token is complete.".to_owned(),
            chains => format!("Every token of {} is complete.", chains.join(", ")),
        }
    }
}

/// Prints a line every ten seconds.
fn tell_progress(context: &Context, report: &TokenUpdateReport, told: &mut Instant) {
    const PAUSE: Duration = Duration::from_secs(10);
    if told.elapsed() >= PAUSE {
        *told = Instant::now();
        context.printer.message(format_args!(
            "{}: asked {} tokens",
            chain_title(report.chain),
            grouped(report.asked)
        ));
    }
}

/// Says what was done. The last failure becomes that of the command.
fn finish(context: &Context, outcomes: Vec<Outcome>) -> Result<(), Failure> {
    let mut failure: Option<Failure> = None;
    for (report, result) in outcomes {
        let TokenUpdateReport { chain, asked, .. } = report;
        if asked > 0 {
            context.printer.message(format_args!(
                "{}: asked {} tokens, filled in {} names, {} symbols and {} decimals with {}.",
                chain_title(chain),
                grouped(asked),
                grouped(report.names),
                grouped(report.symbols),
                grouped(report.decimals),
                requests(report.node.requests),
            ));
        }
        let failed = match result {
            Ok(()) => continue,
            Err(SyncError::Interrupted) => Failure::Aborted,
            Err(error) => Failure::Sync {
                chain,
                error: Box::new(error),
            },
        };
        if let Some(failure) = failure.replace(failed) {
            failure.report(&context.printer);
        }
    }
    failure.map_or(Ok(()), Err)
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
    asked: u64,
    names: u64,
    symbols: u64,
    decimals: u64,
    requests: u64,
    calls: u64,
    milliseconds: u64,
    error: Option<String>,
}

impl Chain {
    fn of((report, result): &Outcome) -> Self {
        Self {
            id: report.chain.get(),
            asked: report.asked,
            names: report.names,
            symbols: report.symbols,
            decimals: report.decimals,
            requests: report.node.requests,
            calls: report.node.calls,
            milliseconds: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
            error: result.as_ref().err().map(|error| with_causes(error)),
        }
    }
}
