//! New databases, and emptying one that is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::database::connection::open::{
    Access, LOCK_TIMEOUT, is_wal_on_disk, leftover, open_connection, open_raw_connection,
};
use crate::database::copying::overwrite;
use crate::database::copying::overwrite::Replacement;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::staged_file::{PRIVATE, PUBLIC, Staged};
use crate::database::progress::Observer;
use crate::database::recognition::recognise::recognise;
use crate::database::structure::create_tables::create_tables;
use crate::database::structure::schema_version::SchemaVersion;
use crate::sqlite::busy_handler::Patience;

/// The page size of new databases: SQLite's default, and the Python package's.
const PAGE_SIZE: i64 = 4_096;

/// Creates an empty database at the newest version, and its folder where that is missing.
///
/// The database is in WAL mode with `auto_vacuum=FULL`, as the Python package creates it, and appears
/// under its name when it is complete.
///
/// # Errors
///
/// [`Error::AlreadyExists`] where there is a file, [`Error::Leftover`] where there is a log of a
/// database that is gone, otherwise where the file cannot be written.
pub fn create_new_sqlite_database(path: &Path) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(ErrorKind::AlreadyExists.at(path));
    }
    refuse_leftovers(path)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create", error))?;
    }
    let staged = Staged::create(path, PUBLIC)?;
    build_empty(staged.path(), PAGE_SIZE)?;
    staged.publish_new()?;
    log::info!("Created the database {}", path.display());
    Ok(())
}

/// How a database is emptied.
#[derive(Debug, Clone)]
pub struct ResetOptions {
    /// How long locks are waited for.
    pub wait: Duration,
}

impl Default for ResetOptions {
    fn default() -> Self {
        Self { wait: LOCK_TIMEOUT }
    }
}

/// Empties a database: afterwards it is at the newest version without rows. One that is not there is
/// created.
///
/// The content is replaced through SQLite, in one transaction, in the file that is there: a program
/// that has it open sees the empty database in its next transaction and does not go on writing to a
/// file that has no name.
///
/// # Errors
///
/// [`Error::Refused`] for a database that is not degenbot's, [`Error::Locked`] where another process
/// is in the middle of a transaction, otherwise where the database cannot be read or written.
pub fn reset_sqlite_database(
    path: &Path,
    options: &ResetOptions,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_err() {
        return create_new_sqlite_database(path);
    }
    // Beside the real file, whose folder is known to hold one, not beside a symbolic link.
    let real: PathBuf = match fs::canonicalize(path) {
        Ok(real) => real,
        // A link that points to nothing is in the way of a new database.
        Err(_) => return create_new_sqlite_database(path),
    };
    require_replaceable(path, &real)?;
    let patience = Patience::new(options.wait, observer.stop_flag());
    let live = open_raw_connection(path, Access::Overwrite, &patience)?;
    let [page_size] = live
        .row("PRAGMA page_size")
        .map_err(|error| Error::from_handle(path, error))?
        .unwrap_or([PAGE_SIZE]);
    let template = Staged::create(&real, PRIVATE)?;
    build_empty(template.path(), page_size)?;
    let source = open_raw_connection(template.path(), Access::Immutable, &patience)?;
    Replacement::begin(&source, &live, path)?.complete(observer)?;
    drop((source, template));
    overwrite::settle_log(&live, path, &patience);
    log::info!("Reset the database {}", path.display());
    Ok(())
}

/// Fails where the content of this file may not be replaced.
pub(crate) fn require_replaceable(path: &Path, real: &Path) -> Result<(), Error> {
    match recognise(path) {
        // SQLite deletes a log beside an empty file.
        Err(error) if matches!(error.kind, ErrorKind::EmptyFile) => refuse_leftovers(real),
        Err(error) => Err(error),
        // A database without tables has nothing to lose.
        Ok(recognition) if recognition.catalogue.tables.is_empty() => Ok(()),
        Ok(recognition) => recognition.require_degenbot(path),
    }
}

/// Fails where a log lies that SQLite would apply to a new database, or delete.
pub(crate) fn refuse_leftovers(path: &Path) -> Result<(), Error> {
    match leftover(path) {
        Some(leftover) => Err(ErrorKind::Leftover { leftover }.at(path)),
        None => Ok(()),
    }
}

/// Fills an empty file with the newest schema.
fn build_empty(path: &Path, page_size: i64) -> Result<(), Error> {
    let mut connection = open_connection(path, Access::Create)?;
    let failed = |error| Error::from_diesel(path, "create the database", error);
    // Page size and auto_vacuum must be set before the first table. Nothing needs to be durable
    // before the file is synced as a whole. A log would be moved into the file when it is closed, and
    // closing does not tell whether that failed.
    connection
        .batch_execute(&format!(
            "PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = FULL; \
             PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF"
        ))
        .map_err(failed)?;
    create_tables(&mut connection, SchemaVersion::latest())
        .map_err(|error| Error::from_create_tables(path, error))?;
    connection
        .batch_execute("VACUUM; PRAGMA journal_mode = WAL")
        .map_err(failed)?;
    drop(connection);
    let built = recognise(path)?;
    if built.version != Ok(SchemaVersion::latest()) || !is_wal_on_disk(path)? {
        return Err(ErrorKind::CopyCheckFailed {
            detail: "it is not what was written".to_owned(),
        }
        .at(path));
    }
    Ok(())
}
