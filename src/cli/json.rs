//! Reports for scripts: one JSON object on stdout, and nothing there where a command fails.
//!
//! `docs/json.md` describes each of them. What they have in common is made here.

use std::time::{Instant, SystemTime};

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::printer::timestamp;
use crate::database::structure::schema_version::SchemaVersion;

/// Fields may be added to a form; its number grows when one changes its meaning or goes.
const FORMAT: u32 = 1;

/// The option of every command that has something to report.
#[derive(Debug, Args)]
pub(super) struct Json {
    /// Print the result on stdout, as one JSON object
    #[arg(id = "json", long)]
    is_wanted: bool,
}

#[derive(Serialize)]
struct Document<'report, Report> {
    format: u32,
    command: &'static str,
    #[serde(flatten)]
    report: &'report Report,
}

impl Json {
    /// Prints what a command, such as `database backup`, has to report, if that was asked for.
    pub(super) fn report(
        &self,
        context: &Context,
        command: &'static str,
        report: &impl Serialize,
    ) -> Result<(), Failure> {
        if !self.is_wanted {
            return Ok(());
        }
        let document = Document {
            format: FORMAT,
            command,
            report,
        };
        let text = serde_json::to_string_pretty(&document);
        let text = text.map_err(|error| Failure::Output {
            error: error.into(),
        })?;
        context.printer.data(&(text + "\n"))
    }

    /// The same, or else a text for people.
    pub(super) fn report_or(
        &self,
        context: &Context,
        command: &'static str,
        report: &impl Serialize,
        describe: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_wanted {
            self.report(context, command, report)
        } else {
            context.printer.data(&describe())
        }
    }
}

/// A version of the schema.
#[derive(Serialize)]
pub(super) struct Version {
    /// What the commands call it.
    name: String,
    alembic: Option<&'static str>,
    migration: Option<&'static str>,
}

impl Version {
    /// A version by its name, which may also be that of something older than the first one.
    pub(super) fn named(name: &str) -> Self {
        let version = SchemaVersion::all().find(|version| version.to_string() == name);
        Self::of(name.to_owned(), version)
    }

    /// A version by its name and what is known of it: stamps and structure can differ.
    pub(super) fn of(name: String, version: Option<SchemaVersion>) -> Self {
        Self {
            name,
            alembic: version.and_then(SchemaVersion::alembic_revision),
            migration: version.map(SchemaVersion::migration),
        }
    }
}

impl From<SchemaVersion> for Version {
    fn from(version: SchemaVersion) -> Self {
        Self::of(version.to_string(), Some(version))
    }
}

/// When something was done.
#[derive(Serialize)]
pub(super) struct Timing {
    started: String,
    milliseconds: u64,
}

impl Timing {
    /// Of what was done already.
    pub(super) fn now() -> Self {
        Self {
            started: timestamp(SystemTime::now()),
            milliseconds: 0,
        }
    }
}

/// Does something and takes the time.
pub(super) fn timed<Report, Error>(
    operation: impl FnOnce() -> Result<Report, Error>,
) -> Result<(Report, Timing), Error> {
    let (mut timing, clock) = (Timing::now(), Instant::now());
    let report = operation()?;
    timing.milliseconds = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((report, timing))
}
