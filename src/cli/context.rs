//! The context of every command.

use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::cli::global_options::GlobalOptions;
use crate::cli::printer::{Lines, Printer};
use crate::database::error::database_error::Error;
use crate::database::files::named_files;
use crate::settings::environment::Environment;
use crate::settings::resolve::{Overrides, Settings};

/// The context of every command: the global options and the streams.
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

    /// Prints text for people to stdout.
    pub(super) fn print(&self, lines: &Lines) -> Result<(), Failure> {
        let printed = self.printer.data(lines);
        printed.map_err(|error| Failure::Output { error })
    }

    /// The path of the database.
    pub(super) fn database_path(&self) -> Result<PathBuf, Failure> {
        Ok(self.settings()?.database.path)
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let settings = Settings::resolve(&self.overrides, &Environment::from_process());
        let settings = settings.map_err(Error::from)?;
        // The environment or the config file may have named them.
        named_files::add(&settings.database.path);
        for path in settings.files() {
            named_files::add(&path);
        }
        Ok(settings)
    }

    /// The path of the config file, which may not exist.
    pub(super) fn config_path(&self) -> Result<PathBuf, Failure> {
        let located = Settings::locate(&self.overrides, &Environment::from_process());
        Ok(located.map_err(Error::from)?.0)
    }

    /// The path of the database, if an option or the environment names it.
    pub(super) fn named_database(&self) -> Option<PathBuf> {
        let overridden = self.overrides.database.clone();
        overridden.or_else(|| Environment::from_process().database)
    }
}
