use clap::Args;

use super::Confirmation;
use crate::cli::prompt::confirm;
use crate::cli::{Context, Failure};
use crate::database::{
    current_database_version, latest_database_version, upgrade_existing_sqlite_database,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Upgrade {
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Upgrade {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let current = current_database_version(&path)?;
        let latest = latest_database_version();
        if current == latest {
            context.printer.message(format_args!(
                "The database at {} is already at the latest version ({latest}).",
                path.display()
            ));
            return Ok(());
        }
        let question = format!(
            "The database at {} will be upgraded from version {current} to {latest}. Do you want to \
             proceed?",
            path.display()
        );
        confirm(&question, self.confirmation.force)?;
        let report = upgrade_existing_sqlite_database(&path)?;
        context.printer.message(format_args!(
            "Upgraded the database at {} from version {} to {}.",
            path.display(),
            report.from,
            report.to
        ));
        Ok(())
    }
}
