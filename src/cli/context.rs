use std::path::PathBuf;

use crate::cli::GlobalOptions;
use crate::cli::failure::Failure;
use crate::cli::printer::Printer;
use crate::database::error::database_error::Error;
use crate::settings::environment::Environment;
use crate::settings::{Overrides, Settings};

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
        Ok(self.settings()?.database.path)
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let settings = Settings::resolve(&self.overrides, &Environment::from_process());
        Ok(settings.map_err(Error::from)?)
    }

    /// Where the config file is or would be.
    pub(super) fn config_path(&self) -> Result<PathBuf, Failure> {
        let located = Settings::locate(&self.overrides, &Environment::from_process());
        Ok(located.map_err(Error::from)?.0)
    }

    /// The database that an option or the environment names.
    pub(super) fn named_database(&self) -> Option<PathBuf> {
        let overridden = self.overrides.database.clone();
        overridden.or_else(|| Environment::from_process().database)
    }
}
