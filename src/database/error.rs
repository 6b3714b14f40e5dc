mod conversion;

use std::io;
use std::path::{Path, PathBuf};

use super::{ExchangeConflict, Obstacle, Refusal, SchemaVersion, Violation};
use crate::models::access::row_error::RowError;
use crate::settings::SettingsError;

/// Why an operation on a database failed. Whatever failed, the database is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file.
    #[error("There is no database at {path}", path = .path.display())]
    NotFound {
        /// The database.
        path: PathBuf,
    },
    /// The path is a folder.
    #[error("{path} is a folder, not a database", path = .path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The path is a device, a pipe or a socket.
    #[error("{path} is not a regular file", path = .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("The file at {path} is empty", path = .path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// The file is not an SQLite database.
    #[error("The file at {path} is not an SQLite database", path = .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is an SQLite database whose structure is broken.
    #[error("The database at {path} is damaged: {detail}", path = .path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// A program was killed in the middle of a transaction, and reading the database without writing
    /// to it would show half of that transaction.
    #[error(
        "The database at {path} holds an interrupted transaction that must be rolled back first",
        path = .path.display()
    )]
    HotJournal {
        /// The database.
        path: PathBuf,
    },
    /// The database is sound, and is none that this program may touch.
    #[error("The database at {path} {refusal}", path = .path.display())]
    Refused {
        /// The database.
        path: PathBuf,
        /// Why not.
        refusal: Box<Refusal>,
    },
    /// Another connection kept its lock for longer than [`LOCK_TIMEOUT`](super::LOCK_TIMEOUT).
    #[error("The database at {path} is locked by another program", path = .path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// The file or its folder may not be written.
    #[error("The database at {path} cannot be written", path = .path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// The file may not be read, or a file beside it not be created.
    #[error("The database at {path} cannot be opened: {detail}", path = .path.display())]
    CannotOpen {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The disk is full.
    #[error("The disk is full: {path} could not be written", path = .path.display())]
    DiskFull {
        /// The file that was being written.
        path: PathBuf,
    },
    /// A database or some other file is already where one was to be created.
    #[error("{path} already exists", path = .path.display())]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// A database or a backup was to be put beside the log of another one, which SQLite would apply to
    /// it.
    #[error(
        "{leftover} was left behind by another database and would be taken for the new one's",
        leftover = .leftover.display()
    )]
    Leftover {
        /// The `-wal`, `-shm` or `-journal` file.
        leftover: PathBuf,
    },
    /// A backup is already where one was to be made, and may not be replaced.
    #[error("A backup at {path} already exists.", path = .path.display())]
    BackupExists {
        /// The backup.
        path: PathBuf,
    },
    /// The place of the backup is the database itself, by another name.
    #[error("The backup at {path} would be the database itself", path = .path.display())]
    BackupOntoItself {
        /// The place of the backup.
        path: PathBuf,
    },
    /// There is nothing to restore.
    #[error("There is no backup at {path}", path = .path.display())]
    NoBackup {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// What was to be restored is the database itself, by another name.
    #[error("{path} cannot be restored from itself", path = .path.display())]
    RestoreFromItself {
        /// The database.
        path: PathBuf,
    },
    /// A copy does not hold what was copied.
    #[error("The copy at {path} failed its check: {detail}", path = .path.display())]
    CopyCheckFailed {
        /// The copy.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// There is less room on the disk than the operation can need.
    #[error(
        "There is not enough room beside {path}: {available} bytes are free and up to {needed} are needed",
        path = .path.display()
    )]
    NotEnoughSpace {
        /// The database.
        path: PathBuf,
        /// The bytes needed at most.
        needed: u64,
        /// The bytes that are free.
        available: u64,
    },
    /// Rows of an old database cannot be carried over without guessing.
    #[error(
        "The database at {path} has rows that cannot be carried over without guessing: {obstacles}",
        path = .path.display(),
        obstacles = .obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Unclear {
        /// The database.
        path: PathBuf,
        /// The rows, and what is unclear about them.
        obstacles: Vec<Obstacle>,
    },
    /// Old rows lack a value that only the user can tell.
    #[error(
        "The database at {path} does not say which of its {rows} Aerodrome V2 pools are stable",
        path = .path.display()
    )]
    AssumptionNeeded {
        /// The database.
        path: PathBuf,
        /// The number of the pools.
        rows: i64,
    },
    /// A failed upgrade by the Python package has left rows in a table of its own that are nowhere else.
    #[error(
        "The table {table} in {path} was left by a failed upgrade and has {rows} rows that are nowhere \
         else",
        path = .path.display()
    )]
    LeftoverRows {
        /// The database.
        path: PathBuf,
        /// The table.
        table: String,
        /// The number of the rows.
        rows: i64,
    },
    /// What was built is not what it was built from; everything was rolled back.
    #[error("What was made of {path} failed its check: {detail}", path = .path.display())]
    RebuildCheckFailed {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A migration's SQL failed; everything it and the migrations before it did was rolled back.
    #[error("Migration {migration} failed on {path}: {detail}", path = .path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// The migration's name.
        migration: String,
        /// What failed.
        detail: String,
    },
    /// Migrations would have left foreign keys broken that were not; they were rolled back.
    #[error(
        "The migrations would break {count} foreign keys of {path}, the first in {first}",
        count = .violations.len(),
        path = .path.display(),
        first = .violations.first().map(ToString::to_string).unwrap_or_default()
    )]
    ForeignKeysBroken {
        /// The database.
        path: PathBuf,
        /// The rows that would have been left without what they refer to.
        violations: Vec<Violation>,
    },
    /// Another process has changed the version since the step back was planned.
    #[error(
        "The database at {path} has come to version {found} since, from {planned}",
        path = .path.display()
    )]
    VersionChanged {
        /// The database.
        path: PathBuf,
        /// The version that was planned for.
        planned: SchemaVersion,
        /// The version now.
        found: SchemaVersion,
    },
    /// Objects of the user's own would have been dropped, or would not find what they refer to any more;
    /// everything was rolled back.
    #[error(
        "Objects of your own in {path} would be lost or broken: {objects}",
        path = .path.display(),
        objects = .objects.join(", ")
    )]
    ObjectsLost {
        /// The database.
        path: PathBuf,
        /// The objects, each as `index NAME`.
        objects: Vec<String>,
    },
    /// An exchange that the database has is in the way.
    #[error("The database at {path} {conflict}", path = .path.display())]
    Exchange {
        /// The database.
        path: PathBuf,
        /// What it has.
        conflict: Box<ExchangeConflict>,
    },
    /// The observer asked to stop.
    #[error("The operation on {path} was interrupted", path = .path.display())]
    Interrupted {
        /// The database.
        path: PathBuf,
    },
    /// Every connection of the pool was in use for too long.
    #[error(
        "All {size} connections to {path} were in use for {seconds} seconds",
        path = .path.display()
    )]
    PoolExhausted {
        /// The database.
        path: PathBuf,
        /// The pool's size.
        size: u32,
        /// How long was waited.
        seconds: u64,
    },
    /// The settings, which say where the database is, could not be resolved.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The disk failed, or had no room where SQLite does not say so.
    #[error("The disk failed while {path} was in use: {detail}", path = .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// A file could not be handled.
    #[error("Could not {action} {path}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A query of the caller's own failed, inside [`Session::read`](super::Session::read) or
    /// [`Session::write`](super::Session::write).
    #[error(transparent)]
    Sql(#[from] diesel::result::Error),
    /// A row of the database cannot be what its table holds.
    #[error(transparent)]
    Row(RowError),
    /// The migrations inside this program are broken.
    #[error("The migrations of this program are broken: {detail}")]
    Embedded {
        /// What is wrong with them.
        detail: String,
    },
    /// A query failed.
    #[error("Could not {action}: {path}", path = .path.display())]
    Query {
        /// The database.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        source: diesel::result::Error,
    },
}

