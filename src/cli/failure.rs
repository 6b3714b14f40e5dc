//! Where errors become messages, hints and exit statuses.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::HumanCount;
use inquire::InquireError;

use super::Printer;
use super::interrupt::ABORTED;
use crate::database::{Error, Refusal, SchemaVersion, programs_using};
use crate::settings::SettingsError;

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

impl Failure {
    /// Tells the user, and gives the exit status.
    pub(super) fn report(&self, printer: &Printer) -> ExitCode {
        match self {
            Self::Aborted => printer.always(ABORTED),
            Self::Database(error) => {
                printer.always(format_args!(
                    "error: {}{}",
                    with_causes(error),
                    used_by(error)
                ));
                if let Some(hint) = hint(error) {
                    printer.always(format_args!("hint: {hint}"));
                }
            }
            Self::WrongDirection { from, to, command } => {
                let asked = if *command == "upgrade" {
                    "newer"
                } else {
                    "older"
                };
                printer.always(format_args!(
                    "error: Version {to} is {asked} than the database's version {from}"
                ));
                printer.always(format_args!(
                    "hint: Use 'degenbot database {command} --to {to}'"
                ));
            }
            Self::Unsound {
                path,
                rows,
                is_damaged,
            } => {
                let rows = match rows {
                    1 => "1 problem".to_owned(),
                    rows => format!("{} problems", HumanCount(*rows)),
                };
                printer.always(format_args!("error: {rows} found in {}", path.display()));
                if *is_damaged {
                    printer.always(format_args!("hint: {}", damage_hint(path)));
                }
            }
            Self::Prompt(error) => {
                printer.always(format_args!(
                    "error: The question could not be put: {error}"
                ));
                printer.always("hint: Answer it beforehand with --force");
            }
            Self::Input(error) => {
                printer.always(format_args!("error: The answer could not be read: {error}"));
                printer.always("hint: Answer it beforehand with --force");
            }
            Self::Output(error) => {
                printer.always(format_args!("error: Could not write to stdout: {error}"));
            }
        }
        ExitCode::FAILURE
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

/// What to do about an error, where there is something to do.
fn hint(error: &Error) -> Option<String> {
    let hint = match error {
        Error::NotFound { .. } => {
            "Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file), or \
             create the database with 'degenbot database reset'"
                .to_owned()
        }
        Error::IsFolder { .. } => "Give the path of the database file in it".to_owned(),
        Error::NotAFile { .. } => "Give the path of a database file".to_owned(),
        Error::AlreadyExists { .. } => {
            "Move it away. It may be a folder, a symbolic link that points nowhere, or a file that \
             another program has just created"
                .to_owned()
        }
        Error::EmptyFile { .. } => {
            "A program that failed while it created the database leaves such a file; create it anew \
             with 'degenbot database reset'"
                .to_owned()
        }
        Error::NotADatabase { .. } => {
            "Check the path; nothing was changed. An encrypted or overwritten database looks like \
             this too"
                .to_owned()
        }
        Error::Damaged { path, .. } => format!("Nothing was changed. {}", damage_hint(path)),
        Error::HotJournal { .. } => {
            "Any command that opens it for writing rolls the transaction back, such as 'degenbot \
             database backup'"
                .to_owned()
        }
        Error::Refused { path, refusal } => refusal_hint(path, refusal),
        Error::Locked { .. } => {
            "Let the other program finish its transaction, or stop it, and try again. backup, restore, \
             reset and compact wait longer with --wait SECONDS"
                .to_owned()
        }
        Error::CannotOpen { .. } => {
            "Check the permissions of the file, of the files beside it (-wal, -shm) and of the folder"
                .to_owned()
        }
        Error::ReadOnly { .. } => {
            "Check the permissions of the file and of its folder, in which SQLite must be able to \
             create files"
                .to_owned()
        }
        Error::DiskFull { .. } => {
            "Free some space and try again; the database is as it was".to_owned()
        }
        Error::Disk { .. } => {
            "Check the free space and the state of the disk; what was not finished is rolled back"
                .to_owned()
        }
        Error::Leftover { leftover } => format!(
            "It may hold the last changes of that database: put the database back under its name, or \
             move {} away",
            leftover.display()
        ),
        Error::BackupOntoItself { .. } => "Move the file of that name away".to_owned(),
        Error::NoBackup { .. } => {
            "Make one with 'degenbot database backup', or name another file with --from".to_owned()
        }
        Error::RestoreFromItself { .. } => "Name another file with --from".to_owned(),
        Error::CopyCheckFailed { .. } => {
            "The database itself may be damaged, or the disk. A backup from before was kept".to_owned()
        }
        Error::Settings(error) => settings_hint(error),
        other => return upgrade_hint(other),
    };
    Some(hint)
}

fn damage_hint(path: &Path) -> String {
    format!(
        "Restore a backup (such as {}.bak), or salvage a copy with the '.recover' command of the \
         sqlite3 shell",
        path.display()
    )
}

/// What to do about an upgrade or a downgrade that failed.
fn upgrade_hint(error: &Error) -> Option<String> {
    let hint = match error {
        Error::NotEnoughSpace { .. } => {
            "Nothing was changed. Free some space, or move the database to a larger disk".to_owned()
        }
        Error::Unclear { .. } => {
            "Nothing was changed. Put these rows right in a copy of the database (see 'degenbot \
             database upgrade --help' about --assume), and upgrade that"
                .to_owned()
        }
        Error::AssumptionNeeded { .. } => {
            "Nothing was changed. If you know it, say so: --assume aerodrome_v2.stable=false, or \
             =true, for all of them"
                .to_owned()
        }
        Error::LeftoverRows { table, .. } => format!(
            "Nothing was changed. Look at {table} with the sqlite3 shell; once its rows are where \
             they belong, drop it"
        ),
        Error::RebuildCheckFailed { .. } => {
            "Nothing was changed. Please report this with the output of 'degenbot database info'"
                .to_owned()
        }
        Error::ForeignKeysBroken { .. } | Error::Migration { .. } => {
            "Nothing was changed. If an object of your own is named or stands in the way (a view, a \
             trigger, a foreign key), drop it and create it again afterwards; if not, please report \
             this with the output of 'degenbot database info'"
                .to_owned()
        }
        Error::VersionChanged { .. } => {
            "Nothing was changed. Run the command again to see what it would do now".to_owned()
        }
        Error::ObjectsLost { .. } => {
            "Nothing was changed. Drop them yourself, and create them again afterwards".to_owned()
        }
        _ => return None,
    };
    Some(hint)
}

fn refusal_hint(path: &Path, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoTables => {
            "Create the tables with 'degenbot database reset'".to_owned()
        }
        Refusal::Foreign { .. } => {
            "Check the path (--database, DEGENBOT_DB_PATH, database.path in the config file); \
             nothing was changed"
                .to_owned()
        }
        Refusal::NoStamp | Refusal::EmptyStamp { .. } => {
            "Nothing was changed. An upgrade by the Python package may have failed half-way; restore \
             a backup from before it"
                .to_owned()
        }
        Refusal::SeveralStamps { .. } | Refusal::TwoLineages { .. } => {
            "Nothing was changed. Two programs have claimed the database; restore a backup from \
             before that"
                .to_owned()
        }
        Refusal::UnknownStamp { .. } | Refusal::RustCore { .. } => {
            "Nothing was changed. A later release may know it: check for a newer degenbot".to_owned()
        }
        Refusal::EarlierRevision { .. } | Refusal::MapsDropped { .. } => {
            "Bring it to the newest version with 'degenbot database upgrade'".to_owned()
        }
        Refusal::Newer { .. } => {
            "Nothing was changed. Install the version of degenbot that upgraded it, or a newer one"
                .to_owned()
        }
        Refusal::UnknownMigrations { .. } => {
            "Nothing was changed. Another program's migrations may have been run on it".to_owned()
        }
        Refusal::StampsDisagree { .. } => {
            "Nothing was changed. The Python package may have changed the schema since; restore a \
             backup from before that, or bring the database back to the version of the first stamp \
             with it"
                .to_owned()
        }
        Refusal::StampLies { .. } => format!(
            "Nothing was changed. Restore a backup from before the schema was changed (such as \
             {}.bak)",
            path.display()
        ),
    }
}

fn settings_hint(error: &SettingsError) -> String {
    match error {
        SettingsError::NotFound { .. } => {
            "Check --config and DEGENBOT_CONFIG; without them ~/.config/degenbot/config.toml is \
             read if it is there"
                .to_owned()
        }
        SettingsError::Malformed { .. } => {
            "Correct the file; its form is described in README.md".to_owned()
        }
        SettingsError::NoHome { .. } => {
            "Set HOME, or give the path with --config or --database".to_owned()
        }
        SettingsError::AlreadyExists { .. } => {
            "Edit it, or move it away; 'degenbot config show' tells what it says".to_owned()
        }
        SettingsError::Unreadable { .. } | SettingsError::Unwritable { .. } => {
            "Check the permissions of the file and of its folder".to_owned()
        }
        SettingsError::NotUtf8 { .. } => {
            "Give the path with --database or DEGENBOT_DB_PATH instead".to_owned()
        }
    }
}
