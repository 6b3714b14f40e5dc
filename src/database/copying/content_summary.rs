//! The summary of a database's content, for a user who has to choose between two.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::database::reports::inspect::inspect_sqlite_database;
use crate::types::sql_value::SqlValue;

/// The content of a database in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The path of the file.
    pub path: PathBuf,
    /// The time of the last write.
    pub modified: Option<SystemTime>,
    /// The size of the file with its log, in bytes.
    pub bytes: u64,
    /// The version, from [`Recognition::version_name`](crate::database::Recognition::version_name).
    pub version: String,
    /// The number of rows of all tables.
    pub rows: u64,
    /// Whether the rows of a large table were estimated.
    pub is_estimated: bool,
    /// The newest block to which an exchange is updated.
    pub newest_block: Option<i64>,
}

impl Summary {
    /// The summary of a database, or `None` for a file without content.
    pub(super) fn of_content(path: &Path) -> Result<Option<Self>, Error> {
        match Self::of(path) {
            Err(error) if matches!(error.kind, ErrorKind::EmptyFile) => Ok(None),
            summary => summary.map(Some),
        }
    }

    /// The summary of a database.
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        let info = inspect_sqlite_database(path, false)?;
        let file = DatabaseFile::at(path);
        Ok(Self {
            path: path.to_owned(),
            modified: modified(&file),
            bytes: file.bytes_with_log(),
            version: info.recognition.version_name(),
            rows: info
                .tables
                .iter()
                .filter_map(|table| table.rows)
                .filter_map(|rows| u64::try_from(rows).ok())
                .sum(),
            is_estimated: info.tables.iter().any(|table| table.is_estimated),
            newest_block: info
                .exchanges
                .iter()
                .filter_map(|exchange| match exchange.last_update_block {
                    Some(SqlValue::Integer(block)) => Some(block),
                    _ => None,
                })
                .max(),
        })
    }
}

/// The time of the last write to the database or its log. Commits go to the log first. Nothing was written to an empty log,
/// which whoever opens the database makes.
pub(super) fn modified(file: &DatabaseFile) -> Option<SystemTime> {
    let wal = file.sidecar(Sidecar::Wal);
    let database = fs::metadata(file.real());
    let log = fs::metadata(wal).ok().filter(|log| log.len() > 0);
    let times = [database.ok(), log].into_iter().flatten();
    times.filter_map(|file| file.modified().ok()).max()
}
