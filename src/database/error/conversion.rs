//! How the errors of Diesel, SQLite and the system become ours.

use std::io;
use std::path::Path;

use diesel::ConnectionError;
use diesel::migration::Migration;
use diesel::sqlite::Sqlite;
use libsqlite3_sys as ffi;

use super::Error;
use crate::models::access::row_error::RowError;
use crate::sqlite::SqliteError;

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io {
                path,
                action,
                source,
            },
        }
    }

    /// Whether a database could not be opened the way that was tried.
    pub(crate) fn is_about_opening(&self) -> bool {
        match self {
            Self::CannotOpen { .. } | Self::ReadOnly { .. } => true,
            Self::Query { source, .. } => source.to_string() == "locking protocol",
            _ => false,
        }
    }

    /// Adds the path to an error that a query inside a transaction gave.
    pub(crate) fn at(self, path: &Path, action: &'static str) -> Self {
        match self {
            Self::Sql(source) => Self::from_diesel(path, action, source),
            other => other,
        }
    }

    pub(crate) fn embedded(source: &dyn std::error::Error) -> Self {
        Self::Embedded {
            detail: source.to_string(),
        }
    }

    pub(crate) fn embedded_detail(detail: &str) -> Self {
        Self::Embedded {
            detail: detail.to_owned(),
        }
    }

    pub(crate) fn from_migration(
        path: &Path,
        migration: &dyn Migration<Sqlite>,
        source: &dyn std::error::Error,
    ) -> Self {
        // diesel_migrations puts the migration's name before the cause and keeps its type private.
        let message = source.to_string();
        let cause = message
            .split_once(" with: ")
            .map_or(message.as_str(), |(_, cause)| cause);
        Self::from_message(path, cause).unwrap_or_else(|| Self::Migration {
            path: path.to_owned(),
            migration: migration.name().to_string(),
            detail: cause.to_owned(),
        })
    }

    pub(crate) fn from_diesel(
        path: &Path,
        action: &'static str,
        source: diesel::result::Error,
    ) -> Self {
        let message = source.to_string();
        Self::from_message(path, &message).unwrap_or_else(|| Self::Query {
            path: path.to_owned(),
            action,
            source,
        })
    }

    pub(crate) fn from_connection(path: &Path, source: ConnectionError) -> Self {
        match source {
            ConnectionError::CouldntSetupConfiguration(source) => {
                Self::from_diesel(path, "open the database", source)
            }
            other => {
                let message = other.to_string();
                Self::from_message(path, &message).unwrap_or_else(|| Self::CannotOpen {
                    path: path.to_owned(),
                    detail: message,
                })
            }
        }
    }

    pub(crate) fn from_handle(path: &Path, source: SqliteError) -> Self {
        let path = path.to_owned();
        match source.code {
            ffi::SQLITE_NOTADB => Self::NotADatabase { path },
            ffi::SQLITE_CORRUPT => Self::Damaged {
                path,
                detail: source.message,
            },
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Self::Locked { path },
            ffi::SQLITE_READONLY => Self::ReadOnly { path },
            ffi::SQLITE_FULL => Self::DiskFull { path },
            ffi::SQLITE_INTERRUPT => Self::Interrupted { path },
            ffi::SQLITE_IOERR => Self::Disk {
                path,
                detail: source.message,
            },
            ffi::SQLITE_CANTOPEN => Self::CannotOpen {
                path,
                detail: source.message,
            },
            _ => Self::Query {
                path,
                action: "run a statement",
                source: diesel::result::Error::DatabaseError(
                    diesel::result::DatabaseErrorKind::Unknown,
                    Box::new(source.message),
                ),
            },
        }
    }

    /// Diesel passes on SQLite's message and not its result code, so the message it is: each is the
    /// fixed text of one code (`sqlite3_errstr`).
    fn from_message(path: &Path, message: &str) -> Option<Self> {
        let path = path.to_owned();
        let detail = message.to_owned();
        Some(match message {
            "file is not a database" => Self::NotADatabase { path },
            "database is locked" | "database table is locked" | "database schema is locked" => {
                Self::Locked { path }
            }
            "attempt to write a readonly database" => Self::ReadOnly { path },
            "database or disk is full" => Self::DiskFull { path },
            "interrupted" => Self::Interrupted { path },
            "disk I/O error" => Self::Disk { path, detail },
            "unable to open database file" => Self::CannotOpen { path, detail },
            _ if message.starts_with("database disk image is malformed")
                || message.starts_with("malformed database schema") =>
            {
                Self::Damaged { path, detail }
            }
            _ => return None,
        })
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Sql(source) => Self::Sql(source),
            other => Self::Row(other),
        }
    }
}
