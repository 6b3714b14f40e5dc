//! What an upgrade or a downgrade would do, in words.

use std::fmt::Write;
use std::path::Path;

use crate::cli::printer::bytes;
use crate::database::MigrationPlan;

pub(super) fn describe(path: &Path, plan: &MigrationPlan) -> String {
    let lineage = match &plan.stamps {
        stamps if stamps.rust_core.is_some() => "a Rust-core release of the Python package",
        stamps if stamps.diesel.is_some() => "degenbot",
        _ => "the Python package (Alembic)",
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line("Database", &path.display().to_string());
    line("Lineage", lineage);
    if let Some(remark) = &plan.remark {
        line("Stamps", &format!("{remark}; will be put right"));
    }
    line("From", &plan.from.to_string());
    line("To", &plan.to.to_string());
    if plan.migrations.is_empty() {
        line("Steps", "none");
    }
    let what = if plan.from <= plan.to { "run" } else { "undo" };
    for migration in &plan.migrations {
        line("Step", &format!("{what} {migration}"));
    }
    line("How", "in place, in one transaction");
    line(
        "Disk",
        &format!("up to {} more, for the log", bytes(plan.bytes)),
    );
    for loss in &plan.losses {
        line("Drops", &loss.to_string());
    }
    for (table, rows) in &plan.rows {
        if *rows > 0 {
            line("Rows", &format!("{table} {rows}"));
        }
    }
    text
}
