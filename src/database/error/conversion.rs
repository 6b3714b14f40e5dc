//! Conversions into the database error, from the errors of Diesel, SQLite and the system.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use diesel::ConnectionError;
use diesel::result::Error as SqlError;
use libsqlite3_sys as ffi;

use crate::database::error::backup_problem::BackupProblem;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::progress::Cancelled;
use crate::database::structure::create_tables::CreateTablesError;
use crate::database::structure::pending_migrations::MigrationStepError;
use crate::database::structure::sql_name;
use crate::folder_of::folder_of;
use crate::models::access::row_error::RowError;
use crate::models::journal::journal_error::JournalError;
use crate::settings::error::SettingsError;
use crate::sqlite::lock_wait;
use crate::sqlite::moved_file::{MOVED, MOVED_AT_COMMIT};
use crate::sqlite::raised::is_raised;
use crate::sqlite::raw_connection::SqliteError;
use crate::sqlite::system_failure::{Failure, NO_MEMORY, is_of_lost_transaction};
use crate::system::copy_up::copy_up;
use crate::system::free_space::has_free_bytes;

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
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded if action == "create" => {
                no_room_for(path)
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
            io::ErrorKind::FileTooLarge => ErrorKind::FileTooLarge,
            _ => ErrorKind::Io { action, source },
        }
        .at(path)
    }

    /// The error of a failed read that SQLite has reported as a problem of the file, if it was one.
    pub(crate) fn of_failed_read(path: &Path) -> Option<Self> {
        failed_read().map(|kind| kind.at(path))
    }

    /// The error of a transaction that SQLite has rolled back by itself.
    pub(crate) fn of_lost_transaction(path: &Path) -> Self {
        match Failure::last() {
            Some(Failure::Memory) => ErrorKind::OutOfMemory,
            _ => ErrorKind::Disk {
                detail: "SQLite has rolled back".to_owned(),
            },
        }
        .at(path)
    }

    /// Whether the database could not be opened in this mode. Another mode may succeed.
    pub(crate) fn is_about_opening(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::CannotOpen { .. }
                | ErrorKind::NoRoomForFile { .. }
                | ErrorKind::ReadOnly
                | ErrorKind::LogContended
        )
    }

    /// Whether the disk has failed, so that nobody knows what has reached it.
    pub(crate) fn is_about_the_disk(&self) -> bool {
        match &self.kind {
            ErrorKind::Disk { .. } | ErrorKind::Io { .. } => true,
            ErrorKind::Sql { source } => {
                let message = source.to_string();
                message == "disk I/O error" && !is_raised(&message)
            }
            _ => false,
        }
    }

    /// Whether a commit was made, to a file that has lost its path meanwhile.
    pub(crate) fn is_moved_at_commit(&self) -> bool {
        match &self.kind {
            ErrorKind::MovedAtCommit => true,
            ErrorKind::Sql { source } => {
                let message = source.to_string();
                message == MOVED_AT_COMMIT && !is_raised(&message)
            }
            _ => false,
        }
    }

    /// Whether the reason lies outside of the file: nothing follows about its content.
    pub(crate) const fn is_about_the_system(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Interrupted
                | ErrorKind::OutOfMemory
                | ErrorKind::NoRoomForFile { .. }
                | ErrorKind::TooManyFiles { .. }
                | ErrorKind::Io { .. }
                | ErrorKind::DiskFull
                | ErrorKind::TemporaryFolderFull { .. }
        )
    }

    /// Whether another attempt to read the file would end in the same way.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Interrupted
                | ErrorKind::OutOfMemory
                | ErrorKind::DiskFull
                | ErrorKind::TemporaryFolderFull { .. }
                | ErrorKind::NotEnoughSpace { .. }
        )
    }

    /// Adds the path and the action to the error of a query inside a transaction.
    pub(crate) fn at(self, path: &Path, action: &'static str) -> Self {
        match self.kind {
            ErrorKind::Sql { source } => Self {
                effect: self.effect,
                ..Self::from_diesel(path, action, source)
            },
            ErrorKind::Raised { .. } => Self {
                path: self.path.or_else(|| Some(path.to_owned())),
                ..self
            },
            _ => self,
        }
    }

    pub(crate) fn from_step(
        path: &Path,
        failed: &MigrationStepError,
        has_own_objects: bool,
    ) -> Self {
        // SQLite has rolled back by itself, and the rollback of the failed step finds no transaction.
        let is_rolled_back =
            failed.message == SqlError::NotInTransaction.to_string() && !is_raised(&failed.message);
        let message = match Failure::last() {
            Some(Failure::Memory) | None => &failed.message,
            Some(_) if is_rolled_back => "disk I/O error",
            Some(_) => &failed.message,
        };
        kind_of_message(path, message)
            .unwrap_or_else(|| match rejected("run a migration", sql_error(message)) {
                own @ (ErrorKind::DefinedElsewhere { .. }
                | ErrorKind::OwnObject { .. }
                | ErrorKind::Raised { .. }) => own,
                _ => ErrorKind::Migration {
                    migration: failed.migration.clone(),
                    detail: failed.message.clone(),
                    // No row that degenbot accepts breaks a constraint of its own.
                    has_own_objects: has_own_objects
                        || failed.message.contains(" constraint failed"),
                },
            })
            .at(path)
    }

    pub(crate) fn from_create_tables(path: &Path, failed: CreateTablesError) -> Self {
        match failed {
            CreateTablesError::Step(failed) => Self::from_step(path, &failed, false),
            CreateTablesError::Sql(source) => {
                Self::from_diesel(path, "migrate the database", source)
            }
        }
    }

    pub(crate) fn from_diesel(path: &Path, action: &'static str, source: SqlError) -> Self {
        kind_of_message(path, &source.to_string())
            .unwrap_or_else(|| rejected(action, source))
            .at(path)
    }

    pub(crate) fn from_connection(path: &Path, source: ConnectionError) -> Self {
        match source {
            ConnectionError::CouldntSetupConfiguration(source) => {
                Self::from_diesel(path, "open the database", source)
            }
            other => {
                let message = other.to_string();
                kind_of_message(path, &message)
                    .unwrap_or(ErrorKind::CannotOpen { detail: message })
                    .at(path)
            }
        }
    }

    pub(crate) fn from_sqlite(path: &Path, source: SqliteError) -> Self {
        let detail = source.message;
        let kind = match source.code {
            ffi::SQLITE_NOTADB => ErrorKind::NotADatabase,
            ffi::SQLITE_CORRUPT => ErrorKind::Damaged { detail },
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => ErrorKind::Locked,
            ffi::SQLITE_READONLY => ErrorKind::ReadOnly,
            ffi::SQLITE_FULL => ErrorKind::DiskFull,
            ffi::SQLITE_INTERRUPT => ErrorKind::Interrupted,
            ffi::SQLITE_NOMEM => ErrorKind::OutOfMemory,
            ffi::SQLITE_IOERR => ErrorKind::Disk { detail },
            ffi::SQLITE_CANTOPEN => ErrorKind::CannotOpen { detail },
            _ => kind_of_message(path, &detail)
                .unwrap_or_else(|| rejected("run a statement", sql_error(&detail))),
        };
        with_reason(path, kind).at(path)
    }
}

