//! `degenbot database backup`: copies the database.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::database::replace_existing::replace_existing;
use crate::cli::database::version_warning::warn_of_other_version;
use crate::cli::failure::Failure;
use crate::cli::format::bytes;
use crate::cli::json::{Json, Timing, timed};
use crate::cli::options::{
    Confirmation, Unchecked, Waiting, path_of_copy, tell_not_checked, verification,
};
use crate::cli::progress::ProgressReporter;
use crate::cli::settings_files::require_other;
use crate::database::copying::backup::{BackupOptions, BackupReport, backup_sqlite_database};
use crate::database::copying::rotation::NotRemoved;
use crate::database::error::database_error::Error;
use crate::database::error::not_checked::NotChecked;
use crate::database::verification::integrity_check::IntegrityCheck;

const EXAMPLES: &str = "\
Examples:
  degenbot database backup
  degenbot database backup --output /mnt/backups/monday.db --verify full
  degenbot --quiet database backup --keep 14 --verify quick
  degenbot --quiet database backup --force --json";

/// Copy the database to PATH.bak while other programs use it
///
/// PATH is the path of the database. The copy is one file, a consistent snapshot of the database. The command asks
/// before it replaces an existing backup, and keeps that until the new one is complete. With --keep, it replaces none.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Backup {
    /// Write the backup to this path instead of PATH.bak
    #[arg(long, value_name = "PATH", value_parser = path_of_copy())]
    output: Option<PathBuf>,
    /// Put the time behind the name, and keep as many backups of that name
    ///
    /// The backup is PATH.bak.YYYYMMDDTHHMMSSZ (UTC), or has the time behind the name that
    /// --output gives, and nothing is replaced. Once it is complete, the oldest by their names
    /// are removed: only regular files of exactly that form that are degenbot databases, and
    /// none that came meanwhile or has a file of SQLite beside it.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Check the copy before it replaces the existing backup
    #[arg(long, value_name = "LEVEL", value_parser = verification())]
    verify: Option<IntegrityCheck>,
    #[command(flatten)]
    unchecked: Unchecked,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    json: Json,
}

impl Backup {
    /// An option that has no effect without another one.
    pub(in crate::cli) fn contradiction(&self) -> Option<String> {
        (self.unchecked.allow_unchecked && self.verify.is_none()).then(|| {
            "the argument '--allow-unchecked' needs '--verify <LEVEL>': without it, nothing is checked".to_owned()
        })
    }

    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let settings = context.settings()?;
        if let Some(target) = &self.output {
            require_other(&settings, target)?;
        }
        let path = settings.database.path;
        warn_of_other_version(&path)?;
        let back_up = |replace_existing| -> Result<(BackupReport, Timing), Error> {
            let options = BackupOptions {
                output: self.output.clone(),
                keep: self.keep.and_then(NonZeroU32::new),
                replace_existing,
                verify: self.verify,
                allow_unchecked: self.unchecked.allow_unchecked,
                wait: self.waiting.time(),
            };
            let mut progress = ProgressReporter::new("Backing up", &context.printer);
            timed(|| backup_sqlite_database(&path, &options, &mut progress))
        };
        let question = |existing: &Path| {
            format!(
                "An existing backup was found at {}. Do you want to remove it and continue?",
                existing.display()
            )
        };
        // With --keep, nothing is replaced.
        let assume_yes = self.confirmation.force || self.keep.is_some();
        let (report, timing) = replace_existing(&path, assume_yes, question, back_up)?;
        context.printer.message(format_args!(
            "Backed up {} to {} ({}).",
            path.display(),
            report.path.display(),
            bytes(report.bytes)
        ));
        if report.cloned {
            context
                .printer
                .message("The backup shares its space on the disk with the database.");
        }
        for removed in &report.removed {
            let removed = removed.display();
            context
                .printer
                .message(format_args!("Removed the earlier backup {removed}."));
        }
        for NotRemoved { path, problem } in &report.not_removed {
            log::warn!("The earlier backup {} stays: {problem}", path.display());
        }
        tell_not_checked(&context.printer, &report.not_checked);
        let document = Document {
            timing,
            path: path.display().to_string(),
            backup: report.path.display().to_string(),
            bytes: report.bytes,
            checkpointed: report.checkpointed,
            cloned: report.cloned,
            verified: if report.not_checked.is_empty() {
                self.verify.map(Verified::Level)
            } else {
                Some(Verified::Partial)
            },
            not_checked: &report.not_checked,
            removed: (report.removed.iter())
                .map(|path| path.display().to_string())
                .collect(),
            not_removed: (report.not_removed.iter())
                .map(|stays| NotRemovedDocument {
                    path: stays.path.display().to_string(),
                    problem: &stays.problem,
                })
                .collect(),
        };
        self.json.report(context, "database backup", &document)
    }
}

#[derive(Serialize)]
struct Document<'report> {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    backup: String,
    bytes: u64,
    checkpointed: bool,
    cloned: bool,
    verified: Option<Verified>,
    not_checked: &'report [NotChecked],
    removed: Vec<String>,
    not_removed: Vec<NotRemovedDocument<'report>>,
}

#[derive(Serialize)]
struct NotRemovedDocument<'report> {
    path: String,
    problem: &'report str,
}

/// How far the copy was checked.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Verified {
    Partial,
    #[serde(untagged)]
    Level(IntegrityCheck),
}
