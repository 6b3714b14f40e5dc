//! `degenbot database restore`: replaces the content with that of a backup.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::database::beside_litestream::BesideLitestream;
use crate::cli::database::kept_file::beside;
use crate::cli::database::replica::{FetchedReplica, Replica};
use crate::cli::failure::Failure;
use crate::cli::format::{bytes, time, timestamp};
use crate::cli::json::{Json, Timing, Version, timed};
use crate::cli::options::{Confirmation, Unchecked, Waiting, tell_not_checked, verification};
use crate::cli::printer::Printer;
use crate::cli::progress::ProgressReporter;
use crate::cli::prompt::confirm;
use crate::counted::counted;
use crate::database::copying::content_summary::Summary;
use crate::database::copying::restore::{RestoreOptions, check_restore, restore_sqlite_database};
use crate::database::error::not_checked::NotChecked;
use crate::database::files::database_file::DatabaseFile;
use crate::database::recognition::recognise::recognise;
use crate::database::verification::integrity_check::IntegrityCheck;

const EXAMPLES: &str = "\
Examples:
  degenbot database restore
  degenbot database restore --from /mnt/backups/monday.db
  degenbot database restore --from s3://bots/main --at 2026-11-29T08:00:00Z";

/// Replace the content of the database with that of a backup
///
/// The command checks the backup, describes the backup and the database, and asks. Programs that have the database open
/// see either the old or the new content. The replaced database is kept as PATH.pre-restore.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Restore {
    /// Restore the backup at this path, or a replica of Litestream, instead of PATH.bak
    ///
    /// A replica has an address that 'litestream restore' takes, with its scheme. That program restores it to a temporary
    /// file beside the database first, with the credentials that it finds. The address is shown without its user and its
    /// query.
    #[arg(long, value_name = "PATH|URL")]
    from: Option<PathBuf>,
    /// Restore the replica as it was at this time, such as 2026-11-29T08:00:00Z
    #[arg(long, value_name = "TIME", requires = "from", value_parser = NonEmptyStringValueParser::new())]
    at: Option<String>,
    /// Do not keep the replaced database as PATH.pre-restore
    #[arg(long)]
    no_keep: bool,
    /// How thoroughly to check the backup first
    #[arg(long, value_name = "LEVEL", value_parser = verification(), default_value = "full")]
    verify: IntegrityCheck,
    #[command(flatten)]
    unchecked: Unchecked,
    #[command(flatten)]
    beside_litestream: BesideLitestream,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    json: Json,
}

