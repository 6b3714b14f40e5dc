//! What an upgrade or a downgrade would do, in words.

use std::fmt::Write;
use std::path::Path;

use crate::cli::printer::bytes;
use crate::database::{Method, MigrationPlan};

pub(super) fn describe(path: &Path, plan: &MigrationPlan) -> String {
    let lineage = match &plan.stamps {
        stamps if stamps.rust_core.is_some() => "a Rust-core release of the Python package",
        stamps if stamps.diesel.is_some() => "degenbot",
        stamps if stamps.alembic.is_none() => "the Python package, before it had Alembic",
        _ => "the Python package (Alembic)",
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    line("Database", &path.display().to_string());
    line("Lineage", lineage);
    if let Some(remark) = &plan.remark {
        line("Stamps", &format!("{remark}; will be put right"));
    }
    line("From", &plan.structure);
    line("To", &plan.to.to_string());
    if plan.migrations.is_empty() && plan.method == Method::InPlace {
        line("Steps", "none");
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
            "a new database is built beside it and put in its place; the original is kept",
            "the new database, the original and the log",
        ),
        Method::InPlaceWithMaps => (
            "in place, in one transaction; the initialization maps are computed from the positions",
            "the log",
        ),
        _ => ("in place, in one transaction", "the log"),
    };
    line("How", how);
    if let Some(needs) = &plan.needs {
        line("Needs", &format!("{needs}: see --assume"));
    }
    line(
        "Disk",
        &format!("up to {} more, for {what_for}", bytes(plan.disk_bytes)),
    );
    line("Time", &format!("about {} s", plan.seconds));
    for loss in &plan.losses {
        line("Drops", &loss.to_string());
    }
    for dropped in &plan.dropped {
        line("Leaves out", dropped);
    }
    for (table, rows) in &plan.rows {
        if *rows > 0 {
            line("Rows", &format!("{table} {rows}"));
        }
    }
    text
}
