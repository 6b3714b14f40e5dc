//! Conversions into the database error, from the errors of Diesel, SQLite and the system.

use std::io;
use std::path::{Path, PathBuf};

use diesel::ConnectionError;
use diesel::result::Error as SqlError;
use libsqlite3_sys as ffi;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::progress::Cancelled;
use crate::database::structure::create_tables::CreateTablesError;
use crate::database::structure::pending_migrations::MigrationStepError;
use crate::models::access::row_error::RowError;
use crate::settings::error::SettingsError;
use crate::sqlite::raw_connection::SqliteError;

impl ErrorKind {
    /// The error of this kind about a file.
    pub(crate) fn at(self, path: impl Into<PathBuf>) -> Error {
        Error {
            kind: self,
            path: Some(path.into()),
            effect: None,
        }
    }
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
            _ => ErrorKind::Io { action, source },
        }
        .at(path)
    }

    /// Whether the database could not be opened in this mode. Another mode may succeed.
    pub(crate) fn is_about_opening(&self) -> bool {
        match &self.kind {
            ErrorKind::CannotOpen { .. } | ErrorKind::ReadOnly => true,
            ErrorKind::Query { source, .. } => source.to_string() == "locking protocol",
            _ => false,
        }
    }

    /// Whether the disk has failed, so that nobody knows what has reached it.
    pub(crate) fn is_about_the_disk(&self) -> bool {
        match &self.kind {
            ErrorKind::Disk { .. } | ErrorKind::Io { .. } => true,
            ErrorKind::Sql { source } => source.to_string() == "disk I/O error",
            _ => false,
        }
    }

    /// Adds the path and the action to the error of a query inside a transaction.
    pub(crate) fn at(self, path: &Path, action: &'static str) -> Self {
        match self.kind {
            ErrorKind::Sql { source } => Self {
                effect: self.effect,
                ..Self::from_diesel(path, action, source)
            },
            _ => self,
        }
    }

    pub(crate) fn from_step(path: &Path, failed: MigrationStepError) -> Self {
        kind_of_message(&failed.message)
            .unwrap_or(ErrorKind::Migration {
                migration: failed.migration,
                detail: failed.message,
            })
            .at(path)
    }

    pub(crate) fn from_create_tables(path: &Path, failed: CreateTablesError) -> Self {
        match failed {
            CreateTablesError::Step(failed) => Self::from_step(path, failed),
            CreateTablesError::Sql(source) => {
                Self::from_diesel(path, "migrate the database", source)
            }
        }
    }

    pub(crate) fn from_diesel(path: &Path, action: &'static str, source: SqlError) -> Self {
        kind_of_message(&source.to_string())
            .unwrap_or(ErrorKind::Query { action, source })
            .at(path)
    }

    pub(crate) fn from_connection(path: &Path, source: ConnectionError) -> Self {
        match source {
            ConnectionError::CouldntSetupConfiguration(source) => {
                Self::from_diesel(path, "open the database", source)
            }
            other => {
                let message = other.to_string();
                kind_of_message(&message)
                    .unwrap_or(ErrorKind::CannotOpen { detail: message })
                    .at(path)
            }
        }
    }

    pub(crate) fn from_sqlite(path: &Path, source: SqliteError) -> Self {
        let detail = source.message;
        match source.code {
            ffi::SQLITE_NOTADB => ErrorKind::NotADatabase,
            ffi::SQLITE_CORRUPT => ErrorKind::Damaged { detail },
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => ErrorKind::Locked,
            ffi::SQLITE_READONLY => ErrorKind::ReadOnly,
            ffi::SQLITE_FULL => ErrorKind::DiskFull,
            ffi::SQLITE_INTERRUPT => ErrorKind::Interrupted,
            ffi::SQLITE_IOERR => ErrorKind::Disk { detail },
            ffi::SQLITE_CANTOPEN => ErrorKind::CannotOpen { detail },
            _ => ErrorKind::Query {
                action: "run a statement",
                source: SqlError::DatabaseError(
                    diesel::result::DatabaseErrorKind::Unknown,
                    Box::new(detail),
                ),
            },
        }
        .at(path)
    }
}

/// Finds the kind of an error by SQLite's message. Diesel does not pass on the result code; each message is the fixed
/// text of one code (`sqlite3_errstr`).
fn kind_of_message(message: &str) -> Option<ErrorKind> {
    let detail = message.to_owned();
    Some(match message {
        "file is not a database" => ErrorKind::NotADatabase,
        "database is locked" | "database table is locked" | "database schema is locked" => {
            ErrorKind::Locked
        }
        "attempt to write a readonly database" => ErrorKind::ReadOnly,
        "database or disk is full" => ErrorKind::DiskFull,
        "interrupted" => ErrorKind::Interrupted,
        "disk I/O error" => ErrorKind::Disk { detail },
        "unable to open database file" => ErrorKind::CannotOpen { detail },
        _ if message.starts_with("database disk image is malformed")
            || message.starts_with("malformed database schema") =>
        {
            ErrorKind::Damaged { detail }
        }
        _ => return None,
    })
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Sql { source } => source.into(),
            source => ErrorKind::Row { source }.into(),
        }
    }
}

impl From<SqlError> for Error {
    fn from(source: SqlError) -> Self {
        ErrorKind::Sql { source }.into()
    }
}

impl From<SettingsError> for Error {
    fn from(source: SettingsError) -> Self {
        ErrorKind::Settings { source }.into()
    }
}

impl From<Cancelled> for Error {
    fn from(cancelled: Cancelled) -> Self {
        ErrorKind::Interrupted.at(cancelled.path)
    }
}
