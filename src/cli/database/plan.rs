//! The plan of an upgrade or a downgrade (`--dry-run`), as text and as JSON.

use std::path::Path;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::bytes;
use crate::cli::json::{Json, Version};
use crate::cli::printer::Lines;
use crate::database::migration::losses::Loss;
use crate::database::migration::plan::MigrationPlan;
use crate::database::migration::rebuild::notices::RebuildNotices;
use crate::database::migration::route::Method;
use crate::database::migration::unfinal_blocks::UnfinalBlocks;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::schema_version::SchemaVersion;

/// The JSON document of a plan. Documents of completed migrations have `dry_run` too; it is false there.
#[derive(Serialize)]
struct Document<'plan> {
    path: String,
    dry_run: bool,
    from: Version,
    to: Version,
    method: Method,
    migrations: &'plan [String],
    losses: &'plan [Loss],
    taken_back: Vec<TakenBack>,
    untried_triggers: &'plan [String],
    dropped: &'plan [String],
    #[serde(flatten)]
    notices: NoticesDocument<'plan>,
    needs: Option<&'plan str>,
    remark: Option<&'plan str>,
    stamps: &'plan Stamps,
    structure: &'plan str,
    bytes: u64,
    disk_bytes: u64,
    seconds: u64,
    tables: Vec<TableDocument<'plan>>,
}

/// The blocks of a chain that are taken back, or were.
#[derive(Serialize)]
pub(super) struct TakenBack {
    chain_id: u64,
    keep: u64,
    last: u64,
}

impl From<&UnfinalBlocks> for TakenBack {
    fn from(blocks: &UnfinalBlocks) -> Self {
        Self {
            chain_id: blocks.chain_id.get(),
            keep: blocks.keep.get(),
            last: blocks.last.get(),
        }
    }
}

/// What a rebuild does to rows without the user's own objects noticing.
#[derive(Serialize)]
pub(super) struct NoticesDocument<'notices> {
    readers_of_hashes: &'notices [String],
    unfired_triggers: &'notices [String],
    stale_indexes: &'notices [String],
}

impl<'notices> From<&'notices RebuildNotices> for NoticesDocument<'notices> {
    fn from(notices: &'notices RebuildNotices) -> Self {
        Self {
            readers_of_hashes: &notices.readers_of_hashes,
            unfired_triggers: &notices.unfired_triggers,
            stale_indexes: &notices.stale_indexes,
        }
    }
}

#[derive(Serialize)]
struct TableDocument<'plan> {
    name: &'plan str,
    rows: i64,
}

/// Asks whether to correct the stamps of a database that has the structure of the target already.
pub(super) fn stamps_question(path: &Path, version: SchemaVersion) -> String {
    format!(
        "The database at {} has the structure of version {version}; its stamps will be corrected. Do you want to proceed?",
        path.display()
    )
}

/// Says that nothing but the stamps was changed.
pub(super) fn stamps_corrected(path: &Path, version: SchemaVersion) -> String {
    format!(
        "Corrected the stamps of the database at {}, which is at version {version}.",
        path.display()
    )
}

/// Prints a plan.
pub(super) fn report(
    context: &Context,
    command: &'static str,
    json: &Json,
    path: &Path,
    plan: &MigrationPlan,
) -> Result<(), Failure> {
    let document = Document::of(path, plan);
    json.report_or(context, command, &document, || describe(path, plan))
}

impl<'plan> Document<'plan> {
    fn of(path: &Path, plan: &'plan MigrationPlan) -> Self {
        let tables = plan.rows.iter();
        Self {
            path: path.display().to_string(),
            dry_run: true,
            from: Version::of(plan.name.clone(), plan.from),
            to: plan.to.into(),
            method: plan.method,
            migrations: &plan.migrations,
            losses: &plan.losses,
            taken_back: plan.unfinal.iter().map(TakenBack::from).collect(),
            untried_triggers: &plan.untried_triggers,
            dropped: &plan.dropped,
            notices: NoticesDocument::from(&plan.notices),
            needs: plan.needs.as_deref(),
            remark: plan.remark.as_deref(),
            stamps: &plan.stamps,
            structure: &plan.structure,
            bytes: plan.bytes,
            disk_bytes: plan.disk_bytes,
            seconds: plan.seconds,
            tables: tables
                .map(|(name, rows)| TableDocument { name, rows: *rows })
                .collect(),
        }
    }
}

