//! `degenbot database verify`: looks for damage and invalid rows.

use std::num::NonZeroUsize;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::{grouped, line, plain};
use crate::cli::json::{Json, Version};
use crate::cli::printer::Lines;
use crate::cli::progress::ProgressReporter;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::{Table, padded};
use crate::database::verification::findings::Finding;
use crate::database::verification::rule::Rule;
use crate::database::verification::verify::{VerifyOptions, VerifyReport, verify_sqlite_database};

/// Look for damage, and for rows that cannot be right
///
/// It changes nothing, and bots can run meanwhile. The exit status is 3 if it finds a problem, or if it cannot check a
/// part of the file. The rules are listed below, each with what to do about a row that breaks it.
#[derive(Debug, Args)]
#[command(after_long_help = rules())]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    json: Json,
    /// Leave out the slowest checks
    ///
    /// These are the checks of the indexes, of the ticks and initialization maps, and of the values in the tables with
    /// rows for each Aave user.
    #[arg(long)]
    quick: bool,
    /// How many threads work at the same time, at most
    ///
    /// Each has a connection of its own. Without the option, there are as many as the machine has cores, or fewer for a
    /// small database. The findings do not depend on it. A database in a folder where nothing may be written is read by
    /// one thread.
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroUsize>,
}

/// Parses a number of threads.
fn threads(text: &str) -> Result<NonZeroUsize, &'static str> {
    /// More would need thousands of file descriptors and gain nothing.
    const MOST: usize = 256;
    let threads = text.parse().ok();
    threads
        .filter(|threads: &NonZeroUsize| threads.get() <= MOST)
        .ok_or("expected a number from 1 to 256")
}

/// The rules, for the help.
fn rules() -> String {
    let mut text = "Rules:".to_owned();
    for rule in Rule::ALL {
        line(
            &mut text,
            format_args!(
                "\n  {rule}\n          {}\n          Remedy: {}",
                rule.description(),
                rule.remedy()
            ),
        );
    }
    text
}

impl Verify {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let path = context.database_path()?;
        let report = {
            let options = VerifyOptions {
                quick: self.quick,
                threads: self.threads,
            };
            let mut progress = ProgressReporter::new("Verifying", &context.printer);
            verify_sqlite_database(&path, &options, &mut progress)?
        };
        let document = Document::of(&report);
        self.json
            .report_or(context, "database verify", &document, || describe(&report))?;
        if report.is_clean() {
            return Ok(());
        }
        let rows = report.rows();
        let is_damaged = |finding: &Finding| finding.rule == Rule::Integrity;
        let not_checked = report.not_checked();
        let rows = rows - not_checked;
        Err(if report.findings.iter().any(is_damaged) {
            Failure::Damaged {
                path,
                rows,
                not_checked,
            }
        } else if rows == 0 {
            Failure::Unchecked { path, not_checked }
        } else {
            Failure::Unsound {
                path,
                rows,
                not_checked,
            }
        })
    }
}

#[derive(Serialize)]
struct Document<'report> {
    path: String,
    version: Option<Version>,
    quick: bool,
    total: u64,
    not_checked: u64,
    findings: &'report [Finding],
}

impl<'report> Document<'report> {
    fn of(report: &'report VerifyReport) -> Self {
        Self {
            path: report.path.display().to_string(),
            version: report.version.map(Version::from),
            quick: report.quick,
            total: report.rows(),
            not_checked: report.not_checked(),
            findings: &report.findings,
        }
    }
}

fn describe(report: &VerifyReport) -> Lines {
    let path = report.path.display();
    let mut text = Lines::new();
    if report.is_clean() {
        let quick = if report.quick {
            ", as far as --quick checks it"
        } else {
            ""
        };
        text.push(format_args!("{path} is sound{quick}"));
        return text;
    }
    let mut table = Table::titled([("Rule", Left), ("Table", Left), ("Rows", Right)]);
    for finding in &report.findings {
        let name = finding.table.as_deref().map_or("-".to_owned(), plain);
        table.push([finding.rule.to_string(), name, grouped(finding.rows)]);
    }
    let findings = std::iter::once(None).chain(report.findings.iter().map(Some));
    for (row, finding) in table.lines().zip(findings) {
        text.push(row);
        if let Some(finding) = finding {
            describe_examples(&mut text, finding);
        }
    }
    text
}

fn describe_examples(text: &mut Lines, finding: &Finding) {
    let ids: Vec<_> = finding
        .examples
        .iter()
        .map(|example| example.id.map(|id| id.to_string()).unwrap_or_default())
        .collect();
    // An id has 20 digits at most.
    let width = ids.iter().map(String::len).max().unwrap_or(0);
    let gap = if width == 0 { "" } else { "  " };
    for (example, id) in finding.examples.iter().zip(&ids) {
        let key = [&example.key, &example.exchange];
        // A detail about the address itself has it.
        let key: Vec<_> = key
            .into_iter()
            .flatten()
            .filter(|part| !example.detail.contains(part.as_str()))
            .map(String::as_str)
            .collect();
        let id = padded(id, width, Right);
        let indent = 4 + width + gap.len();
        if key.is_empty() {
            text.push_fitting(&format!("    {id}{gap}{}", example.detail), indent);
        } else {
            text.push_fitting(&format!("    {id}{gap}{}", key.join("  ")), indent);
            let blank = padded("", indent, Right);
            text.push_fitting(&format!("{blank}{}", example.detail), indent);
        }
    }
    let shown = u64::try_from(finding.examples.len()).unwrap_or(u64::MAX);
    if finding.rows > shown {
        let others = grouped(finding.rows - shown);
        text.push(format_args!("    and {others} more"));
    }
}