/// Finds the kind of an error by SQLite's message. Diesel does not pass on the result code; each message is the fixed
/// text of one code (`sqlite3_errstr`), unless a trigger has raised it.
fn kind_of_message(path: &Path, message: &str) -> Option<ErrorKind> {
    if is_raised(message) {
        return None;
    }
    let detail = message.to_owned();
    let kind = match message {
        "file is not a database" => ErrorKind::NotADatabase,
        "database is locked" | "database table is locked" | "database schema is locked" => {
            ErrorKind::Locked
        }
        "attempt to write a readonly database" => ErrorKind::ReadOnly,
        MOVED => ErrorKind::Moved,
        MOVED_AT_COMMIT => ErrorKind::MovedAtCommit,
        "locking protocol" => ErrorKind::LogContended,
        "database or disk is full" => ErrorKind::DiskFull,
        "interrupted" => ErrorKind::Interrupted,
        NO_MEMORY => ErrorKind::OutOfMemory,
        _ if is_of_lost_transaction(message) && Failure::last() == Some(Failure::Memory) => {
            ErrorKind::OutOfMemory
        }
        "disk I/O error" => ErrorKind::Disk { detail },
        _ if message.starts_with("unable to open database") => ErrorKind::CannotOpen { detail },
        // The header has a number that no version of SQLite has written.
        "unsupported file format" => ErrorKind::Damaged { detail },
        _ if message.starts_with("database disk image is malformed")
            || message.starts_with("malformed database schema") =>
        {
            ErrorKind::Damaged { detail }
        }
        _ => return None,
    };
    Some(with_reason(path, kind))
}

