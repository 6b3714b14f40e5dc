use clap::Args;

use crate::cli::{Context, Failure};
use crate::database::compact_sqlite_database;

#[derive(Debug, Args)]
pub(in crate::cli) struct Compact {}

impl Compact {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        context.recognise_and_warn(&path)?;
        compact_sqlite_database(&path)?;
        Ok(())
    }
}