/// The sentence about a database that is at the target already.
pub(super) fn already_there(path: &Path, target: SchemaVersion) -> String {
    let version = if target == SchemaVersion::latest() {
        format!("the latest version ({target})")
    } else {
        format!("version {target}")
    };
    format!(
        "The database at {} is already at {version}.",
        path.display()
    )
}

fn describe(path: &Path, plan: &MigrationPlan) -> Lines {
    let lineage = match &plan.stamps {
        stamps if stamps.rust_core.is_some() => "a Rust-core release of the Python package",
        stamps if stamps.diesel.is_some() => "degenbot",
        stamps if stamps.alembic.is_none() => "the Python package, before it used Alembic",
        _ => "the Python package (Alembic)",
    };
    let mut text = Lines::new();
    if plan.is_done {
        text.push_fitting(&already_there(path, plan.to), 0);
        return text;
    }
    let mut line = |name: &str, value: &str| text.push_fitting(&format!("{name:<10} {value}"), 11);
    line("Database", &path.display().to_string());
    line("Lineage", lineage);
    if let Some(remark) = &plan.remark {
        line("Stamps", &format!("{remark}; will be corrected"));
    }
    line("From", &plan.structure);
    line("To", &plan.to.to_string());
    if plan.migrations.is_empty() && plan.method == Method::InPlace {
        line("Steps", "none but the stamps");
    }
    let what = if plan.from.is_some_and(|from| from <= plan.to) {
        "run"
    } else {
        "undo"
    };
    for migration in &plan.migrations {
        line("Step", &format!("{what} {migration}"));
    }
    let (how, what_for) = match plan.method {
        Method::Rebuild => (
            "builds a new database beside it and puts it in its place; keeps the original",
            "the new database, the original and the log",
        ),
        Method::InPlaceWithMaps => (
            "in place, in one transaction; computes the initialization maps from the positions",
            "the log and the database's growth",
        ),
        _ => (
            "in place, in one transaction",
            "the log and the database's growth",
        ),
    };
    line("How", how);
    if let Some(needs) = &plan.needs {
        line("Needs", &format!("{needs}: see --assume"));
    }
    let scarce = match plan.free_bytes {
        Some(free) if free < plan.disk_bytes => {
            format!("; {} are free, which may not be enough", bytes(free))
        }
        _ => String::new(),
    };
    line(
        "Disk",
        &format!(
            "up to {} more, for {what_for}{scarce}",
            bytes(plan.disk_bytes)
        ),
    );
    line("Time", &format!("about {} s", plan.seconds));
    if plan.method == Method::Rebuild {
        line(
            "Open",
            "whether every row can be converted: the upgrade finds out before it changes anything",
        );
    }
    for blocks in &plan.unfinal {
        line("Takes back", &blocks.to_string());
    }
    for trigger in &plan.untried_triggers {
        line(
            "Not tried",
            &format!("trigger {trigger}, which can run and refuse while blocks are taken back"),
        );
    }
    for loss in &plan.losses {
        line("Drops", &loss.to_string());
    }
    for dropped in &plan.dropped {
        line("Leaves out", dropped);
    }
    for (name, value) in notice_lines(&plan.notices) {
        line(name, &value);
    }
    for (table, rows) in &plan.rows {
        if *rows > 0 {
            line("Rows", &format!("{table} {rows}"));
        }
    }
    text
}

/// The lines about what a rebuild does to rows without the user's own objects noticing.
fn notice_lines(notices: &RebuildNotices) -> Vec<(&'static str, String)> {
    let readers = notices.readers_of_hashes.iter().map(|reader| {
        (
            "Rewrites",
            format!("uniswap_v4_pools.pool_hash, as texts like 0x12ab\u{2026}: {reader} reads it"),
        )
    });
    let triggers = notices.unfired_triggers.iter().map(|trigger| {
        (
            "Adds rows",
            format!("for which trigger {trigger} does not fire: no trigger does during an upgrade"),
        )
    });
    let tables = notices.stale_indexes.iter().map(|table| {
        (
            "Outdates",
            format!("the index of table {table}, which has to be rebuilt afterwards"),
        )
    });
    readers.chain(triggers).chain(tables).collect()
}
