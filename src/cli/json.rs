//! JSON output: one object on stdout, or nothing if the command fails.
//!
//! `docs/json.md` describes the object of each command. This module has the parts that all objects share.
//! To add a field: CONTRIBUTING.md, "A JSON field".

use std::io;
use std::io::Write;
use std::time::{Instant, SystemTime};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::timestamp;
use crate::cli::printer::Lines;
use crate::database::structure::schema_version::SchemaVersion;

/// The number of the format. It grows when a field changes its meaning or disappears, not when one is added.
const FORMAT: u32 = 2;

/// The option of every command with a report.
#[derive(Debug, Args)]
pub(super) struct Json {
    /// Print the result on stdout as one JSON object
    #[arg(
        id = "json",
        long,
        value_name = "LAYOUT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "pretty"
    )]
    layout: Option<Layout>,
}

/// The layout of the object.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    /// Indented, on several lines
    Pretty,
    /// On one line
    Compact,
}

#[derive(Serialize)]
struct Document<'report, Report> {
    format: u32,
    command: &'static str,
    #[serde(flatten)]
    report: &'report Report,
}

impl<'report, Report> Document<'report, Report> {
    const fn new(command: &'static str, report: &'report Report) -> Self {
        Self {
            format: FORMAT,
            command,
            report,
        }
    }
}

impl Json {
    /// Prints the report of a command, such as `database backup`, if `--json` is given.
    pub(super) fn report(
        &self,
        context: &Context,
        command: &'static str,
        report: &impl Serialize,
    ) -> Result<(), Failure> {
        let Some(layout) = self.layout else {
            return Ok(());
        };
        let document = Document::new(command, report);
        let text = match layout {
            Layout::Pretty => serde_json::to_string_pretty(&document),
            Layout::Compact => serde_json::to_string(&document),
        };
        let printed = text
            .map_err(Into::into)
            .and_then(|text| context.printer.json(&text));
        printed.map_err(|error| Failure::Output { error })
    }

    /// Whether `--json` is given.
    pub(super) const fn is_given(&self) -> bool {
        self.layout.is_some()
    }

    /// Prints a report while it is made, if `--json` is given: one that may be too long for the memory. If the reader
    /// closes the pipe, the rest is not made.
    pub(super) fn stream(
        &self,
        context: &Context,
        command: &'static str,
        report: &impl Serialize,
    ) -> Result<(), Failure> {
        let Some(layout) = self.layout else {
            return Ok(());
        };
        let document = Document::new(command, report);
        let mut stream = context.printer.json_stream();
        let made = match layout {
            Layout::Pretty => serde_json::to_writer_pretty(&mut stream, &document),
            Layout::Compact => serde_json::to_writer(&mut stream, &document),
        };
        let printed = made
            .map_err(io::Error::from)
            .and_then(|()| stream.write_all(b"\n"))
            .and_then(|()| stream.flush());
        match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::Output { error })
            }
            _ => Ok(()),
        }
    }

    /// Prints one of many reports on a line, whatever the layout, if `--json` is given. A pipe that the reader has closed
    /// is an error.
    pub(super) fn line(
        &self,
        context: &Context,
        command: &'static str,
        report: &impl Serialize,
    ) -> io::Result<()> {
        if self.layout.is_none() {
            return Ok(());
        }
        let mut stream = context.printer.json_stream();
        serde_json::to_writer(&mut stream, &Document::new(command, report))?;
        stream.write_all(b"\n")?;
        stream.flush()
    }

    /// Prints the report if `--json` is given, otherwise a text for people.
    pub(super) fn report_or(
        &self,
        context: &Context,
        command: &'static str,
        report: &impl Serialize,
        describe: impl FnOnce() -> Lines,
    ) -> Result<(), Failure> {
        if self.layout.is_some() {
            self.report(context, command, report)
        } else {
            context.print(&describe())
        }
    }
}

/// A version of the schema.
#[derive(Serialize)]
pub(super) struct Version {
    /// The name that the commands use.
    name: String,
    alembic: Option<&'static str>,
    migration: Option<&'static str>,
}

impl Version {
    /// The version with this name, which may also be a revision before the first version.
    pub(super) fn named(name: &str) -> Self {
        let version = SchemaVersion::all().find(|version| version.to_string() == name);
        Self::of(name.to_owned(), version)
    }

    /// A version by its name in the stamps and by its structure, which can differ.
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

/// When an operation began, and how long it took.
#[derive(Serialize)]
pub(super) struct Timing {
    started: String,
    milliseconds: u64,
}

impl Timing {
    /// The timing of an operation that had nothing to do.
    pub(super) fn now() -> Self {
        Self {
            started: timestamp(SystemTime::now()),
            milliseconds: 0,
        }
    }

    /// The timing of an operation that ends now.
    pub(super) fn until_now(mut self, clock: Instant) -> Self {
        self.milliseconds = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        self
    }
}

/// Runs an operation and measures the time.
pub(super) fn timed<Report, Error>(
    operation: impl FnOnce() -> Result<Report, Error>,
) -> Result<(Report, Timing), Error> {
    let (timing, clock) = (Timing::now(), Instant::now());
    let report = operation()?;
    Ok((report, timing.until_now(clock)))
}
