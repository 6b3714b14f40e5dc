//! `degenbot aave update --dry-run`: says what an update would need.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::endpoints::Endpoints;
use crate::cli::estimates::{Range, answers_of, range, time};
use crate::cli::failure::{Failure, with_causes};
use crate::cli::format::{bytes, grouped};
use crate::cli::json::{Json, Timing};
use crate::cli::outcome::markets_outcome;
use crate::cli::table::Alignment::Left;
use crate::cli::table::Table;
use crate::deployments::chains::chain_title;
use crate::sync::aave::market_needs::AaveUpdateNeeds;
use crate::sync::aave::plan::{AaveUpdatePlan, plan_aave_update};
use crate::sync::aave::update::{AaveUpdateOptions, SkippedMarket};
use crate::sync::sync_error::SyncError;
use crate::types::integer::ChainId;

type Planned = (AaveUpdatePlan, Result<(), SyncError>);

/// Plans the update of each chain, prints the plans, and fails as the update would.
pub(super) fn run(
    context: &Context,
    json: &Json,
    path: &Path,
    chains: &BTreeSet<ChainId>,
    endpoints: &Endpoints,
    options: impl Fn(ChainId) -> AaveUpdateOptions,
) -> Result<(), Failure> {
    let (began, clock) = (Timing::now(), Instant::now());
    let mut plans = Vec::new();
    for chain in chains {
        let planned = match endpoints.node(*chain) {
            Err(error) => (AaveUpdatePlan::new(*chain), Err(error)),
            Ok(node) => plan_aave_update(path, *chain, &node, &options(*chain)),
        };
        if matches!(planned.1, Err(SyncError::Interrupted)) {
            return Err(Failure::Aborted);
        }
        plans.push(planned);
    }
    let document = Document {
        timing: began.until_now(clock),
        path: path.display().to_string(),
        dry_run: true,
        chains: plans.iter().map(ChainDocument::of).collect(),
    };
    let describe = || plans.iter().flat_map(|(plan, _)| describe(plan)).collect();
    json.report_or(context, "aave update", &document, describe)?;
    let outcomes = plans.into_iter();
    markets_outcome(
        context,
        outcomes
            .map(|(plan, result)| (plan.chain, plan.skipped, result.err().into_iter().collect())),
    )
}

fn describe(plan: &AaveUpdatePlan) -> Vec<String> {
    let title = chain_title(plan.chain);
    let (Some(target), Some(needs)) = (plan.target, &plan.needs) else {
        return Vec::new();
    };
    let target = grouped(target.get());
    let mut lines = Vec::new();
    if let Some(block) = plan.undone_above {
        lines.push(format!(
            "{title}: the chain was reorganised; what came after block {} would be undone first.",
            grouped(block.get())
        ));
    }
    if plan.markets.is_empty() {
        return lines;
    }
    if plan.blocks == 0 {
        lines.push(format!(
            "{title} has nothing to take in up to block {target}."
        ));
        return lines;
    }
    lines.push(format!(
        "{title}: {} blocks up to {target}",
        grouped(plan.blocks)
    ));
    let mut table = Table::new([Left, Left]);
    for market in &plan.markets {
        let from = match market.blocks {
            0 => "nothing new".to_owned(),
            _ => format!("from block {}", grouped(market.from.get())),
        };
        table.push([format!("  {}", market.market), from]);
    }
    let size = |number| bytes(number).to_string();
    for (name, estimate) in [
        ("Requests", range(needs.requests, grouped)),
        ("Answers", range(needs.received_bytes, size)),
        ("Events", range(needs.events, grouped)),
        ("Time", range(needs.milliseconds, time)),
        ("Disk", range(needs.growth_bytes, size)),
        ("Disk for the log", range(needs.log_bytes, size)),
    ] {
        table.push([format!("  {name}"), estimate]);
    }
    if let Some(free) = needs.free_bytes {
        table.push(["  Free on the disk".to_owned(), size(free)]);
    }
    lines.extend(table.lines());
    lines.extend(answers_of(needs.sampled_blocks, &plan.node));
    lines
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    dry_run: bool,
    chains: Vec<ChainDocument>,
}

#[derive(Serialize)]
struct ChainDocument {
    chain_id: u64,
    target_block: Option<u64>,
    head_block: Option<u64>,
    finalized_block: Option<u64>,
    undone_above_block: Option<u64>,
    markets: Vec<Market>,
    skipped: Vec<Skipped>,
    blocks: u64,
    needs: Option<Needs>,
    milliseconds: u64,
    error: Option<String>,
}

#[derive(Serialize)]
struct Market {
    name: String,
    from_block: u64,
    blocks: u64,
}

#[derive(Serialize)]
struct Skipped {
    name: String,
    reason: Cow<'static, str>,
}

#[derive(Serialize)]
struct Needs {
    sampled_blocks: u64,
    requests: Range,
    received_bytes: Range,
    events: Range,
    milliseconds: Range,
    growth_bytes: Range,
    log_bytes: Range,
    free_bytes: Option<u64>,
}

impl From<&AaveUpdateNeeds> for Needs {
    fn from(needs: &AaveUpdateNeeds) -> Self {
        Self {
            sampled_blocks: needs.sampled_blocks,
            requests: needs.requests.into(),
            received_bytes: needs.received_bytes.into(),
            events: needs.events.into(),
            milliseconds: needs.milliseconds.into(),
            growth_bytes: needs.growth_bytes.into(),
            log_bytes: needs.log_bytes.into(),
            free_bytes: needs.free_bytes,
        }
    }
}

impl ChainDocument {
    fn of((plan, result): &Planned) -> Self {
        let skipped = |skipped: &SkippedMarket| Skipped {
            name: skipped.market.to_string(),
            reason: skipped.reason.clone(),
        };
        Self {
            chain_id: plan.chain.get(),
            target_block: plan.target.map(Into::into),
            head_block: plan.head.map(Into::into),
            finalized_block: plan.finalized.map(Into::into),
            undone_above_block: plan.undone_above.map(Into::into),
            markets: plan
                .markets
                .iter()
                .map(|market| Market {
                    name: market.market.to_string(),
                    from_block: market.from.get(),
                    blocks: market.blocks,
                })
                .collect(),
            skipped: plan.skipped.iter().map(skipped).collect(),
            blocks: plan.blocks,
            needs: plan.needs.as_ref().map(Into::into),
            milliseconds: u64::try_from(plan.elapsed.as_millis()).unwrap_or(u64::MAX),
            error: result.as_ref().err().map(|error| with_causes(error)),
        }
    }
}
