//! The options and the report of an export.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::database::connection::open::LOCK_TIMEOUT;
use crate::database::export::tables::ExportPart;
use crate::database::structure::schema_version::SchemaVersion;
use crate::setters::setters;
use crate::types::integer::ChainId;

/// The format of the files of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ExportFormat {
    /// Parquet, compressed with zstd.
    #[default]
    Parquet,
    /// CSV as in RFC 4180, in UTF-8, with the names of the columns in the first line. NULL is an empty field, and the empty
    /// text is `""`.
    Csv,
}

impl ExportFormat {
    /// The name, which files have at their ends, such as `parquet`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }

    /// What a file of this format has to be in order to be replaced.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Parquet => "a Parquet file",
            Self::Csv => "a CSV file of an export",
        }
    }

    /// The first bytes of each file.
    pub(super) const fn begin(self) -> &'static [u8] {
        match self {
            Self::Parquet => b"PAR1",
            // The first column of all tables.
            Self::Csv => b"chain_id,",
        }
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no format of an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a format of an export: {0}")]
pub struct UnknownFormat(String);

impl FromStr for ExportFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = [Self::Parquet, Self::Csv]
            .into_iter()
            .find(|format| format.as_str() == text);
        found.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Options of [`export_database`](crate::database::export_database).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExportOptions {
    /// The folder of the files. It is created if it is missing.
    pub output: PathBuf,
    /// The format of the files.
    pub format: ExportFormat,
    /// The parts to export; all if it is empty.
    pub only: Vec<ExportPart>,
    /// The chains of the rows; all if it is empty.
    pub chains: Vec<ChainId>,
    /// Replace files of an earlier export once all new ones are complete.
    pub replace_existing: bool,
    /// The longest time to wait for a lock.
    pub wait: Duration,
}

impl ExportOptions {
    /// The export of everything to Parquet files in a folder.
    #[must_use]
    pub fn new(output: impl Into<PathBuf>) -> Self {
        Self {
            output: output.into(),
            format: ExportFormat::default(),
            only: Vec::new(),
            chains: Vec::new(),
            replace_existing: false,
            wait: LOCK_TIMEOUT,
        }
    }
}

setters!(ExportOptions {
    format: ExportFormat,
    only: Vec<ExportPart>,
    chains: Vec<ChainId>,
    replace_existing: bool,
    wait: Duration,
});

/// The result of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// The version of the database.
    pub version: SchemaVersion,
    /// The files.
    pub files: Vec<ExportedFile>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedFile {
    /// The name of the table, which the file has without its end.
    pub table: &'static str,
    /// The path.
    pub path: PathBuf,
    /// The number of rows.
    pub rows: u64,
    /// The size in bytes.
    pub bytes: u64,
    /// Whether the version of the database has no such rows.
    pub is_missing: bool,
    /// The columns with values that they cannot have.
    pub invalid: Vec<InvalidValues>,
}

/// The values of a column that the column cannot have, such as a text where a number belongs. They are NULL in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InvalidValues {
    /// The column.
    pub column: &'static str,
    /// The number of values.
    pub values: u64,
}