/// An error with SQLite's message.
fn sql_error(message: &str) -> SqlError {
    let kind = diesel::result::DatabaseErrorKind::Unknown;
    SqlError::DatabaseError(kind, Box::new(message.to_owned()))
}

/// Finds why SQLite rejects a statement of this program. Each statement fits the structure of every database that it is
/// meant for, so an object of the user's own is the reason, nearly always.
fn rejected(action: &'static str, source: SqlError) -> ErrorKind {
    const DEFINED_ELSEWHERE: [&str; 7] = [
        "no such collation sequence: ",
        "no such function: ",
        "unknown function: ",
        "no such module: ",
        "no such tokenizer: ",
        "unknown tokenizer: ",
        "unsafe use of ",
    ];
    const OWN_OBJECT: [&str; 11] = [
        sql_name::OF_A_FUNCTION,
        // SQLite writes the name of the schema if the statement is one of a view, a trigger or a foreign key.
        "no such table: main.",
        "error in ",
        " because it is a view",
        "foreign key mismatch",
        "generated column",
        "circularly defined",
        "wrong number of arguments to function",
        "too many levels of trigger recursion",
        " may not be modified",
        "cannot store ",
    ];
    /// A name of the user's own follows, which can be any text.
    const CONSTRAINT: [&str; 4] = [
        "CHECK constraint failed",
        "UNIQUE constraint failed",
        "NOT NULL constraint failed",
        "FOREIGN KEY constraint failed",
    ];
    let message = source.to_string();
    let is_one_of = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if is_raised(&message) {
        ErrorKind::Raised { source }
    } else if CONSTRAINT.iter().any(|text| message.starts_with(text)) {
        ErrorKind::Forbidden { source }
    } else if is_one_of(&DEFINED_ELSEWHERE) {
        ErrorKind::DefinedElsewhere { source }
    } else if is_one_of(&OWN_OBJECT) {
        ErrorKind::OwnObject { source }
    } else {
        ErrorKind::Query { action, source }
    }
}

