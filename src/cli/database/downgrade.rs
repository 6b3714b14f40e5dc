use clap::Args;

use super::Confirmation;
use super::plan::describe;
use crate::cli::prompt::confirm;
use crate::cli::{Context, Failure};
use crate::database::{SchemaVersion, migrate_sqlite_database, plan_migration, recognise};

#[derive(Debug, Args)]
pub(in crate::cli) struct Downgrade {
    /// The version to go back to: an Alembic revision, a migration's version, or the beginning of one
    #[arg(long, value_name = "VERSION")]
    to: SchemaVersion,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Downgrade {
    pub(in crate::cli) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        if !self.dry_run {
            // Rolls an interrupted transaction back, which a plan cannot.
            recognise(&path)?.require_version(&path)?;
        }
        let plan = plan_migration(&path, self.to)?;
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
            return context.printer.data(&describe(&path, &plan));
        }
        if from == self.to && plan.remark.is_none() {
            context.printer.message(format_args!(
                "The database at {} is already at version {}.",
                path.display(),
                self.to
            ));
            return Ok(());
        }
        if let Some(remark) = &plan.remark {
            log::warn!("The database at {} is {remark}", path.display());
        }
        for loss in &plan.losses {
            context
                .printer
                .message(format_args!("This drops the {loss}."));
        }
        let question = format!(
            "The database at {} will be downgraded from version {} to {}. Do you want to proceed?",
            path.display(),
            plan.name,
            self.to
        );
        confirm(&question, self.confirmation.force)?;
        let report = migrate_sqlite_database(&path, from, self.to)?;
        context.printer.message(format_args!(
            "Downgraded the database at {} from version {} to {}.",
            path.display(),
            plan.name,
            report.to
        ));
        Ok(())
    }
}
