use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;

use super::{Confirmation, Waiting};
use crate::cli::printer::{Printer, bytes, time};
use crate::cli::progress::ProgressReporter;
use crate::cli::prompt::confirm;
use crate::cli::{Context, Failure};
use crate::database::{
    RestoreOptions, Summary, Verification, plan_restore, restore_sqlite_database,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Restore {
    /// Restore this instead of PATH.bak
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Do not keep the database that is replaced as PATH.pre-restore
    #[arg(long)]
    no_keep: bool,
    /// How thoroughly the backup is checked first: `quick` looks at the tables, `full` at the indexes too,
    /// which takes several times as long
    #[arg(long, value_name = "quick|full", default_value = "full")]
    verify: Verification,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Restore {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let options = RestoreOptions {
            from: self.from,
            keep_replaced: !self.no_keep,
            verify: self.verify,
            wait: self.waiting.time(),
        };
        let plan = plan_restore(&path, &options)?;
        let printer = &context.printer;
        if let Some(replaced) = &plan.replaced {
            if !self.confirmation.force {
                describe(printer, "Database", replaced);
                describe(printer, "Backup", &plan.from);
            }
            let question = format!(
                "The content of the database at {} will be replaced by that of {}{}. Do you want to \
                 proceed?",
                path.display(),
                plan.from.path.display(),
                lost(replaced, &plan.from)
            );
            confirm(&question, self.confirmation.force)?;
        }
        let report = {
            let mut progress = ProgressReporter::new("Restoring", printer);
            restore_sqlite_database(&path, &options, &mut progress)?
        };
        printer.message(format_args!(
            "Restored {} from {} ({}).",
            path.display(),
            report.from.display(),
            bytes(report.bytes)
        ));
        if let Some(kept) = &report.kept {
            printer.message(format_args!(
                "The database that was there is kept at {}.",
                beside(&path, kept).display()
            ));
        }
        if report.is_upgrade_pending {
            printer.message(format_args!(
                "It is at version {}. Bring it to the latest one with 'degenbot database upgrade'.",
                report.version
            ));
        }
        Ok(())
    }
}

fn describe(printer: &Printer, what: &str, summary: &Summary) {
    let mut line = format!(
        "{what:<8} {}: {}, version {}, {}{} rows",
        summary.path.display(),
        bytes(summary.bytes),
        summary.version,
        if summary.is_estimated { "~" } else { "" },
        summary.rows
    );
    // Writing to a string cannot fail.
    if let Some(modified) = summary.modified {
        let _ = write!(line, ", last written {}", time(modified));
    }
    if let Some(block) = summary.newest_block {
        let _ = write!(line, ", up to block {block}");
    }
    printer.message(line);
}

/// What is lost beyond what the lines before say, where the backup is the older one.
fn lost(replaced: &Summary, from: &Summary) -> String {
    match (replaced.newest_block, from.newest_block) {
        (Some(now), Some(then)) if now > then => {
            format!(", which goes back by {} blocks", now - then)
        }
        _ => match (replaced.modified, from.modified) {
            (Some(now), Some(then)) => lost_time(now, then),
            _ => String::new(),
        },
    }
}

fn lost_time(now: SystemTime, then: SystemTime) -> String {
    match now.duration_since(then) {
        Ok(lost) if lost.as_secs() >= 60 => {
            format!(", which goes back by {} minutes", lost.as_secs() / 60)
        }
        _ => String::new(),
    }
}

/// The path beside the database as the user gave that, if it is there.
pub(super) fn beside(path: &Path, kept: &Path) -> PathBuf {
    match (path.parent(), kept.file_name()) {
        (Some(folder), Some(name)) if folder.join(name).exists() => folder.join(name),
        _ => kept.to_owned(),
    }
}
