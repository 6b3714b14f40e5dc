//! `degenbot database export`: writes tables for data frames.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exchange::lookup::require_known_chains;
use crate::cli::failure::Failure;
use crate::cli::format::{bytes, grouped};
use crate::cli::json::{Json, Timing, Version, timed};
use crate::cli::known_values::chain_id;
use crate::cli::options::{Confirmation, Waiting, path_of_file};
use crate::cli::progress::ProgressReporter;
use crate::cli::prompt::confirm;
use crate::counted::counted;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::export::export_database::export_database;
use crate::database::export::options::{
    ExportFormat, ExportOptions, ExportReport, ExportedFile, InvalidValues,
};
use crate::database::export::tables::ExportPart;
use crate::types::integer::ChainId;

const EXAMPLES: &str = "\
Examples:
  degenbot database export --output /data/degenbot
  degenbot database export --output ticks --only ticks --chain base
  degenbot --quiet database export --output /data/degenbot --format csv --force --json
  duckdb -c \"SELECT symbol0, symbol1, count(*) FROM '/data/degenbot/ticks.parquet' GROUP BY ALL\"";

/// Write pools, ticks, tokens, exchanges and Aave positions for data frames
///
/// Each table becomes a file of the folder: exchanges, tokens, pools, ticks, aave_reserves, aave_users and aave_positions.
/// Rows have names instead of ids, fees in per cent as well, and the chain. Numbers beyond 64 bits are exact texts; a column
/// beside each has the nearest float. DuckDB, Polars and pandas read the Parquet files
/// as they are; README.md says what they have to be told of CSV.
///
/// The rows are one state of the database. Other programs go on using it, and it is only read: it may be on a disk that
/// nobody can write to. The files appear together when all are complete, or none does. The command asks before it replaces
/// those of an earlier export.
///
/// Every version of the database has the same columns. What it lacks is NULL, and so is a value that its column cannot have;
/// the command counts those, and 'database verify' names their rows. In CSV, NULL is an empty field, and the empty text is "".
#[expect(clippy::doc_markdown, reason = "the comment is the help text")]
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Export {
    /// Write the files to this folder, which is created if it is missing
    #[arg(long, value_name = "FOLDER", value_parser = folder())]
    output: PathBuf,
    /// The format of the files
    #[arg(long, value_name = "FORMAT", default_value = "parquet", value_parser = format())]
    format: ExportFormat,
    /// Only these tables, separated by commas; can be repeated
    #[arg(long, value_name = "TABLES", value_delimiter = ',', value_parser = part())]
    only: Vec<ExportPart>,
    /// Only this chain, by its name or ID; can be repeated
    #[arg(long, value_name = "CHAIN", value_parser = chain_id(), hide_possible_values = true)]
    chain: Vec<ChainId>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    json: Json,
}

fn folder() -> impl TypedValueParser<Value = PathBuf> {
    path_of_file("an export is several files; name a folder ('./-' is one)")
}

fn format() -> impl TypedValueParser<Value = ExportFormat> {
    PossibleValuesParser::new([
        PossibleValue::new("parquet").help("Columns with their types, compressed with zstd"),
        PossibleValue::new("csv").help("Text with a line for each row"),
    ])
    .try_map(|name| name.parse::<ExportFormat>())
}

fn part() -> impl TypedValueParser<Value = ExportPart> {
    PossibleValuesParser::new(ExportPart::ALL.map(ExportPart::as_str))
        .try_map(|name| name.parse::<ExportPart>())
}

impl Export {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let _waiting = self.waiting.begin();
        let path = context.database_path()?;
        require_known_chains(&path, &self.chain)?;
        let export = |replace_existing| -> Result<(ExportReport, Timing), Error> {
            let options = ExportOptions {
                output: self.output.clone(),
                format: self.format,
                only: self.only.clone(),
                chains: self.chain.clone(),
                replace_existing,
                wait: self.waiting.time(),
            };
            let mut progress = ProgressReporter::new("Exporting", &context.printer);
            timed(|| export_database(&path, &options, &mut progress))
        };
        let (report, timing) = match export(self.confirmation.force) {
            Err(error) if matches!(error.kind, ErrorKind::ExportExists) => {
                let question = format!(
                    "{} has files of an earlier export. Do you want to replace them?",
                    self.output.display()
                );
                confirm(&question, false)?;
                export(true)?
            }
            done => done?,
        };
        self.tell(context, &report);
        let document = Document {
            timing,
            path: path.display().to_string(),
            version: report.version.into(),
            output: self.output.display().to_string(),
            file_format: self.format,
            files: report.files.iter().map(FileDocument::of).collect(),
        };
        self.json.report(context, "database export", &document)
    }

    fn tell(&self, context: &Context, report: &ExportReport) {
        let printer = &context.printer;
        for file in &report.files {
            for InvalidValues { column, values } in &file.invalid {
                log::warn!(
                    "{} of {}.{column} cannot be in the column and {} NULL in the file: 'degenbot database verify' \
                     names them",
                    counted(*values, "value"),
                    file.table,
                    if *values == 1 { "is" } else { "are" },
                );
            }
        }
        for file in report.files.iter().filter(|file| file.is_missing) {
            let table = file.table;
            log::warn!(
                "{table} has no rows: a database at {} lacks the tables",
                report.version
            );
        }
        let total: u64 = report.files.iter().map(|file| file.bytes).sum();
        printer.message(format_args!(
            "Exported to {} ({}):",
            self.output.display(),
            bytes(total)
        ));
        for file in &report.files {
            let name = file.path.file_name().unwrap_or_default();
            printer.message(format_args!(
                "  {}: {} {}",
                name.display(),
                grouped(file.rows),
                if file.rows == 1 { "row" } else { "rows" }
            ));
        }
    }
}

#[derive(Serialize)]
struct Document<'report> {
    #[serde(flatten)]
    timing: Timing,
    path: String,
    version: Version,
    output: String,
    file_format: ExportFormat,
    files: Vec<FileDocument<'report>>,
}

#[derive(Serialize)]
struct FileDocument<'report> {
    table: &'static str,
    path: String,
    rows: u64,
    bytes: u64,
    is_missing: bool,
    invalid: &'report [InvalidValues],
}

impl<'report> FileDocument<'report> {
    fn of(file: &'report ExportedFile) -> Self {
        Self {
            table: file.table,
            path: file.path.display().to_string(),
            rows: file.rows,
            bytes: file.bytes,
            is_missing: file.is_missing,
            invalid: &file.invalid,
        }
    }
}
