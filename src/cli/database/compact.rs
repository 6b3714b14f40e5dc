use clap::Args;

use super::warn_of_other_version;
use crate::cli::{Context, Failure};
use crate::database::compact_sqlite_database;

#[derive(Debug, Args)]
pub(in crate::cli) struct Compact {}

impl Compact {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        warn_of_other_version(&path)?;
        compact_sqlite_database(&path)?;
        Ok(())
    }
}
