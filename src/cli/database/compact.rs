//! `degenbot database compact`: gives unused space back.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::database::beside_litestream::BesideLitestream;
use crate::cli::database::replace_existing::replace_existing;
use crate::cli::database::version_warning::warn_of_other_version;
use crate::cli::failure::Failure;
use crate::cli::format::bytes;
use crate::cli::json::{Json, Timing, timed};
use crate::cli::options::{Confirmation, Waiting, path_of_copy};
use crate::cli::progress::ProgressReporter;
use crate::cli::settings_files::require_other;
use crate::database::copying::compact::{
    CompactOptions, CompactReport, Compaction, compact_sqlite_database,
};
use crate::database::error::database_error::Error;
use crate::database::files::database_file::file_bytes;

const EXAMPLES: &str = "\
Examples:
  degenbot database compact
  degenbot database compact --into /mnt/archive/degenbot.db";

/// Give unused space back to the disk
///
/// If no other program has the database open, a compact copy takes its place. Otherwise SQLite rewrites it in place,
/// and writers wait until that is done.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Compact {
    /// Write a compact copy to this path, and leave the database as it is
    #[arg(long, value_name = "PATH", value_parser = path_of_copy())]
    into: Option<PathBuf>,
    #[command(flatten)]
    beside_litestream: BesideLitestream,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    json: Json,
}

impl Compact {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        if let Some(target) = &self.into {
            require_other(&settings, target)?;
        }
        let path = settings.database.path;
        if self.into.is_none() && self.confirmation.force {
            // Not an error: scripts give the option to every command.
            log::warn!("--force has no effect without --into: nothing is asked");
        }
        warn_of_other_version(&path)?;
        if self.into.is_none() {
            self.beside_litestream.confirm(&path, file_bytes(&path))?;
        }
        let compact = |replace_existing| -> Result<(CompactReport, Timing), Error> {
            let options = CompactOptions {
                into: self.into.clone(),
                replace_existing,
                wait: self.waiting.time(),
            };
            let mut progress = ProgressReporter::new("Compacting", &context.printer);
            timed(|| compact_sqlite_database(&path, &options, &mut progress))
        };
        let question = |existing: &Path| {
            format!(
                "A file already exists at {}. Do you want to replace it?",
                existing.display()
            )
        };
        let (report, timing) = replace_existing(&path, self.confirmation.force, question, compact)?;
        // Scripts expect no output, as with the Python command; `-v` prints the message to a log.
        if context.printer.is_terminal() || context.printer.is_verbose() {
            self.tell(context, &path, &report);
        }
        let document = Document {
            timing,
            path: path.display().to_string(),
            into: self.into.map(|into| into.display().to_string()),
            how: report.how,
            bytes_before: report.before,
            bytes_after: report.after,
        };
        self.json.report(context, "database compact", &document)
    }

    fn tell(&self, context: &Context, path: &Path, report: &CompactReport) {
        let what = match &self.into {
            Some(into) => format!("{} into {}", path.display(), into.display()),
            None => path.display().to_string(),
        };
        let sizes = format!(
            "{} before, {} after",
            bytes(report.before),
            bytes(report.after)
        );
        context.printer.message(if report.after < report.before {
            format!("Compacted {what}: {sizes}.")
        } else {
            format!("Compacted {what}, without any gain: {sizes}.")
        });
    }
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    into: Option<String>,
    how: Compaction,
    bytes_before: u64,
    bytes_after: u64,
}