/// Finds the reason behind an error that SQLite reports as another one, or without a reason.
fn with_reason(path: &Path, kind: ErrorKind) -> ErrorKind {
    match (kind, Failure::last()) {
        (ErrorKind::CannotOpen { .. }, Some(Failure::Open(code, file))) => {
            let source = io::Error::from_raw_os_error(code);
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => no_room_for(&file),
                io::ErrorKind::InvalidFilename => too_long(path).unwrap_or(ErrorKind::Io {
                    action: "open",
                    source,
                }),
                _ => ErrorKind::TooManyFiles { source },
            }
        }
        // A file that is open for reading only has no lock for writers.
        (ErrorKind::Locked | ErrorKind::Disk { .. }, Some(Failure::Lock(libc::EBADF))) => {
            ErrorKind::ReadOnly
        }
        (ErrorKind::Locked | ErrorKind::Disk { .. }, Some(Failure::Lock(code))) => {
            let source = io::Error::from_raw_os_error(code);
            ErrorKind::NoLocks { source }
        }
        (ErrorKind::ReadOnly, Some(Failure::Moved)) => ErrorKind::Moved,
        (ErrorKind::ReadOnly, _) if copy_up(path).is_err() => ErrorKind::DiskFull,
        (ErrorKind::Locked, _) if lock_wait::is_cancelled() => ErrorKind::Interrupted,
        (kind @ ErrorKind::Disk { .. }, Some(Failure::Write(code))) => {
            match io::Error::from_raw_os_error(code).kind() {
                io::ErrorKind::FileTooLarge => ErrorKind::FileTooLarge,
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
                _ => kind,
            }
        }
        (
            kind @ (ErrorKind::DiskFull | ErrorKind::Disk { .. }),
            Some(Failure::WriteTemporary(code, folder)),
        ) => match io::Error::from_raw_os_error(code).kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ErrorKind::TemporaryFolderFull { folder }
            }
            io::ErrorKind::FileTooLarge => ErrorKind::FileTooLarge,
            _ => kind,
        },
        (kind @ (ErrorKind::Damaged { .. } | ErrorKind::Disk { .. }), Some(Failure::Read(_))) => {
            failed_read().unwrap_or(kind)
        }
        (ErrorKind::Disk { .. }, Some(Failure::Remove(code))) => ErrorKind::Io {
            action: "remove a file beside",
            source: io::Error::from_raw_os_error(code),
        },
        (ErrorKind::CannotOpen { detail }, _) => {
            too_long(path).unwrap_or(ErrorKind::CannotOpen { detail })
        }
        (kind, _) => kind,
    }
}

/// The error of a file that the system has no space for, although it has no content yet.
fn no_room_for(file: &Path) -> ErrorKind {
    let folder = folder_of(file);
    if has_free_bytes(folder) {
        let folder = folder.to_owned();
        ErrorKind::NoRoomForFile { folder }
    } else {
        ErrorKind::DiskFull
    }
}

/// The error of a read that failed, if that is the last that happened. SQLite takes it for damage.
fn failed_read() -> Option<ErrorKind> {
    let source = io::Error::from_raw_os_error(Failure::take_read()?);
    let action = "read";
    Some(ErrorKind::Io { action, source })
}

/// The error about a path that is too long for SQLite, if it is.
fn too_long(path: &Path) -> Option<ErrorKind> {
    /// The suffix of the longest name beside a database.
    const SUFFIX: usize = "-journal".len();
    /// The limits of SQLite (`MAX_PATHNAME`) and of nearly every file system.
    const LONGEST: [(&str, usize); 2] = [("path", 512 - SUFFIX), ("name", 255 - SUFFIX)];
    let real = fs::canonicalize(path)
        .or_else(|_| std::path::absolute(path))
        .ok()?;
    let bytes = [real.as_os_str(), real.file_name()?].map(OsStr::len);
    let parts = LONGEST.into_iter().zip(bytes);
    parts
        .map(|((part, limit), bytes)| (part, bytes, limit))
        .find(|(_, bytes, limit)| bytes > limit)
        .map(|(part, bytes, limit)| ErrorKind::PathTooLong { part, bytes, limit })
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Sql { source } => source.into(),
            source => ErrorKind::Journal { source }.into(),
        }
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Sql { source } | RowError::Raised { source } => source.into(),
            source => ErrorKind::Row { source }.into(),
        }
    }
}

