use std::path::PathBuf;

use super::{Failure, GlobalOptions, Printer};
use crate::database::Error;
use crate::settings::{Environment, Overrides, Settings};

/// What every command has: the options before its own, and the streams.
#[derive(Debug)]
pub(super) struct Context {
    overrides: Overrides,
    pub(super) printer: Printer,
}

impl Context {
    pub(super) fn new(options: GlobalOptions) -> Self {
        Self {
            overrides: Overrides {
                config: options.config,
                database: options.database,
            },
            printer: Printer::new(options.quiet, options.verbose > 0),
        }
    }

    /// The path of the database that the command is about.
    pub(super) fn database_path(&self) -> Result<PathBuf, Failure> {
        let settings = Settings::resolve(&self.overrides, &Environment::from_process())
            .map_err(Error::from)?;
        Ok(settings.database.path)
    }
}
