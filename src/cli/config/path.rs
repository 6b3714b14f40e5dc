//! `degenbot config path`: prints the path of the config file.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Path {}

impl Path {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.config_path()?;
        let printed = context.printer.path(&path);
        printed.map_err(|error| Failure::Output { error })
    }
}
