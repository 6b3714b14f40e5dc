//! `degenbot database downgrade`: migrates to an older version.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::database::plan::{self, TakenBack};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Cancellable, cancel_token};
use crate::cli::json::{Json, Timing, Version, timed};
use crate::cli::known_values::version;
use crate::cli::options::{Confirmation, Waiting};
use crate::cli::prompt::confirm;
use crate::database::migration::losses::Loss;
use crate::database::migration::migrate::{Change, migrate_sqlite_database};
use crate::database::migration::options::MigrateOptions;
use crate::database::migration::plan::{plan_migration, plan_without_pages};
use crate::database::migration::unfinal_blocks::UnfinalBlocks;
use crate::database::recognition::expected_database::ExpectedDatabase;
use crate::database::recognition::recognise::recognise;
use crate::database::structure::schema_version::SchemaVersion;

const COMMAND: &str = "database downgrade";

const EXAMPLES: &str = "\
Examples:
  degenbot database downgrade --to 0.5.0 --dry-run
  degenbot database downgrade --to 2606a6c7f5ee";

/// Bring the database back to an older version of the schema
///
/// An older Python package can then open it. The downgrade drops the tables and columns that the older version does not
/// have. It lists those with data before it asks, and refuses to drop more than that; --dry-run lists them too. With
/// --force it does not ask, and says afterwards what it has dropped.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Downgrade {
    /// The version to go back to
    ///
    /// An Alembic revision, a migration's version, or the beginning of one; or the release of the Python package that shall
    /// open the database, such as 0.5.0.
    #[arg(long, value_name = "VERSION", value_parser = version(), hide_possible_values = true)]
    to: SchemaVersion,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    json: Json,
}

impl Downgrade {
    pub(in crate::cli) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        if !self.dry_run {
            // Rolls an interrupted transaction back. A plan cannot, because it only reads.
            recognise(&path)?.require_version(&path)?;
        }
        let expected = if self.dry_run || self.confirmation.force {
            None
        } else {
            Some(ExpectedDatabase::at(&path)?)
        };
        let plan = if self.dry_run {
            plan_migration(&path, self.to)?
        } else {
            plan_without_pages(&path, self.to)?
        };
        let from = match plan.from {
            Some(from) if from >= self.to => from,
            _ => {
                return Err(Failure::WrongDirection {
                    from: plan.structure,
                    to: self.to,
                    command: "upgrade",
                });
            }
        };
        if self.dry_run {
            return plan::report(context, COMMAND, &self.json, &path, &plan);
        }
        if plan.is_done {
            context.printer.message(plan::already_there(&path, self.to));
            let from = Version::of(plan.name, plan.from);
            let document = self.document(&path, from, Timing::now());
            return self.json.report(context, COMMAND, &document);
        }
        if let Some(remark) = &plan.remark {
            log::warn!("The database at {} is {remark}", path.display());
        }
        if !self.confirmation.force {
            tell(context, &plan.unfinal, "takes back", &plan.losses, "drops");
        }
        let question = if plan.migrations.is_empty() {
            plan::stamps_question(&path, self.to)
        } else {
            format!(
                "The database at {} will be downgraded from version {} to {}. Do you want to proceed?",
                path.display(),
                plan.name,
                self.to
            )
        };
        confirm(&question, self.confirmation.force)?;
        let mut options = MigrateOptions::default()
            .wait(self.waiting.time())
            .cancel(cancel_token().clone());
        if !self.confirmation.force {
            options = options
                .agreed_losses(plan.losses)
                .agreed_blocks(plan.unfinal);
            options.expected = expected;
        }
        let _running = Cancellable::begin();
        let (report, timing) = timed(|| migrate_sqlite_database(&path, from, self.to, &options))?;
        context.printer.message(match report.change {
            Change::Nothing => plan::already_there(&path, report.to),
            Change::Stamps => plan::stamps_corrected(&path, report.to),
            Change::Schema => format!(
                "Downgraded the database at {} from version {} to {}.",
                path.display(),
                report.name,
                report.to
            ),
        });
        if self.confirmation.force {
            let (blocks, losses) = (&report.taken_back, &report.losses);
            tell(context, blocks, "took back", losses, "dropped");
        }
        let from = Version::of(report.name, Some(report.from));
        let document = Document {
            migrations: &report.migrations,
            losses: &report.losses,
            taken_back: report.taken_back.iter().map(TakenBack::from).collect(),
            ..self.document(&path, from, timing)
        };
        self.json.report(context, COMMAND, &document)
    }

    /// The document of a downgrade that had nothing to do.
    fn document(&self, path: &Path, from: Version, timing: Timing) -> Document<'static> {
        Document {
            timing,
            path: path.display().to_string(),
            dry_run: false,
            from,
            to: self.to.into(),
            migrations: &[],
            losses: &[],
            taken_back: Vec::new(),
        }
    }
}

/// Says which blocks and which data a downgrade takes back and drops, or did.
fn tell(
    context: &Context,
    blocks: &[UnfinalBlocks],
    takes_back: &str,
    losses: &[Loss],
    drops: &str,
) {
    let printer = &context.printer;
    for blocks in blocks {
        printer.message(format_args!("This {takes_back} {blocks}."));
    }
    for loss in losses {
        printer.message(format_args!("This {drops} the {loss}."));
    }
}

#[derive(Serialize)]
struct Document<'report> {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    dry_run: bool,
    from: Version,
    to: Version,
    migrations: &'report [String],
    losses: &'report [Loss],
    taken_back: Vec<TakenBack>,
}
