//! Options that several commands have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::{PathBufValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::cli::interrupt::cancel_token;
use crate::cli::printer::Printer;
use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::error::not_checked::NotChecked;
use crate::database::verification::integrity_check::IntegrityCheck;
use crate::sqlite::lock_wait::LockWait;
use crate::types::integer::BlockNumber;

/// The levels of an option that checks a copy of the database.
pub(in crate::cli) fn verification() -> impl TypedValueParser<Value = IntegrityCheck> {
    PossibleValuesParser::new([
        PossibleValue::new("quick").help("The tables"),
        PossibleValue::new("full").help("The indexes too, which takes several times as long"),
    ])
    .try_map(|level| level.parse::<IntegrityCheck>())
}

/// The path of a copy. Other programs write to stdout if they are told to write to `-`; a copy is checked and renamed
/// before it is complete, so it must be a file.
pub(in crate::cli) fn path_of_copy() -> impl TypedValueParser<Value = PathBuf> {
    path_of_file("a copy cannot be written to stdout; name a file ('./-' is one)")
}

/// The path of a file to write. `not_stdout` is why that cannot be stdout.
pub(in crate::cli) fn path_of_file(
    not_stdout: &'static str,
) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(move |path| {
        if path == Path::new("-") {
            Err(not_stdout)
        } else {
            Ok(path)
        }
    })
}

/// The option of every command that checks a copy of the database.
#[derive(Debug, Args)]
pub(in crate::cli) struct Unchecked {
    /// Accept what cannot be checked, and say what that is
    ///
    /// SQLite cannot check an index of your own if only your program defines its
    /// collation or function. Everything else is checked.
    #[arg(long)]
    pub(in crate::cli) allow_unchecked: bool,
}

/// Tells the user what was not checked.
pub(in crate::cli) fn tell_not_checked(printer: &Printer, not_checked: &[NotChecked]) {
    for part in not_checked {
        printer.always(format_args!("Not checked: {part}"));
    }
}

/// The option of every command that asks a question.
#[derive(Debug, Args)]
pub(in crate::cli) struct Confirmation {
    /// Answer every question with yes
    #[arg(short = 'y', long, visible_alias = "yes")]
    pub(in crate::cli) force: bool,
}

/// The option of every command that waits for the locks of other programs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Waiting {
    /// How many seconds to wait for the locks of other programs
    #[arg(long, value_name = "SECONDS", default_value_t = LOCK_TIMEOUT.as_secs())]
    wait: u64,
}

impl Waiting {
    pub(in crate::cli) const fn time(&self) -> Duration {
        Duration::from_secs(self.wait)
    }

    /// Makes everything that the command reads before its operation wait as long, until the result is dropped.
    pub(in crate::cli) fn begin(&self) -> LockWait {
        LockWait::begin(self.time(), Some(cancel_token().clone()))
    }
}

/// The number of a block in which something begins.
pub(in crate::cli) fn first_block(text: &str) -> Result<BlockNumber, &'static str> {
    let number = text.parse().ok();
    number
        .and_then(|number| BlockNumber::new(number).ok())
        .ok_or("expected a block number (0 or more)")
}

/// The first of these subjects that occurs twice: an option that can be repeated contradicts itself.
pub(in crate::cli) fn repeated<Subject: PartialEq>(subjects: Vec<Subject>) -> Option<Subject> {
    let mut seen = Vec::new();
    for subject in subjects {
        if seen.contains(&subject) {
            return Some(subject);
        }
        seen.push(subject);
    }
    None
}
