use clap::Args;

use super::{Confirmation, warn_of_other_version};
use crate::cli::printer::bytes;
use crate::cli::progress::ProgressReporter;
use crate::cli::prompt::confirm;
use crate::cli::{Context, Failure};
use crate::database::{BackupOptions, BackupReport, Error, backup_sqlite_database};

#[derive(Debug, Args)]
pub(in crate::cli) struct Backup {
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Backup {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        warn_of_other_version(&path)?;
        let back_up = |replace_existing| -> Result<BackupReport, Error> {
            let mut progress = ProgressReporter::new("Backing up", &context.printer);
            backup_sqlite_database(&path, &BackupOptions { replace_existing }, &mut progress)
        };
        let report = match back_up(self.confirmation.force) {
            Err(Error::BackupExists { path }) => {
                let question = format!(
                    "An existing backup was found at {}. Do you want to remove it and continue?",
                    path.display()
                );
                confirm(&question, false)?;
                back_up(true)
            }
            other => other,
        }?;
        context.printer.message(format_args!(
            "Backed up {} to {} ({}).",
            path.display(),
            report.path.display(),
            bytes(report.bytes)
        ));
        Ok(())
    }
}