impl Restore {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        let printer = &context.printer;
        let fetched = self.fetch(&path, printer)?;
        let mut options = RestoreOptions {
            from: match &fetched {
                Some(fetched) => Some(fetched.path().to_owned()),
                None => self.from,
            },
            keep_replaced: !self.no_keep,
            verify: self.verify,
            allow_unchecked: self.unchecked.allow_unchecked,
            wait: self.waiting.time(),
            agreed: None,
        };
        let named = |error| match &fetched {
            Some(fetched) => fetched.name_in(error),
            None => error,
        };
        let mut plan = {
            // A question must not be about what is then refused. Without one, the restore checks the backup.
            let verify = (!self.confirmation.force).then_some(options.verify);
            let mut progress = ProgressReporter::new("Checking the backup", printer);
            check_restore(&path, &options, verify, &mut progress).map_err(named)?
        };
        if fetched.is_some() {
            // The time of the temporary file says nothing of the replica.
            plan.from.modified = None;
        }
        let from = match &fetched {
            Some(fetched) => fetched.described(),
            None => plan.from.path.display().to_string(),
        };
        if let Some(refusal) = &plan.refusal {
            log::warn!(
                "The backup {refusal}. No command but backup, restore, compact and reset works with it."
            );
        }
        if let Some(replaced) = &plan.replaced {
            if !self.confirmation.force {
                describe(printer, "Database", &path.display().to_string(), replaced);
                describe(printer, "Backup", &from, &plan.from);
            }
            let question = format!(
                "The content of the database at {} will be replaced by that of {}{}. Do you want to \
                 proceed?",
                path.display(),
                from,
                lost(replaced, &plan.from)
            );
            confirm(&question, self.confirmation.force)?;
            self.beside_litestream.confirm(&path, plan.from.bytes)?;
        }
        if !self.confirmation.force {
            options.agreed = Some(plan);
        }
        let (report, timing) = {
            let mut progress = ProgressReporter::new("Restoring", printer);
            timed(|| restore_sqlite_database(&path, &options, &mut progress)).map_err(named)?
        };
        printer.message(format_args!(
            "Restored {} from {} ({}).",
            path.display(),
            from,
            bytes(report.bytes)
        ));
        let kept = report.kept.as_deref().map(|kept| beside(&path, kept));
        if let Some(kept) = &kept {
            printer.message(format_args!(
                "The replaced database is kept at {}.",
                kept.display()
            ));
        }
        if report.is_upgrade_pending {
            printer.message(format_args!(
                "The database is now at version {}; 'degenbot database upgrade' brings it to the latest version.",
                report.version
            ));
        }
        tell_not_checked(printer, &report.not_checked);
        let document = Document {
            timing,
            path: path.display().to_string(),
            backup: match &fetched {
                Some(fetched) => SummaryDocument {
                    path: fetched.shown().to_owned(),
                    modified: None,
                    ..(&report.backup).into()
                },
                None => (&report.backup).into(),
            },
            replaced: report.replaced.as_ref().map(SummaryDocument::from),
            kept: kept.map(|kept| kept.display().to_string()),
            bytes: report.bytes,
            version: Version::named(&report.version),
            upgrade_pending: report.is_upgrade_pending,
            not_checked: report.not_checked,
        };
        self.json.report(context, "database restore", &document)
    }

    /// Fetches the replica, if the backup is one.
    fn fetch(&self, path: &Path, printer: &Printer) -> Result<Option<FetchedReplica>, Failure> {
        let replica = self.from.as_deref().and_then(Replica::named);
        match (replica, self.at.as_deref()) {
            (None, Some(_)) => Err(Failure::TimeOfFile),
            (None, None) => Ok(None),
            (Some(replica), at) => {
                // It can take long, and is not to be done for nothing.
                DatabaseFile::at(path).refuse_follower()?;
                if path.exists() {
                    recognise(path)?.require_degenbot(path)?;
                }
                replica.fetch(at, path, printer).map(Some)
            }
        }
    }
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    backup: SummaryDocument,
    replaced: Option<SummaryDocument>,
    kept: Option<String>,
    bytes: u64,
    version: Version,
    upgrade_pending: bool,
    not_checked: Vec<NotChecked>,
}

#[derive(Serialize)]
struct SummaryDocument {
    path: String,
    bytes: u64,
    modified: Option<String>,
    version: Version,
    rows: u64,
    estimated: bool,
    newest_block: Option<i64>,
}

impl From<&Summary> for SummaryDocument {
    fn from(summary: &Summary) -> Self {
        Self {
            path: summary.path.display().to_string(),
            bytes: summary.bytes,
            modified: summary.modified.map(timestamp),
            version: Version::named(&summary.version),
            rows: summary.rows,
            estimated: summary.is_estimated,
            newest_block: summary.newest_block,
        }
    }
}

fn describe(printer: &Printer, what: &str, path: &str, summary: &Summary) {
    let mut line = format!(
        "{what:<8} {path}: {}, version {}, {}{}",
        bytes(summary.bytes),
        summary.version,
        if summary.is_estimated { "~" } else { "" },
        counted(summary.rows, "row")
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

/// The end of the question: how much older the backup is, if it is older.
fn lost(replaced: &Summary, from: &Summary) -> String {
    match (replaced.newest_block, from.newest_block) {
        (Some(now), Some(then)) if now > then => {
            format!(", which is {} older", counted(now.abs_diff(then), "block"))
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
            format!(
                ", which is {} older",
                counted(lost.as_secs() / 60, "minute")
            )
        }
        _ => String::new(),
    }
}
