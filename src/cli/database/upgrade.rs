use clap::Args;

use super::Confirmation;
use super::plan::describe;
use crate::cli::prompt::confirm;
use crate::cli::{Context, Failure};
use crate::database::{SchemaVersion, migrate_sqlite_database, plan_migration, recognise};

#[derive(Debug, Args)]
pub(in crate::cli) struct Upgrade {
    /// Go to this version instead of the latest one: an Alembic revision, a migration's version, or
    /// the beginning of one
    #[arg(long, value_name = "VERSION")]
    to: Option<SchemaVersion>,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Upgrade {
    pub(in crate::cli) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let target = self.to.unwrap_or(SchemaVersion::latest());
        if self.dry_run {
            let plan = plan_migration(&path, target)?;
            if plan.from > target {
                return Err(Failure::WrongDirection {
                    from: plan.from,
                    to: target,
                });
            }
            return context.printer.data(&describe(&path, &plan));
        }
        let recognition = recognise(&path)?;
        let current = recognition.require_version(&path)?;
        if current > target {
            return Err(Failure::WrongDirection {
                from: current,
                to: target,
            });
        }
        if current == target && recognition.is_stamped_right {
            let what = if target == SchemaVersion::latest() {
                "the latest version"
            } else {
                "version"
            };
            context.printer.message(format_args!(
                "The database at {} is already at {what} ({target}).",
                path.display()
            ));
            return Ok(());
        }
        if let Some(remark) = recognition.remark() {
            log::warn!("The database at {} is {remark}", path.display());
        }
        let name = recognition.name();
        let question = format!(
            "The database at {} will be upgraded from version {name} to {target}. Do you want to \
             proceed?",
            path.display()
        );
        confirm(&question, self.confirmation.force)?;
        let report = migrate_sqlite_database(&path, current, target)?;
        context.printer.message(format_args!(
            "Upgraded the database at {} from version {name} to {}.",
            path.display(),
            report.to
        ));
        Ok(())
    }
}