impl Error {
    /// The path the error is about, where it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NotFound { path }
            | Self::IsFolder { path }
            | Self::NotAFile { path }
            | Self::EmptyFile { path }
            | Self::NotADatabase { path }
            | Self::Damaged { path, .. }
            | Self::HotJournal { path }
            | Self::Refused { path, .. }
            | Self::Locked { path }
            | Self::ReadOnly { path }
            | Self::CannotOpen { path, .. }
            | Self::DiskFull { path }
            | Self::AlreadyExists { path }
            | Self::Leftover { leftover: path }
            | Self::BackupExists { path }
            | Self::BackupOntoItself { path }
            | Self::NoBackup { path }
            | Self::RestoreFromItself { path }
            | Self::CopyCheckFailed { path, .. }
            | Self::NotEnoughSpace { path, .. }
            | Self::Unclear { path, .. }
            | Self::AssumptionNeeded { path, .. }
            | Self::LeftoverRows { path, .. }
            | Self::RebuildCheckFailed { path, .. }
            | Self::Migration { path, .. }
            | Self::ForeignKeysBroken { path, .. }
            | Self::ObjectsLost { path, .. }
            | Self::VersionChanged { path, .. }
            | Self::Exchange { path, .. }
            | Self::Interrupted { path }
            | Self::PoolExhausted { path, .. }
            | Self::Disk { path, .. }
            | Self::Io { path, .. }
            | Self::Query { path, .. } => Some(path),
            Self::Settings(_) | Self::Sql(_) | Self::Row(_) | Self::Embedded { .. } => None,
        }
    }
}
