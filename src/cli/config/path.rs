//! `degenbot config path`: prints the path of the config file.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::printer::Lines;

#[derive(Debug, Args)]
pub(in crate::cli) struct Path {}

impl Path {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.config_path()?;
        context.print(&Lines::from_iter([path.display()]))
    }
}
