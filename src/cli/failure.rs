//! Where errors become messages, hints and exit statuses.

mod hint;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanCount;
use inquire::InquireError;

use crate::cli::failure::hint::{damage_hint, hint, unknown_exchange_hint};
use crate::cli::interrupt::ABORTED;
use crate::cli::printer::{Printer, plain};
use crate::database::error::Error;
use crate::database::files::open_by::programs_using;
use crate::database::structure::schema_version::SchemaVersion;
use crate::deployments::InvalidDeployment;

/// The exit status for arguments that make no sense; clap has the same.
const WRONG_ARGUMENTS: u8 = 2;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(super) enum Failure {
    /// The library's operation failed.
    Database(Error),
    /// An upgrade to an older version was asked for, or a downgrade to a newer one.
    WrongDirection {
        from: String,
        to: SchemaVersion,
        /// The command that goes there.
        command: &'static str,
    },
    /// The database is not what it should be.
    Unsound {
        path: PathBuf,
        /// How often rules are broken.
        rows: u64,
        /// Whether it is SQLite that says so.
        is_damaged: bool,
    },
    /// No exchange has the name.
    UnknownExchange {
        name: String,
        /// The names that are most like it, the best first.
        alike: Vec<String>,
    },
    /// What was to be added is none that can be.
    Deployment(InvalidDeployment),
    /// The user said no.
    Aborted,
    /// The question could not be put.
    Prompt(InquireError),
    /// The answer could not be read.
    Input(io::Error),
    /// The data could not be written to stdout.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Interrupted { .. } => Self::Aborted,
            other => Self::Database(other),
        }
    }
}

impl From<InvalidDeployment> for Failure {
    fn from(error: InvalidDeployment) -> Self {
        Self::Deployment(error)
    }
}

impl Failure {
    /// Tells the user, and gives the exit status.
    pub(super) fn report(&self, printer: &Printer) -> ExitCode {
        match self {
            Self::Aborted => printer.always(ABORTED),
            _ => printer.error(self.message()),
        }
        if let Some(hint) = self.hint() {
            printer.hint(hint);
        }
        if self.is_about_arguments() {
            WRONG_ARGUMENTS.into()
        } else {
            ExitCode::FAILURE
        }
    }

    const fn is_about_arguments(&self) -> bool {
        match self {
            Self::UnknownExchange { .. } => true,
            Self::Deployment(error) => !matches!(error, InvalidDeployment::Known { .. }),
            _ => false,
        }
    }

    /// What failed, on what, and why.
    fn message(&self) -> String {
        match self {
            Self::Aborted => ABORTED.to_owned(),
            Self::Database(error) => format!("{}{}", with_causes(error), used_by(error)),
            Self::WrongDirection { from, to, command } => {
                let asked = if *command == "upgrade" {
                    "newer"
                } else {
                    "older"
                };
                format!("Version {to} is {asked} than the database's version {from}")
            }
            Self::Unsound { path, rows, .. } => {
                let rows = match rows {
                    1 => "1 problem".to_owned(),
                    rows => format!("{} problems", HumanCount(*rows)),
                };
                format!("{rows} found in {}", path.display())
            }
            Self::UnknownExchange { name, .. } => format!("There is no exchange '{}'", plain(name)),
            Self::Deployment(error) => error.to_string(),
            Self::Prompt(error) => format!("The question could not be put: {error}"),
            Self::Input(error) => format!("The answer could not be read: {error}"),
            Self::Output(error) => format!("Could not write to stdout: {error}"),
        }
    }

    /// What to do next, where it is not for the user alone to say.
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Aborted => return None,
            Self::Database(error) => hint(error),
            Self::WrongDirection { to, command, .. } => {
                format!("Use 'degenbot database {command} --to {to}'")
            }
            Self::Unsound {
                path,
                is_damaged: true,
                ..
            } => damage_hint(path),
            Self::Unsound { .. } => {
                "'degenbot database verify --help' says what each rule demands".to_owned()
            }
            Self::UnknownExchange { alike, .. } => unknown_exchange_hint(alike),
            Self::Deployment(InvalidDeployment::Known { exchange, .. }) => {
                format!("Use 'degenbot exchange activate {exchange}'")
            }
            Self::Deployment(_) => {
                "'degenbot exchange add --help' says what there can be".to_owned()
            }
            Self::Prompt(_) | Self::Input(_) => "Answer it beforehand with --force".to_owned(),
            Self::Output(_) => "Check where the output goes; the database is as it was".to_owned(),
        })
    }
}

/// An error and what caused it, each once.
fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}

/// Who uses a database that is locked, where the system tells.
fn used_by(error: &Error) -> String {
    let Error::Locked { path } = error else {
        return String::new();
    };
    let programs: Vec<_> = programs_using(path)
        .into_iter()
        .map(|program| {
            let what = if program.is_writing { ", writing" } else { "" };
            format!("{} {}{what}", program.pid, program.name)
        })
        .collect();
    match programs.as_slice() {
        [] => String::new(),
        programs => format!(": in use by {}", programs.join("; ")),
    }
}