impl From<SqlError> for Error {
    fn from(source: SqlError) -> Self {
        if is_raised(&source.to_string()) {
            return ErrorKind::Raised { source }.into();
        }
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

impl Error {
    /// Turns an error about the file at `backup` into one that speaks of a backup. Other errors stay as they are.
    pub(crate) fn about_backup(self, backup: &Path) -> Self {
        if self.path().is_some_and(|path| path != backup) {
            return self;
        }
        if matches!(self.kind, ErrorKind::NotFound) {
            return ErrorKind::NoBackup.at(backup);
        }
        match problem_of_backup(&self.kind) {
            Some(problem) => ErrorKind::BadBackup {
                problem: Box::new(problem),
            }
            .at(backup),
            None => self,
        }
    }
}

/// The problem of a backup for an error about the same file as a database. `None` if the error is about something
/// else, such as a lock or the disk, and says what is true of any file.
fn problem_of_backup(kind: &ErrorKind) -> Option<BackupProblem> {
    Some(match kind {
        ErrorKind::IsFolder => BackupProblem::IsFolder,
        ErrorKind::NotAFile => BackupProblem::NotAFile,
        ErrorKind::EmptyFile => BackupProblem::Empty,
        ErrorKind::NotADatabase => BackupProblem::NotADatabase,
        ErrorKind::Damaged { detail } | ErrorKind::CopyCheckFailed { detail } => {
            BackupProblem::Damaged {
                detail: detail.clone(),
            }
        }
        ErrorKind::JournalDamaged { detail } => BackupProblem::Damaged {
            detail: format!("its rollback journal: {detail}"),
        },
        ErrorKind::CannotOpen { detail } => BackupProblem::Unreadable {
            detail: detail.clone(),
        },
        ErrorKind::ReadOnly => BackupProblem::Unreadable {
            detail: "SQLite would have to write to it".to_owned(),
        },
        ErrorKind::HotJournal => BackupProblem::Unreadable {
            detail: "it holds an interrupted transaction".to_owned(),
        },
        ErrorKind::Sql { source } => BackupProblem::Unreadable {
            detail: source.to_string(),
        },
        ErrorKind::Refused { refusal } => BackupProblem::Refused {
            refusal: refusal.clone(),
        },
        other => BackupProblem::Unreadable {
            detail: other.rejection()?.to_string(),
        },
    })
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::sqlite::connection_hooks::establish;

    /// SQLite itself notices it there, and says that the file cannot be written.
    #[test]
    fn file_that_has_moved_in_rollback_mode_is_not_called_read_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut connection = establish(path.to_str().unwrap()).unwrap();
        connection
            .batch_execute("CREATE TABLE numbers (number INTEGER); BEGIN IMMEDIATE")
            .unwrap();
        fs::remove_file(&path).unwrap();
        let mut insert = |statement| {
            let error = connection.batch_execute(statement).unwrap_err();
            Error::from_diesel(&path, "write", error).kind
        };
        let moved = insert("INSERT INTO numbers VALUES (1)");
        assert!(matches!(moved, ErrorKind::Moved), "{moved:?}");
        let read_only = insert("PRAGMA query_only = ON; INSERT INTO numbers VALUES (1)");
        assert!(matches!(read_only, ErrorKind::ReadOnly), "{read_only:?}");
    }

    #[test]
    fn full_text_index_without_its_tokenizer_is_told_from_a_fault_of_the_program() {
        for message in ["no such tokenizer: mine", "unknown tokenizer: mine"] {
            let kind = rejected("write", sql_error(message));
            assert!(
                matches!(kind, ErrorKind::DefinedElsewhere { .. }),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn no_error_about_a_backup_advises_to_reset_or_to_restore_the_database() {
        for documented in ErrorKind::documented() {
            let backup = Path::new("x.db.bak");
            let error = documented.example.at(backup).about_backup(backup);
            // Only the errors of a restore that names a backup are about one.
            let is_about_it = matches!(error.kind, ErrorKind::BadBackup { .. });
            let told = format!("{error} {}", error.hint());
            if is_about_it {
                for wrong in [
                    "database reset",
                    ".bak.bak",
                    "restore' puts",
                    "The database",
                ] {
                    assert!(!told.contains(wrong), "{}: {told}", documented.name);
                }
            }
        }
    }
}
